"""Who may do what: every command of the table, by every sort of person, in a public and in a private repository."""

from __future__ import annotations

import time
import uuid
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from bot.commands import TABLE, Takes, Who
from bot.conversation import carry_out
from bot.heard import Heard
from config.settings import Channel
from jobs.types import Actor, Kind, Limits, Mode, Status, Subject, TaskRequest

if TYPE_CHECKING:
    from bot.commands import Entry
    from jobs.answer.parts import Answer
    from jobs.services import Services
    from jobs.testing.github import LocalGitHub
    from jobs.types import Task

FORUM, VAULT = "octo/forum", "octo/vault"
PEOPLE = {
    "operator": ("cli", "root", ""),
    "operator in a chat": ("slack", "U0OPER", "olga"),
    "writer": ("slack", "U0ALICE", "alice"),
    "writer on Discord": ("discord", "4177", "alice"),
    "writer with a token": ("api", "alice", "alice"),
    "reader": ("slack", "U0RITA", "rita"),
    "reader with a token": ("api", "rita", "rita"),
    "stranger": ("slack", "U0SAM", "sam"),
    "unlinked": ("slack", "U0NOBODY", ""),
    "unlinked on Discord": ("discord", "1", ""),
}
WRITES = {"operator", "writer", "writer on Discord", "writer with a token"}
READS = WRITES | {"operator in a chat", "reader", "reader with a token"}
REFUSALS = ("I do not know yet who you are", " needs write", " needs that you can read", "is for operators alone")
OPERATES = {"operator", "operator in a chat"}


@pytest.fixture
def people(services: Services, local: LocalGitHub) -> Services:
    """Return services that know everybody: links, permissions, an operator, a public and a private repository."""
    local.create_repository(VAULT, {"README.md": "# Vault\n"}, private=True)
    local.create_repository(FORUM, {"README.md": "# Forum\n"}, private=False)
    for name in (FORUM, VAULT):
        local.set_permission(name, "alice", "write")
        for reader in ("rita", "olga"):
            local.set_permission(name, reader, "read")
    with services.store.write() as connection:
        services.store.records.save_installation(connection, local.installation_id, "octo", time.time())
        services.store.records.add_repositories(connection, local.installation_id, [FORUM, VAULT])
        for platform, user, login in PEOPLE.values():
            if login and platform in {"slack", "discord"}:
                number = str(local.add_user(login).id)
                services.store.people.identify(connection, platform, user, login, number, "code", time.time())
    for login in ("rita", "sam", "olga"):
        local.add_user(login)
    services.settings = replace(services.settings, operators=("olga",), anthropic_api_key="a key")
    return services


def started(services: Services, repository: str, installation_id: int) -> Task:
    """Store a task of somebody's."""
    request = TaskRequest(
        kind=Kind.BACKGROUND,
        repository=repository,
        installation_id=installation_id,
        subject=Subject("bg"),
        title="Do it",
        text="Do it",
        actor=Actor("github", "9", "bob"),
        mode=Mode.BALANCED,
        limits=Limits(),
        key=uuid.uuid4().hex,
    )
    with services.store.write() as connection:
        return services.store.tasks.submit(connection, request, time.time())[0]


def say(services: Services, who: str, words: str, *, channel: str = "C0GENERAL", **options: str) -> Answer:
    """Have somebody say something in a chat, or on the command line, and return the answer."""
    platform, user, _ = PEOPLE[who]
    address = {"user": user, "channel": channel}
    heard = Heard(
        platform, f"{platform}-{uuid.uuid4().hex}", user, who, words, channel, "", address=address, options=options
    )
    return carry_out(services, heard)


def words_of(answer: Answer) -> str:
    """Return the sentences of an answer."""
    return " ".join(part.text for part in answer.parts if hasattr(part, "text"))


@pytest.mark.parametrize("repository", [FORUM, VAULT])
@pytest.mark.parametrize("who", PEOPLE)
def test_the_table_of_rights(people: Services, local: LocalGitHub, who: str, repository: str) -> None:
    """What the table says of a command holds for everybody, on every surface, by GitHub's rights of that moment."""
    for entry in TABLE:
        task = started(people, repository, local.installation_id)
        words = entry.example.replace("7f3c9a", task.id)
        answer = say(people, who, words, **({"repo": repository} if entry.options else {}))
        may, told = _may(entry, who, repository), words_of(answer)
        refused = any(reason in told for reason in REFUSALS)
        assert refused is not may, (entry.name, told)
        if entry.task is not None and entry.who is Who.WORK and entry.name != "clone":
            assert people.store.records.decisions("", task_id=task.id)[0][3] is (may and answer.ok), entry.name
        if refused:
            assert answer.private
            assert people.store.tasks.row(task.id).status == Status.QUEUED
        say(people, "operator", "mission resume all")


def _may(entry: Entry, who: str, repository: str) -> bool:
    if entry.who is Who.ANYONE:
        return True
    if entry.who is Who.OPERATOR:
        return who in OPERATES
    if entry.who is Who.WORK:
        return who in WRITES
    if not any(argument.takes is Takes.TASK for argument in entry.arguments) and entry.name != "why":
        return True  # lists show what somebody may see, and may be empty
    return who in READS or (who == "stranger" and repository == FORUM)  # everybody can read what is public


def test_rights_that_are_gone_count_no_more(people: Services, local: LocalGitHub) -> None:
    """GitHub is asked each time: who lost the permission a moment ago may not cancel any more."""
    task = started(people, FORUM, local.installation_id)
    assert say(people, "writer", f"pause {task.id}").ok
    local.set_permission(FORUM, "alice", "read")
    assert "needs write permission" in words_of(say(people, "writer", f"resume {task.id}"))
    assert people.store.tasks.row(task.id).status == Status.WAITING


def test_lists_show_what_somebody_may_see(people: Services, local: LocalGitHub) -> None:
    """The private repository's tasks are on nobody's list who cannot read it."""
    seen, hidden = started(people, FORUM, local.installation_id), started(people, VAULT, local.installation_id)

    def listed(who: str) -> set[str]:
        return {task["id"] for task in say(people, who, "bg status").data["tasks"]}

    assert listed("operator") == listed("writer") == listed("reader") == {seen.id, hidden.id}
    assert listed("stranger") == {seen.id}
    assert "`/opus link`" in words_of(say(people, "unlinked", "bg status"))
    with people.store.write() as connection:
        people.store.showing.show(connection, hidden.id, "slack", "C0GENERAL", {})
    assert listed("unlinked") == {hidden.id}  # its message stands in that channel


def test_a_bound_channel_shows_its_repository_to_everybody_in_it(people: Services, local: LocalGitHub) -> None:
    """Who is not linked may look at what the channel may see, and at nothing else; the rest needs a link."""
    people.settings = replace(people.settings, channels=(Channel("slack", "C0VAULT", VAULT, "all"),))
    hidden, other = started(people, VAULT, local.installation_id), started(people, FORUM, local.installation_id)
    listed = say(people, "unlinked", "bg status", channel="C0VAULT").data["tasks"]
    assert [task["id"] for task in listed] == [hidden.id]
    assert say(people, "unlinked", f"bg status {hidden.id}", channel="C0VAULT").ok
    assert "`/opus link`" in words_of(say(people, "unlinked", f"bg cancel {hidden.id}", channel="C0VAULT"))
    assert "This channel is for" in words_of(say(people, "writer", f"bg status {other.id}", channel="C0VAULT"))
    assert say(people, "writer", "bg do it", channel="C0VAULT").ok
    assert people.store.tasks.listed()[0].repository == VAULT


@pytest.mark.parametrize(
    ("may", "allowed"), [("look", set()), ("ask", {"ask", "plan"}), ("all", {"ask", "plan", "bg", "bg cancel"})]
)
def test_a_channel_can_be_narrowed(people: Services, local: LocalGitHub, may: str, allowed: set[str]) -> None:
    """The operator decides what may be done in a channel, whatever its members may do elsewhere."""
    people.settings = replace(people.settings, channels=(Channel("slack", "C0FORUM", FORUM, may),))
    task = started(people, FORUM, local.installation_id)
    for name, words in (
        ("ask", "ask why?"),
        ("plan", "plan it"),
        ("bg", "bg do it"),
        ("bg cancel", f"bg cancel {task.id}"),
    ):
        answer = say(people, "writer", words, channel="C0FORUM")
        assert answer.ok is (name in allowed), words_of(answer)
        assert answer.ok or "This channel is only for" in words_of(answer)
    assert say(people, "writer", f"bg status {task.id}", channel="C0FORUM").ok


def test_every_command_is_recorded(people: Services, local: LocalGitHub) -> None:
    """Who, where, what, the decision and its reason; also what was refused."""
    task = started(people, FORUM, local.installation_id)
    say(people, "unlinked", f"bg cancel {task.id}")
    say(people, "writer", f"steer {task.id} keep it short")
    [steered, cancelled] = people.store.records.decisions("", task_id=task.id)
    assert steered[1:] == ("slack:U0ALICE (alice)", "steer", True, "@alice has write permission")
    assert cancelled[1:4] == ("slack:U0NOBODY", "bg cancel", False)
    told = say(people, "reader", f"why {task.id}").data["decisions"]
    assert [row["who"] for row in told] == ["slack:U0ALICE (alice)", "slack:U0NOBODY"]

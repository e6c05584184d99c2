"""Where somebody in a chat claims to be another, or looks at what is not theirs."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from bot import sight
from bot.conversation import carry_out
from bot.heard import Heard
from config.settings import Channel
from jobs.types import Conclusion, Outcome
from tests.bot.conftest import SHOP
from tests.bot.test_conversation import ALICE, Chat, words

if TYPE_CHECKING:
    from jobs.services import Services
    from jobs.testing.github import LocalGitHub
    from tests.bot.conftest import Inbox

SECRET = "octo/secret-plan"


@pytest.fixture
def chat(services: Services, local: LocalGitHub) -> Chat:
    """Return a channel, and a private repository that alice may not read."""
    made = Chat(services, local)
    local.create_repository(SECRET, {"README.md": "x"}, private=True)
    local.set_permission(SECRET, "carol", "write")
    with services.store.write() as connection:
        services.store.records.add_repositories(connection, local.installation_id, [SECRET])
        number = str(local.add_user("carol").id)
        services.store.people.identify(connection, "slack", "U0CAROL", "carol", number, "code", time.time())
    return made


def link(chat: Chat, user: str, login: str, number: str) -> None:
    """Have a chat user linked to an account of GitHub's."""
    with chat.services.store.write() as connection:
        chat.services.store.people.identify(connection, "slack", user, login, number, "device", time.time())


def test_a_login_that_somebody_else_took_gives_no_rights(chat: Chat, local: LocalGitHub) -> None:
    """Who gave up a login does not get the rights of who has it now, not by name or team in the file either."""
    local.commit_file(SHOP, "main", ".github/opus67.yml", "allow:\n  logins: [alice]\n")
    link(chat, ALICE, "alice", "999999")
    for said in (f"bg --repo {SHOP} do it", f"why https://github.com/{SHOP}/issues/1"):
        answer = chat.say(said)
        assert not answer.ok
    assert "another GitHub account" in words(chat.say(f"bg --repo {SHOP} do it"))
    assert "`octo/" not in words(chat.say("bg do it"))
    assert chat.say("bg status").data["tasks"] == []


@pytest.mark.parametrize("said", ["bg do it", "bg --repo octo/nothing do it", "bg --repo nothing do it", "cost"])
def test_nobody_hears_the_names_of_repositories_that_they_may_not_read(chat: Chat, said: str) -> None:
    """Neither by a question without one, nor by a mistake, whoever asks."""
    for user in (ALICE, "U0NOBODY"):
        assert "secret-plan" not in str(chat.say(said, user=user).dump())
    assert "secret-plan" not in str(chat.say("bg do it", user="U0NOBODY").dump())


def test_a_guessed_task_tells_nothing(chat: Chat) -> None:
    """Who may not read a repository learns not even its name by the id of its task, in whatever channel."""
    chat.say(f"bg --repo {SECRET} the plan for the takeover", user="U0CAROL")
    task = chat.newest()
    with chat.services.store.write() as connection:
        connection.exec_driver_sql("DELETE FROM places")
    for bound in ((), (Channel("slack", "C0SHOP", SHOP, "all"),)):
        chat.services.settings = replace(chat.services.settings, channels=bound)
        for said in ("bg status", "mission", "bg review", "why", "bg cancel", "retry", "clone", "bg merge"):
            for user in (ALICE, "U0NOBODY"):
                answer = chat.say(f"{said} {task.id[:6]}", user=user)
                assert not answer.ok
                assert "secret-plan" not in str(answer.dump())
                assert "takeover" not in str(answer.dump())


def test_a_task_of_another_repository_is_not_laid_open_on_an_issue(
    chat: Chat, inbox: Inbox, local: LocalGitHub
) -> None:
    """An issue may be read by more people than who asks there: what belongs elsewhere is not told."""
    local.set_permission(SECRET, "alice", "write")
    chat.say(f"bg --repo {SECRET} the plan for the takeover", user="U0CAROL")
    for said in ("bg status", "mission", "bg review", "why"):
        answer = inbox.say(f"/opus {said} {chat.newest().id}")
        assert answer
        assert "takeover" not in answer
        assert "secret-plan" not in answer


def test_a_forum_is_bound_with_all_its_posts(chat: Chat) -> None:
    """What a channel may do cannot be widened by a post in it, which Discord gives a number of its own."""
    number = str(chat.local.add_user("alice").id)
    with chat.services.store.write() as connection:
        chat.services.store.people.identify(connection, "discord", "41", "alice", number, "code", time.time())
    channels = (Channel("discord", "700", SHOP, "look"),)
    chat.services.settings = replace(chat.services.settings, channels=channels)
    heard = Heard("discord", "discord-1", "41", "alice", "bg do it", "701", address={"forum": "700"})
    answer = carry_out(chat.services, heard)
    assert not answer.ok
    assert "OPUS67_CHANNELS" in words(answer)
    assert not chat.services.store.tasks.listed()


def test_what_is_offered_while_somebody_types_is_what_they_can_read(chat: Chat, local: LocalGitHub) -> None:
    """Anybody can link some login: that alone lays no names open. Who has another login then sees nothing of it."""
    assert sight.offered(chat.services.store, "slack", ALICE) == []
    chat.say("whoami")
    assert sight.offered(chat.services.store, "slack", ALICE) == [SHOP]
    local.set_permission(SECRET, "alice", "read")
    with chat.services.store.write() as connection:
        connection.exec_driver_sql(
            "UPDATE effects SET value = '{\"at\": 0, \"repositories\": []}' WHERE key LIKE 'sight:%'"
        )
    chat.say("whoami")
    assert sight.offered(chat.services.store, "slack", ALICE) == [SECRET, SHOP]
    link(chat, ALICE, "dave", str(local.add_user("dave").id))
    assert sight.offered(chat.services.store, "slack", ALICE) == []


def test_a_broken_file_does_not_lift_the_limits_that_stand_in_it(chat: Chat, local: LocalGitHub) -> None:
    """While nobody can read the repository's rules nothing begins and nothing is merged; what runs can be ended."""
    chat.say(f"bg --repo {SHOP} do it")
    running = chat.newest()
    chat.say(f"bg --repo {SHOP} do it, too")
    ended = chat.newest()
    chat.end(ended.id, Outcome(Conclusion.SUCCESS, "Done."))
    local.commit_file(SHOP, "main", ".github/opus67.yml", "merge: never\nlimits: {day: {dollars: 1}\n")
    for said in (f"bg --repo {SHOP} more", f"retry {ended.id}", f"clone {ended.id}", f"bg merge {ended.id}"):
        answer = chat.say(said)
        assert not answer.ok
        assert "`.github/opus67.yml` has a mistake in line" in words(answer)
    assert chat.say(f"bg cancel {running.id}").ok

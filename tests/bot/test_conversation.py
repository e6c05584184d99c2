"""What people say in chats and on the command line, on a real store and a local GitHub: every command's whole effect."""

from __future__ import annotations

import time
import uuid
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from bot.commands import TABLE
from bot.control import identity
from bot.conversation import carry_out
from bot.heard import Heard
from bot.inbox import handle
from jobs.answer.parts import Answer, Diff, Listing, Quote
from jobs.breaker import FAILURES
from jobs.store import Place
from jobs.types import Approval, Check, Conclusion, FileChange, Kind, Mode, Outcome, Patch, Status
from tests.bot.conftest import SHOP, Inbox

if TYPE_CHECKING:
    from jobs.services import Services
    from jobs.testing.github import LocalGitHub
    from jobs.types import Task

ALICE = "U0ALICE"


class Chat:
    """A channel of Slack in which alice, who may write, is linked; answers come through the stored delivery."""

    def __init__(self, services: Services, local: LocalGitHub) -> None:
        self.services, self.local = services, local
        with services.store.write() as connection:
            services.store.records.save_installation(connection, local.installation_id, "octo", time.time())
            services.store.records.add_repositories(connection, local.installation_id, [SHOP])
            services.store.people.identify(
                connection, "slack", ALICE, "alice", str(local.add_user("alice").id), "code", time.time()
            )
        services.settings = replace(services.settings, anthropic_api_key="a key")

    def say(self, words: str, *, user: str = ALICE, thread: str = "", key: str = "", **more: Any) -> Answer:
        """Say something, have it taken twice, and return the one answer."""
        key = key or f"slack-{uuid.uuid4().hex}"
        address = {"user": user, "channel": "C0SHOP", "team": "T0OCTO"}
        heard = Heard("slack", key, user, user.lower(), words, "C0SHOP", thread, address=address, **more)
        for _ in range(2):
            self.services.store.deliveries.add(heard.delivery())
            handle(self.services, key)
        notice = self.services.store.notices.find(key)
        assert notice is not None
        assert notice.address == address
        return Answer.load(notice.body)

    def task(self, task_id: str) -> Task:
        """Return a task as it is now."""
        found = self.services.store.tasks.get(task_id)
        assert found is not None
        return found

    def newest(self) -> Task:
        """Return the task that was stored last."""
        return self.services.store.tasks.listed(limit=1)[0]

    def end(self, task_id: str, outcome: Outcome) -> None:
        """Have a task's run end."""
        claim = self.services.store.tasks.claim(task_id, "one", time.time())
        assert claim is not None
        self.services.store.tasks.complete(task_id, claim.task.attempt, outcome, worked=1.0, now=time.time())


@pytest.fixture
def chat(services: Services, local: LocalGitHub) -> Chat:
    """Return the channel."""
    return Chat(services, local)


def words(answer: Answer) -> str:
    """Return the sentences of an answer."""
    return " ".join(str(getattr(part, "text", "")) for part in answer.parts)


def test_a_task_begins_in_a_chat_and_is_shown_there(chat: Chat) -> None:
    """One utterance is one task, however often it is delivered, with its words made safe and a place in the channel."""
    answer = chat.say("bg --mode conservative --dollars 1.5 add a flag\u200b to the export\n\nIt should be --json.")
    task = chat.newest()
    assert answer.task_id == task.id
    assert words(answer) == f"Task `{task.id}` is on its way. - 1 zero-width character"
    assert (task.kind, task.title, task.mode) == (Kind.BACKGROUND, "add a flag to the export", Mode.CONSERVATIVE)
    assert task.text == "add a flag to the export\n\nIt should be --json."
    assert task.limits.dollars == 1.5
    assert task.actor.login == "alice"
    assert task.branch == f"opus/bg-{task.id}"
    assert len(chat.services.store.tasks.listed()) == 1
    [place] = chat.services.store.showing.due("slack", time.time())
    assert (place.task_id, place.channel, place.external_id) == (task.id, "C0SHOP", "")
    assert task.removed


def test_two_tasks_in_the_same_words_are_two(chat: Chat) -> None:
    """Only a redelivery joins; a second request is a second task."""
    first, second = chat.say("bg do it"), chat.say("bg do it")
    assert first.task_id != second.task_id


def test_the_thread_tells_the_task(chat: Chat) -> None:
    """In the thread of a task its id can be left out, and plain words are for it."""
    chat.say("bg do it")
    task = chat.newest()
    [place] = chat.services.store.showing.due("slack", time.time())
    chat.services.store.showing.save(replace(place, external_id="1700.1"))
    assert chat.say("keep it short", thread="1700.1", mention=True).task_id == task.id
    assert [text for _, _, text in chat.services.store.runs.unheard(task.id)] == ["keep it short"]
    assert chat.say("cancel", thread="1700.1").ok
    assert chat.task(task.id).cancel == "by @alice"
    assert "Which task?" in words(chat.say("pause"))


def test_plain_words_begin_a_task_elsewhere(chat: Chat) -> None:
    """A mention in a channel needs no command."""
    assert chat.say("please add a licence", mention=True).task_id == chat.newest().id
    assert chat.newest().text == "please add a licence"
    assert "I do not know the command" in words(chat.say("please add a licence"))


def test_without_a_repository_it_is_asked_for(chat: Chat, local: LocalGitHub) -> None:
    """The only one is meant; of several, one must be named, and one of nobody's is refused."""
    local.create_repository("octo/site", {"README.md": "x"})
    with chat.services.store.write() as connection:
        chat.services.store.records.add_repositories(connection, local.installation_id, ["octo/site"])
    answer = chat.say("bg do it")
    assert not answer.ok
    assert "`octo/shop`" in words(answer)
    assert "octo/site" not in words(answer)
    local.set_permission("octo/site", "alice", "read")
    assert "`octo/shop`, `octo/site`" in words(chat.say("bg do it"))
    assert chat.say("bg --repo Octo/Shop do it").ok
    assert chat.newest().repository == SHOP
    assert "I am not installed on `octo/other`" in words(chat.say("bg --repo octo/other do it"))
    assert "write it as owner/name" in words(chat.say("bg --repo shop do it"))


@pytest.mark.parametrize(
    ("option", "problem"),
    [
        ("--mode wild", "--mode"),
        ("--dollars lots", "--dollars"),
        ("--dollars 0", "--dollars"),
        ("--priority urgent", "--priority"),
        ("--base ../x", "--base"),
        ("--model openai:gpt", "OPENAI_BASE_URL"),
    ],
)
def test_wishes_that_cannot_be_met_are_said(chat: Chat, option: str, problem: str) -> None:
    """Nothing begins with something else than what was asked for."""
    answer = chat.say(f"bg {option} do it")
    assert not answer.ok
    assert problem in words(answer)
    assert not chat.services.store.tasks.listed()


def test_a_plan_waits_for_approval(chat: Chat) -> None:
    """It is asked for, steered into another plan, approved by somebody who may; only then the work begins."""
    chat.say("plan move the sessions to Redis")
    task, tasks = chat.newest(), chat.services.store.tasks
    assert task.approval is Approval.WANTED
    assert "no plan that waits" in words(chat.say(f"approve {task.id}"))

    def planned(plan: str) -> None:
        claim = tasks.claim(task.id, "one", time.time())
        assert claim is not None
        tasks.wait(task.id, claim.task.attempt, worked=1.0, question=plan, plan=True)
        tasks.told(task.id, claim.task.attempt)

    planned("1. Add a client")
    assert "`/opus approve" in words(chat.say(f"resume {task.id}"))
    assert chat.say(f"steer {task.id} without a new dependency").ok
    assert (chat.task(task.id).status, chat.task(task.id).approval) == (Status.QUEUED, Approval.WANTED)
    planned("1. Use what is there")
    status = chat.say(f"status {task.id}")
    assert [part.text for part in status.parts if isinstance(part, Quote)] == ["1. Use what is there"]
    assert "I do not know yet who you are" in words(chat.say(f"approve {task.id}", user="U0NOBODY"))
    assert chat.say(f"approve {task.id}").ok
    assert (chat.task(task.id).status, chat.task(task.id).approval) == (Status.QUEUED, Approval.GIVEN)
    assert "approved already" in words(chat.say(f"approve {task.id}"))


def test_a_rejected_plan_is_made_anew(chat: Chat) -> None:
    """The reason reaches the agent; nothing begins meanwhile."""
    chat.say("plan rewrite it all")
    task, tasks = chat.newest(), chat.services.store.tasks
    claim = tasks.claim(task.id, "one", time.time())
    assert claim is not None
    tasks.wait(task.id, claim.task.attempt, worked=1.0, question="1. Delete", plan=True)
    tasks.told(task.id, claim.task.attempt)
    assert "needs `<why>`" in words(chat.say(f"reject {task.id}"))
    assert chat.say(f"reject {task.id} keep what works").ok
    assert (chat.task(task.id).status, chat.task(task.id).approval) == (Status.QUEUED, Approval.WANTED)
    assert [text for _, _, text in chat.services.store.runs.unheard(task.id)] == ["keep what works"]


def test_urgency_and_model_of_one_task(chat: Chat) -> None:
    """A task comes before others, and goes on with another model; what cannot be had is refused."""
    chat.say("bg do it")
    task = chat.newest()
    assert chat.say(f"priority {task.id} high").ok
    assert chat.task(task.id).priority > 0
    assert chat.say(f"reassign {task.id} claude-opus-5-5").ok
    assert chat.task(task.id).model == "claude-opus-5-5"
    assert "OPENAI_BASE_URL" in words(chat.say(f"reassign {task.id} openai:qwen"))


def test_again_and_in_other_words(chat: Chat) -> None:
    """A clone stands beside its model; a retry needs an end."""
    chat.say("bg add a flag")
    first = chat.newest()
    clone = chat.task(chat.say(f"clone {first.id} but for the import").task_id)
    assert clone.title == "but for the import"
    assert "> add a flag" in clone.text
    assert "still running" in words(chat.say(f"retry {first.id}"))
    chat.end(first.id, Outcome(Conclusion.FAILURE, "No."))
    again = chat.task(chat.say(f"retry {first.id}").task_id)
    assert (again.title, again.text, again.status) == (first.title, first.text, Status.QUEUED)
    assert len({first.id, clone.id, again.id}) == 3


def test_a_review_shows_the_work(chat: Chat) -> None:
    """What was done, the harness's checks, the files and the diff."""
    chat.say("bg add a flag")
    task = chat.newest()
    assert "when it has ended" in words(chat.say(f"bg review {task.id}"))
    patch = Patch("a" * 40, "b" * 40, (FileChange("export.py", "M", 3, 1),), "--- a/export.py\n+++ b/export.py\n+x\n")
    checks = (Check("make test", 0, 2.0, "ok", passed=3),)
    chat.end(task.id, Outcome(Conclusion.SUCCESS, "Added it.", patch=patch, evidence=checks))
    answer = chat.say(f"bg review {task.id}")
    [done] = [part for part in answer.parts if isinstance(part, Quote)]
    [ran, files] = [part for part in answer.parts if isinstance(part, Listing)]
    [diff] = [part for part in answer.parts if isinstance(part, Diff)]
    assert (done.text, ran.rows[0][0], files.rows) == ("Added it.", "make test", (("export.py", "+3", "-1"),))
    assert diff.text == patch.diff


def test_a_merge_keeps_to_githubs_rules(chat: Chat, local: LocalGitHub) -> None:
    """Not before the task has ended, not by who may not write, not while a check fails; then it is done, once."""
    chat.say("bg add a flag")
    task = chat.newest()
    local.commit_file(SHOP, task.branch, "flag.py", "FLAG = True\n")
    repository = chat.services.github.repository(SHOP, task.installation_id)
    pull = repository.ensure_pull_request(task.branch, "main", "Add a flag", "As asked.")
    chat.services.store.records.save_place(task.id, "pull_request", Place(str(pull.number), pull.url, ""))
    assert "still at work" in words(chat.say(f"bg merge {task.id}"))
    chat.end(task.id, Outcome(Conclusion.SUCCESS, "Added it."))
    local.protect(SHOP, "main", checks=["tests"])
    local.report_check(SHOP, task.branch, "tests", "failure")
    answer = chat.say(f"bg merge {task.id}")
    assert not answer.ok
    assert "`tests` failed" in words(answer)
    local.report_check(SHOP, task.branch, "tests", "success")
    local.set_permission(SHOP, "alice", "read")
    assert "needs write permission" in words(chat.say(f"bg merge {task.id}"))
    local.set_permission(SHOP, "alice", "write")
    assert "Merged" in words(chat.say(f"bg merge {task.id}"))
    assert local.file(SHOP, "flag.py", "main") == b"FLAG = True\n"
    assert "merged already" in words(chat.say(f"bg merge {task.id}"))


def test_everything_pauses_and_goes_on(chat: Chat) -> None:
    """Operators switch the fleet; what somebody paused by themselves stays paused."""
    chat.say("bg one")
    one = chat.newest()
    chat.say("bg two")
    two = chat.newest()
    chat.say(f"pause {one.id}")
    assert "is for operators" in words(chat.say("mission pause all"))
    chat.services.settings = replace(chat.services.settings, operators=("alice",))
    assert chat.say("mission pause all").ok
    assert "Everything is paused: by @alice" in words(chat.say("mission status"))
    assert chat.task(two.id).status is Status.WAITING
    assert chat.say("mission resume all").ok
    assert (chat.task(one.id).status, chat.task(two.id).status) == (Status.WAITING, Status.QUEUED)
    assert chat.say("mission scale 1").ok
    assert chat.say("mission status").data["workers"] == 1
    assert "No agent works" in words(chat.say("mission agents"))


def test_the_mission_tells_what_is_away(chat: Chat) -> None:
    """A model that the workers take to be away is named, with since when and why; nothing is said of what answers."""
    assert chat.say("mission status").data["away"] == []
    for _ in range(FAILURES):
        chat.services.breaker.failed("model:claude-opus-5-5", "claude-opus-5-5 answers 529")
    answer = chat.say("mission status")
    assert "model claude-opus-5-5: away since" in words(answer)
    assert "(claude-opus-5-5 answers 529); next try at" in words(answer)
    assert len(answer.data["away"]) == 1


def test_money_is_told_by_repository_person_and_model(chat: Chat) -> None:
    """What was spent, since when and on what."""
    assert "Nothing was spent" in words(chat.say("cost day"))
    chat.say("bg do it")
    task, runs = chat.newest(), chat.services.store.runs
    from jobs.types import Usage  # noqa: PLC0415 - one test

    runs.charge(task.id, "review", Usage(10, 5), 0.25, "claude-x", time.time())
    for by, name in (("repo", SHOP), ("person", "alice"), ("model", "claude-x")):
        [row] = chat.say(f"cost week by {by}").data["spent"]
        assert (row["name"], row["dollars"], row["tokens"], row["tasks"]) == (name, 0.25, 15, 1)


def test_a_person_links_by_a_code_posted_on_github(chat: Chat, inbox: Inbox) -> None:
    """Whoever posts the code is who the chat user is; it works once, and is undone by a word."""
    assert not chat.say("bg do it", user="U0BOB").ok
    begun = chat.say("link", user="U0BOB")
    assert begun.private
    code = begun.data["code"]
    assert "this code is not known" in inbox.say("/opus link AAAA-2222", by="bob")
    assert "@bob is now known in Slack as account `U0BOB`" in inbox.say(f"/opus link {code}", by="bob")
    told = chat.services.store.notices.find(f"linked:{code}")
    assert told is not None
    assert "You are @bob" in words(Answer.load(told.body))
    assert "this code is not known" in inbox.say(f"/opus link {code}", by="mallory")
    assert chat.say("whoami", user="U0BOB").data["login"] == "bob"
    assert "needs write permission" in words(chat.say("bg do it", user="U0BOB"))
    assert chat.say("unlink", user="U0BOB").ok
    assert chat.say("whoami", user="U0BOB").data["login"] == ""


def test_a_person_links_by_the_device_flow(chat: Chat, local: LocalGitHub) -> None:
    """GitHub is asked no more often than it wants; who confirms there is who the chat user is."""
    begun = chat.say("link", user="U0BOB")
    assert begun.data["user_code"]
    store = chat.services.store
    [link] = store.people.due_links(time.time() + 60)
    identity.confirm_links(chat.services)
    assert store.notices.find(f"linked:{link.code}") is None
    local.authorize_device(begun.data["user_code"], "bob")
    store.people.ask_later(link.code, 0.0, link.interval)
    identity.confirm_links(chat.services)
    assert store.people.login("slack", "U0BOB") == "bob"
    assert store.notices.find(f"linked:{link.code}") is not None
    assert not store.people.due_links(time.time() + 600)


def test_a_declined_link_is_told(chat: Chat, local: LocalGitHub) -> None:
    """Nobody waits for ever."""
    begun = chat.say("link", user="U0BOB")
    local.deny_device(begun.data["user_code"])
    store = chat.services.store
    store.people.ask_later(begun.data["code"], 0.0, 5.0)
    identity.confirm_links(chat.services)
    told = store.notices.find(f"unlinked:{begun.data['code']}")
    assert told is not None
    assert "declined" in words(Answer.load(told.body))
    assert store.people.login("slack", "U0BOB") == ""


def test_the_operator_needs_no_link(services: Services, chat: Chat) -> None:
    """Who sits at the machine holds the App's key; what they do is recorded as theirs."""
    heard = Heard("cli", "cli-1", "root", "root", "bg do it", options={"repo": SHOP})
    answer = carry_out(services, heard)
    assert chat.task(answer.task_id).actor.platform == "cli"
    [decision] = services.store.records.decisions("", task_id=answer.task_id)
    assert decision[1:3] == ("cli:root", "start")


def test_an_outage_of_github_loses_nothing(chat: Chat, local: LocalGitHub) -> None:
    """The utterance waits in the inbox, is carried out later, and answered once."""
    local.faults.add("GET", r"/permission$", status=503, times=50)
    heard = Heard("slack", "slack-outage", ALICE, "alice", "bg do it", "C0SHOP", address={"user": ALICE})
    chat.services.store.deliveries.add(heard.delivery())
    handle(chat.services, heard.key)
    assert chat.services.store.notices.find(heard.key) is None
    assert not chat.services.store.deliveries.is_done(heard.key)
    local.faults.clear()
    chat.services.store.deliveries.release(heard.key, "", 0.0, counts=False)
    handle(chat.services, heard.key)
    assert chat.services.store.notices.find(heard.key) is not None
    assert len(chat.services.store.tasks.listed()) == 1


def test_help_lists_the_table(chat: Chat) -> None:
    """Every command with what it does; one of them with its example, its options and who may; a slip is said to be one."""
    [listing] = chat.say("help", user="U0NOBODY").parts
    assert isinstance(listing, Listing)
    assert listing.rows == tuple((f"/opus {entry.usage}", entry.help) for entry in TABLE)
    about = words(chat.say("help bg merge"))
    assert "`/opus bg merge 7f3c9a`" in about
    assert "who may push" in about
    assert not chat.say("help xyzzy").ok

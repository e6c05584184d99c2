"""What people tell the bot in comments and by buttons, on a real store and a local GitHub."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from bot.commands import TABLE
from jobs.store.tables import messages
from jobs.types import Status
from tests.bot.conftest import SHOP, Inbox
from tests.store.asking import SUCCESS

if TYPE_CHECKING:
    from jobs.services import Services
    from jobs.testing.github import LocalGitHub


def test_without_a_task_every_command_is_answered(inbox: Inbox) -> None:
    """Nothing is silent: each says what there is, or how to start."""
    for entry in TABLE:
        if entry.task is not None and entry.task.required and entry.name != "mission":
            words = entry.example.replace("7f3c9a ", "").replace(" 7f3c9a", "")
            assert "Put the label `assign-to-opus` on the issue" in inbox.say(f"/opus {words}"), entry.name
            assert "There is no task `7f3c9a`" in inbox.say(f"/opus {entry.example}"), entry.name
    assert inbox.task() is None


@pytest.mark.parametrize("command", ["steer x", "answer x", "pause", "resume", "cancel"])
def test_what_has_ended_hears_no_command(inbox: Inbox, services: Services, command: str) -> None:
    """The answer says how to start again."""
    inbox.label()
    task = inbox.claimed()
    services.store.tasks.complete(task.id, task.attempt, SUCCESS, worked=1.0, now=time.time())
    assert "/opus retry" in inbox.say(f"/opus {command}")


def test_long_words_reach_the_agent_once(inbox: Inbox, services: Services, local: LocalGitHub) -> None:
    """However long, and however often the delivery comes; the comment gets a thumb and no answer."""
    inbox.label()
    task = inbox.claimed()
    words = "keep the old function as an alias, " * 40
    comment = local.comment(SHOP, 1, f"/opus steer {words}", by="alice")
    for _ in range(2):
        inbox.take("issue_comment", "created", comment={"id": comment.id, "body": comment.body})
    [(_, speaker, text)] = services.store.runs.unheard(task.id)
    assert (speaker, text) == ("alice", words.strip())
    with services.store.database.read() as connection:
        [key] = connection.execute(sa.select(messages.c.key)).scalars()
    assert len(key) <= messages.c.key.type.length  # which PostgreSQL enforces
    assert [one.content for one in local.reactions(SHOP, 1, comment.id)] == ["+1"]


def test_an_answer_lets_a_waiting_task_go_on(inbox: Inbox, services: Services) -> None:
    """Just a task that asked takes an answer; a resume without one is told what is missing."""
    inbox.label()
    task = inbox.claimed()
    assert "not waiting for an answer" in inbox.say("/opus answer the second")
    services.store.tasks.wait(task.id, task.attempt, worked=1.0, question="Which?")
    services.store.tasks.told(task.id, task.attempt)
    assert "waits for an answer" in inbox.say("/opus resume")
    assert inbox.say("/opus answer the second") == ""
    assert services.store.tasks.row(task.id).status == Status.QUEUED
    assert [text for _, _, text in services.store.runs.unheard(task.id)] == ["the second"]


def test_pause_resume_and_cancel(inbox: Inbox, services: Services) -> None:
    """A queued task waits, goes on, and ends."""
    inbox.label()
    task = inbox.task()
    assert task is not None
    for command, status in (("pause", Status.WAITING), ("resume", Status.QUEUED), ("cancel", Status.COMPLETED)):
        assert inbox.say(f"/opus {command}") == ""
        assert services.store.tasks.row(task.id).status == status
    assert services.store.tasks.row(task.id).cancel == "by @alice"


def test_several_commands_get_one_answer(inbox: Inbox, local: LocalGitHub) -> None:
    """Each once, in their order, in one comment."""
    answer = inbox.say("/opus help\n/opus help\n/opus stauts\n/opus why")
    assert answer.count("| command | does |") == 1
    assert (
        answer.index("| command") < answer.index("Did you mean `/opus status`?") < answer.index("Nothing was decided")
    )
    assert len(local.comments(SHOP, 1)) == 2


def test_why_tells_what_was_decided(inbox: Inbox) -> None:
    """Who asked for what, and the reason of each decision."""
    inbox.label()
    answer = inbox.say("/opus why")
    assert "| allowed | " in answer
    assert "write permission" in answer


def test_strangers_change_nothing_and_are_told_once(inbox: Inbox, services: Services, local: LocalGitHub) -> None:
    """A refusal says why and what helps; a second try says nothing new."""
    inbox.label()
    task = inbox.claimed()
    assert "needs write permission" in inbox.say("/opus cancel", by="mallory")
    assert inbox.say("/opus cancel", by="mallory") == ""
    assert services.store.tasks.row(task.id).cancel == ""
    assert inbox.say("just a word", by="mallory") == ""


def test_a_mistake_in_the_file_keeps_nobody_from_cancelling(
    inbox: Inbox, services: Services, local: LocalGitHub
) -> None:
    """Commands of people who may write work while the repository's file is broken."""
    inbox.label()
    task = inbox.claimed()
    local.commit_file(SHOP, "main", ".github/opus67.yml", "labels: 7\nnonsense: true\n")
    assert inbox.say("/opus cancel") == ""
    assert services.store.tasks.row(task.id).cancel == "by @alice"


@pytest.mark.parametrize(
    ("button", "by", "repository", "cancelled"),
    [
        ("cancel", "alice", SHOP, True),
        ("cancel", "mallory", SHOP, False),
        ("cancel", "alice", "octo/other", False),
        ("explode", "alice", SHOP, False),
    ],
)
def test_buttons(
    inbox: Inbox, services: Services, local: LocalGitHub, button: str, by: str, repository: str, cancelled: bool
) -> None:
    """A button does what it says for people who may, in the task's own repository alone."""
    local.create_repository("octo/other", {"README.md": "x"})
    local.set_permission("octo/other", "alice", "write")
    inbox.label()
    task = inbox.claimed()
    pressed = {"check_run": {"external_id": task.id}, "requested_action": {"identifier": button}}
    inbox.take("check_run", "requested_action", by=by, repository={"full_name": repository}, **pressed)
    assert bool(services.store.tasks.row(task.id).cancel) is cancelled


def test_a_button_that_changes_nothing_says_why(inbox: Inbox, local: LocalGitHub) -> None:
    """Who presses “Run again” while the task runs reads on the issue what to do instead."""
    inbox.label()
    task = inbox.claimed()
    pressed = {"check_run": {"external_id": task.id}, "requested_action": {"identifier": "run_again"}}
    inbox.take("check_run", "requested_action", **pressed)
    assert "still running" in local.comments(SHOP, 1)[-1].body

"""Background work goes the whole way without an issue: a branch, a check run, a draft pull request, and no comment."""

from __future__ import annotations

import subprocess
import time
from typing import TYPE_CHECKING

import pytest
from redis import Redis

from jobs.execute import announce
from jobs.queue import CHATS, RING, Waker
from jobs.types import Actor, Conclusion, Subject
from tests.jobs.workshop import FIXED, WORKSHOP, finish, write
from tests.store.asking import BOB

if TYPE_CHECKING:
    from tests.jobs.workshop import Workshop

pytestmark = pytest.mark.bubblewrap


def test_work_without_an_issue_ends_in_a_draft(workshop: Workshop) -> None:
    """The pull request says who asked and where, closes nothing, and the only place on GitHub besides is a check run."""
    workshop.plays(work=[write(), finish()])
    task = workshop.task()
    assert workshop.services.store.tasks.unannounced(task.created_at + 60) == []
    row = workshop.run(task)
    assert (row.conclusion, row.told) == (Conclusion.SUCCESS, True)
    assert task.branch == f"opus/bg-{task.id}"
    assert workshop.file("greeting.py", task.branch) == FIXED
    opened = workshop.pull()
    assert "alice asked for this in Slack." in opened.body
    assert "Fixes #" not in opened.body
    assert "For #" not in opened.body
    assert {run.name for run in workshop.github.check_runs(WORKSHOP)} == {"Opus 67"}
    assert workshop.github.comments(WORKSHOP, 1) == []
    assert "asked for work on `octo/workshop`. Do what" in str(workshop.asked()[0])


def test_work_on_an_issue_is_told_there(workshop: Workshop) -> None:
    """The comment lives on the issue, mentions who asked when it is done, and the issue stays open after a merge."""
    workshop.plays(work=[write(), finish()])
    workshop.run(workshop.task(subject=Subject("issue", 1)))
    [comment] = workshop.github.comments(WORKSHOP, 1)
    assert "Done: a draft pull request is ready" in comment.body
    assert "Asked for by @alice" in comment.body
    assert "For #1, which merging this does not close." in workshop.pull().body


def test_it_starts_from_the_branch_that_was_named(workshop: Workshop) -> None:
    """Work and pull request are for that branch; one that is not there is said in words, before any money is spent."""
    workshop.github.commit_file(WORKSHOP, "next", "next.py", "pass\n")
    workshop.plays(work=[write(), finish()])
    task = workshop.task(base="next")
    assert workshop.run(task).conclusion == Conclusion.SUCCESS
    opened = workshop.pull()
    assert opened.pull is not None
    assert opened.pull.base == "next"
    assert workshop.file("next.py", task.branch) == "pass\n"
    asked = len(workshop.model.requests)
    row = workshop.run(workshop.task(base="nowhere", key="another"))
    assert "no branch `nowhere`" in row.summary
    assert row.conclusion == Conclusion.FAILURE
    assert len(workshop.model.requests) == asked


def test_the_commit_names_the_github_account_of_who_asked(workshop: Workshop) -> None:
    """Somebody who asked in Slack is its co-author under the number that GitHub knows, not under Slack's."""
    workshop.plays(work=[write(), finish()])
    task = workshop.task()
    workshop.run(task)
    account, path = workshop.github.world.account("alice"), workshop.github.world.repository(WORKSHOP).path
    command = ["git", "-C", str(path), "log", "-1", "--format=%B", task.branch]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert f"Co-authored-by: alice <{account.id}+alice@users.noreply." in told


def test_people_who_spoke_are_told_at_the_end(workshop: Workshop) -> None:
    """Everybody who steered the task by a GitHub login is mentioned with its result, and in no state before."""
    workshop.plays(work=[write(), finish()])
    task = workshop.task(subject=Subject("issue", 1))
    announce(workshop.services, task.id)
    [comment] = workshop.github.comments(WORKSHOP, 1)
    assert "Asked for by alice" in comment.body
    with workshop.services.store.write() as connection:
        workshop.services.store.runs.say(connection, task.id, "one", BOB, "Be quick.", time.time())
        workshop.services.store.runs.say(connection, task.id, "two", Actor("slack", "U9"), "Be slow.", time.time())
    workshop.run(task)
    [comment] = workshop.github.comments(WORKSHOP, 1)
    assert "Asked for by @alice \u00b7 with @bob" in comment.body
    edits = [one.body["body"] for one in workshop.github.requests if one.method == "PATCH" and "/comments/" in one.path]
    assert all("@alice" not in body for body in edits if "Working on it" in body)


def test_chats_are_rung(workshop: Workshop, empty_valkey_url: str) -> None:
    """Every change of a task rings those who show tasks in chats."""
    services = workshop.services
    services.waker = Waker(empty_valkey_url, b"key")
    workshop.plays(work=[write(), finish()])
    workshop.run(workshop.task())
    with Redis.from_url(empty_valkey_url) as redis:
        assert [redis.llen(RING.format(surface=surface)) for surface in CHATS] == [1] * len(CHATS)

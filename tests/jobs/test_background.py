"""Background work goes the whole way without an issue: a branch, a check run, a draft pull request, and no comment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from jobs.types import Conclusion, Subject
from tests.jobs.workshop import FIXED, WORKSHOP, finish, write

if TYPE_CHECKING:
    from tests.jobs.workshop import Workshop

pytestmark = pytest.mark.bubblewrap


def test_work_without_an_issue_ends_in_a_draft(workshop: Workshop) -> None:
    """The pull request says who asked and where, closes nothing, and the only place on GitHub besides is a check run."""
    workshop.plays(work=[write(), finish()])
    task = workshop.task()
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
    assert workshop.services.store.tasks.unannounced(task.created_at + 60) == []
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

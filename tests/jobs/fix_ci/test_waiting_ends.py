"""Waiting for CI has an end: after half an hour without a word, after six hours without an end; in words, unpaid."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from jobs.kinds.fix_ci.comparing import PATIENCE_SECONDS, SILENCE_SECONDS
from jobs.testing.github import CiResult, Job, ci_from_command
from jobs.types import Conclusion
from tests.jobs.fix_ci.test_for_nothing import NO_DISK
from tests.jobs.fix_ci.till import COMMAND, RIGHT, TILL, WRONG
from tests.jobs.workshop import finish, write

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.jobs.fix_ci.till import Till

pytestmark = pytest.mark.bubblewrap

MEND = [write(RIGHT, "till.py"), finish("One too many.", "Sum right")]


@pytest.fixture
def held(till: Till) -> Iterator[threading.Event]:
    """Yield what lets second attempts of CI end; the first ones say that the machinery broke."""
    free = threading.Event()

    def ci(path: Path, sha: str, branch: str, attempt: int) -> CiResult:
        if attempt == 1:
            return CiResult([Job("test", "failure", log=NO_DISK)])
        assert free.wait(60)
        return ci_from_command(COMMAND)(path, sha, branch, attempt)

    till.github.set_ci(TILL, ci)
    yield free
    free.set()


def test_a_commit_without_any_ci_is_waited_for_half_an_hour(till: Till) -> None:
    """The mend stays where it is, and the sandbox's own checks are what is known of it."""
    sha = till.push(WRONG)
    till.github.set_ci(TILL, None)
    till.workshop.plays(work=MEND)
    task = till.task(sha)
    assert "CI to begin" in till.once(task).note
    paid = till.paid()
    till.age(task, SILENCE_SECONDS - 60, "pushed")
    assert till.once(task).listens
    till.age(task, 61, "pushed")
    row = till.once(task)
    assert row.conclusion == Conclusion.SUCCESS
    assert "CI has not reported on" in row.summary
    assert [check["exit_code"] for check in row.outcome["evidence"]] == [0, 0]
    assert till.paid() == paid


def test_ci_that_does_not_end_is_waited_for_six_hours(till: Till) -> None:
    """People are told where to look."""
    sha = till.push(WRONG)
    till.workshop.plays(work=MEND)
    free = till.hold()
    task = till.task(sha)
    assert till.once(task).listens
    till.age(task, PATIENCE_SECONDS - 60, "pushed")
    assert till.once(task).listens
    till.age(task, 61, "pushed")
    row = till.once(task)
    free.set()
    assert row.conclusion == Conclusion.SUCCESS
    assert "CI has not ended at" in row.summary
    assert "after 6 hours" in row.summary


def test_a_run_that_somebody_else_began_again_is_waited_for_six_hours(till: Till, held: threading.Event) -> None:
    """Nothing was asked of a model, and nothing is judged."""
    sha = till.push("# one\n", "notes.md")
    [run] = [one for one in till.github.workflow_runs(TILL) if one.head_sha == sha]
    till.github.rerun(run, by="alice", failed_only=True)
    task = till.task(sha)
    assert "is running again" in till.once(task).note
    till.age(task, PATIENCE_SECONDS)
    row = till.once(task)
    held.set()
    assert row.conclusion == Conclusion.NEUTRAL
    assert "does not wait longer" in row.summary
    assert till.paid() == 0


def test_a_go_of_ours_that_does_not_end_is_waited_for_six_hours(till: Till, held: threading.Event) -> None:
    """What was known before it is told then."""
    sha = till.push("# one\n", "notes.md")
    task = till.task(sha)
    assert "were run again" in till.once(task).note
    till.age(task, PATIENCE_SECONDS - 60, "rerun")
    assert till.once(task).listens
    till.age(task, 61, "rerun")
    row = till.once(task)
    held.set()
    assert row.conclusion == Conclusion.NEUTRAL, row.summary
    assert till.paid() == 0
    [run] = [one for one in till.github.workflow_runs(TILL) if one.head_sha == sha]
    assert len(run.attempts) == 2

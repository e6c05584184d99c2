"""The failing command is run here first: what passes here is run again there, what cannot be run here is said."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest

from jobs.execute import execute
from jobs.testing.github import CiResult, Job, ci_from_command
from jobs.types import Cause, Conclusion, Delivery, Mode
from tests.jobs.fix_ci.test_for_nothing import attempts, log
from tests.jobs.fix_ci.till import COMMAND, RIGHT, TILL, WRONG
from tests.jobs.workshop import finish, write

if TYPE_CHECKING:
    from pathlib import Path

    from tests.jobs.fix_ci.till import Till

pytestmark = pytest.mark.bubblewrap

FAILS = log(
    "=" * 70,
    "FAIL: test_total (test_till.Totals.test_total)",
    "-" * 70,
    "Traceback (most recent call last):",
    '  File "/home/runner/work/till/till/tests/test_till.py", line 9, in test_total',
    "    self.assertEqual(total([0.1, 0.2]), 0.3)",
    "AssertionError: 2.3 != 0.3",
    "",
    "-" * 70,
    "Ran 2 tests in 0.003s",
    "",
    "FAILED (failures=1)",
)


def test_a_test_that_passes_here_is_run_again_there_before_anything_is_paid(till: Till) -> None:
    """It is green then: a failure that comes and goes."""
    till.github.set_ci(TILL, attempts(FAILS, None))
    sha = till.push("# one\n", "notes.md")
    task = till.task(sha)
    row = till.go(task)
    assert row.conclusion == Conclusion.SUCCESS, row.summary
    assert till.diagnosis(task).cause is Cause.FLAKY
    assert till.paid() == 0


def test_a_test_that_passes_here_and_fails_there_again_is_worked_on(till: Till) -> None:
    """The agent is told that it passes here."""
    till.github.set_ci(TILL, attempts(FAILS))
    sha = till.push("# one\n", "notes.md")
    till.workshop.plays(work=[finish("It depends on the machine.", "Nothing")])
    task = till.task(sha)
    row = till.go(task)
    assert "It depends on the machine." in row.summary
    assert row.conclusion == Conclusion.NEUTRAL
    assert "it passes there" in str(till.workshop.asked()[0]["messages"][0])
    [run] = [one for one in till.github.workflow_runs(TILL) if one.head_sha == sha]
    assert len(run.attempts) == 2


def test_a_command_that_is_not_here_is_no_check_and_people_are_told(till: Till) -> None:
    """The repository's own checks decide, and the pull request says what could not be shown."""

    def ci(path: Path, sha: str, branch: str, attempt: int) -> CiResult:
        job = ci_from_command(COMMAND)(path, sha, branch, attempt).jobs[0]
        text = bytes(job.log or b"")  # type: ignore[arg-type]
        return CiResult([Job(job.name, job.conclusion, log=text.replace(COMMAND.encode(), b"only-in-ci check"))])

    till.github.set_ci(TILL, ci)
    sha = till.push(WRONG)
    till.workshop.plays(work=[write(RIGHT, "till.py"), finish("One too many.", "Sum right")])
    row = till.go(till.task(sha))
    assert "CI is green at" in row.summary
    [opened] = till.github.pull_requests(TILL)
    assert "could not be run in the sandbox" in opened.body
    assert [check["command"] for check in row.outcome["evidence"]] == ["python3 -c 'import till'"]


def test_the_checks_of_another_app_are_read(till: Till) -> None:
    """Their annotations are the failures, on their lines."""
    sha = till.push("# one\n", "notes.md")
    output = {"title": "1 finding", "summary": "", "text": ""}
    mark = {"path": "till.py", "start_line": 2, "end_line": 2, "annotation_level": "failure", "message": "Too simple"}
    till.github.foreign_suite(TILL, sha, "strict-reviewer", [("strict", "failure", output, [mark])], branch="main")
    task = till.task(sha, mode=Mode.CONSERVATIVE, about={"source": "checks"})
    assert till.go(task).status == "waiting"
    [failure] = till.diagnosis(task).failures
    assert (failure.path, failure.line, failure.message) == ("till.py", 2, "Too simple")


def test_a_report_of_the_operators_own_ci_is_read(till: Till) -> None:
    """Its log goes the same way, and its next report ends the waiting."""
    sha = till.push(WRONG)
    body = {"repository": TILL, "sha": sha, "branch": "main", "conclusion": "failure", "workflow": "Jenkins"}
    body |= {"command": COMMAND, "log": FAILS.decode(), "url": "https://ci.example.com/7"}
    store = till.workshop.services.store
    store.deliveries.add(Delivery("ci-j-1", "ci", "j", json.dumps(body).encode(), time.time()))
    till.workshop.plays(work=[write(RIGHT, "till.py"), finish("One too many.", "Sum right")])
    about = {"source": "report", "report": "ci-j-1", "workflow": "Jenkins"}
    task = till.task(sha, about=about)
    execute_until_listening(till, task.id)
    found = till.diagnosis(task)
    assert (found.run_url, found.workflow) == ("https://ci.example.com/7", "Jenkins")
    listens = store.tasks.row(task.id).listens
    store.records.keep(f"ci_report:{listens.removeprefix('ci:')}", "success:ci-j-2", time.time())
    with store.write() as connection:
        store.tasks.heard(connection, listens, time.time())
    row = till.go(task)
    assert row.conclusion == Conclusion.SUCCESS, row.summary
    assert "CI is green at" in row.summary


def execute_until_listening(till: Till, task_id: str) -> None:
    """Execute a task once, after which it waits for CI."""
    execute(till.workshop.services, task_id)
    row = till.workshop.services.store.tasks.row(task_id)
    assert row.listens, (row.status, row.summary, row.question, row.note)

"""A red default branch: mended in a draft pull request, reverted where the culprit is clear, asked about, or left."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from jobs.testing.models import call
from jobs.types import Cause, Conclusion, Mode
from tests.jobs.fix_ci.till import COMMAND, OTHERWISE, RIGHT, TILL, WRONG
from tests.jobs.workshop import finish, write

if TYPE_CHECKING:
    from tests.jobs.fix_ci.till import Till

pytestmark = pytest.mark.bubblewrap

MEND = [write(RIGHT, "till.py"), finish("The sum had one too many.", "Sum without one more")]


def test_a_red_main_is_mended_in_a_draft_and_ci_is_green(till: Till) -> None:
    """The failing command is run before and after, the draft names the red run, and the end is CI's word."""
    sha = till.push(WRONG)
    till.workshop.plays(work=MEND)
    task = till.task(sha)
    row = till.go(task)
    assert (row.conclusion, row.status) == (Conclusion.SUCCESS, "completed"), row.summary
    assert "CI is green at" in row.summary
    [opened] = till.github.pull_requests(TILL)
    assert opened.title == "Mend CI: Sum without one more"
    assert task.own_branch.startswith("opus/ci-")
    assert till.github.file(TILL, "till.py", task.own_branch) == RIGHT.encode()
    for words in ("/actions/runs/", f"{COMMAND}", "ended with exit code 1", "ended with exit code 0"):
        assert words in opened.body, opened.body
    found = till.diagnosis(task)
    assert (found.cause, found.culprit and found.culprit.sha) == (Cause.DETERMINISTIC, sha)
    told = str(till.workshop.asked()[0]["messages"][0])
    assert "it fails there in the same way" in told
    assert "test_total" in told


def test_an_agent_that_finds_no_mend_leaves_a_revert_of_the_culprit(till: Till) -> None:
    """The revert was shown to be green; it names the commit and its author, and the mend is kept as a patch."""
    sha = till.push(WRONG)
    still = WRONG.replace("+ 1", "+ 2")
    till.workshop.plays(work=[write(still, "till.py"), *[finish("I tried.")] * 4])
    task = till.task(sha)
    row = till.go(task)
    [opened] = till.github.pull_requests(TILL)
    assert opened.title == 'Revert "Change till.py"'
    assert "`alice`" in opened.body
    assert sha[:10] in opened.body
    assert till.github.file(TILL, "till.py", task.own_branch) == RIGHT.encode()
    assert row.conclusion == Conclusion.SUCCESS, row.summary
    assert "+ 2" in row.outcome["salvage"]


def test_conservative_asks_first_and_goes_on_when_approved(till: Till) -> None:
    """Nothing is asked of a model before a person approved it."""
    sha = till.push(WRONG)
    till.workshop.plays(work=MEND)
    task = till.task(sha, mode=Mode.CONSERVATIVE)
    row = till.go(task)
    assert (row.status, row.approval) == ("waiting", "asked")
    assert "draft pull request" in row.question
    assert till.paid() == 0
    with till.workshop.services.store.write() as connection:
        assert till.workshop.services.store.tasks.approve(connection, task.id)
    assert till.go(task).conclusion == Conclusion.SUCCESS


def test_a_rejected_mend_ends_in_words(till: Till) -> None:
    """Whoever says no is named, and nothing was paid."""
    sha = till.push(WRONG)
    task = till.task(sha, mode=Mode.CONSERVATIVE)
    till.go(task)
    store = till.workshop.services.store
    with store.write() as connection:
        store.runs.say(connection, task.id, "no", task.actor, "I do it myself.", 1.0)
        assert store.tasks.plan_again(connection, task.id)
    row = till.go(task)
    assert row.conclusion == Conclusion.NEUTRAL
    assert "`alice`" in row.summary
    assert "I do it myself" in row.summary
    assert till.paid() == 0


def test_a_newer_push_ends_it_before_anything_is_read(till: Till) -> None:
    """The newer commit has a run of its own."""
    sha = till.push(WRONG)
    newer = till.push("# mine\n" + WRONG)
    row = till.go(till.task(sha))
    assert row.conclusion == Conclusion.SKIPPED
    assert newer[:10] in row.summary


def test_what_cannot_be_mended_says_why(till: Till) -> None:
    """Where the culprit is not clear, the agent's own reasons are the ending."""
    till.push(OTHERWISE)
    sha = till.push(WRONG.replace("len(prices)", "len(prices) + 1"))
    till.workshop.plays(work=[call("finish", title="Nothing", summary="Only a person can decide this.")])
    row = till.go(till.task(sha, mode=Mode.AGGRESSIVE))
    assert "Only a person can decide this." in row.summary
    assert row.conclusion == Conclusion.NEUTRAL
    assert till.github.pull_requests(TILL) == []

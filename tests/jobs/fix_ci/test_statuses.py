"""Failing commit statuses are read as the checks of other Apps are: one line and an address are what is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from jobs.types import Conclusion, Mode
from tests.jobs.fix_ci.till import RIGHT, TILL, WRONG
from tests.jobs.workshop import finish, write

if TYPE_CHECKING:
    from tests.jobs.fix_ci.till import Till

pytestmark = pytest.mark.bubblewrap

CONTEXT, PLACE = "ci/jenkins", "https://ci.example.com/job/7"


@pytest.fixture
def red(till: Till) -> str:
    """Return a commit that only a status calls red."""
    sha = till.push("# one\n", "notes.md")
    till.github.set_status(TILL, sha, CONTEXT, "failure", "2 of 80 tests failed", PLACE)
    return sha


def test_description_and_address_are_shown(till: Till, red: str) -> None:
    """With its context as the name; nothing is paid before somebody agrees."""
    task = till.task(red, mode=Mode.CONSERVATIVE, about={"source": "checks"})
    assert till.go(task).status == "waiting"
    found = till.diagnosis(task)
    [failure] = found.failures
    assert (failure.tool, failure.name, failure.message) == (CONTEXT, CONTEXT, "2 of 80 tests failed")
    assert (found.run_url, found.workflow) == (PLACE, CONTEXT)
    assert PLACE in found.excerpt
    assert till.paid() == 0


def test_a_status_that_went_green_is_not_mended(till: Till, red: str) -> None:
    """The newest of a context counts; what is ignored by name does not."""
    till.rules(f"ci: {{ignore: [{CONTEXT.upper()}2]}}\n")
    sha = till.github.branches(TILL)["main"]
    till.github.set_status(TILL, sha, CONTEXT, "failure")
    till.github.set_status(TILL, sha, CONTEXT, "success")
    till.github.set_status(TILL, sha, f"{CONTEXT}2", "failure")
    row = till.go(till.task(sha, about={"source": "checks"}))
    assert row.conclusion == Conclusion.SUCCESS
    assert "green" in row.summary
    assert till.paid() == 0
    assert red != sha


def test_an_address_that_is_none_is_not_linked(till: Till, red: str) -> None:
    """A service may write anything there."""
    till.github.set_status(TILL, red, CONTEXT, "error", None, "https://e.example/) ![x](https://e.example/y")
    task = till.task(red, mode=Mode.CONSERVATIVE, about={"source": "checks"})
    till.go(task)
    found = till.diagnosis(task)
    assert found.run_url == ""
    assert found.failures[0].message == "error"


def test_the_mend_is_followed_by_the_same_statuses(till: Till) -> None:
    """It waits while they are pending, and is green with them."""
    sha = till.push(WRONG)
    till.github.set_status(TILL, sha, CONTEXT, "failure", "1 test failed")
    till.workshop.plays(work=[write(RIGHT, "till.py"), finish("One too many.", "Sum right")])
    task = till.task(sha, mode=Mode.AGGRESSIVE, about={"source": "checks"})
    row = till.once(task)
    assert row.listens, (row.summary, row.note)
    pushed = row.listens.rpartition("@")[2]
    till.github.set_status(TILL, pushed, CONTEXT, "pending")
    till.hear(row.listens)
    row = till.once(task)
    assert row.listens
    till.github.set_status(TILL, pushed, CONTEXT, "success")
    till.hear(row.listens)
    row = till.once(task)
    assert row.conclusion == Conclusion.SUCCESS, row.summary
    assert "CI is green at" in row.summary

"""Somebody else's pull request is never pushed to: it gets suggestions, a patch, a pull request against it, or words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from jobs.types import Conclusion, Mode
from tests.jobs.fix_ci.till import RIGHT, TILL, WRONG
from tests.jobs.workshop import finish, write

if TYPE_CHECKING:
    from tests.jobs.fix_ci.till import Till

pytestmark = pytest.mark.bubblewrap


@pytest.fixture
def theirs(till: Till) -> tuple[int, str]:
    """Return number and red head of a pull request of bob's."""
    sha = till.push(WRONG, branch="bobs", by="bob")
    return till.github.open_pull_request(TILL, "bobs", "Mine", by="bob").number, sha


def mend(till: Till, theirs: tuple[int, str], text: str, path: str = "till.py", **changes: object) -> object:
    """Have it looked at, and mended with a text where that is asked for."""
    till.workshop.plays(work=[write(RIGHT, "till.py"), write(text, path), finish("One too many.", "Sum right")])
    number, sha = theirs
    task = till.task(sha, place="other", branch="bobs", pull=number, **changes)
    return till.go(task)


def test_a_small_mend_becomes_suggestions(till: Till, theirs: tuple[int, str]) -> None:
    """The review has the new line where the old one is; the branch stays as it was."""
    row = mend(till, theirs, RIGHT)
    assert row.conclusion == Conclusion.SUCCESS, row.summary
    client = till.workshop.services.github.repository(TILL, till.github.installation_id)
    [thread] = client.review_threads(theirs[0])
    assert thread.comments[0].body == "```suggestion\n    return round(sum(prices), 2)\n```"
    assert thread.path == "till.py"
    assert till.github.branches(TILL)["bobs"] == theirs[1]
    assert set(till.github.branches(TILL)) == {"main", "bobs"}


def test_a_mend_elsewhere_becomes_a_patch_in_the_comment(till: Till, theirs: tuple[int, str]) -> None:
    """New files cannot be suggested."""
    row = mend(till, theirs, "mine\n", "new.md")
    assert row.conclusion == Conclusion.SUCCESS
    assert "+mine" in row.outcome["salvage"]
    comments = [comment.body for comment in till.github.comments(TILL, theirs[0])]
    assert any("The patch, to apply by hand" in body for body in comments)
    assert till.github.branches(TILL)["bobs"] == theirs[1]


def test_aggressive_opens_a_pull_request_against_their_branch(till: Till, theirs: tuple[int, str]) -> None:
    """It is a draft, and their branch stays as it was."""
    row = mend(till, theirs, RIGHT, mode=Mode.AGGRESSIVE)
    assert row.conclusion == Conclusion.SUCCESS, row.summary
    client = till.workshop.services.github.repository(TILL, till.github.installation_id)
    [ours] = [one for one in till.github.pull_requests(TILL) if one.number != theirs[0]]
    state = client.pull_request(ours.number)
    assert (state.base, state.draft) == ("bobs", True)
    assert till.github.branches(TILL)["bobs"] == theirs[1]


def test_conservative_only_tells(till: Till, theirs: tuple[int, str]) -> None:
    """Nothing is paid."""
    row = mend(till, theirs, RIGHT, mode=Mode.CONSERVATIVE)
    assert row.conclusion == Conclusion.NEUTRAL
    assert "/opus fix" in row.summary
    assert till.paid() == 0

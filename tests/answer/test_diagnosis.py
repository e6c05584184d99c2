"""What people read of a red CI run: five lines, the log behind them, and marks on the lines that failed."""

from __future__ import annotations

import re
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

import pytest

from jobs.answer.check_run import check_output
from jobs.answer.comment import living_comment
from jobs.answer.diagnosis import CAUSES, diagnosis, marks
from jobs.types import Cause, Change, Conclusion, Diagnosis, Failure, FailureKind, Kind, Outcome, Status, Subject
from tests.answer.views import view

if TYPE_CHECKING:
    from jobs.answer.view import TaskView

FAILURE = Failure(
    "pytest", FailureKind.TEST, "tests/test_cart.py::test_total", "assert 31 == 30", "tests/test_cart.py", 12, "a" * 16
)
FOUND = Diagnosis(
    Cause.DETERMINISTIC,
    "It fails since the only commit after the last green run.",
    (FAILURE,),
    Change("1234567890abcdef", "octocat", "Round each item", ("cart.py",)),
    "fedcba0987654321",
    1,
    0.9,
    "pytest -q",
    "E   assert 31 == 30",
    "https://github.com/octo/shop/actions/runs/5",
    "CI",
    "https://github.com/octo/shop/blob/1234567890abcdef",
)


def red(found: Diagnosis) -> TaskView:
    """Return the task that a red run led to, at work."""
    return view(Status.IN_PROGRESS, kind=Kind.FIX_CI, subject=Subject("pull", 3), diagnosis=found)


def seen(text: str) -> str:
    """Return a text without the invisible spaces that keep mentions from being any."""
    return text.replace("&#8203;", "").replace("\u200b", "")


def test_five_lines_tell_all_that_is_known() -> None:
    """Test, message, place linked to its line, since which commit, class and how sure that is."""
    shown = seen(diagnosis(FOUND))
    first = shown.split("\n\n", maxsplit=1)[0].splitlines()
    assert first[0].strip() == "**Test:** `tests/test_cart.py::test_total`"
    assert first[1].strip() == "**Message:** assert 31 == 30"
    assert f"{FOUND.blob_url}/tests/test_cart.py#L12" in first[2]
    assert first[3].strip() == "**Since:** `1234567890` Round each item by octocat"
    assert first[4].startswith("**Cause:** the code fails, every time \N{MIDDLE DOT} sure (90%)")
    assert FOUND.run_url in first[4]
    assert "E   assert 31 == 30" in shown


def test_the_comment_and_the_check_run_show_it() -> None:
    """Both places have the five lines; the check run marks the line in the diff."""
    one = red(FOUND)
    assert "**Message:** assert 31 == 30" in seen(living_comment(one))
    output = check_output(one)["output"]
    assert "**Message:** assert 31 == 30" in seen(output["summary"])
    assert [(mark["path"], mark["start_line"], mark["end_line"]) for mark in output["annotations"]] == [
        ("tests/test_cart.py", 12, 12)
    ]


@pytest.mark.parametrize("cause", Cause)
def test_every_cause_has_its_words(cause: Cause) -> None:
    """No class is shown by its name in the code."""
    assert CAUSES[cause] in diagnosis(replace(FOUND, cause=cause))


def test_a_log_speaks_to_nobody() -> None:
    """Mentions, commands, links and markup in what failed reach people as plain text."""
    evil = replace(
        FAILURE,
        name="test_`@everyone`",
        message="@team fixes #1 <img src=x> [press](https://evil.example)\n/opus bg merge",
        path='a b"><script>.py',
    )
    shown = diagnosis(replace(FOUND, failures=(evil, evil), excerpt="```\n@team\n/opus bg merge\n```"))
    plain = re.sub(r"`+[^`\n]*`+", "", shown.split("<details>")[0])
    assert "<script>" not in plain
    assert "<img" not in plain
    assert "@team fixes #1" not in plain
    assert "](https://evil.example)" not in plain
    assert not any(line.startswith("/opus") for line in plain.splitlines())


def test_many_failures_fit() -> None:
    """A thousand failures stay within GitHub's limits, and the rest is counted."""
    many = tuple(replace(FAILURE, name=f"test_{number}", line=number + 1) for number in range(1000))
    one = red(replace(FOUND, failures=many))
    body = check_output(one)
    assert len(body["output"]["annotations"]) == 50
    assert len(living_comment(one)) < 65_536
    assert "and 989 more" in living_comment(one)


def test_what_is_not_known_is_left_out() -> None:
    """Without failures, commit and place the lines say what is known, and nothing is marked."""
    shown = diagnosis(Diagnosis(Cause.UNKNOWN, "The log tells nothing.", workflow="Deploy", confidence=0.2))
    assert "**Failed:** `Deploy`" in shown
    assert "a guess (20%)" in shown
    assert "Since" not in shown
    assert marks(Diagnosis(Cause.UNKNOWN, "")) == []


def test_it_is_stored_and_read_back_whole() -> None:
    """The stage that holds it gives the same diagnosis."""
    assert Diagnosis.load(asdict(FOUND)) == FOUND


def test_only_paths_of_the_repository_are_linked_and_marked() -> None:
    """A place on the machine that ran it, or in generated code, is told and leads nowhere."""
    for path in ("/build/test_till.py", "<string>", "C:\\build\\a.py", "../a.py"):
        found = replace(FOUND, failures=(replace(FAILURE, path=path),))
        assert FOUND.blob_url not in diagnosis(found)
        assert marks(found) == []


def test_no_commit_is_suspected_where_the_machinery_failed() -> None:
    """A full disk has no culprit; a single commit is not called one of several."""
    green = replace(FOUND, culprit=None, cause=Cause.UNKNOWN)
    assert "**Since:** the commit after `fedcba0987`, which was green" in diagnosis(green)
    assert "one of 3 commits after" in diagnosis(replace(green, changes=3))
    assert "Since" not in diagnosis(replace(green, cause=Cause.INFRASTRUCTURE))


def test_how_it_stands_now_comes_before_what_was_red() -> None:
    """Once there is a pull request the check run tells of it first; while it waits for CI no phase is named."""
    ended = view(
        Status.COMPLETED,
        kind=Kind.FIX_CI,
        subject=Subject("ci"),
        diagnosis=FOUND,
        outcome=Outcome(Conclusion.SUCCESS, "CI is green.", pull_request="https://github.com/octo/shop/pull/5"),
    )
    for shown in (check_output(ended)["output"]["summary"], living_comment(ended)):
        assert shown.index("CI is green.") < shown.index("### What was red") < shown.index("**Message:**")
    listens = view(Status.IN_PROGRESS, kind=Kind.FIX_CI, subject=Subject("ci"), listens="ci:x@y", diagnosis=FOUND)
    assert check_output(listens)["output"]["title"] == "Waiting for CI"


def test_a_patch_is_where_the_words_say_it_is() -> None:
    """Work on a branch has no comment: the check run holds the patch that was kept."""
    kept = Outcome(Conclusion.NEUTRAL, "It did not work.", kept="The mend; its patch is below.", salvage="--- a/x\n")
    on_branch = view(Status.COMPLETED, kind=Kind.FIX_CI, subject=Subject("ci"), outcome=kept)
    assert "--- a/x" in check_output(on_branch)["output"]["summary"]
    on_pull = view(Status.COMPLETED, kind=Kind.FIX_CI, subject=Subject("pull", 3), outcome=kept)
    assert "--- a/x" not in check_output(on_pull)["output"]["summary"]
    assert "--- a/x" in living_comment(on_pull)


def test_on_whose_behalf_and_what_can_be_done() -> None:
    """Nobody asked for what began by itself; what is said there can be said on a pull request."""
    told = Outcome(Conclusion.NEUTRAL, "Only told.")
    one = view(Status.COMPLETED, kind=Kind.FIX_CI, subject=Subject("pull", 3), about={"asked": False}, outcome=told)
    shown = seen(living_comment(one))
    assert "On behalf of @octocat" in shown
    assert "Asked for by" not in shown
    assert "in the issue" not in shown
    assert "`/opus fix` has it looked at again." in shown


@pytest.mark.parametrize("cause", [Cause.FLAKY, Cause.INFRASTRUCTURE])
def test_what_became_green_by_itself_is_called_so(cause: Cause) -> None:
    """The title says more than that it is done."""
    outcome = Outcome(Conclusion.SUCCESS, "Green when run again.")
    found = replace(FOUND, cause=cause)
    one = view(Status.COMPLETED, kind=Kind.FIX_CI, subject=Subject("ci"), diagnosis=found, outcome=outcome)
    assert check_output(one)["output"]["title"] == "CI is green again, without a change"

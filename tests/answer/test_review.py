"""How a review's task is called, in the check run and elsewhere."""

from __future__ import annotations

from dataclasses import replace

import pytest

from jobs.answer.check_run import check_output, moved_output
from jobs.answer.view import TaskView
from jobs.answer.words import headline
from jobs.types import Conclusion, Kind, Outcome, Phase, Status
from tests.answer.views import TASK


def reviewed(conclusion: Conclusion, title: str, status: Status = Status.COMPLETED) -> TaskView:
    """Return a review that ended so."""
    task = replace(TASK, kind=Kind.REVIEW_PULL_REQUEST, status=status, phase=Phase.PLANNING)
    ended = Outcome(conclusion, "Nothing to say.", title=title) if status is Status.COMPLETED else None
    return TaskView(task=task, outcome=ended)


@pytest.mark.parametrize("conclusion", [Conclusion.SUCCESS, Conclusion.NEUTRAL, Conclusion.FAILURE])
def test_a_review_is_called_by_what_it_found(conclusion: Conclusion) -> None:
    """It is never said that nothing was changed or that it did not work out: it found something, or nothing."""
    view = reviewed(conclusion, "2 findings: 1 major, 1 nit")
    assert headline(view).words == "2 findings: 1 major, 1 nit"
    assert check_output(view)["output"]["title"] == "2 findings: 1 major, 1 nit"
    assert check_output(view)["conclusion"] == conclusion


def test_a_review_that_broke_is_called_as_any_work() -> None:
    """Without a word on what was found, the usual words for the ending stand."""
    assert headline(reviewed(Conclusion.FAILURE, "")).words == "This did not work out"


def test_a_running_review_reads_and_goes_on() -> None:
    """While it runs it reads; a commit that it left points to the newest one."""
    view = reviewed(Conclusion.NEUTRAL, "", Status.IN_PROGRESS)
    assert check_output(view)["output"]["title"] == "Working on it: reading the code"
    assert moved_output(view)["output"]["title"] == "The review went on"

"""The check run, within what GitHub takes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from jobs.answer.check_run import check_output
from jobs.types import Check, Conclusion, Status
from tests.answer.views import OUTCOME, STATES, view


@pytest.mark.parametrize("state", STATES)
def test_every_state_fits_into_githubs_limits(state: str) -> None:
    """Labels, descriptions, identifiers and texts are as short as GitHub wants them."""
    body = check_output(STATES[state])
    completed = STATES[state].task.status is Status.COMPLETED
    assert body["status"] in {"queued", "in_progress", "completed"}
    assert ("conclusion" in body) == completed
    assert 0 < len(body["output"]["title"]) <= 255
    assert body["output"]["summary"].strip()
    assert len(body["actions"]) <= 3
    for action in body["actions"]:
        assert len(action["label"]) <= 20
        assert len(action["description"]) <= 40
        assert len(action["identifier"]) <= 20
    assert body["actions"][-1]["identifier"] == ("run_again" if completed else "cancel")


def test_the_title_tells_phase_and_progress() -> None:
    """In GitHub's list of checks one line is all that people see."""
    assert check_output(STATES["coding"])["output"]["title"] == "Working on it: coding, 33 %"
    assert check_output(STATES["question"])["output"]["title"] == "Waiting for your answer"
    assert "`/opus answer" in check_output(STATES["question"])["output"]["summary"]


def test_a_task_without_an_outcome_is_never_a_success() -> None:
    """What ended without saying how is a failure."""
    assert check_output(STATES["no outcome"])["conclusion"] == Conclusion.FAILURE


def test_a_flood_is_cut() -> None:
    """Summary and text stay under 65,535 characters."""
    flood = "<@x `#1` " * 20_000
    outcome = replace(
        OUTCOME, summary=flood, review=flood, kept=flood, draft_reason=flood, evidence=(Check(flood, 1, 1, flood),) * 50
    )
    output = check_output(view(Status.COMPLETED, outcome))["output"]
    assert len(output["summary"]) <= 65_535
    assert len(output["text"]) <= 65_535


def test_a_page_that_is_no_address_is_not_linked() -> None:
    """GitHub refuses a whole check run for one bad address."""
    assert "details_url" not in check_output(replace(STATES["coding"], page_url="/tasks/1"))
    assert check_output(STATES["coding"])["details_url"].startswith("https://")

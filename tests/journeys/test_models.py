"""Models that fail: what passes is waited for, what does not ends in words, and work that was done is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from jobs.testing.models.script import (
    call_raw,
    cut_stream,
    dropped,
    nonsense,
    overloaded,
    rate_limited,
    refused,
    say,
    server_error,
)
from jobs.types import Conclusion
from tests.journeys.town import FIXED, finish, write

if TYPE_CHECKING:
    from jobs.testing.models.script import Line
    from tests.journeys.town import Town

PASSING: dict[str, Line] = {
    "429": rate_limited(),
    "529": overloaded(),
    "529 in the stream": overloaded(in_stream=True),
    "500": server_error(),
    "a cut stream": cut_stream(write()),
    "a dropped connection": dropped(),
}


@pytest.mark.parametrize("failure", PASSING)
def test_what_passes_is_tried_again(town: Town, failure: str) -> None:
    """A model that is busy, broken or cut off for a moment is asked again, and nobody notices."""
    story = town.story([write(), PASSING[failure], finish()]).ask()
    assert "Done: a draft pull request is ready" in story.ends()
    story.assert_alone()


def test_a_refused_key_keeps_the_work_on_a_branch(town: Town) -> None:
    """A 401 in the middle ends the run: the work so far is on a branch without a pull request, and words say what to do."""
    denied = refused(401, "authentication_error", "invalid x-api-key")
    story = town.story([write(), denied, denied]).ask()
    comment = story.ends()
    assert "This did not work out" in comment
    assert "ANTHROPIC_API_KEY" in comment
    assert f"`{story.current.branch}`" in comment
    assert story.file("greeting.py", story.current.branch) == FIXED
    assert story.pulls() == []
    assert story.current.conclusion is Conclusion.FAILURE
    assert story.check_runs()[-1].conclusion == "failure"


def test_a_refused_key_at_the_start_says_so(town: Town) -> None:
    """Without anything done there is nothing to keep, and the comment says what to do."""
    denied = refused(401, "authentication_error", "invalid x-api-key")
    story = town.story([denied, denied]).ask()
    comment = story.ends()
    assert "ANTHROPIC_API_KEY" in comment
    assert story.branches() == set()


def test_nonsense_for_ever_ends_in_words(town: Town) -> None:
    """Answers that mean nothing are not waited for until the end of the day."""
    story = town.story([write()], then=nonsense()).ask()
    comment = story.ends(90)
    assert "This did not work out" in comment
    assert story.current.branch in story.branches()


def test_calls_that_no_tool_can_take_end_the_run(town: Town) -> None:
    """A model that calls tools with nonsense is told what is wrong, and stopped when it goes on."""
    story = town.story([write(), call_raw("bash", '{"command": 7}')], then=call_raw("bash", '{"comand": "ls"}')).ask()
    comment = story.ends()
    assert "could not be used" in comment
    assert len(story.asked()) < 12
    assert len(story.pulls()) == 1


def test_a_model_that_only_talks_at_first_is_told_to_use_its_tools(town: Town) -> None:
    """Words in the first reply are no end of the work."""
    story = town.story([say("I could do that."), write(), finish()]).ask()
    assert "Done: a draft pull request is ready" in story.ends()

"""The first message of a pull request's reviewer, in which every word of strangers stands within a fence."""

from __future__ import annotations

from typing import Any

import pytest

from jobs.agent.editor import ToolProblem
from jobs.agent.inspecting import review_message
from jobs.agent.tools import Purpose, ToolContext, toolbox
from jobs.types import Subject
from tests.agent.test_prompts import fenced


def message(**more: Any) -> str:
    """Return the text of a message."""
    values: dict[str, Any] = {
        "repository": "octo/demo", "subject": Subject("pull", 7), "title": "Add a till", "text": "It adds.", "asked_by": "ada",
        "base": "a" * 40, "commit": "b" * 40, "difference": "=== till.py ===\n     1 +x = 1",
    }  # fmt: skip
    return str(review_message(**{**values, **more})["content"][0]["text"])


def test_all_that_strangers_say_is_fenced() -> None:
    """Title and text, difference, what is left out, what was said, and what who asked said, each in its fence."""
    text = message(not_shown=["a.lock: generated"], said_before=["till.py:1\nNo."], besides="Mind the sums.")
    assert fenced(text) == [
        "Title: Add a till\n\nIt adds.",
        "=== till.py ===\n     1 +x = 1",
        "a.lock: generated",
        "till.py:1\nNo.",
        "Mind the sums.",
    ]
    assert f"git diff {'a' * 40} {'b' * 40} -- path" in text
    assert "the whole pull request" in text
    assert "what was pushed since the last review" in message(newer=True)
    assert "${" not in text


def test_what_is_not_there_is_not_mentioned() -> None:
    """Without earlier comments and skipped files the message ends with the difference, which may be cut."""
    assert len(fenced(message())) == 2
    assert len(message(difference="x" * 2_000_000)) < 300_000


def test_a_report_is_heard_at_once() -> None:
    """The tool hands the finding to who judges it, and gives back what that says; optional parts are none."""
    heard: list[Any] = []

    def hear(tool: str, given: Any) -> str:
        heard.append((tool, dict(given)))
        if given["line"] == 0:
            raise ToolProblem("No such line.")
        return "Noted."

    context = ToolContext(sandbox=None, seconds_left=lambda: 1.0, hear=hear)  # type: ignore[arg-type] # not used
    report = toolbox(Purpose.REVIEW)["report_finding"].run
    assert report(context, path="a.py", line=3, severity="nit", reason="x") == "Noted."
    assert heard == [
        (
            "report_finding",
            {"path": "a.py", "line": 3, "severity": "nit", "reason": "x", "end_line": None, "suggestion": None},
        )
    ]
    with pytest.raises(ToolProblem):
        report(context, path="a.py", line=0, severity="nit", reason="x")

"""The review of a patch in a fresh context."""

from __future__ import annotations

import pytest

from jobs.agent.review import Review, review
from jobs.models.scripted import ScriptedModel, call, say
from jobs.types import Check, ModelError

CHECK = Check("pytest -q", 0, 1.0, "", passed=4, failed=0)


def ask(*answers: object) -> tuple[Review, ScriptedModel]:
    """Have a patch reviewed by a script."""
    model = ScriptedModel(answers)  # type: ignore[arg-type]
    return review(model, request_text="Fix the slug.", diff="-a\n+b", evidence=[CHECK]), model


def test_the_reviewer_sees_request_change_and_evidence_only() -> None:
    """One query with a reviewer's prompt, one tool, and the three things as data; the verdict and its cost come back."""
    found, model = ask(call("report_review", verdict="revise", remarks="a.py:3: fails for the empty string."))
    assert (found.verdict, found.remarks) == ("revise", "a.py:3: fails for the empty string.")
    assert (found.cost, found.model, found.usage.total) == (0.01, "scripted", 120)
    query = model.queries[0]
    assert [tool.name for tool in query.tools] == ["report_review"]
    assert "You review a change" in query.system
    text = query.messages[0]["content"][0]["text"]
    assert "Fix the slug." in text
    assert "+b" in text
    assert "Exit code 0 after 1.0 s: 4 passed, 0 failed." in text


@pytest.mark.parametrize(
    ("text", "verdict", "remarks"),
    [
        ('Here: {"verdict": "approve", "remarks": "Nice."}', "approve", "Nice."),
        ('```json\n{"verdict": "revise", "remarks": "No test."}\n```', "revise", "No test."),
        ("Approve. Well done.", "approve", "Well done."),
        ("**Verdict: revise**: the test was deleted.", "revise", "the test was deleted."),
    ],
)
def test_a_verdict_in_plain_words_is_read(text: str, verdict: str, remarks: str) -> None:
    """A reply without the tool call is understood where it says its verdict."""
    found, _ = ask(say(text))
    assert found.verdict == verdict
    assert remarks in found.remarks


def test_a_reply_without_a_verdict_is_asked_for_once_more() -> None:
    """The second reply counts, and what both cost is added up."""
    found, model = ask(say("Interesting."), call("report_review", verdict="approve"))
    assert (found.verdict, found.cost) == ("approve", 0.02)
    assert len(model.queries) == 2


@pytest.mark.parametrize(
    "reply", [say("Hm, I would not approve this yet."), call("report_review", verdict="maybe"), call("bash"), []]
)
def test_no_verdict_is_no_approval(reply: list[dict[str, object]]) -> None:
    """A reviewer who never says a verdict is reported as unclear, with what was said."""
    found, model = ask(reply, reply)
    assert found.verdict == "unclear"
    assert len(model.queries) == 2


def test_a_model_that_fails_is_an_error() -> None:
    """An outage is not turned into a verdict."""
    with pytest.raises(ModelError):
        ask()

"""Whatever models and strangers write, Slack takes the message, and nothing in it has a power of its own."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, given, settings

from bot.slack_bot import forms
from bot.slack_bot.answers import answer_message
from bot.slack_bot.forms import Origin
from bot.slack_bot.rendering import fallback, moment_message, task_message
from jobs.testing.slack.blocks import LONGEST_MESSAGE, check_message, check_view, weight
from tests.slack.words import ANSWERS, WORDS, views

if TYPE_CHECKING:
    from bot.slack_bot.rendering import Shown
    from jobs.answer.parts import Answer
    from jobs.answer.view import TaskView

slowly = settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
POWERS = {"user", "usergroup", "broadcast", "channel", "team", "date", "color", "emoji"}


def texts(value: Any) -> list[dict[str, Any]]:
    """Return every object of blocks that has a type."""
    if isinstance(value, list):
        return [found for inner in value for found in texts(inner)]
    if isinstance(value, dict):
        return [value, *(found for inner in value.values() for found in texts(inner))]
    return []


def accepted(shown: Shown) -> None:
    """Fail where Slack would refuse the message, or where words in it do something."""
    assert check_message(shown.blocks) == []
    assert weight(shown.blocks) <= LONGEST_MESSAGE
    assert len(json.dumps(shown.blocks)) < 100_000
    assert "<" not in shown.text
    for found in texts(shown.blocks):
        assert found.get("type") not in POWERS
        if found.get("type") == "mrkdwn":
            assert found["verbatim"] is True
            assert found["text"].count("<") <= 1
            assert not found["text"].startswith(("<!", "<@", "<#"))
        if found.get("type") == "text":
            assert "@channel" not in found["text"].lower()
            assert "@here" not in found["text"].lower()
        if found.get("type") == "link" and "text" in found:
            assert "evil.example" not in found["url"] or found["text"] != "click"


@slowly
@given(views())
def test_slack_takes_every_task(view: TaskView) -> None:
    """A task's message, its moments and the least of it keep to all limits, and mention nobody."""
    accepted(task_message(view))
    accepted(moment_message(view, []))
    accepted(fallback(view))


@slowly
@given(ANSWERS)
def test_slack_takes_every_answer(answer: Answer) -> None:
    """An answer of any parts keeps to all limits."""
    accepted(answer_message(answer))


@slowly
@given(WORDS)
def test_slack_takes_every_form(words: str) -> None:
    """The modals keep to their limits, whatever a task or a repository is called."""
    origin = Origin("C0DEV", "1.1", "", "https://hooks.example/commands/1", 1.0)
    name = words[:140] or "octo/shop"
    assert check_view(forms.new_task_form(origin, "plan", name, [name], "balanced")) == []
    for command in forms.WHAT:
        about = Origin("C0DEV", command=command, task_id="7f3c9a")
        assert check_view(forms.text_form(about, words)) == []

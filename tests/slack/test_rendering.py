"""What messages look like: kept as JSON to be judged, within Slack's limits whatever the words, and harmless."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from bot.slack_bot.answers import answer_message
from bot.slack_bot.rendering import Shown, moment_message, task_message
from tests.slack.views import ANSWERS, TASKS

RENDERED = Path(__file__).parent / "rendered"


def examples() -> dict[str, Shown]:
    """Return every example by the name of its file."""
    told = {f"moment-{name}": moment_message(TASKS[name], ["U0ANN"]) for name in ("question", "plan", "done", "failed")}
    answers = {name: answer_message(answer) for name, answer in ANSWERS.items()}
    return {name: task_message(view) for name, view in TASKS.items()} | told | answers


def written(shown: Shown) -> str:
    """Return a message as its file has it."""
    return json.dumps(asdict(shown), indent=1, ensure_ascii=False) + "\n"


@pytest.mark.parametrize("name", list(examples()))
def test_messages_look_as_they_were_judged(name: str) -> None:
    """Each state's message is the one that was looked at; `python -m tests.slack.test_rendering` writes them anew."""
    assert written(examples()[name]) == (RENDERED / f"{name}.json").read_text(encoding="utf-8")


if __name__ == "__main__":
    for file in RENDERED.glob("*.json"):
        file.unlink()
    for example, made in examples().items():
        (RENDERED / f"{example}.json").write_text(written(made), encoding="utf-8")
    sys.exit(0)

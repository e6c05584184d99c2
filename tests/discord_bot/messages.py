"""What the messages look like: one JSON file each; `python -m tests.discord_bot.messages` writes them anew."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.commands import TABLE
from bot.discord_bot.answers import answer_message
from bot.discord_bot.rendering import moment_message, task_message
from jobs.answer.parts import Answer, Diff, Link, Listing, Quote, Say, refused
from jobs.types import Approval, Kind, Status, Subject
from tests.answer.views import STATES, view

if TYPE_CHECKING:
    from jobs.answer.view import TaskView

FOLDER = Path(__file__).with_name("rendered")
PERSON = "80351110224678912"
SECOND = "1. Move the sessions to Redis\n2. Keep `Session.load` as it is\n3. Delete the table in the next release"


def states() -> dict[str, TaskView]:
    """Return a task in each state that people may see it in."""
    background: dict[str, Any] = {
        "kind": Kind.BACKGROUND,
        "subject": Subject("bg"),
        "title": "Move the sessions to Redis",
    }
    plan = view(Status.WAITING, question=SECOND, approval=Approval.ASKED, **background)
    coding = STATES["coding"]
    return {
        "queued": STATES["queued behind two"],
        "working": replace(coding, task=replace(coding.task, started_at=1_795_000_000.0)),
        "question": STATES["question"],
        "plan": plan,
        "paused": STATES["paused"],
        "done": STATES["success"],
        "incomplete": STATES["checks fail"],
        "failed": STATES["failed"],
        "cancelled": STATES["cancelled"],
    }


def answers() -> dict[str, Answer]:
    """Return answers of each sort."""
    title = "Tasks of `octo/shop`"
    rows = (("7f3c9a", "working", "33 %", "Basket total"), ("81aa02", "queued", "\u2013", "Move the sessions"))
    diff = "--- a/shop/basket.py\n+++ b/shop/basket.py\n@@ -7 +7 @@\n-    return sum(round(p) for p in prices)\n+    return round(sum(prices))"
    return {
        "help": Answer((Say("This is what I understand:"), Listing(("command", "does"), _help()))),
        "status": Answer((Say(title), Listing(("task", "state", "done", "title"), rows))),
        "review": Answer(
            (
                Say("`7f3c9a` is done: 1 file, +1 \u22121."),
                Quote("The total was rounded for each item. It is rounded **once** now.", "Summary"),
                Diff(diff),
                Link("Pull request 31", "https://github.com/octo/shop/pull/31"),
            ),
            task_id="7f3c9a",
        ),
        "error": refused("You are not linked to a GitHub login. `/opus link` does it, once."),
        "nod": Answer(),
    }


def _help() -> tuple[tuple[str, ...], ...]:
    return tuple((f"/opus {entry.usage}", entry.help) for entry in TABLE)


def messages() -> dict[str, dict[str, Any]]:
    """Return every message by the name of its file."""
    tasks = {f"task_{name}": task_message(shown) for name, shown in states().items()}
    moments = {
        "moment_question": moment_message(states()["question"], "question", [PERSON]),
        "moment_plan": moment_message(states()["plan"], "plan", [PERSON]),
        "moment_result": moment_message(states()["done"], "result", [PERSON]),
        "moment_failure": moment_message(states()["failed"], "failure", [PERSON]),
    }
    return tasks | moments | {f"answer_{name}": answer_message(answer) for name, answer in answers().items()}


def written(message: dict[str, Any]) -> str:
    """Return a message as its file has it."""
    return json.dumps(message, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for path in FOLDER.glob("*.json"):
        path.unlink()
    for name, message in messages().items():
        FOLDER.joinpath(f"{name}.json").write_text(written(message), encoding="utf-8")

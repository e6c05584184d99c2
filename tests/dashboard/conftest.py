"""A dashboard over data in memory, of one task with a transcript."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from flask import Flask

from bot.dashboard.data import Counts, NextStep, Part, TaskPage
from bot.dashboard.pages import mount
from jobs.types import (
    Actor,
    Check,
    Conclusion,
    FileChange,
    Kind,
    Limits,
    Mode,
    Outcome,
    Patch,
    Phase,
    PlanItem,
    Status,
    Step,
    Subject,
    Task,
    Usage,
)

SECRET = b"the secret of the tests"
TASK_ID = "7f3c9a"


@dataclass
class MemoryData:
    """Dashboard data that a test sets."""

    steps: list[NextStep] = field(default_factory=list)
    health: list[Part] = field(default_factory=list)
    numbers: Counts = field(default_factory=Counts)
    pages: dict[str, TaskPage] = field(default_factory=dict)

    def next_steps(self) -> list[NextStep]:
        """Return the steps."""
        return self.steps

    def parts(self) -> list[Part]:
        """Return the parts."""
        return self.health

    def counts(self) -> Counts:
        """Return the counts."""
        return self.numbers

    def task(self, task_id: str) -> TaskPage | None:
        """Return a task's page."""
        return self.pages.get(task_id)


def task(**changes: object) -> Task:
    """Return a task in progress, with changes."""
    values: dict[str, object] = {
        "id": TASK_ID,
        "kind": Kind.RESOLVE_ISSUE,
        "repository": "octo/slugs",
        "installation_id": 1,
        "subject": Subject("issue", 12),
        "title": "slugify() drops the last word",
        "text": "It does.",
        "actor": Actor("github", "5", "ada"),
        "mode": Mode.BALANCED,
        "limits": Limits(),
        "status": Status.IN_PROGRESS,
        "phase": Phase.CODING,
        "created_at": 1_700_000_000.0,
    }
    return Task(**{**values, **changes})  # type: ignore[arg-type]


def step(index: int, tool: str, given: dict[str, object], answered: str, said: str = "") -> Step:
    """Return a step with one tool call."""
    call = {"type": "tool_use", "id": f"c{index}", "name": tool, "input": given}
    content = [{"type": "text", "text": said}] if said else []
    result = {"type": "tool_result", "tool_use_id": f"c{index}", "content": answered}
    return Step(
        index=index,
        reply={"role": "assistant", "content": [*content, call]},
        results={"role": "user", "content": [result]},
        usage=Usage(1000, 200),
        cost=0.0123,
        model="claude-opus-5-5",
        seconds=4.2,
    )


def outcome() -> Outcome:
    """Return how a good run ended."""
    diff = "--- a/slugs.py\n+++ b/slugs.py\n@@ -1,2 +1,2 @@\n-    return words[:-1]\n+    return words\n"
    return Outcome(
        conclusion=Conclusion.SUCCESS,
        summary="The slice left the last word out. It is gone, and a test that fails without the change is there.",
        patch=Patch("a" * 40, "b" * 40, (FileChange("slugs.py", "M", 1, 1),), diff),
        evidence=(Check("python -m pytest -q", 0, 1.4, "12 passed in 0.31s", passed=12, failed=0),),
        cost=0.31,
    )


def page(**changes: object) -> TaskPage:
    """Return a task's page, with changes."""
    values: dict[str, object] = {
        "task": task(),
        "plan": (
            PlanItem("Reproduce the fault", "done"),
            PlanItem("Write a failing test", "in_progress"),
            PlanItem("Mend it"),
        ),
        "percent": 40,
        "elapsed_seconds": 187.0,
        "cost": 0.0312,
        "usage": Usage(120_000, 4_000, 90_000),
        "steps": (
            step(0, "bash", {"command": "python -m pytest -q"}, "1 failed, 11 passed", "First I look at it."),
            step(1, "str_replace_based_edit_tool", {"command": "view", "path": "/workspace/slugs.py"}, "def slugify"),
        ),
        "subject_url": "https://github.com/octo/slugs/issues/12",
    }
    return TaskPage(**{**values, **changes})  # type: ignore[arg-type]


@pytest.fixture
def data() -> MemoryData:
    """Return data with one task."""
    return MemoryData(pages={TASK_ID: page()})


@pytest.fixture
def app(data: MemoryData) -> Flask:
    """Return an application with the pages."""
    application = Flask("test")
    mount(application, data, SECRET)
    return application

"""Tasks in the states that people see, and answers, as the rendered examples show them."""

from __future__ import annotations

from jobs.answer.parts import Answer, Diff, Link, Listing, Quote, Say, refused
from jobs.answer.view import TaskView
from jobs.types import (
    Actor,
    Approval,
    BlockedRequest,
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
    Subject,
    Task,
    Usage,
)

PLAN = (
    PlanItem("Read the export command and its tests", "done"),
    PlanItem("Add the `--json` flag", "in_progress"),
    PlanItem("Write a test for it"),
    PlanItem("Describe it in the README"),
)
DIFF = """--- a/shop/export.py
+++ b/shop/export.py
@@ -12,7 +12,9 @@ def export(orders, file):
-    for order in orders:
+    if json:
+        return dump(orders, file)
+    for order in orders:
         file.write(order.line())"""
PULL_REQUEST = "https://github.com/octo/shop/pull/42"
PAGE = "https://opus67.example.com/tasks/7f3c9a?key=abcdefgh"


def task(**changes: object) -> Task:
    """Return a task, with changes."""
    values: dict[str, object] = {
        "id": "7f3c9a",
        "kind": Kind.BACKGROUND,
        "repository": "octo/shop",
        "installation_id": 1,
        "subject": Subject("bg"),
        "title": "Add a --json flag to the export command",
        "text": "add a --json flag to the export command",
        "actor": Actor("slack", "U0ANN", "ann"),
        "mode": Mode.BALANCED,
        "limits": Limits(),
        "status": Status.QUEUED,
        "created_at": 1_795_000_000.0,
    }
    return Task(**{**values, **changes})  # type: ignore[arg-type]


def view(**changes: object) -> TaskView:
    """Return a view of a task; what is no field of a view is one of its task."""
    names = set(TaskView.__dataclass_fields__) - {"task"}
    own = {name: value for name, value in changes.items() if name in names}
    about = {name: value for name, value in changes.items() if name not in names}
    return TaskView(task(**about), **{"page_url": PAGE, **own})  # type: ignore[arg-type]


DONE = Outcome(
    Conclusion.SUCCESS,
    "`export --json` writes the orders as a JSON array.\n\n"
    "- the flag is **off** by default, so nothing changes for who does not use it\n"
    "- dates are written as ISO 8601, see [the discussion](https://github.com/octo/shop/issues/12)\n",
    title="Add a --json flag to the export command",
    patch=Patch(
        "a" * 40,
        "b" * 40,
        (FileChange("shop/export.py", "M", 24, 3), FileChange("tests/test_export.py", "A", 31, 0)),
        DIFF,
    ),
    evidence=(
        Check("pytest -q", 0, 12.4, "41 passed", passed=41, skipped=2),
        Check("ruff check .", 0, 0.8, "All checks passed!"),
    ),
    blocked=(BlockedRequest("telemetry.example.net", 443, "npm install", "it is not on the list"),),
    usage=Usage(210_000, 14_000, 900_000, 40_000),
    cost=0.4213,
    steps=23,
    models=("claude-opus-5-5",),
    pull_request=PULL_REQUEST,
)
FAILED = Outcome(
    Conclusion.FAILURE,
    "The tests need a database that the sandbox does not have, and the repository names no way to start one.",
    evidence=(Check("pytest -q", 1, 3.2, "connection refused", passed=12, failed=29),),
    cost=0.11,
    steps=9,
    models=("claude-opus-5-5",),
    kept="The work so far is on the branch opus/bg-7f3c9a.",
)
QUESTION = (
    "The export command writes prices in cents. Should `--json` write\n\n"
    "1. cents, as the file format does, or\n2. a string such as `12.50`, as the API does?"
)
TASKS = {
    "queued": view(ahead=2),
    "working": view(
        status=Status.IN_PROGRESS, phase=Phase.CODING, plan=PLAN, percent=25, elapsed_seconds=312.0, cost=0.1834
    ),
    "question": view(
        status=Status.WAITING, question=QUESTION, plan=PLAN, percent=25, elapsed_seconds=312.0, cost=0.1834
    ),
    "plan": view(
        status=Status.WAITING,
        approval=Approval.ASKED,
        question="1. Read the export command and its tests\n2. Add the `--json` flag\n3. Write a test for it",
        cost=0.0421,
        elapsed_seconds=48.0,
    ),
    "paused": view(
        status=Status.WAITING,
        pause="ben asked for it in Slack",
        plan=PLAN,
        percent=25,
        cost=0.1834,
        elapsed_seconds=312.0,
    ),
    "done": view(
        status=Status.COMPLETED,
        conclusion=Conclusion.SUCCESS,
        outcome=DONE,
        plan=PLAN,
        percent=100,
        elapsed_seconds=1_104.0,
        cost=0.4213,
    ),
    "failed": view(
        status=Status.COMPLETED,
        conclusion=Conclusion.FAILURE,
        outcome=FAILED,
        plan=PLAN,
        percent=25,
        elapsed_seconds=204.0,
        cost=0.11,
    ),
    "cancelled": view(
        status=Status.COMPLETED,
        conclusion=Conclusion.CANCELLED,
        cancel="ann asked for it in Slack",
        plan=PLAN,
        percent=25,
        elapsed_seconds=204.0,
        cost=0.11,
    ),
}
ANSWERS = {
    "answer-status": Answer(
        (
            Listing(
                ("task", "state", "cost", "where", "what"),
                (
                    ("7f3c9a", "Working on it", "$0.18", "octo/shop bg", "Add a --json flag to the export command"),
                    ("11d0be", "Waiting for your answer", "$0.07", "octo/site issue-12", "Dark mode"),
                ),
            ),
        )
    ),
    "answer-cost": Answer(
        (
            Listing(
                ("by repo", "spent", "tokens", "tasks"),
                (("octo/shop", "$12.40", "31.2 M", "41"), ("octo/site", "$0.32", "800 k", "3")),
            ),
        )
    ),
    "answer-help": Answer(
        (
            Listing(
                ("command", "does"),
                (
                    ("/opus bg <task>", "start a background task"),
                    ("/opus bg status [id]", "list what runs, or tell how far one task is"),
                    ("/opus bg merge <id>", "mark the pull request as ready and merge it, if GitHub's rules allow it"),
                ),
            ),
        )
    ),
    "answer-review": Answer(
        (
            Say("Task `7f3c9a`: Done: a draft pull request is ready for review."),
            Quote(DONE.summary, "What was done"),
            Listing(("check", "exit code", "took"), (("pytest -q", "0", "12 s"), ("ruff check .", "0", "1 s"))),
            Listing(
                ("file", "added", "deleted"), (("shop/export.py", "+24", "-3"), ("tests/test_export.py", "+31", "-0"))
            ),
            Diff(DIFF),
            Link("Pull request", PULL_REQUEST),
            Say("`/opus bg merge 7f3c9a` marks it as ready and merges it, if GitHub's rules allow it."),
        ),
        task_id="7f3c9a",
    ),
    "answer-error": refused("I do not know the command `bg cancle`. Did you mean `/opus bg cancel 7f3c9a`?"),
}

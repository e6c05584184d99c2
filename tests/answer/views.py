"""A task in each state that people may see it in."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

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

PULL_REQUEST = "https://github.com/octo/shop/pull/31"

TASK = Task(
    id="7f3c9a",
    kind=Kind.RESOLVE_ISSUE,
    repository="octo/shop",
    installation_id=7,
    subject=Subject("issue", 12),
    title="Basket total is off by one cent",
    text="When I put three items at 0.10 in the basket, the total says 0.31.",
    actor=Actor("github", "583231", "octocat"),
    mode=Mode.BALANCED,
    limits=Limits(),
    status=Status.QUEUED,
    created_at=0.0,
)
PLAN = (
    PlanItem("Reproduce with three items", "done"),
    PlanItem("Round once, at the end", "in_progress"),
    PlanItem("Add a test"),
)
PASSED = Check("make test", 0, 3.24, "42 passed", passed=42, skipped=1)
FAILED = Check("make lint", 2, 0.8, "basket.py:7: unused import", failed=1)
PATCH = Patch(
    "base", "commit", (FileChange("shop/basket.py", "M", 4, 2), FileChange("tests/test_basket.py", "A", 11, 0)), ""
)
OUTCOME = Outcome(
    Conclusion.SUCCESS,
    "The total was rounded for each item. It is rounded once now.",
    title="Round the basket's total once",
    patch=PATCH,
    evidence=(PASSED,),
    review="The change is small and the test fails without it.",
    usage=Usage(21_000, 4_200, 160_000, 9_000),
    cost=0.4217,
    steps=31,
    models=("claude-opus-5-5",),
    pull_request=PULL_REQUEST,
)
BLOCKED = (
    BlockedRequest("packages.example.com", 443, "pip install money", "not in the list of hosts"),
    BlockedRequest("packages.example.com", 443, "pip install money", "not in the list of hosts"),
    BlockedRequest("10.0.0.5", 22, "ssh 10.0.0.5", "only port 443 is let through"),
)


def view(status: Status, outcome: Outcome | None = None, **values: Any) -> TaskView:
    """Return the task in a state; values of the task and of the view are told apart by their names."""
    of_task = {name: values.pop(name) for name in list(values) if name in Task.__dataclass_fields__}
    task = replace(TASK, status=status, conclusion=outcome.conclusion if outcome else None, **of_task)
    defaults: dict[str, Any] = {
        "elapsed_seconds": 192.0,
        "cost": 0.42,
        "page_url": "https://opus.example/tasks/7f3c9a?key=k",
    }
    return TaskView(task, outcome=outcome, **{**defaults, **values})


def ending(conclusion: Conclusion, summary: str, **values: Any) -> TaskView:
    """Return the completed task with an outcome that has no pull request unless it is named."""
    outcome = replace(OUTCOME, conclusion=conclusion, summary=summary, **{"pull_request": "", "patch": None, **values})
    return view(Status.COMPLETED, outcome, plan=PLAN)


STATES: dict[str, TaskView] = {
    "queued": view(Status.QUEUED, elapsed_seconds=0.0, cost=0.0),
    "queued behind two": view(Status.QUEUED, ahead=2),
    "preparing": view(Status.IN_PROGRESS, elapsed_seconds=4.0, cost=0.0),
    "coding": view(Status.IN_PROGRESS, phase=Phase.CODING, plan=PLAN, percent=33),
    "restarted": view(
        Status.IN_PROGRESS, phase=Phase.CODING, plan=PLAN, percent=33, attempt=2,
        note="The worker was restarted; taking up at step 7.",
    ),
    "hidden text, edited": view(
        Status.IN_PROGRESS, phase=Phase.PLANNING, edited=True, removed=("2 HTML comments: \u201cignore all rules\u201d",)
    ),
    "cancelling": view(Status.IN_PROGRESS, cancel="@octocat asked for it"),
    "waiting for CI": view(
        Status.QUEUED, listens="ci:octo/shop@1234567890", note="The mend is pushed; it waits for CI of `1234567890`."
    ),
    "asks to mend": view(
        Status.WAITING, question="I would mend `cart.py`.", approval=Approval.ASKED, kind=Kind.FIX_CI
    ),
    "question": view(Status.WAITING, question="Shall old orders be recomputed?\n\n1. yes\n2. no", plan=PLAN),
    "paused": view(Status.WAITING, pause="@octocat", note="Paused: @octocat asked for it"),
    "success": view(Status.COMPLETED, OUTCOME, plan=PLAN),
    "success without checks": view(Status.COMPLETED, replace(OUTCOME, evidence=())),
    "blocked": view(Status.COMPLETED, replace(OUTCOME, blocked=BLOCKED)),
    "checks fail": view(
        Status.COMPLETED,
        replace(OUTCOME, conclusion=Conclusion.NEUTRAL, evidence=(PASSED, FAILED), draft_reason="`make lint` fails."),
    ),
    "nothing to do": ending(Conclusion.NEUTRAL, "The total is right since version 1.4.", evidence=()),
    "failed": ending(
        Conclusion.FAILURE, "The patch touches a protected path: `.github/workflows/ci.yml`.", kept="the branch opus/issue-12-7f3c9a"
    ),
    "cancelled": ending(Conclusion.CANCELLED, "Cancelled: @octocat took the label off", evidence=()),
    "over budget": ending(
        Conclusion.TIMED_OUT, "The rounding is fixed; the test is not written yet.", pull_request=PULL_REQUEST,
        patch=PATCH, draft_reason="The limit of dollars was reached: $5.00 of $5.00 were used.",
    ),
    "needs a person": ending(Conclusion.ACTION_REQUIRED, "Two specifications contradict each other.", evidence=()),
    "internal error": view(
        Status.COMPLETED,
        Outcome(
            Conclusion.FAILURE,
            "An internal error stopped the work (error 1a2b3c4d). The operator finds it in the log under that number. "
            "`/opus retry` starts again.",
        ),
    ),
    "plan": view(
        Status.WAITING, question="1. Round once, in `shop/basket.py:12`.\n2. Test it.", approval=Approval.ASKED, speakers=("bob", "octocat")
    ),
    "approved": view(Status.IN_PROGRESS, phase=Phase.CODING, approval=Approval.GIVEN, approved_plan="Round once."),
    "answered": view(
        Status.COMPLETED,
        Outcome(
            Conclusion.SUCCESS, "It is rounded in `shop/basket.py:12`, not in `shop/tax.py:1`.", cost=0.1, steps=3,
            blob_url="https://github.com/octo/shop/blob/c0ffee", references=("shop/basket.py#L12",),
        ),
        kind=Kind.ASK,
    ),
    "no outcome": view(Status.COMPLETED, cancel=""),
}  # fmt: skip

"""The check run named Opus 67, as GitHub takes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jobs.answer import sections
from jobs.answer.comment import EDITED
from jobs.answer.diagnosis import diagnosis, marks
from jobs.answer.words import conclusion_of, headline, money, phase_of, rough_duration
from jobs.text import cut, line, neutralise
from jobs.types import Approval, Conclusion, Kind, Status

if TYPE_CHECKING:
    from jobs.answer.view import TaskView

LIMIT = 65_000
"""GitHub takes 65,535 characters each for summary and text, and 255 for the title."""

CANCEL = {"label": "Cancel", "description": "End the work; the comment says so", "identifier": "cancel"}
APPROVE = {"label": "Approve", "description": "Let the work begin", "identifier": "approve"}
RUN_AGAIN = {"label": "Run again", "description": "Start again from the beginning", "identifier": "run_again"}
"""GitHub takes labels and identifiers of 20 characters, descriptions of 40."""

MOVED = "The work has a draft pull request"
REVIEW_MOVED = "The review went on"
"""There were pushes while it ran."""


def check_output(view: TaskView) -> dict[str, Any]:
    """Return the body of the request that shows a task as a check run, less name, commit and external id."""
    completed = view.task.status is Status.COMPLETED
    # GitHub keeps its status "waiting" for its own Actions: a run that waits for an answer is in progress.
    body: dict[str, Any] = {
        "status": "queued" if view.task.status is Status.QUEUED and not view.task.listens else "in_progress",
        "output": {"title": _title(view), "summary": cut(_summary(view), LIMIT)},
        "actions": [dict(button) for button in _buttons(view)],
    }
    if completed:
        body["status"] = "completed"
        body["conclusion"] = conclusion_of(view).value
    if view.diagnosis is not None and (marked := marks(view.diagnosis)):
        body["output"]["annotations"] = marked
    if text := _text(view):
        body["output"]["text"] = cut(text, LIMIT)
    if view.page_url.startswith(("https://", "http://")):
        body["details_url"] = view.page_url
    return body


def moved_output(view: TaskView) -> dict[str, Any]:
    """Return the body for the check run on the base commit, once the work has a commit and a check run of its own."""
    where = f"\n\n{view.pull_request}" if view.pull_request else ""
    title = REVIEW_MOVED if view.task.kind is Kind.REVIEW_PULL_REQUEST else MOVED
    red = f"\n\n{diagnosis(view.diagnosis)}" if view.diagnosis is not None else ""
    return {
        "status": "completed",
        "conclusion": Conclusion.NEUTRAL.value,
        "output": {
            "title": title,
            "summary": cut(f"{title}: the check run goes on at its newest commit.{where}{red}", LIMIT),
        },
        "actions": [],
    }


def _buttons(view: TaskView) -> list[dict[str, str]]:
    if view.task.status is Status.COMPLETED:
        return [RUN_AGAIN]
    asked = view.task.status is Status.WAITING and view.task.approval is Approval.ASKED
    return [APPROVE, CANCEL] if asked else [CANCEL]


def _title(view: TaskView) -> str:
    task = view.task
    words = headline(view).words
    if task.status is Status.IN_PROGRESS and not task.cancel:
        done = f", {view.percent} %" if view.plan else ""
        words = f"{words}: {phase_of(task)}{done}"
    return words[:250]


def _summary(view: TaskView) -> str:
    task, parts = view.task, []
    if view.diagnosis is not None:
        parts.append(diagnosis(view.diagnosis))
    told = (view.outcome.summary if view.outcome else "") or task.summary
    if task.status is Status.COMPLETED:
        parts.append(neutralise(told, limit=20_000) or headline(view).words)
        if view.outcome and view.outcome.draft_reason:
            parts.append(f"**What is missing:** {neutralise(view.outcome.draft_reason, limit=2_000)}")
        if view.outcome and view.outcome.kept:
            parts.append(f"**What was kept:** {neutralise(view.outcome.kept, limit=2_000)}")
        if view.pull_request:
            parts.append(f"**Pull request:** {view.pull_request}")
    else:
        if task.question and task.status is Status.WAITING:
            parts.append(neutralise(task.question, limit=8_000))
        parts.append(headline(view).next)
        parts.append(line(view.note, 600))
        parts.append(
            f"{rough_duration(view.elapsed_seconds)} \u00b7 {money(view.cost)} of {money(task.limits.dollars)}"
        )
    if task.edited and task.status is not Status.COMPLETED:
        parts.append(EDITED)
    return "\n\n".join(part for part in parts if part)


def _text(view: TaskView) -> str:
    outcome, parts = view.outcome, []
    if view.plan:
        parts.append(f"### Plan\n\n{sections.plan(view.plan)}")
    if outcome and outcome.evidence:
        parts.append(f"### Checks\n\n{sections.evidence(outcome.evidence)}")
    if outcome and outcome.blocked:
        parts.append(f"### Blocked by the sandbox\n\n{sections.blocked(outcome.blocked)}")
    if outcome and outcome.review:
        parts.append(f"### Review\n\n{neutralise(outcome.review, limit=10_000)}")
    if outcome and (outcome.cost or outcome.steps):
        parts.append(f"### Receipt\n\n{sections.receipt(view)}")
    return "\n\n".join(parts)

"""The check run named Opus 67, as GitHub takes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jobs.answer import sections
from jobs.answer.comment import EDITED
from jobs.answer.diagnosis import diagnosis, marks
from jobs.answer.words import conclusion_of, headline, money, phase_of, rough_duration
from jobs.text import cut, fence, line, neutralise
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
WAS_RED = "### What was red"
ON_PULL_MOVED = "The work is in the pull request"
REVIEW_MOVED = "The review went on"
"""There were pushes while it ran."""


def check_output(view: TaskView) -> dict[str, Any]:
    """Return the body of the request that shows a task as a check run, less name, commit and external id."""
    completed, going_on = view.task.status is Status.COMPLETED, view.task.listens or view.rests
    # GitHub keeps its status "waiting" for its own Actions: a run that waits for an answer is in progress.
    body: dict[str, Any] = {
        "status": "queued" if view.task.status is Status.QUEUED and not going_on else "in_progress",
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
    title = REVIEW_MOVED if view.task.kind is Kind.REVIEW_PULL_REQUEST else ON_PULL_MOVED if view.task.onto else MOVED
    red = f"\n\n{WAS_RED}\n\n{diagnosis(view.diagnosis)}" if view.diagnosis is not None else ""
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
    if task.status is Status.IN_PROGRESS and not task.cancel and not task.listens:
        done = f", {view.percent} %" if view.plan else ""
        words = f"{words}: {phase_of(task)}{done}"
    return words[:250]


def _summary(view: TaskView) -> str:
    parts = _ended(view) if view.task.status is Status.COMPLETED else _unfinished(view)
    if view.diagnosis is not None:
        # Where there is a pull request, what was red is past: how it stands now comes first.
        red = diagnosis(view.diagnosis)
        parts = [*parts, f"{WAS_RED}\n\n{red}"] if view.pull_request else [red, *parts]
    return "\n\n".join(part for part in parts if part)


def _ended(view: TaskView) -> list[str]:
    outcome = view.outcome
    told = (outcome.summary if outcome else "") or view.task.summary
    parts = [neutralise(told, limit=20_000) or headline(view).words]
    if outcome and outcome.draft_reason:
        parts.append(f"**What is missing:** {neutralise(outcome.draft_reason, limit=2_000)}")
    if outcome and outcome.kept:
        parts.append(f"**What was kept:** {neutralise(outcome.kept, limit=2_000)}")
    if outcome and outcome.salvage and not view.task.subject.number:  # else the comment has it
        parts.append(sections.details("The patch, to apply by hand", fence(outcome.salvage, "diff", 20_000)))
    return [*parts, f"**Pull request:** {view.pull_request}"] if view.pull_request else parts


def _unfinished(view: TaskView) -> list[str]:
    task, parts = view.task, []
    if task.question and task.status is Status.WAITING:
        parts.append(neutralise(task.question, limit=8_000))
    parts += [line(view.note, 600), headline(view).next]
    parts.append(f"{rough_duration(view.elapsed_seconds)} \u00b7 {money(view.cost)} of {money(task.limits.dollars)}")
    return [*parts, EDITED] if task.edited else parts


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

"""The one comment of a task, which tells its story as it goes and how it ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.answer import sections
from jobs.answer.diagnosis import diagnosis
from jobs.answer.links import linked
from jobs.answer.words import (
    asked_for,
    conclusion_of,
    count,
    duration,
    headline,
    mention,
    money,
    needs_people,
    phase_of,
    rough_duration,
)
from jobs.text import cut, fence, line, neutralise
from jobs.types import Approval, Conclusion, Status

if TYPE_CHECKING:
    from jobs.answer.view import TaskView

LIMIT = 65_000
"""GitHub takes 65,536 characters."""

_SPEAKERS = 10

EDITED = (
    "\u270f\ufe0f The text was edited after the request. The work goes on from the text as it was then. "
    "To start from the new one, take the label off and put it on again."
)
EDITED_BEFORE = "\u270f\ufe0f The text was edited after the request; this is about the text as it was then."
FREE_WORKER = "It starts as soon as a worker is free."
STEER = (
    "`/opus steer keep the old name as an alias` tells the agent something at its next step. "
    "`/opus pause`, `/opus cancel` and `/opus status` do what they say; `/opus help` lists the rest."
)
REVIEW_IT = "It stays a draft until a person marks it as ready. Review it as you would review anybody's work."


def living_comment(view: TaskView) -> str:
    """Return the comment for a task in its present state, with the hidden marker first."""
    parts = _ended(view) if view.task.status is Status.COMPLETED else _unfinished(view)
    body = "\n\n".join(part for part in [*parts, _footer(view)] if part)
    # The marker must be the comment's first line: nothing that is cut away or quoted can then stand for it.
    return f"{view.task.marker}\n{cut(body, LIMIT)}"


def _unfinished(view: TaskView) -> list[str]:
    task = view.task
    parts = [_state_line(view)]
    if view.note and task.status is not Status.WAITING:
        parts.append(f"\u2139\ufe0f {neutralise(' '.join(view.note.split()), limit=600)}")
    if view.diagnosis is not None:
        parts.append(diagnosis(view.diagnosis))
    if task.status is Status.WAITING:
        parts += [_waiting(view), headline(view).next]
    if task.edited:
        parts.append(EDITED)
    parts.append(sections.approved(view))
    parts.append(sections.plan(view.plan))
    if task.status is Status.IN_PROGRESS and not task.cancel:
        parts.append(STEER)
    parts.append(sections.removed(view))
    return parts


def _state_line(view: TaskView) -> str:
    task, shown = view.task, [str(headline(view))]
    if task.status is Status.QUEUED and not task.listens and not view.rests:
        ahead = f"{count(view.ahead, 'task')} {'is' if view.ahead == 1 else 'are'} ahead of it."
        return f"{shown[0]}. {ahead if view.ahead > 0 else FREE_WORKER}"
    if task.status is Status.IN_PROGRESS and not task.listens:
        shown[0] += f": {phase_of(task)}" if not task.cancel else f": {line(task.cancel)}"
        if view.plan:
            shown.append(f"{view.percent} %")
    shown.append(rough_duration(view.elapsed_seconds))
    shown.append(f"{money(view.cost)} of {money(task.limits.dollars)}")
    return " \u00b7 ".join(shown)


def _waiting(view: TaskView) -> str:
    if view.task.approval is Approval.ASKED and view.task.question:
        return neutralise(view.task.question, limit=20_000)
    if view.task.question:
        return _quoted(neutralise(view.task.question, limit=8_000))
    why = view.note or (f"Paused: {view.task.pause}" if view.task.pause else "")
    return line(why, 600)


def _quoted(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in text.split("\n"))


def _ended(view: TaskView) -> list[str]:
    outcome, ending = view.outcome, headline(view)
    parts = [f"{ending} \u00b7 {duration(view.elapsed_seconds)} \u00b7 {money(_cost(view))}"]
    parts += _pull_request(view)
    summary, red = _summary(view), diagnosis(view.diagnosis) if view.diagnosis is not None else ""
    # Where there is a pull request, what was red is past: how it stands now comes first.
    parts += [summary, f"#### What was red\n\n{red}" if red else ""] if view.pull_request else [red, summary]
    if outcome and outcome.draft_reason:
        parts.append(f"**What is missing:** {neutralise(outcome.draft_reason, limit=2_000)}")
    if outcome and outcome.kept:
        parts.append(f"**What was kept:** {neutralise(outcome.kept, limit=2_000)}")
    if outcome and outcome.salvage:
        parts.append(sections.details("The patch, to apply by hand", fence(outcome.salvage, "diff", 40_000)))
    if view.task.edited:
        parts.append(EDITED_BEFORE)
    parts.append(_next(view, summary))
    if outcome and (outcome.evidence or view.pull_request):
        parts += ["#### Checks", sections.evidence(outcome.evidence)]
    if outcome and outcome.blocked:
        parts += ["#### Blocked by the sandbox", sections.blocked(outcome.blocked)]
    if view.plan and conclusion_of(view) is not Conclusion.SUCCESS:
        parts.append(sections.details("How far the plan was", sections.plan(view.plan)))
    parts.append(sections.approved(view))
    parts.append(sections.removed(view))
    if outcome and (outcome.cost or outcome.steps):
        parts.append(f"**Receipt:** {sections.receipt(view)}")
    return parts


def _pull_request(view: TaskView) -> list[str]:
    parts = [f"**Pull request:** {view.pull_request}"] if view.pull_request else []
    return [*parts, f"Merged: {line(view.merged)}."] if view.merged else parts


def _summary(view: TaskView) -> str:
    told = (view.outcome.summary if view.outcome else "") or view.task.summary
    if told.strip():
        shown = neutralise(told, limit=20_000)
        return linked(shown, view.outcome) if view.outcome else shown
    if conclusion_of(view) is Conclusion.CANCELLED:
        return f"Cancelled: {line(view.task.cancel) or 'nobody said why'}."
    return f"Nothing more is known about how it ended; the operator finds it in the log under task `{view.task.id}`."


def _next(view: TaskView, summary: str) -> str:
    if view.merged:
        return ""
    if view.pull_request and conclusion_of(view) is Conclusion.SUCCESS:
        return headline(view).next or REVIEW_IT
    return "" if any(told in summary for told in ("/opus retry", "/opus fix")) else headline(view).next


def _cost(view: TaskView) -> float:
    return max(view.cost, view.outcome.cost if view.outcome else 0.0)


def _footer(view: TaskView) -> str:
    task = view.task
    attempt = f"attempt {task.attempt}" if task.attempt > 1 and task.status is not Status.COMPLETED else ""
    links = [f'<a href="{url}">{name}</a>' for name, url in _links(view) if url]
    shown = " \u00b7 ".join(part for part in [_asked(view), f"task <code>{task.id}</code>", attempt, *links] if part)
    return f"<sub>{shown}</sub>"


def _asked(view: TaskView) -> str:
    """Say who asked. A new mention in an edited comment is what GitHub tells people of, so most states have none."""
    login, words = view.task.actor.login, asked_for(view.task)
    if view.task.actor.is_bot or not needs_people(view):
        return f"{words} {line(login, 60)}" if login else ""
    others = [mention(one) for one in dict.fromkeys(view.speakers) if one.lower() != login.lower()]
    asked = [f"{words} {mention(login)}"] if login else []
    return " \u00b7 ".join([*asked, *([f"with {', '.join(others[:_SPEAKERS])}"] if others else [])])


def _links(view: TaskView) -> list[tuple[str, str]]:
    return [("every step", view.page_url), ("check run", view.check_run_url)]

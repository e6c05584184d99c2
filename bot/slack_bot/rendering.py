"""A task as a message of Slack: what was asked, how far it is, what it needs, how it ended, and buttons that fit."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.slack_bot import kit
from bot.slack_bot.buttons import answer_box, buttons
from bot.slack_bot.prose import prose
from bot.slack_bot.results import checks, files, receipt
from jobs.answer import comment
from jobs.answer.words import RETRY, conclusion_of, count, headline, money, phase_of, rough_duration
from jobs.types import Approval, Conclusion, Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.slack_bot.kit import JSON
    from jobs.answer.view import TaskView

_PLAN_ITEMS = 15
_ITEM = 120
_QUESTION = 3_000
_SUMMARY = 2_400
_SHORT_SUMMARY = 900
_TICKS = {"done": "\u2705", "in_progress": "\u25b6\ufe0f"}
NOTHING_SPENT = "Nothing is spent while this waits."
HOW_TO_ANSWER = f"Type your answer here and press Enter, or press Answer for a longer one. {NOTHING_SPENT}"
HOW_TO_APPROVE = f"Approve it, and the work starts; or reject it, and say what should be different. {NOTHING_SPENT}"


@dataclass(frozen=True, slots=True)
class Shown:
    """A message: its blocks, and the line that notifications and screen readers get."""

    text: str
    blocks: list[JSON]


def task_message(view: TaskView) -> Shown:
    """Return the one message of a task, as it is now."""
    parts = _ended(view) if view.task.status is Status.COMPLETED else _unfinished(view)
    box = answer_box(view.task) if _asks(view) else []
    blocks = [*kit.header(view.task.title), *kit.rich(*parts), *box, *_small_print(view), *buttons(view)]
    return Shown(_notification(view), blocks)


def moment_message(view: TaskView, people: Sequence[str]) -> Shown:
    """Return what is said in a task's thread when it needs somebody, or is over; ``people`` are mentioned."""
    who = kit.people(people)
    if view.task.status is not Status.COMPLETED:
        parts = [kit.section([*who, *_state(view)]), *_waiting(view)]
        box = answer_box(view.task) if _asks(view) else []
        return Shown(_notification(view), [*kit.rich(*parts), *box, *buttons(view)])
    parts = [kit.section([*who, *_state(view)]), *prose(_summary(view), _SHORT_SUMMARY), *_pull_request(view)]
    parts += [*checks(view, most=4), *files(view, most=0)]
    return Shown(_notification(view), [*kit.rich(*parts), *buttons(view)])


def fallback(view: TaskView) -> Shown:
    """Return the least that can be said of a task, for when Slack refuses more."""
    where = kit.section([*_state(view), *kit.words("\n"), *kit.ours(view.pull_request or view.page_url)])
    return Shown(_notification(view), [*kit.header(view.task.title), *kit.rich(where), *buttons(view)])


def fingerprint(shown: Shown) -> str:
    """Return a hash of a message."""
    return hashlib.sha256(repr((shown.text, shown.blocks)).encode()).hexdigest()[:32]


def _asks(view: TaskView) -> bool:
    task = view.task
    return task.status is Status.WAITING and bool(task.question) and task.approval is not Approval.ASKED


def _notification(view: TaskView) -> str:
    return kit.escaped(f"{headline(view).mark} {headline(view).words}: {kit.one_line(view.task.title, 150)}")


def _state(view: TaskView) -> list[JSON]:
    """Return the line that says how it stands; while it waits nothing in it changes with the time."""
    task, called = view.task, headline(view)
    shown = [*kit.words(f"{called.mark} "), *kit.words(called.words, bold=True)]
    if task.status is Status.QUEUED:
        ahead = f"{count(view.ahead, 'task')} {'is' if view.ahead == 1 else 'are'} ahead of it."
        return [*shown, *kit.words(f". {ahead if view.ahead > 0 else comment.FREE_WORKER}")]
    spent = f"{money(max(view.cost, view.outcome.cost if view.outcome else 0.0))} of {money(task.limits.dollars)}"
    told = [spent]
    if task.status is Status.IN_PROGRESS:
        now = kit.one_line(task.cancel, 200) if task.cancel else phase_of(task)
        told = [now, *([f"{view.percent} %"] if view.plan else []), rough_duration(view.elapsed_seconds), spent]
    elif task.status is Status.COMPLETED:
        return [*shown, *kit.words(f" \u00b7 {receipt(view)}")]
    return [*shown, *kit.words("".join(f" \u00b7 {item}" for item in told))]


def _unfinished(view: TaskView) -> list[JSON]:
    task = view.task
    parts = [kit.section(_state(view))]
    if view.note and task.status is not Status.WAITING:
        parts.append(kit.section(kit.words(f"\u2139\ufe0f {kit.one_line(view.note, 400)}")))
    if task.status is Status.WAITING:
        parts += _waiting(view)
    if task.approval is not Approval.ASKED:
        parts += _plan(view)
    return parts


def _waiting(view: TaskView) -> list[JSON]:
    """Return what a task waits for, and how to help it on."""
    task = view.task
    if not task.question:
        why = view.note or (f"Paused: {task.pause}" if task.pause else "")
        return [kit.section(kit.words(kit.one_line(why, 600)))]
    how = HOW_TO_APPROVE if task.approval is Approval.ASKED else HOW_TO_ANSWER
    return [*prose(task.question, _QUESTION, quoted=True), kit.section(kit.words(how, italic=True))]


def _plan(view: TaskView) -> list[JSON]:
    lines: list[JSON] = []
    for item in view.plan[:_PLAN_ITEMS]:
        mark = _TICKS.get(item.state, "\u25ab\ufe0f")
        end = "\n" if lines else ""
        text = kit.one_line(item.text, _ITEM) or "\u2013"
        lines += [*kit.words(f"{end}{mark} "), *kit.words(text, bold=item.state == "in_progress")]
    if len(view.plan) > _PLAN_ITEMS:
        lines += kit.words(f"\n\u2026 and {count(len(view.plan) - _PLAN_ITEMS, 'more item')}")
    return [kit.section(lines)]


def _ended(view: TaskView) -> list[JSON]:
    outcome, task = view.outcome, view.task
    parts = [kit.section(_state(view)), *prose(_summary(view), _SUMMARY)]
    if outcome and outcome.draft_reason:
        missing = kit.words(kit.one_line(outcome.draft_reason, 500))
        parts.append(kit.section([*kit.words("What is missing: ", bold=True), *missing]))
    if outcome and outcome.kept:
        kept = kit.linked(kit.one_line(outcome.kept, 500))
        parts.append(kit.section([*kit.words("What was kept: ", bold=True), *kept]))
    parts += _pull_request(view)
    if outcome and (outcome.evidence or view.pull_request):
        parts += checks(view)
    parts += files(view)
    if outcome and outcome.blocked:
        hosts = ", ".join(dict.fromkeys(kit.one_line(request.host, 80) for request in outcome.blocked[:20]))
        blocked = kit.words(kit.one_line(hosts, 300))
        parts.append(kit.section([*kit.words("Blocked by the sandbox: ", bold=True), *blocked]))
    helps = headline(view).next
    if helps and helps != RETRY and conclusion_of(view) is not Conclusion.SUCCESS:
        parts.append(kit.section(kit.ours(helps.replace("/opus retry", f"/opus retry {task.id}"))))
    return parts


def _summary(view: TaskView) -> str:
    told = (view.outcome.summary if view.outcome else "") or view.task.summary
    if told.strip():
        return told
    if conclusion_of(view) is Conclusion.CANCELLED:
        return f"Cancelled: {kit.one_line(view.task.cancel, 300) or 'nobody said why'}."
    return "Nothing more is known about how it ended; the operator finds it in the log under this task's id."


def _pull_request(view: TaskView) -> list[JSON]:
    if not kit.is_link(view.pull_request):
        return []
    return [kit.section([*kit.words("Pull request: ", bold=True), *kit.link(view.pull_request)])]


def _small_print(view: TaskView) -> list[JSON]:
    task = view.task
    hidden = count(len(task.removed), "hidden part") + " of the request left out" if task.removed else ""
    attempt = f"attempt {task.attempt}" if task.attempt > 1 and task.status is not Status.COMPLETED else ""
    return kit.context(
        kit.small(task.repository),
        kit.small_code(task.id),
        kit.small(f"asked for by {task.actor.login}" if task.actor.login else ""),
        kit.small(attempt),
        kit.small(hidden),
        kit.small("The text was edited after the request" if task.edited else ""),
        kit.small_link("every step", view.page_url),
        kit.small_link("check run", view.check_run_url),
    )

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
from jobs.answer.links import linked
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
    inside = _ended(view) if view.task.status is Status.COMPLETED else _unfinished(view)
    blocks = [*kit.header(view.task.title), *_line(_state(view)), *inside, *_small_print(view), *buttons(view)]
    return Shown(_notification(view), blocks)


def moment_message(view: TaskView, people: Sequence[str]) -> Shown:
    """Return what is said in a task's thread when it needs somebody, or is over; ``people`` are mentioned."""
    if view.task.status is not Status.COMPLETED:
        inside = _waiting(view)
    else:
        inside = [*_summary(view, _SHORT_SUMMARY), *_pull_request(view), *checks(view, most=4), *files(view, most=0)]
    who = kit.people(people)
    named = "".join(f"<@{element['user_id']}> " for element in who if element["type"] == "user")
    return Shown(f"{named}{_notification(view)}", [*_line([*who, *_state(view)]), *inside, *buttons(view)])


def fallback(view: TaskView) -> Shown:
    """Return the least that can be said of a task, for when Slack refuses more."""
    where = _line(kit.ours(view.pull_request or view.page_url))
    return Shown(_notification(view), [*kit.header(view.task.title), *_line(_state(view)), *where, *buttons(view)])


def fingerprint(shown: Shown) -> str:
    """Return a hash of a message."""
    return hashlib.sha256(repr((shown.text, shown.blocks)).encode()).hexdigest()[:32]


def _notification(view: TaskView) -> str:
    return kit.escaped(f"{headline(view).mark} {headline(view).words}: {kit.one_line(view.task.title, 150)}")


def _state(view: TaskView) -> list[JSON]:
    """Return the line that says how it stands; while it waits nothing in it changes with the time."""
    task, called = view.task, headline(view)
    shown = [*kit.words(f"{called.mark} "), *kit.words(called.words, bold=True)]
    if task.status is Status.QUEUED and not view.rests:
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
    if task.status is Status.WAITING:
        return [*(_plan(view) if task.approval is not Approval.ASKED else []), *_waiting(view)]
    return [*(_line(kit.ours(f"\u2139\ufe0f {kit.one_line(view.note, 400)}")) if view.note else []), *_plan(view)]


def _waiting(view: TaskView) -> list[JSON]:
    """Return what a task waits for, and how to help it on."""
    task = view.task
    if not task.question:
        return _line(kit.ours(kit.one_line(view.note or task.pause, 600)))
    quoted = kit.rich(*prose(task.question, _QUESTION, quoted=True))
    if task.approval is Approval.ASKED:
        return [*quoted, *_line(kit.words(HOW_TO_APPROVE, italic=True))]
    return [*quoted, *_line(kit.words(HOW_TO_ANSWER, italic=True)), *answer_box(task)]


def _plan(view: TaskView) -> list[JSON]:
    lines: list[JSON] = []
    for item in view.plan[:_PLAN_ITEMS]:
        mark = _TICKS.get(item.state, "\u25ab\ufe0f")
        text = kit.ours(kit.one_line(item.text, _ITEM) or "\u2013")
        shown = kit.bold(text) if item.state == "in_progress" else text
        lines += [*kit.words("\n" if lines else ""), *kit.words(f"{mark} "), *shown]
    if len(view.plan) > _PLAN_ITEMS:
        lines += kit.words(f"\n\u2026 and {count(len(view.plan) - _PLAN_ITEMS, 'more item')}")
    return _line(lines)


def _ended(view: TaskView) -> list[JSON]:
    outcome, task = view.outcome, view.task
    shown = [*_summary(view, _SUMMARY)]
    if outcome:
        shown += [*_named("What is missing", outcome.draft_reason), *_named("What was kept", outcome.kept)]
    shown += [*_pull_request(view), *checks(view), *files(view)]
    if outcome and outcome.blocked:
        hosts = dict.fromkeys(request.host for request in outcome.blocked[:20])
        shown += _named("Blocked by the sandbox", ", ".join(hosts))
    helps = headline(view).next
    if helps and helps != RETRY and conclusion_of(view) is not Conclusion.SUCCESS:
        shown += _line(kit.ours(helps.replace("/opus retry", f"/opus retry {task.id}")))
    return shown


def _summary(view: TaskView, limit: int) -> list[JSON]:
    told = (view.outcome.summary if view.outcome else "") or view.task.summary
    if not told.strip() and conclusion_of(view) is Conclusion.CANCELLED:
        told = f"Cancelled: {view.task.cancel or 'nobody said why'}."
    elif not told.strip():
        told = f"Nothing more is known about how it ended; the operator finds it in the log under `{view.task.id}`."
    if view.outcome is None or not view.outcome.references:
        return kit.rich(*prose(told, limit))
    blob = f"{view.outcome.blob_url}/"
    return kit.rich(*prose(linked(told, view.outcome), limit, ours=blob))


def _pull_request(view: TaskView) -> list[JSON]:
    if not kit.is_link(view.pull_request):
        return []
    return _line([*kit.words("Pull request: ", bold=True), *kit.link(view.pull_request)])


def _named(name: str, text: str) -> list[JSON]:
    shown = kit.one_line(text, 400)
    return _line([*kit.words(f"{name}: ", bold=True), *kit.ours(shown)]) if shown else []


def _line(elements: Sequence[JSON]) -> list[JSON]:
    return kit.rich(kit.section(elements))


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
        kit.small_link("check run", view.check_run_url),
    )

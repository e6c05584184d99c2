"""Tasks as messages of Discord: an embed with its buttons, from what is known of a task. Pure: values in, JSON out."""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING, Any

from bot.discord_bot.buttons import can_open, rows
from bot.discord_bot.harmless import Ink, quoted, units
from jobs.answer.words import (
    CANCELLING,
    PAUSED,
    PLAN,
    QUESTION,
    conclusion_of,
    count,
    duration,
    headline,
    money,
    phase_of,
    rough_duration,
)
from jobs.types import Approval, Conclusion, Kind, Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jobs.answer.view import TaskView
    from jobs.types import Actor, Check, Outcome

GREY, BLUE, AMBER, GREEN, RED = 0x6E7781, 0x2F81F7, 0xD29922, 0x2DA44E, 0xCF222E
NOBODY: dict[str, Any] = {"parse": []}
"""Who may be pinged by a message that pings nobody."""
_TITLE = 200
_PLAN, _PLAN_ITEM, _PLAN_ITEMS = 1400, 160, 15
_LIST, _LIST_LINES = 700, 8
_BAR = 10
_QUESTION, _WHOLE_QUESTION = 1400, 2200
_SUMMARY, _WHOLE_SUMMARY = 1700, 2600
_PEOPLE = 20
_USER_ID = re.compile(r"\d{5,20}")
_TICKS = {"done": "\u2705", "in_progress": "\u25b6\ufe0f"}
_OPEN_TICK = "\u2b1c"
_ENDINGS = {
    Conclusion.SUCCESS: GREEN,
    Conclusion.FAILURE: RED,
    Conclusion.TIMED_OUT: AMBER,
    Conclusion.ACTION_REQUIRED: AMBER,
}
NEXT = {
    QUESTION.words: "Press **Answer**, or say `/opus answer`. Nothing is spent while this waits.",
    PLAN.words: "**Approve plan** starts the work, **Reject** asks for another. Nothing is spent while this waits.",
    PAUSED.words: "**Resume** goes on, **Cancel** ends the work.",
}
MOMENTS = {
    "question": "\u2753 I have a question about this task.",
    "plan": "\U0001f4cb The plan of this task waits for approval.",
    "result": "This task is over.",
    "failure": "This task needs a look.",
}


def task_message(view: TaskView, redacted: Sequence[str] = ()) -> dict[str, Any]:
    """Return the one message of a task, as it is posted and edited while the work goes on."""
    ink = Ink(redacted)
    parts = [_state(view), _note(view, ink), *_story(view, ink, _QUESTION, _SUMMARY), _small_print(view)]
    embed = _embed(view, ink, parts, footer(view.task.id))
    return {"content": "", "embeds": [embed], "components": rows(view), "allowed_mentions": NOBODY}


def moment_message(view: TaskView, moment: str, people: Sequence[str], redacted: Sequence[str] = ()) -> dict[str, Any]:
    """Return the message by which people hear of a moment in a task's thread; it pings them and nobody else."""
    ink = Ink(redacted)
    told = [person for person in people if _USER_ID.fullmatch(person)][:_PEOPLE]
    mentions = " ".join(f"<@{person}>" for person in told)
    parts = [_state(view), *_story(view, ink, _WHOLE_QUESTION, _WHOLE_SUMMARY)]
    return {
        "content": f"{mentions} {MOMENTS.get(moment, MOMENTS['result'])}".strip(),
        "embeds": [_embed(view, ink, parts, moment_footer(view, moment))],
        "components": rows(view),
        "allowed_mentions": {"parse": [], "users": told},
    }


def footer(task_id: str) -> str:
    """Return the line by which a task's message is found again."""
    return f"Opus 67 \u00b7 task {task_id}"


def moment_footer(view: TaskView, moment: str) -> str:
    """Return the line by which the message of a moment is found again."""
    task = view.task
    said = task.question or (view.outcome.summary if view.outcome else "")
    key = hashlib.sha256(f"{moment}\n{task.attempt}\n{said}".encode("utf-8", "replace")).hexdigest()[:6]
    return f"{footer(task.id)} \u00b7 {moment} {key}"


def fingerprint(message: dict[str, Any]) -> str:
    """Return a hash of what a message shows."""
    return hashlib.sha256(json.dumps(message, sort_keys=True).encode()).hexdigest()


def thread_name(view: TaskView, redacted: Sequence[str] = ()) -> str:
    """Return the name of a task's thread."""
    return f"{view.task.id} \u00b7 {Ink(redacted).plain(view.task.title, 80) or 'task'}"


def _embed(view: TaskView, ink: Ink, parts: Sequence[str], foot: str) -> dict[str, Any]:
    embed: dict[str, Any] = {
        "title": ink.line(view.task.title, _TITLE) or "A task",
        "description": "\n\n".join(part for part in parts if part),
        "color": _colour(view),
        "fields": _fields(view, ink),
        "footer": {"text": foot},
    }
    address = view.pull_request if can_open(view.pull_request) else view.page_url
    return embed | ({"url": address} if can_open(address) else {})


def _state(view: TaskView) -> str:
    """Return the state of a task in a line, with how far it has come."""
    task, state = view.task, headline(view)
    words = str(state)
    if task.status is Status.QUEUED and view.ahead:
        words += f" \u00b7 {count(view.ahead, 'task comes', 'tasks come')} first"
    if task.status is not Status.IN_PROGRESS or state is CANCELLING:
        return words
    words += f" \u00b7 {phase_of(task)}"
    if not view.plan:
        return words
    percent = min(max(view.percent, 0), 100)
    full = round(percent / 100 * _BAR)
    return f"{words}\n{chr(0x25B0) * full}{chr(0x25B1) * (_BAR - full)} {percent} %"


def _note(view: TaskView, ink: Ink) -> str:
    if view.task.status is Status.COMPLETED or not view.note.strip():
        return ""
    return f"-# {ink.line(view.note, 300)}"


def _small_print(view: TaskView) -> str:
    """Return what people should know of the request itself."""
    task = view.task
    hidden = f"{count(len(task.removed), 'hidden part')} of the request left out" if task.removed else ""
    edited = "the text was edited after the request" if task.edited else ""
    told = " \u00b7 ".join(part for part in (hidden, edited) if part)
    return f"-# {told}" if told else ""


def _story(view: TaskView, ink: Ink, question: int, summary: int) -> list[str]:
    """Return what there is to read: the plan while it is worked on, the question, or how it ended."""
    task = view.task
    if task.status is Status.COMPLETED:
        return _ending(view, ink, summary)
    parts = []
    if not (task.question and task.approval is Approval.ASKED):
        parts.append(_plan(view, ink))
    if task.status is Status.WAITING:
        parts += [quoted(ink.block(task.question, question)) if task.question else "", _next(view)]
    return parts


def _ending(view: TaskView, ink: Ink, limit: int) -> list[str]:
    outcome = view.outcome
    if outcome is None:
        return [ink.block(view.task.summary, limit), _next(view)]
    answered = outcome if view.task.kind is Kind.ASK else None
    parts = [ink.block(outcome.summary, limit, answered)]
    if outcome.draft_reason:
        parts.append(f"**Not complete:** {ink.line(outcome.draft_reason, 300)}")
    if outcome.kept:
        parts.append(f"The work was kept: {ink.line(outcome.kept, 200)}")
    told = "/opus retry" in outcome.summary
    return parts if told else [*parts, _next(view)]


def _next(view: TaskView) -> str:
    state = headline(view)
    return NEXT.get(state.words, state.next)


def _plan(view: TaskView, ink: Ink) -> str:
    lines = []
    for item in view.plan[:_PLAN_ITEMS]:
        text = ink.line(item.text, _PLAN_ITEM)
        mark = _TICKS.get(item.state, _OPEN_TICK)
        lines.append(f"{mark} {f'**{text}**' if item.state == 'in_progress' and '*' not in text else text}")
    return listed(lines, len(view.plan), "item", _PLAN)


def listed(lines: Sequence[str], total: int, noun: str, limit: int) -> str:
    """Return as many whole lines as there is room for, and how many more there are, by their noun if they have one."""
    kept: list[str] = []
    left = limit - 40
    for line in lines:
        left -= units(line) + 1
        if left < 0:
            break
        kept.append(line)
    if total > len(kept):
        kept.append(f"\u2026 and {count(total - len(kept), f'more {noun}') if noun else f'{total - len(kept)} more'}")
    return "\n".join(kept)


def _fields(view: TaskView, ink: Ink) -> list[dict[str, Any]]:
    task, over = view.task, view.task.status is Status.COMPLETED
    about = f" \u00b7 {ink.line(task.subject.kind, 20)} #{task.subject.number}" if task.subject.number else ""
    fields = [
        ("Repository", ink.line(task.repository, 140) + about, True),
        ("Asked by", _person(task.actor, ink), True),
        ("Cost", money(view.cost) if over else f"{money(view.cost)} of {money(task.limits.dollars)}", True),
    ]
    if task.status is Status.IN_PROGRESS and task.started_at:
        # Discord itself counts on from there, so that the message need not be edited for it.
        fields.append(("Started", f"<t:{int(task.started_at)}:R>", True))
    elif over or task.status is Status.WAITING:
        fields.append(("Time", duration(view.elapsed_seconds) if over else rough_duration(view.elapsed_seconds), True))
    if view.pull_request and not can_open(view.pull_request):
        fields.append(("Pull request", ink.line(view.pull_request, 200), False))  # one that no button may lead to
    if over and view.outcome is not None:
        fields += [
            ("Checks", _checks(view.outcome.evidence, ink), False),
            ("Changes", _changes(view.outcome, ink), False),
        ]
    return [{"name": name, "value": value, "inline": inline} for name, value, inline in fields if value.strip()]


def _person(actor: Actor, ink: Ink) -> str:
    """Return who asked; a user of Discord is shown by their own name there, and not pinged, since this is an embed."""
    if actor.platform == "discord" and _USER_ID.fullmatch(actor.id):
        return f"<@{actor.id}>"
    return ink.line(f"@{actor.login}" if actor.login else f"{actor.platform} {actor.id}", 80)


def _checks(evidence: Sequence[Check], ink: Ink) -> str:
    lines = []
    for check in evidence[:_LIST_LINES]:
        named = ((check.passed, "passed"), (check.failed, "failed"), (check.skipped, "skipped"))
        counts = ", ".join(f"{number:,} {name}" for number, name in named if number)
        parts = [ink.code(check.command, 60), f"exit code {check.exit_code}" if check.exit_code else "", counts]
        mark = "\u274c" if check.exit_code else "\u2705"
        lines.append(f"{mark} " + " \u00b7 ".join(part for part in (*parts, duration(check.seconds)) if part))
    return listed(lines, len(evidence), "check", _LIST)


def _changes(outcome: Outcome, ink: Ink) -> str:
    patch = outcome.patch
    if patch is None or not patch.files:
        return ""
    lines = [
        f"{ink.code(file.path, 70)} +{file.additions} \u2212{file.deletions}" for file in patch.files[:_LIST_LINES]
    ]
    total = f"{count(len(patch.files), 'file')}, +{patch.additions} \u2212{patch.deletions}"
    return f"{total}\n{listed(lines, len(patch.files), 'file', _LIST)}"


def _colour(view: TaskView) -> int:
    match view.task.status:
        case Status.QUEUED:
            return GREY
        case Status.IN_PROGRESS:
            return GREY if view.task.cancel else BLUE
        case Status.WAITING:
            return AMBER
        case _:
            incomplete = bool(view.outcome and view.outcome.draft_reason)
            return AMBER if incomplete else _ENDINGS.get(conclusion_of(view), GREY)

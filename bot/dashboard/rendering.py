"""Turns a task and its transcript into plain values for the templates: cut, cleaned of control characters, in words."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from markupsafe import Markup, escape

from jobs.types import Approval, Conclusion, Kind, Status

if TYPE_CHECKING:
    from collections.abc import Iterable

    from jobs.types import Outcome, Step, Task

SHOWN_STEPS = 100
_LONGEST_OUTPUT = 3_000
_LONGEST_DIFF_LINES = 1_500
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
_INVISIBLE = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\U000e0000-\U000e007f]"
)
_CODE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
_EMPHASIS = re.compile(r"(?<!\*)\*\*([^*\n`<>]+)\*\*(?!\*)")
_MINUTE, _HOUR = 60, 3600

_ENDINGS = {
    Conclusion.SUCCESS: ("done", "good"),
    Conclusion.FAILURE: ("failed", "bad"),
    Conclusion.NEUTRAL: ("nothing was changed", "good"),
    Conclusion.CANCELLED: ("cancelled", "wait"),
    Conclusion.TIMED_OUT: ("stopped at a limit", "wait"),
    Conclusion.ACTION_REQUIRED: ("needs a person", "wait"),
    Conclusion.SKIPPED: ("refused", "wait"),
}


@dataclass(frozen=True, slots=True)
class Call:
    """One tool call and what came back."""

    tool: str
    asked: str
    answered: str
    failed: bool


@dataclass(frozen=True, slots=True)
class StepView:
    """One step as the page shows it."""

    number: int
    model: str
    seconds: float
    cost: float
    said: str
    thought: str
    calls: tuple[Call, ...]


def step_view(step: Step) -> StepView:
    """Return a step with its tool calls beside their results."""
    blocks = _blocks(step.reply)
    results = {str(block.get("tool_use_id")): block for block in _blocks(step.results or {})}
    calls = tuple(
        _call(block, results.get(str(block.get("id")))) for block in blocks if block.get("type") == "tool_use"
    )
    return StepView(
        number=step.index + 1,
        model=step.model,
        seconds=step.seconds,
        cost=step.cost,
        said=clean("\n\n".join(_of_type(blocks, "text", "text"))),
        thought=clean("\n\n".join(_of_type(blocks, "thinking", "thinking"))),
        calls=calls,
    )


def state_words(task: Task, outcome: Outcome | None = None) -> tuple[str, str]:
    """Return where a task stands, in words, and the colour: good, wait, bad."""
    if task.status is Status.COMPLETED:
        return _ended(task, outcome)
    if task.status is Status.WAITING:
        asks = "it asks before it mends" if task.kind is Kind.FIX_CI else "its plan waits for approval"
        return asks if task.approval is Approval.ASKED else "waiting for a person", "wait"
    if task.listens:
        return "waiting for CI", "wait"
    return (task.phase.value, "good") if task.status is Status.IN_PROGRESS else ("queued", "wait")


def _ended(task: Task, outcome: Outcome | None) -> tuple[str, str]:
    if task.kind is Kind.ASK and task.conclusion is Conclusion.SUCCESS:
        return "answered", "good"
    if task.kind is Kind.REVIEW_PULL_REQUEST and outcome is not None and outcome.title:
        return clean(outcome.title, 200), "good"
    if task.conclusion is Conclusion.NEUTRAL and outcome is not None and outcome.pull_request:
        return "not complete", "wait"
    return _ENDINGS.get(task.conclusion or Conclusion.FAILURE, ("ended", "wait"))


def prose(text: str, limit: int = 20_000) -> Markup:
    """Return text with code and emphasis as such; all else of Markdown, and all HTML, stays as it was written."""
    shown = str(escape(clean(text, limit)))
    return Markup(_EMPHASIS.sub(r"<strong>\1</strong>", _CODE.sub(r"<code>\1</code>", shown)))  # noqa: S704 - escaped


def clean(text: str, limit: int = _LONGEST_OUTPUT) -> str:
    """Remove what could deceive the eye, and cut the middle out of what is too long."""
    text = _INVISIBLE.sub("", _ESCAPES.sub("", text.replace("\r\n", "\n")))
    if len(text) <= limit:
        return text
    half = limit // 2
    return f"{text[:half]}\n… {len(text) - 2 * half} characters left out …\n{text[-half:]}"


def diff_lines(diff: str) -> list[tuple[str, str]]:
    """Return a diff's lines with their sort: add, remove or nothing."""
    lines = clean(diff, 200_000).splitlines()
    shown = [(_sort(line), line) for line in lines[:_LONGEST_DIFF_LINES]]
    if len(lines) > _LONGEST_DIFF_LINES:
        shown.append(("", f"… {len(lines) - _LONGEST_DIFF_LINES} lines left out …"))
    return shown


def duration(seconds: float) -> str:
    """Say a duration briefly."""
    whole = max(0, round(seconds))
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE} s"
    minutes = whole % _HOUR // _MINUTE
    return f"{whole // _HOUR} h {minutes} min" if minutes else f"{whole // _HOUR} h"


def dollars(amount: float) -> str:
    """Say a cost in US dollars."""
    return f"${amount:.2f}" if amount >= 0.1 or not amount else f"${amount:.4f}"  # noqa: PLR2004 - below, cents hide it


def safe_link(url: str) -> str:
    """Return the address when a browser may follow it, else nothing."""
    return url if re.match(r"https?://[^\s\"'<>]+\Z", url) else ""


def _call(block: Mapping[str, Any], result: Mapping[str, Any] | None) -> Call:
    given = block.get("input")
    given = given if isinstance(given, Mapping) else {"input": given}
    command = given.get("command")
    if block.get("name") == "bash" and isinstance(command, str):
        asked = f"$ {command}"
    else:
        head = f"{command} {given.get('path', '')}\n" if isinstance(command, str) else ""
        rest = (item for item in given.items() if not (head and item[0] in {"command", "path"}))
        asked = (head + "\n".join(f"{name}: {_plain(value)}" for name, value in rest)).strip()
    answered = "" if result is None else _content(result.get("content"))
    return Call(
        tool=clean(str(block.get("name", "?")), 80),
        asked=clean(asked),
        answered=clean(answered),
        failed=bool(result and result.get("is_error")),
    )


def _blocks(message: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    content = message.get("content")
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return [block for block in content if isinstance(block, Mapping)] if isinstance(content, list) else []


def _of_type(blocks: Iterable[Mapping[str, Any]], kind: str, name: str) -> list[str]:
    return [str(block.get(name, "")) for block in blocks if block.get("type") == kind]


def _content(content: object) -> str:
    if isinstance(content, list):
        return "\n".join(str(part.get("text", "")) for part in content if isinstance(part, Mapping))
    return "" if content is None else str(content)


def _plain(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _sort(line: str) -> str:
    if line.startswith(("+++", "---")):
        return ""
    return {"+": "add", "-": "remove"}.get(line[:1], "")

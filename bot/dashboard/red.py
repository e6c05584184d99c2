"""What a task's page shows of a red CI run: the same five lines as everywhere, as plain values for the template."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from bot.dashboard.rendering import clean, safe_link
from jobs.answer.diagnosis import CAUSES, MOST_SHOWN, NOUNS, confidence, is_ours

if TYPE_CHECKING:
    from jobs.types import Diagnosis, Failure

_LONGEST = 400
_SHOWN = 10
"""Digits of a commit that people read."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line: its name, what it says, and where that leads, if anywhere."""

    name: str
    text: str
    link: str = ""
    mono: bool = False


@dataclass(frozen=True, slots=True)
class Red:
    """All that is shown of a red run."""

    rows: tuple[Row, ...]
    more: tuple[Row, ...]
    left_out: int
    excerpt: str


def red(found: Diagnosis) -> Red:
    """Return a diagnosis as the page shows it."""
    first, *others = found.failures or (None,)
    rows = [] if first is None else [*_failed(found, first)]
    if first is None and (found.command or found.workflow):
        rows.append(Row("Failed", clean(found.command or found.workflow, _LONGEST), mono=True))
    if found.culprit is not None:
        by = f" by {found.culprit.author}" if found.culprit.author else ""
        rows.append(Row("Since", clean(f"{found.culprit.sha[:_SHOWN]} {found.culprit.title}{by}", _LONGEST)))
    rows.append(Row("Cause", f"{CAUSES[found.cause]} \u00b7 {confidence(found)}"))
    rows.append(Row("Why", clean(found.reason, _LONGEST)))
    rows.append(Row("Run", clean(found.workflow or "CI", _LONGEST), safe_link(found.run_url)))
    shown = [one for one in others if one is not None][:MOST_SHOWN]
    more = tuple(Row(_name(one), clean(one.message, _LONGEST), _link(found, one)) for one in shown)
    return Red(tuple(row for row in rows if row.text), more, len(others) - len(more), clean(found.excerpt, 6_000))


def _failed(found: Diagnosis, first: Failure) -> tuple[Row, ...]:
    place = f"{first.path}:{first.line}" if first.line else first.path
    return (
        Row(NOUNS[first.kind], _name(first), mono=True),
        Row("Message", clean(first.message, _LONGEST)),
        Row("Place", clean(place, _LONGEST), _link(found, first), mono=True),
    )


def _name(failure: Failure) -> str:
    return clean(failure.name or failure.tool, _LONGEST)


def _link(found: Diagnosis, failure: Failure) -> str:
    if not is_ours(failure.path) or not found.blob_url:
        return ""
    anchor = f"#L{failure.line}" if failure.line else ""
    return safe_link(f"{found.blob_url}/{quote(failure.path)}{anchor}")

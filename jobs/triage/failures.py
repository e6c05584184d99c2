"""How a parser says what failed: relative paths, cut texts, and the signature."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from jobs.triage.signatures import relative, signature
from jobs.types import Failure

if TYPE_CHECKING:
    from collections.abc import Iterable

    from jobs.types import FailureKind

MOST = 100
"""Failures of one sort that are kept: nobody reads more, and a log must not fill a database."""
_NAME = 300
_MESSAGE = 500
_EXCERPT = 2_500
_HIGHEST_LINE = 10_000_000


@dataclass(frozen=True, slots=True)
class Section:
    """The cleaned output of one step, and the script that the step ran."""

    text: str
    command: str = ""

    @property
    def lines(self) -> list[str]:
        """The lines of the output."""
        return self.text.split("\n")


def failed(
    tool: str,
    kind: FailureKind,
    name: str,
    message: str,
    path: str = "",
    line: int | str | None = 0,
    excerpt: str = "",
) -> Failure:
    """Return a failure with its place in the repository and its signature."""
    name, place = _short(name, _NAME), relative(path)[:_NAME]
    number = int(line) if line and str(line).isdecimal() and len(str(line)) <= len(str(_HIGHEST_LINE)) else 0
    message = _short(message, _MESSAGE)
    told = excerpt.strip("\n")
    told = told if len(told) <= _EXCERPT else told[:_EXCERPT].rsplit("\n", 1)[0] + "\n\u2026"
    return Failure(tool, kind, name, message, place, number, signature(tool, kind, name, message, place), told)


def distinct(failures: Iterable[Failure], most: int = MOST) -> tuple[Failure, ...]:
    """Return each failure once, in order; where it was told with and without its line, with the line."""
    kept: dict[tuple[str, int], Failure] = {}
    for failure in failures:
        key, unplaced = (failure.signature, failure.line), (failure.signature, 0)
        if not failure.line and any(signature == failure.signature for signature, _ in kept):
            continue
        if failure.line and unplaced in kept:
            known = kept[unplaced]
            kept[unplaced] = replace(failure, excerpt=known.excerpt or failure.excerpt)
            kept = {(one.signature, one.line): one for one in kept.values()}
        elif key not in kept and len(kept) < most:
            kept[key] = failure
    return tuple(kept.values())


def _short(text: str, most: int) -> str:
    text = text.strip()
    return text if len(text) <= most else text[: most - 1].rstrip() + "\u2026"

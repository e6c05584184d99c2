"""Reads patches: which lines one can comment on, and where a line went."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

HEADER = re.compile(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")


@dataclass(frozen=True, slots=True)
class Spot:
    """A line of a diff: lines below its first header, the hunk's number, and the hunk's text up to it."""

    position: int
    hunk: int
    text: str


def spots(patch: str) -> dict[tuple[str, int], Spot]:
    """Return the lines of a patch that can be commented on, by side and number.

    LEFT are deleted lines, RIGHT are added and unchanged ones, as GitHub's REST API wants them.
    """
    found: dict[tuple[str, int], Spot] = {}
    text, hunk, old, new = "", 0, 0, 0
    for position, line in enumerate(patch.removesuffix("\n").split("\n")):
        if header := HEADER.match(line):
            text, hunk, old, new = line, hunk + 1, int(header[1]), int(header[3])
            continue
        text += f"\n{line}"
        if line.startswith("-"):
            found["LEFT", old] = Spot(position, hunk, text)
            old += 1
        elif line.startswith("+"):
            found["RIGHT", new] = Spot(position, hunk, text)
            new += 1
        elif not line.startswith("\\"):
            found["RIGHT", new] = Spot(position, hunk, text)
            old, new = old + 1, new + 1
    return found


def carried(patch: str, line: int) -> int | None:
    """Return where a line of the old file is in the new one; None where it was changed or deleted.

    The patch has no lines of context.
    """
    shift = 0
    for start, count, added in _hunks(patch):
        if not count:
            # Lines were put in behind the line ``start``.
            if line <= start:
                break
        elif line < start:
            break
        elif line < start + count:
            return None
        shift += added - count
    return line + shift


def _hunks(patch: str) -> Iterator[tuple[int, int, int]]:
    for line in patch.split("\n"):
        if header := HEADER.match(line):
            yield int(header[1]), int(header[2] or 1), int(header[4] or 1)

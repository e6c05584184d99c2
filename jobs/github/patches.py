"""Reads the patches that GitHub gives for changed files: which lines they change, and which ones they show."""

from __future__ import annotations

import re
from dataclasses import dataclass

HEADER = re.compile(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")


@dataclass(frozen=True, slots=True)
class DiffLines:
    """The lines of one file in a diff, as ranges of line numbers.

    ``changed`` are added or rewritten lines of the new file; ``shown`` has a range for each part of the new file that
    the diff shows, with what did not change around them: only there can one comment. ``deleted`` are of the old file.
    Nothing is known of binary files and of those whose patch is too long for GitHub.
    """

    changed: tuple[range, ...] = ()
    shown: tuple[range, ...] = ()
    deleted: tuple[range, ...] = ()

    def part_with(self, line: int) -> range:
        """Return the part of the new file around a line that the diff shows; empty where it does not."""
        return next((part for part in self.shown if line in part), range(0))


def read_patch(patch: str) -> DiffLines:
    """Return the lines of a patch; one that was cut somewhere is read as far as it goes."""
    changed: list[int] = []
    deleted: list[int] = []
    shown: list[int] = []
    old, new, old_end, new_end = 0, 0, 0, 0
    # Not splitlines: a form feed ends no line for git.
    for line in patch.split("\n"):
        if old >= old_end and new >= new_end:
            if header := HEADER.match(line):
                old, new = int(header[1]), int(header[3])
                old_end, new_end = old + int(header[2] or 1), new + int(header[4] or 1)
        elif line.startswith("-"):
            deleted.append(old)
            old += 1
        elif line.startswith("+"):
            changed.append(new)
            shown.append(new)
            new += 1
        elif not line.startswith("\\"):
            shown.append(new)
            old, new = old + 1, new + 1
    return DiffLines(_ranges(changed), _ranges(shown), _ranges(deleted))


def _ranges(lines: list[int]) -> tuple[range, ...]:
    found: list[range] = []
    for line in lines:
        if found and found[-1].stop == line:
            found[-1] = range(found[-1].start, line + 1)
        else:
            found.append(range(line, line + 1))
    return tuple(found)

"""A patch as suggestions on the lines of a pull request, where it is small and lies within what that changes. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

MOST_SUGGESTIONS = 10
MOST_LINES = 30
"""How many lines one suggestion replaces or brings at the most."""

_HUNK = re.compile(r"@@ -(\d+)(?:,(\d+))? \+\d+(?:,\d+)? @@")
_FILE = re.compile(r"diff --git a/(?P<old>.+) b/(?P<new>.+)")
_TICKS = re.compile(r"`{3,}")
_ODD = ("new file mode", "deleted file mode", "rename ", "copy ", "old mode", "new mode", "Binary ", "GIT binary", "\\")


@dataclass(frozen=True, slots=True)
class Suggestion:
    """New text for the lines ``start`` to ``end`` of a file, as they are at the pull request's head."""

    path: str
    start: int
    end: int
    text: str

    @property
    def body(self) -> str:
        """The comment that GitHub shows with a button to take it over."""
        longest = max((len(ticks) for ticks in _TICKS.findall(self.text)), default=2)
        ticks = "`" * max(3, longest + 1)
        return f"{ticks}suggestion\n{self.text}\n{ticks}" if self.text else f"{ticks}suggestion\n{ticks}"


@dataclass(slots=True)
class _Block:
    """Lines that change together; ``before`` is the unchanged line above them."""

    start: int
    before: str | None
    old: list[str] = field(default_factory=list)
    new: list[str] = field(default_factory=list)


def suggestions(diff: str, shown: Mapping[str, Sequence[range]]) -> tuple[Suggestion, ...]:
    """Return a patch as suggestions; none where one of its parts cannot be one.

    ``shown`` has for each path the lines of the new file that the pull request's diff shows: others take no comment.
    """
    found: list[Suggestion] = []
    for path, lines in _files(diff):
        blocks = _blocks(lines)
        if blocks is None or not blocks:
            return ()
        for block in blocks:
            made = _suggestion(path, block)
            if made is None or not _within(made, shown.get(path, ())):
                return ()
            found.append(made)
    return tuple(found) if len(found) <= MOST_SUGGESTIONS else ()


def _files(diff: str) -> Iterable[tuple[str, list[str]]]:
    path, lines = "", list[str]()
    for line in diff.split("\n"):
        if line.startswith("diff --git "):
            if path:
                yield path, lines
            opened = _FILE.fullmatch(line)
            # A name that git quotes gets one that no file has, so that nothing is suggested.
            path, lines = opened["new"] if opened is not None else "\0", []
        else:
            lines.append(line)
    if path:
        yield path, lines


def _blocks(lines: list[str]) -> list[_Block] | None:
    """Return the changed blocks of one file's diff, or None for what a suggestion cannot say."""
    blocks, block, number, above = list[_Block](), None, 0, None
    inside = False
    for line in lines:
        if (hunk := _HUNK.match(line)) is not None:
            number, above, block, inside = int(hunk[1]) + (hunk[2] == "0"), None, None, True
        elif line.startswith(_ODD) or line.startswith("[cut at"):
            return None
        elif not inside or not line:
            continue
        elif line[0] == " ":
            block, above, number = None, line[1:], number + 1
        elif line[0] in "-+":
            if block is None:
                block = _Block(number, above)
                blocks.append(block)
            if line[0] == "-":
                block.old.append(line[1:])
                number += 1
            else:
                block.new.append(line[1:])
        else:
            return None
    return blocks


def _suggestion(path: str, block: _Block) -> Suggestion | None:
    if max(len(block.old), len(block.new)) > MOST_LINES:
        return None
    if block.old:
        return Suggestion(path, block.start, block.start + len(block.old) - 1, "\n".join(block.new))
    if block.before is None:  # at the top of a file, there is no line to put it behind
        return None
    return Suggestion(path, block.start - 1, block.start - 1, "\n".join([block.before, *block.new]))


def _within(made: Suggestion, parts: Sequence[range]) -> bool:
    return any(made.start in part and made.end in part for part in parts)

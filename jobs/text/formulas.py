"""What a formula carries that nobody sees once GitHub has drawn it: phantoms, white letters, labels, comments."""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import TYPE_CHECKING

from jobs.text.edit import Edit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jobs.text.markdown import Document

NAME = "hidden part of a formula"
_WHITE = (
    r"(?:white|transparent|snow|ivory|ghostwhite|whitesmoke|floralwhite|mintcream|azure|aliceblue|honeydew|seashell"
    r"|#(?:[ef]{3}[0-9a-f]?|(?:[ef][0-9a-f]){3}(?:[0-9a-f]{2})?)|rgba?\(\s*2[345]\d\s*,\s*2[345]\d\s*,\s*2[345]\d[^)]*\)"
    r"|2[345]\d\s*,\s*2[345]\d\s*,\s*2[345]\d|(?:1(?:\.0*)?|0?\.9\d*)\s*(?:,\s*(?:1(?:\.0*)?|0?\.9\d*)\s*){0,2})"
)
_UNSEEN = re.compile(
    r"\\(?:(?P<phantom>[hv]?phantom(?![a-z]))"
    r"|(?P<argument>(?:label|cssId|class|def|newcommand|renewcommand|mathtip|texttip|tooltip)(?![a-z]))"
    rf"|(?P<rest>(?:text)?color\s*(?:\[[^\]\n]{{0,20}}\])?\s*\{{\s*{_WHITE}\s*\}}|tiny(?![a-z])"
    r"|(?:hspace|vspace|kern|mkern|hskip|mskip|raise|lower|raisebox|moveleft|moveright)\*?\s*\{?\s*-?\d{3,}"
    r"|style\s*\{[^{}\n]{0,200}(?:opacity|display|visibility|font-size|color)[^{}\n]{0,200}\}))",
    re.IGNORECASE,
)
_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)
_GROUP = re.compile(r"(?:\s|\*|\[[^\]\n]{0,20}\]|\\[A-Za-z]+)*+(?=\{)")
_COMMENT = re.compile(r"(?<!\\)%[^\n]*")
_IN_TICKS = re.compile(r"\$`[^`]*+`\$")
_WORDS = re.compile(r"[^\W\d_]{2,}[\W\d_]+[^\W\d_]{2,}|[^\W\d_]{6,}|[^\x00-\x7f]{4,}")
"""What is more than a letter or a sign that keeps two lines of a formula under each other."""
_MACRO = re.compile(r"\\[A-Za-z]+")
_MOST_GROUPS = 2


def find_unseen(document: Document, shown: str) -> Iterator[Edit]:
    """Yield the edits that take out of a text's formulas what is not seen; ``shown`` is the text without code."""
    text = document.text
    for block in document.blocks:
        if block.kind == "code" and block.info.strip().lower() == "math":
            yield from _in(text, block.start, block.end)
            yield from _comments(text, block.start, block.end)
    for match in _IN_TICKS.finditer(text):
        yield from _in(text, match.start() + 2, match.end() - 2)
    # Where a formula begins is GitHub's to say: what hides is taken out wherever it stands between two dollars.
    first, last = shown.find("$"), shown.rfind("$")
    if first < last:
        yield from _in(shown, first, last)
        ends = [match.start() for match in re.finditer(r"\$\$", shown)]
        for start, end in zip(ends[::2], ends[1::2], strict=False):
            yield from _comments(shown, start, end)


def _in(text: str, start: int, end: int) -> Iterator[Edit]:
    if not _UNSEEN.search(text, start, end):
        return
    braces = _Braces(text, start, end)
    for match in _UNSEEN.finditer(text, start, end):
        if match["rest"]:
            dollar = text.find("$", match.end(), end)
            stop = min(braces.around(match.start()), dollar if dollar >= 0 else end)
            yield Edit(match.start(), max(stop, match.end()), "", NAME, _said(text[match.end() : stop]))
            continue
        stop = braces.behind(match.end(), 1 if match["phantom"] else _MOST_GROUPS)
        said = _said(text[match.end() : stop])
        if _WORDS.search(said):
            yield Edit(match.start(), stop, "", NAME, said)


def _said(text: str) -> str:
    return _MACRO.sub(" ", text).strip("{} \n")


class _Braces:
    """Which braces of a formula belong together."""

    def __init__(self, text: str, start: int, end: int) -> None:
        self._text, self._end = text, end
        self._closing: dict[int, int] = {}
        self._places: list[int] = []
        self._opened: list[int] = []
        stack: list[int] = []
        for match in _BRACE.finditer(text, start, end):
            if match.group() == "{":
                stack.append(match.start())
            elif match.group() == "}" and stack:
                self._closing[stack.pop()] = match.start()
            self._places.append(match.start())
            self._opened.append(stack[-1] if stack else -1)

    def around(self, position: int) -> int:
        """Return where the group ends that a position is in."""
        index = bisect_right(self._places, position - 1) - 1
        return self._closing.get(self._opened[index], self._end) if index >= 0 else self._end

    def behind(self, position: int, most: int) -> int:
        """Return where the arguments end that begin at a position."""
        for _ in range(most):
            match = _GROUP.match(self._text, position, self._end)
            if match is None or match.end() not in self._closing:
                break
            position = self._closing[match.end()] + 1
        return position


def _comments(text: str, start: int, end: int) -> Iterator[Edit]:
    for match in _COMMENT.finditer(text, start, end):
        if _WORDS.search(match.group()):
            yield Edit(match.start(), match.end(), "", NAME, match.group().strip("% "))

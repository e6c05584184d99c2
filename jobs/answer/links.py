"""Turns the places in the code that an answer names into links, where the harness has seen that they are there. Pure.

The text is taken as it was neutralised for its surface, so that these links are the only ones that are no mere text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from jobs.text.markdown import pieces, read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from jobs.types import Outcome

MOST = 200
"""References of one answer that are looked at; the rest stays plain text."""
_LINES = r"(?:#L|:L?)(?P<first>\d{1,7})(?:(?:-|\u2013)L?(?P<last>\d{1,7})|:\d{1,5})?"
_PROSE = re.compile(
    r"(?<![\w/.:@#?=&%+~;\\-])(?P<path>(?:/workspace/|\./)?[\w.@+-]++(?:/[\w.@+-]++)*+)" + _LINES + r"(?![\w/])"
)
"""A path of usual characters in running text; one inside an address is none."""
_SPAN = re.compile(r"(?P<path>[^\n`]{1,300}?)" + _LINES)
"""The whole of a code span, where a path may have any characters."""
_PREFIXES = ("/workspace/", "./")


@dataclass(frozen=True, slots=True)
class Reference:
    """One named place: a path and lines; ``last`` is ``first`` where one line was named."""

    path: str
    first: int
    last: int

    def __str__(self) -> str:
        return f"{self.path}#L{self.first}" + (f"-L{self.last}" if self.last != self.first else "")


def markdown_link(label: str, url: str) -> str:
    """Return a link in Markdown whose label is code."""
    return f"[`{label}`]({url})"


def linked(text: str, outcome: Outcome, link: Callable[[str, str], str] = markdown_link) -> str:
    """Return an answer with the links that were found to be good when it was given; other texts as they are."""
    if not outcome.references:
        return text
    good = frozenset(outcome.references)
    return _replaced(text, lambda found: _url(outcome.blob_url, found) if str(found) in good else "", link)


def references(text: str) -> tuple[Reference, ...]:
    """Return the places that an answer names, each once, whether or not they are there."""
    found = (reference for _, _, _, reference in _found(text))
    return tuple(dict.fromkeys(found))[:MOST]


def _replaced(text: str, url_of: Callable[[Reference], str], link: Callable[[str, str], str]) -> str:
    parts, position = [], 0
    for start, end, label, reference in _found(text):
        url = url_of(reference)
        if url:
            parts += [text[position:start], link(label, url)]
            position = end
    return "".join([*parts, text[position:]])


def _found(text: str) -> Iterator[tuple[int, int, str, Reference]]:
    """Yield where each reference stands, how it is written, and what it names, from left to right."""
    document, position = read(text, html=False), 0
    for block in document.blocks:
        for piece in pieces(document, block, html=False):
            if piece.kind != "code" or piece.start < position:
                continue
            yield from _in_prose(text, position, piece.start)
            if block.kind != "code":
                yield from _in_span(text, piece.start, piece.end)
            position = piece.end
    yield from _in_prose(text, position, len(text))


def _in_prose(text: str, start: int, end: int) -> Iterator[tuple[int, int, str, Reference]]:
    for match in _PROSE.finditer(text, start, end):
        reference = _reference(match)
        if reference is not None:
            yield match.start(), match.end(), match.group(), reference


def _in_span(text: str, start: int, end: int) -> Iterator[tuple[int, int, str, Reference]]:
    label = text[start:end].strip("`").strip()
    match = _SPAN.fullmatch(label)
    reference = None if match is None else _reference(match)
    if reference is not None:
        yield start, end, label, reference


def _reference(match: re.Match[str]) -> Reference | None:
    path, first = match["path"], int(match["first"])
    for prefix in _PREFIXES:
        path = path.removeprefix(prefix)
    last = int(match["last"] or first)
    return Reference(path, first, last) if path and 1 <= first <= last else None


def _url(blob_url: str, reference: Reference) -> str:
    return f"{blob_url}/{quote(reference.path)}#{str(reference).rpartition('#')[2]}"

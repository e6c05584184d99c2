"""Cells behind the last column of a table, which GitHub leaves out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from jobs.text.edit import Edit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jobs.text.markdown import Document

NAME = "table cell behind the last column"
_BEFORE = re.compile(r"[ \t>]*+\|?")
_BAR = re.compile(r"\\.|\|", re.DOTALL)


def find_beyond(document: Document) -> Iterator[Edit]:
    """Yield the edits that cut the rows of a text's tables to their columns.

    A bar that code holds divides cells like any other (https://github.github.com/gfm/, "Tables").
    """
    for table in document.tables:
        for start, end in table.rows:
            if (begin := _behind(document.text, start, end, table.columns)) is not None:
                yield Edit(begin, end, "", NAME, document.text[begin:end].strip("| \t"))


def _behind(text: str, start: int, end: int, columns: int) -> int | None:
    """Return where the cells begin in a row that are too many, or None where there are none."""
    before = _BEFORE.match(text, start, end)
    seen = 0
    for bar in _BAR.finditer(text, before.end() if before else start, end):
        seen += bar.group() == "|"
        if seen == columns:
            return bar.end() if text[bar.end() : end].strip(" \t|") else None
    return None

"""Bytes of a log, in any pieces, to blocks of cleaned lines, in constant memory."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from jobs.text import strip_controls

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LONGEST_LINE = 1_000
"""Characters of a line that are kept; what is longer is minified code or somebody's trick."""
_BLOCK = 1 << 18
_PENDING = 16 * 1_024
_TIME = re.compile(r"^\ufeff?\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z(?: |$)", re.MULTILINE)
_LONG = re.compile(rf"^([^\n]{{{LONGEST_LINE}}})[^\n]+", re.MULTILINE)
_BLANKS = re.compile(r"\n(?:[ \t]*\n){3,}")


class Source:
    """A log's bytes, read up to a limit; afterwards ``cut`` says whether there were more."""

    def __init__(self, chunks: Iterable[bytes], limit: int) -> None:
        self._chunks, self._left = chunks, limit
        self.cut = False

    def blocks(self) -> Iterator[str]:
        """Yield the cleaned lines in blocks that end with a newline."""
        gathered, size = [], 0
        for lines in _whole_lines(self._limited()):
            gathered.append(lines)
            size += len(lines)
            if size >= _BLOCK:
                yield _cleaned(b"".join(gathered))
                gathered, size = [], 0
        if size:
            yield _cleaned(b"".join(gathered))

    def _limited(self) -> Iterator[bytes]:
        for chunk in self._chunks:
            if not chunk:
                continue
            if self._left <= 0 or len(chunk) > self._left:
                self.cut = True
            if self._left <= 0:
                return
            for start in range(0, min(len(chunk), self._left), _BLOCK):
                yield chunk[start : min(start + _BLOCK, self._left)]
            self._left -= len(chunk)


def _whole_lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield pieces that end with a line's end; of a line that never ends, its beginning."""
    rest, overlong = b"", False
    for chunk in chunks:
        data = rest + chunk
        returned = data.endswith(b"\r")
        data = (data[:-1] if returned else data).replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        if overlong:
            _, found, data = data.partition(b"\n")
            overlong = not found
        end = data.rfind(b"\n") + 1
        if end:
            yield data[:end]
        rest = data[end:]
        if len(rest) > _PENDING:
            yield rest[:_PENDING] + b"\n"
            rest, overlong = b"", True
        rest += b"\r" if returned else b""
    if rest.strip() and not overlong:
        yield rest.replace(b"\r", b"\n") + (b"" if rest.endswith((b"\n", b"\r")) else b"\n")


def _cleaned(data: bytes) -> str:
    text = strip_controls(data.decode("utf-8", "replace"))
    text = _LONG.sub("\\1\u2026", _TIME.sub("", text))
    return _BLANKS.sub("\n\n\n", text)

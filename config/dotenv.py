"""Reads the text of a ``.env`` file: quotes, comments, ``export``, values of several lines."""

from __future__ import annotations

import re
from dataclasses import dataclass

_NAME = re.compile(r"[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)[ \t]*=[ \t]*")
_SINGLE = re.compile(r"'([^']*)'")
_DOUBLE = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_REST = re.compile(r"[ \t]*(?:#[^\n]*)?(?:\n|\Z)")
_BLANK = re.compile(r"[ \t]*(?:#[^\n]*)?(?:\n|\Z)")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\", "$": "$", "`": "`", "\n": ""}


@dataclass(frozen=True, slots=True)
class Entry:
    """One assignment: its name and value, and the slice of the text that holds it, line break included."""

    name: str
    value: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Dotenv:
    """What a ``.env`` file says, and the numbers of the lines that could not be read."""

    entries: tuple[Entry, ...]
    unreadable: tuple[int, ...]

    @property
    def values(self) -> dict[str, str]:
        """Names and values; the last one of a name wins."""
        return {entry.name: entry.value for entry in self.entries}


def parse(text: str) -> Dotenv:
    """Read the text of a ``.env`` file."""
    text = text.replace("\r\n", "\n")
    entries: list[Entry] = []
    unreadable: list[int] = []
    position = 0
    while position < len(text):
        if blank := _BLANK.match(text, position):
            position = blank.end()
            continue
        entry = _assignment(text, position)
        if entry is None:
            unreadable.append(text.count("\n", 0, position) + 1)
            position = _line_end(text, position)
        else:
            entries.append(entry)
            position = entry.end
    return Dotenv(tuple(entries), tuple(unreadable))


def quote(value: str) -> str:
    """Write a value so that ``parse`` and the usual readers of ``.env`` files read it back."""
    if re.fullmatch(r"[A-Za-z0-9_./:@%+,=-]*", value):
        return value
    escaped = re.sub(r'(["\\$`])', r"\\\1", value).replace("\n", "\\n")
    return f'"{escaped}"'


def _assignment(text: str, position: int) -> Entry | None:
    name = _NAME.match(text, position)
    if name is None:
        return None
    start = name.end()
    quoted = _SINGLE.match(text, start) or _DOUBLE.match(text, start)
    if quoted is None:
        end = _line_end(text, start)
        if text[start : start + 1] in {"'", '"'}:
            return None
        bare = re.split(r"(?:^|[ \t])#", text[start:end], maxsplit=1)[0]
        return Entry(name[1], bare.strip(), position, end)
    rest = _REST.match(text, quoted.end())
    if rest is None:
        return None
    value = quoted[1] if text[start] == "'" else _ESCAPE.sub(_unescape, quoted[1])
    return Entry(name[1], value, position, rest.end())


def _unescape(match: re.Match[str]) -> str:
    return _ESCAPED.get(match[1], match[0])


def _line_end(text: str, position: int) -> int:
    newline = text.find("\n", position)
    return len(text) if newline < 0 else newline + 1

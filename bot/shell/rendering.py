"""An answer as a terminal shows it; nothing in it that a stranger could have the terminal obey (pure)."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

from bot.commands import ALIASES, ENTRIES
from jobs.answer.parts import Diff, Link, Listing, Quote, Say
from jobs.text import strip_invisible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.commands import Entry
    from jobs.answer.parts import Answer, Part

WIDTH = 100
"""Columns where no terminal says how many it has."""
GAP = "  "
NARROWEST = 8
"""Columns that a column of a table keeps when the table is wider than the terminal."""
COLOURS = {"+": "\033[32m", "-": "\033[31m", "@": "\033[36m"}
BOLD, PLAIN = "\033[1m", "\033[0m"
ELLIPSIS = "…"

_SPAN = re.compile(r"(?<!`)(`++)/opus ([^`]*+)\1")
_BARE = re.compile(r"(?<![\w/])/opus\b ?")
_SPECIAL = re.compile(r"[^\w\s@%+=:,./<>\[\]…-]|(?<!\S)--")
"""What a shell, or we, would read as something else in words that are typed without quotes."""


def render(answer: Answer, *, width: int = WIDTH, colour: bool = False) -> str:
    """Return the answer as lines; a table is cut to the width."""
    blocks = [_part(part, answer.task_id, width=width, colour=colour) for part in answer.parts]
    text = "\n\n".join(block for block in blocks if block)
    return text or ("Done." if answer.ok else "That was not possible.")


def plain(text: str) -> str:
    """Return anybody's text without what a terminal would obey and without what nobody can see."""
    return strip_invisible(text)[0].expandtabs(4)


def one_line(text: str) -> str:
    """Return anybody's text as one line."""
    return " ".join(plain(text).split())


def for_shell(text: str, task_id: str = "") -> str:
    """Return our own sentence with the commands in it as they are typed here; one that lacks its task gets it."""
    said = _SPAN.sub(lambda match: f"{match[1]}opus67 {_typed(match[2], task_id)}{match[1]}", text)
    return _BARE.sub("opus67 ", said)


def columns(text: str) -> int:
    """Return how many columns of a terminal a text takes."""
    return sum(_columns(character) for character in text)


def cut(text: str, width: int) -> str:
    """Return a line that is at most so many columns wide."""
    if columns(text) <= width:
        return text
    kept, used = [], columns(ELLIPSIS)
    for character in text:
        used += _columns(character)
        if used > width:
            break
        kept.append(character)
    return "".join(kept) + ELLIPSIS


def quoted(text: str, indent: str = "│ ") -> str:
    """Return somebody's words, set off from ours."""
    return "\n".join(f"{indent}{line}".rstrip() for line in plain(text).strip().splitlines())


def coloured(diff: str) -> str:
    """Return a diff with the colours that people know."""
    lines = [(COLOURS.get(line[:1], ""), line) for line in plain(diff).splitlines()]
    return "\n".join(f"{colour}{line}{PLAIN}" if colour else line for colour, line in lines)


def _part(part: Part, task_id: str, *, width: int, colour: bool) -> str:
    match part:
        case Say():
            return plain(for_shell(part.text, task_id))
        case Quote():
            title = [one_line(part.title)] if part.title else []
            return "\n".join([*title, quoted(part.text)])
        case Listing():
            return _table(part, width, colour=colour)
        case Diff():
            return coloured(part.text) if colour else plain(part.text).rstrip("\n")
        case Link():
            return f"{one_line(part.text)}: {one_line(part.url)}"


def _table(listing: Listing, width: int, *, colour: bool) -> str:
    rows = [[one_line(cell) for cell in row] for row in (listing.head, *listing.rows)]
    widths = _widths(rows, width)
    lines = [GAP.join(_padded(cell, size) for cell, size in zip(row, widths, strict=False)).rstrip() for row in rows]
    head = f"{BOLD}{lines[0]}{PLAIN}" if colour else lines[0]
    return "\n".join([head, *lines[1:]])


def _widths(rows: Sequence[Sequence[str]], width: int) -> list[int]:
    """Return how wide each column shall be: the widest gives way first."""
    count = max(len(row) for row in rows)
    sizes = [max((columns(row[index]) for row in rows if index < len(row)), default=0) for index in range(count)]
    room = width - len(GAP) * (count - 1)
    while sum(sizes) > room and max(sizes) > NARROWEST:
        sizes[sizes.index(max(sizes))] -= 1
    return sizes


def _padded(text: str, size: int) -> str:
    shown = cut(text, size)
    return shown + " " * (size - columns(shown))


def _columns(character: str) -> int:
    if unicodedata.combining(character) or character in "\u200c\u200d\ufe0e\ufe0f":
        return 0
    return 2 if unicodedata.east_asian_width(character) in {"W", "F"} else 1


def _typed(words: str, task_id: str) -> str:
    """Return a command as it is typed in a shell: with its task, and its text in quotes where it needs them."""
    name, entry = _named(words)
    if entry is None:
        return words
    rest = words.split(maxsplit=len(name.split()))[len(name.split()) :]
    text = rest[0] if rest else ""
    if entry.task is not None and entry.task.required and task_id and not text:
        return f"{name} {task_id}"
    if entry.text is None or not _SPECIAL.search(text):
        return words
    target, _, more = text.partition(" ")
    if entry.task is not None and more:
        return f'{name} {target} "{_escaped(more)}"'
    return f'{name} "{_escaped(text)}"'


def _named(words: str) -> tuple[str, Entry | None]:
    """Return the name with which words begin, and its line of the table."""
    names = sorted((*ENTRIES, *ALIASES), key=len, reverse=True)
    name = next((name for name in names if f"{words} ".startswith(f"{name} ")), "")
    return name, ENTRIES.get(ALIASES.get(name, name))


def _escaped(text: str) -> str:
    return re.sub(r'(["\\$])', r"\\\1", text)

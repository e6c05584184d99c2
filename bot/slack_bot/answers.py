"""An answer to a command as a message of Slack."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bot.slack_bot import kit
from bot.slack_bot.prose import prose
from bot.slack_bot.rendering import Shown
from jobs.answer.parts import Answer, Diff, Link, Listing, Quote, Say

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bot.slack_bot.kit import JSON
    from jobs.answer.parts import Part

_PART = 4_000
_MOST_PARTS = 40
_CELL = 120
_CODE = re.compile(r"[0-9a-f]{6,12}|/opus .*")
"""What is shown as code in front of a row: the id of a task, and a command."""
_WIDEST = 72
"""A table that is wider than this would break its lines in a window of usual size."""
_NOTIFICATION = 200
_DIFF = 3_000
NOT_DONE = "\u26a0\ufe0f "
MORE = "\u2026 and more than fits into one message."
CUT = "\n\u2026 the rest is too long for a message."


def answer_message(answer: Answer) -> Shown:
    """Return an answer; without blocks where it says nothing."""
    groups: list[list[JSON]] = []
    left = kit.LONGEST_MESSAGE - 2 * len(MORE)
    for part in answer.parts:
        if left <= 0 or len(groups) >= _MOST_PARTS:
            groups.append([kit.section(kit.words(MORE, italic=True))])
            break
        groups.append([shown for shown in _part(part, min(left, _PART)) if shown["elements"]])
        left -= kit.weight(groups[-1])
    filled = [group for group in groups if group]
    if filled and not answer.ok:
        filled[0] = _warned(filled[0])
    return Shown(_notification(answer), [block for group in filled for block in kit.rich(*group)])


def said_message(text: str) -> Shown:
    """Return one sentence of ours."""
    return answer_message(Answer((Say(text),)))


def _warned(parts: Sequence[JSON]) -> list[JSON]:
    first, mark = parts[0], kit.words(NOT_DONE)
    if first["type"] != "rich_text_section":
        return [kit.section(mark), *parts]
    return [{**first, "elements": [*mark, *first["elements"]]}, *parts[1:]]


def _part(part: Part, limit: int) -> list[JSON]:
    match part:
        case Say():
            return [kit.section(kit.clip(kit.ours(part.text.strip()), limit))]
        case Quote():
            title = kit.words(kit.one_line(part.title, 200), bold=True)
            return [kit.section(title), *prose(part.text, limit - 200, quoted=True)]
        case Listing():
            return _listing(part, limit)
        case Diff():
            return _diff(part.text, min(limit, _DIFF))
        case Link():
            return [kit.section(kit.link(part.url, kit.one_line(part.text, 200)))]


def _diff(text: str, limit: int) -> list[JSON]:
    shown = kit.harmless(text).strip("\n")
    if len(shown) > limit:
        shown = shown[: limit - len(CUT)].rpartition("\n")[0] + CUT
    return [kit.preformatted(shown)] if shown.strip() else []


def _listing(table: Listing, limit: int) -> list[JSON]:
    rows = [[kit.one_line(cell, _CELL) for cell in row] for row in table.rows]
    head = [kit.one_line(name, 40) for name in table.head]
    columns = max((len(row) for row in [head, *rows]), default=0)
    whole = [row + [""] * (columns - len(row)) for row in ([head, *rows] if any(head) else rows)]
    widths = [max((len(row[index]) for row in whole), default=0) for index in range(columns)]
    if sum(widths) + 2 * (columns - 1) <= _WIDEST:
        return _aligned(whole, widths, limit)
    return _bulleted([_with_names(head, row) for row in rows], limit)


def _with_names(head: Sequence[str], row: Sequence[str]) -> list[str]:
    """Return a row whose bare numbers say what they are, since no column stands over them."""
    names = [*head, *[""] * len(row)]
    return [f"{name} {cell}".strip() if cell.isdigit() else cell for name, cell in zip(names, row, strict=False)]


def _aligned(rows: Sequence[Sequence[str]], widths: Sequence[int], limit: int) -> list[JSON]:
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    shown = "\n".join(_fitting(lines, limit))
    return [kit.preformatted(shown)] if shown.strip() else []


def _bulleted(rows: Sequence[Sequence[str]], limit: int) -> list[JSON]:
    """Return one line for each row: what it is about, and the rest behind it."""
    lines = [" \u00b7 ".join(filter(None, row)) for row in rows]
    kept = _fitting(lines, limit)
    items = [_row(row) for row, _ in zip(rows, kept[: len(rows)], strict=False)]
    if len(kept) != len(lines) or kept[-1:] != lines[-1:]:
        items[-1:] = [kit.words(kept[-1])]
    return [kit.bullets(items)] if items else []


def _row(row: Sequence[str]) -> list[JSON]:
    first, rest = row[0] if row else "", " \u00b7 ".join(filter(None, row[1:]))
    shown = kit.words(first, code=True) if _CODE.fullmatch(first) else kit.words(first, bold=True)
    return [*shown, *kit.linked(f" \u00b7 {rest}" if rest and shown else rest)] or kit.words("\u2013")


def _fitting(lines: Sequence[str], limit: int) -> list[str]:
    """Return the first lines that fit; the last of them says how many are missing."""
    kept = list(_within(lines, limit - 40))
    return kept if len(kept) == len(lines) else [*kept, f"\u2026 and {len(lines) - len(kept):,} more"]


def _within(lines: Sequence[str], limit: int) -> Iterator[str]:
    for line in lines:
        limit -= len(line) + 1
        if limit < 0:
            return
        yield line


def _notification(answer: Answer) -> str:
    """Return what notifications and screen readers get: the first words."""
    for part in answer.parts:
        text = part.title or part.text if isinstance(part, Quote) else getattr(part, "text", "")
        if text.strip():
            return kit.escaped(kit.one_line(f"{'' if answer.ok else NOT_DONE}{text}".replace("`", ""), _NOTIFICATION))
    return "Here it is."

"""Answers to commands as messages of Discord: embeds, tables as code, links as buttons. Pure: values in, JSON out."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from bot.discord_bot.buttons import ROW, can_open, link_buttons
from bot.discord_bot.harmless import Ink, quoted, units
from bot.discord_bot.registration import native
from bot.discord_bot.rendering import BLUE, NOBODY, RED, listed
from jobs.answer.parts import Diff, Link, Listing, Quote, Say

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from jobs.answer.parts import Answer, Part

NOD = "\U0001f44d Done."
NO = "That is not possible here."
CUT = "\u2026 there is more than fits into a message."
_EMBED, _TOTAL, _EMBEDS = 3900, 5600, 2
"""Discord takes 4096 units in a description and 6000 in all embeds of a message."""
_LEAST = 500
_SAY, _QUOTE, _DIFF, _CELL = 1500, 3400, 2600, 120
_WIDTH = 56
"""As many characters of a code block stand side by side in an embed on a usual screen."""
_QUOTED_LINES = 15
_ROWS = 60


def answer_message(answer: Answer, redacted: Sequence[str] = ()) -> dict[str, Any]:
    """Return an answer as a message that pings nobody."""
    ink = Ink(redacted)
    texts = _embeds([piece for part in answer.parts for piece in _pieces(part, ink)])
    texts = texts or [NOD if answer.ok else NO]
    embeds: list[dict[str, Any]] = [{"description": text, "color": BLUE if answer.ok else RED} for text in texts]
    if answer.task_id:
        embeds[-1]["footer"] = {"text": f"Task {ink.plain(answer.task_id, 20)}"}
    buttons = link_buttons((part.text, part.url) for part in answer.parts if isinstance(part, Link))
    return {
        "content": "",
        "embeds": embeds,
        "components": [{"type": ROW, "components": buttons}] if buttons else [],
        "allowed_mentions": NOBODY,
    }


def sentence(words: str, *, ok: bool = True) -> dict[str, Any]:
    """Return a sentence of our own as a message."""
    embed = {"description": words, "color": BLUE if ok else RED}
    return {"content": "", "embeds": [embed], "components": [], "allowed_mentions": NOBODY}


def _embeds(pieces: Sequence[Callable[[int], str]]) -> list[str]:
    """Return the descriptions of the embeds into which the pieces go; what does not fit is told of."""
    texts: list[str] = []
    used = 0
    for piece in pieces:
        if used > _TOTAL - _LEAST:
            texts[-1] += f"\n{CUT}"
            break
        text = piece(min(_EMBED, _TOTAL - used - len(CUT)))
        if not text.strip():
            continue
        room = _EMBED - units(texts[-1]) - 2 if texts else 0
        if texts and units(text) <= room:
            texts[-1] += f"\n\n{text}" if "\n" in text or "\n" in texts[-1] else f"\n{text}"
        elif len(texts) < _EMBEDS:
            texts.append(text)
        else:
            texts[-1] += f"\n{CUT}"
            break
        used += units(text) + 2
    return texts


def _pieces(part: Part, ink: Ink) -> Iterator[Callable[[int], str]]:
    """Yield what makes a text of at most so many units of a part."""
    match part:
        case Say():
            yield partial(_say, ink, part.text)
        case Quote():
            yield partial(_quote, ink, part)
        case Listing():
            yield partial(_listing, ink, part)
        case Diff():
            yield lambda limit: ink.fence(part.text, "diff", min(limit, _DIFF)) if part.text.strip() else ""
        case Link() if not can_open(part.url):
            yield lambda limit: f"{ink.line(part.text, 200)}: {ink.code(part.url, min(limit, 600) - 202)}"


def _say(ink: Ink, text: str, limit: int) -> str:
    # Cut between lines and inside of them before they are written, never through what is code already.
    lines = [ink.line(line, min(_SAY, limit - 50)) for line in native(text).splitlines()]
    return listed(lines, len(lines), "", limit)


def _quote(ink: Ink, part: Quote, limit: int) -> str:
    title = f"**{ink.line(part.title, 200)}**\n" if part.title.strip() else ""
    text = ink.block(part.text, min(limit - 300, _QUOTE))
    return title + (quoted(text) if len(text.splitlines()) <= _QUOTED_LINES else text)


def _listing(ink: Ink, part: Listing, limit: int) -> str:
    """Return a table as code where it is narrow enough to be read as one, and otherwise a line for each row."""
    rows = [tuple(ink.plain(_named(cell), _CELL) for cell in row) for row in part.rows[:_ROWS]]
    head = tuple(ink.plain(cell, _CELL) for cell in part.head)
    columns = range(min((len(row) for row in (head, *rows)), default=0))
    if not rows or not columns:
        return ""
    widths = [max(len(row[column]) for row in (head, *rows)) for column in columns]
    if sum(widths) + 2 * (len(widths) - 1) <= _WIDTH:
        lines = ["  ".join(row[column].ljust(widths[column]) for column in columns).rstrip() for row in (head, *rows)]
        rule = "\u2500" * (sum(widths) + 2 * (len(widths) - 1))
        return ink.fence("\n".join([lines[0], rule, *lines[1:]]), "", limit)
    return listed([_row(ink, row) for row in rows], len(part.rows), "", limit)


def _named(cell: str) -> str:
    return native(cell) if cell.startswith("/opus ") else cell


def _row(ink: Ink, row: tuple[str, ...]) -> str:
    first, *rest = row
    shown = " \u00b7 ".join(ink.line(cell, _CELL) for cell in rest if cell)
    return f"{ink.code(first.replace('`', ''), 80)} {shown}".rstrip() if first.strip("` ") else shown

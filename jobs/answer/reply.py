"""An answer to a command as Markdown for GitHub."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from jobs.answer.parts import Diff, Link, Listing, Quote, Say
from jobs.text import cut, fence, line, neutralise
from jobs.text.neutral import cell

if TYPE_CHECKING:
    from jobs.answer.parts import Answer, Part

LIMIT = 60_000
QUOTE_LIMIT = 20_000
_COMMAND = re.compile(r"/opus [^`\r\n]*")
"""What can stand as code: a title or an item of a plan may begin like a command, too."""
DIFF_LIMIT = 30_000


def reply(answer: Answer) -> str:
    """Return the Markdown of an answer; empty where a nod is enough."""
    return cut("\n\n".join(_part(part) for part in answer.parts), LIMIT)


def _part(part: Part) -> str:
    match part:
        case Say():
            return part.text
        case Quote():
            title = f"**{part.title}:**\n\n" if part.title else ""
            quoted = "\n".join(f"> {row}".rstrip() for row in neutralise(part.text, limit=QUOTE_LIMIT).split("\n"))
            return f"{title}{quoted}"
        case Listing():
            rows = [_row(part.head), f"|{'---|' * len(part.head)}"]
            return "\n".join([*rows, *(_row(row) for row in part.rows)])
        case Diff():
            return fence(part.text, "diff", DIFF_LIMIT)
        case Link():
            return f"[{line(part.text)}]({part.url})"


def _row(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(_cell(text) for text in cells)} |"


def _cell(text: str) -> str:
    # A command of ours is shown as one, so that people can copy it.
    return f"`{text.replace('|', '/')}`" if _COMMAND.fullmatch(text) else cell(text)

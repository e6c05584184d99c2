"""The context window: what a tool says is made clean and kept within bounds before the model reads it."""

from __future__ import annotations

import re

from jobs.text.characters import reveal, strip_invisible

OUTPUT_LIMIT = 30_000
"""Characters of one tool result. Older results are not cut again here: thinking is bound to what stood before it,
so a changed transcript would lose it. The models clear old results in a way that their API allows."""
NAME_LIMIT = 255
HEAD_SHARE = 0.6
ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
BLANKS = re.compile(r"\s+")


def cut(text: str, limit: int = OUTPUT_LIMIT) -> str:
    """Return the text within ``limit`` characters, cut in the middle where a line says how much is missing."""
    if len(text) <= limit:
        return text
    room = max(0, limit - len(_gap(len(text))))
    head = int(room * HEAD_SHARE)
    tail = room - head
    gap = _gap(len(text) - head - tail)
    return (text[:head] + gap + (text[-tail:] if tail else ""))[: max(limit, 0)]


def _gap(missing: int) -> str:
    return f"\n[… {missing} characters were cut here …]\n"


def readable(output: str) -> str:
    """Return output without terminal escapes, control characters and broken Unicode, which nobody downstream wants.

    What carries words that people do not see, such as tag characters, is spelled out.
    """
    text = ESCAPES.sub("", output.replace("\r\n", "\n"))
    text = CONTROLS.sub("\N{REPLACEMENT CHARACTER}", text)
    return reveal(text.encode("utf-8", "replace").decode("utf-8"))


def plain_name(text: str) -> str:
    """Return a name that strangers chose, such as a branch's, as it can stand between backticks in our sentences."""
    shown = strip_invisible(readable(text))[0].replace("`", "'")
    return BLANKS.sub("\N{REPLACEMENT CHARACTER}", shown)[:NAME_LIMIT]

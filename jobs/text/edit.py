"""One place in a text where something is hidden, and what shall stand there instead."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Edit:
    """Replace ``text[start:end]``; ``name`` says what was hidden there, ``excerpt`` what it said."""

    start: int
    end: int
    replacement: str
    name: str
    excerpt: str

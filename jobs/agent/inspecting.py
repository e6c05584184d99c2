"""What the reviewer of a pull request reads first: its own words, the difference, and what was said before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.agent.context import cut, readable
from jobs.agent.prompts import fill, mark, request_message
from jobs.agent.tools import Purpose
from jobs.agent.transcript import user_message, words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jobs.types import Message, Subject

DIFFERENCE_LIMIT = 250_000
LISTED_LIMIT = 12_000
SAID_LIMIT = 24_000
WHOLE = "the whole pull request"
NEWER = "what was pushed since the last review"


def review_message(
    *,
    repository: str,
    subject: Subject,
    title: str,
    text: str,
    asked_by: str,
    base: str,
    commit: str,
    difference: str,
    newer: bool = False,
    not_shown: Sequence[str] = (),
    said_before: Sequence[str] = (),
    besides: str = "",
) -> Message:
    """Return the first user message of a review; all of it is data but the sentences of the harness.

    ``newer`` says that the difference is a part of the pull request; ``besides`` is what the person who asked said.
    """
    asked = request_message(
        repository=repository, subject=subject, title=title, text=text, asked_by=asked_by, purpose=Purpose.REVIEW
    )
    shown = cut(readable(difference), DIFFERENCE_LIMIT).strip("\n") or "(nothing)"
    what = NEWER if newer else WHOLE
    parts = [
        str(asked["content"][0]["text"]),
        fill("difference", what=what, base=base, commit=commit, mark=mark(shown), text=shown),
        _fenced("not_shown", "\n".join(not_shown), LISTED_LIMIT),
        _fenced("said_before", "\n\n".join(said_before), SAID_LIMIT),
        _fenced("asked_besides", besides, LISTED_LIMIT),
    ]
    return user_message([words("\n\n".join(part for part in parts if part))])


def _fenced(name: str, text: str, limit: int) -> str:
    clean = cut(readable(text), limit).strip()
    return fill(name, mark=mark(clean), text=clean) if clean else ""

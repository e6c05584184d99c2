"""Reviews of pull requests, and comments on their lines, replies in threads included."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.asks import Ask, ReviewGiven, Router

if TYPE_CHECKING:
    from bot.events import Event

router = Router()

ASKING = frozenset({"changes_requested", "commented"})
"""An approval asks for nothing; comments on lines that came with it are told of one by one."""


@router.on("pull_request_review", "submitted")
def submitted(event: Event) -> list[Ask]:
    """Somebody asked for changes, or commented."""
    asks = event.review.state in ASKING and event.state == "open"
    return [ReviewGiven(event.number, event.review.id)] if asks and event.number else []


@router.on("pull_request_review_comment", "created")
def commented(event: Event) -> list[Ask]:
    """Somebody wrote a comment on lines: in a review, alone, or as a reply in a thread."""
    return [ReviewGiven(event.number, event.review.id)] if event.number and event.state == "open" else []

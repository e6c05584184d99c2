"""Comments on issues and pull requests: commands to the bot, each heard once, also after an edit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.asks import Ask, Router, Told
from bot.grammar import parse
from jobs.types import Subject

if TYPE_CHECKING:
    from bot.events import Event

router = Router()

UNTOLD = "0"
"""The author of a comment that names none."""


@router.on("issue_comment", "created", "edited")
def told(event: Event) -> list[Ask]:
    """Somebody wrote to the bot; of an edited comment only the new commands count, and always only from who wrote it.

    Else a stranger's refused words would become an order of whoever mends or moderates them.
    """
    if event.action == "edited" and "body" not in event.changed:
        return []
    if event.comment_author != event.actor.id and (event.action == "edited" or event.comment_author != UNTOLD):
        return []
    heard = list(parse(event.comment))
    for old in parse(event.comment_before):
        if old in heard:
            heard.remove(old)
    kind = "pull" if event.is_pull_request else "issue"
    return [Told(Subject(kind, event.number), tuple(heard), event.comment_id)] if heard else []

"""Labels on issues: putting one on asks for work, taking it off or closing the issue ends it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.asks import Ask, Edited, End, Router, Start
from jobs.types import Subject

if TYPE_CHECKING:
    from bot.events import Event

router = Router()

ENDINGS = {
    "closed": "the issue was closed by @{login}",
    "deleted": "the issue was deleted by @{login}",
    "transferred": "the issue was transferred by @{login}",
}


@router.on("issues", "labeled")
def start(event: Event) -> list[Ask]:
    """Somebody put a label on an open issue."""
    if event.state == "closed" or event.is_pull_request or not event.label:
        return []
    return [Start(Subject("issue", event.number), event.label)]


@router.on("issues", "unlabeled")
def end_by_label(event: Event) -> list[Ask]:
    """Somebody took a label off."""
    words = f"the label `{event.label}` was taken off by @{event.actor.login}"
    return [End(Subject("issue", event.number), words, event.label)]


@router.on("issues", *ENDINGS)
def end(event: Event) -> list[Ask]:
    """The issue is no longer there to be worked on."""
    return [End(Subject("issue", event.number), ENDINGS[event.action].format(login=event.actor.login))]


@router.on("issues", "edited")
def edited(event: Event) -> list[Ask]:
    """The issue's title or text was changed; a task keeps the text that it was asked with."""
    return [Edited(Subject("issue", event.number))] if event.changed & {"title", "body"} else []

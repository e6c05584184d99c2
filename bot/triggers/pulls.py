"""What happens to pull requests and branches: opened, changed, closed, pushed to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.asks import Ask, PullClosed, Pushed, ReviewWanted, Router

if TYPE_CHECKING:
    from bot.events import Event

router = Router()

BRANCHES = "refs/heads/"


@router.on("pull_request", "opened", "ready_for_review", "reopened", "synchronize")
def changed(event: Event) -> list[Ask]:
    """A pull request that is no draft has something new to review."""
    return [] if event.pull.draft or event.state != "open" or not event.number else [ReviewWanted(event.number)]


@router.on("pull_request", "closed")
def closed(event: Event) -> list[Ask]:
    """A pull request was merged, or closed without that."""
    how = "merged" if event.pull.merged else "closed"
    words = f"the pull request was {how} by @{event.actor.login}"
    return [PullClosed(event.number, words)] if event.number else []


@router.on("push", "")
def pushed(event: Event) -> list[Ask]:
    """A branch was pushed to, or deleted; tags are nothing to us."""
    branch = event.ref.removeprefix(BRANCHES)
    return [Pushed(branch, event.after)] if event.ref.startswith(BRANCHES) and branch else []

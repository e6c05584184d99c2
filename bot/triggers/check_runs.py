"""The buttons of our check runs, and GitHub's own "Re-run"."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.asks import Ask, Pressed, Router

if TYPE_CHECKING:
    from bot.events import Event

router = Router()


@router.on("check_run", "requested_action")
def pressed(event: Event) -> list[Ask]:
    """Somebody pressed one of our buttons."""
    return [Pressed(event.check_external_id, event.check_button)] if event.check_external_id else []


@router.on("check_run", "rerequested")
def rerun(event: Event) -> list[Ask]:
    """Somebody asked GitHub to run the check again."""
    return [Pressed(event.check_external_id, "run_again")] if event.check_external_id else []

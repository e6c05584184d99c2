"""The ends of CI runs: of GitHub's Actions, of the check suites of other Apps, and commit statuses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.asks import Ask, CiEnded, Router

if TYPE_CHECKING:
    from bot.events import Event

router = Router()

ACTIONS = "github-actions"
"""The App behind GitHub's Actions: its suites are told of a second time, as workflow runs."""


@router.on("workflow_run", "completed")
def run_ended(event: Event) -> list[Ask]:
    """A workflow run of GitHub's Actions has ended, green or red."""
    return [CiEnded("actions", event.run)] if event.run.sha and event.run.id else []


@router.on("check_suite", "completed")
def suite_ended(event: Event) -> list[Ask]:
    """All checks of another App on a commit have ended."""
    run = event.run
    return [CiEnded("checks", run)] if run.sha and run.suite and run.app not in {"", ACTIONS} else []


@router.on("status", "")
def status_set(event: Event) -> list[Ask]:
    """A service said by a commit status, the older kind of check, how a commit fares with it."""
    return [CiEnded("checks", event.run)] if event.run.sha and event.run.conclusion else []

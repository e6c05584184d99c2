"""Installations of the App: which repositories it may work in, and the end of what it may no longer do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.asks import Ask, InstallationChanged, Router

if TYPE_CHECKING:
    from bot.events import Event

router = Router()

GONE = {"deleted": "the App was uninstalled", "suspend": "the App's installation was suspended"}


@router.on("installation", "created", "unsuspend", "new_permissions_accepted")
def usable(event: Event) -> list[Ask]:
    """The App may work here."""
    added = event.repositories
    return [InstallationChanged(event.installation_id, event.account, added_repositories=added)]


@router.on("installation", *GONE)
def gone(event: Event) -> list[Ask]:
    """The App may no longer work here."""
    removed = event.action == "deleted"
    return [InstallationChanged(event.installation_id, event.account, GONE[event.action], removed)]


@router.on("installation_repositories", "added", "removed")
def changed(event: Event) -> list[Ask]:
    """Repositories were added to an installation or taken from it."""
    return [
        InstallationChanged(
            event.installation_id,
            event.account,
            added_repositories=event.repositories,
            removed_repositories=event.repositories_removed,
        )
    ]

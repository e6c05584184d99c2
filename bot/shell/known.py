"""What the database of this machine knows that can stand in a command, for completion; nothing where it is not here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.shell.database import check_database
from bot.shell.failure import Failure
from bot.shell.rendering import one_line
from config.settings import load
from jobs.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable

MOST = 50


def tasks() -> list[tuple[str, str]]:
    """Return ids and titles of the newest tasks, those first that are not over."""

    def found(store: Store) -> list[tuple[str, str]]:
        newest = sorted(store.tasks.recent(MOST), key=lambda task: task.status == "completed")
        return [(task.id, f"{task.status}: {one_line(task.title)}") for task in newest]

    return _ask(found)


def repositories() -> list[tuple[str, str]]:
    """Return the repositories of all installations."""
    return _ask(lambda store: [(name, "") for name, _ in store.records.repositories()])


def _ask(question: Callable[[Store], list[tuple[str, str]]]) -> list[tuple[str, str]]:
    settings = load()
    if settings.url:
        return []
    try:
        check_database(settings)
        store = Store.of(settings)
        try:
            return question(store)
        finally:
            store.close()
    except (Failure, *Store.UNAVAILABLE):
        return []

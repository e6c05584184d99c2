"""The database of this machine, looked at before it is used: what is the matter with it is told in words."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from bot.shell.exits import Exit
from bot.shell.failure import Failure
from config.settings import load
from jobs.store import Store
from jobs.store.migrations import HEAD, current

if TYPE_CHECKING:
    from collections.abc import Iterator

    from config.settings import Settings


def check_database(settings: Settings) -> None:
    """Raise Failure where the database has no tables, or those of another version."""
    url = settings.database_url
    file = Path(url.partition(":///")[2]) if url.startswith("sqlite:///") else None
    try:
        version = None if file is not None and not file.exists() else current(url)
    except Store.UNAVAILABLE as error:
        raise Failure(
            f"The database cannot be reached: {first_line(error)}. Check DATABASE_URL and that it runs.",
            Exit.UNREACHABLE,
        ) from error
    except Store.DAMAGED as error:
        raise Failure(
            f"The database is damaged: {first_line(error)}. `opus67 restore --force` puts a backup in its place.",
            Exit.REFUSED,
        ) from error
    if version is None:
        raise Failure("There is no database yet. `opus67 up` makes it and starts, or `opus67 migrate`.", Exit.USAGE)
    if version != HEAD:
        raise Failure(
            f"The database is of another version ({version}, not {HEAD}). `opus67 migrate` brings it to this one.",
            Exit.USAGE,
        )


@contextmanager
def store_here(what: str) -> Iterator[Store]:
    """Open the database of this machine; raises Failure where the service is elsewhere or has no tables yet.

    ``what`` begins the sentence that says so: what is done on the machine of the service.
    """
    settings = load()
    if settings.url:
        raise Failure(
            f"{what} on the machine of the service, and OPUS67_URL says that it is {settings.url}. "
            "Say it there, or take OPUS67_URL out of the settings.",
            Exit.USAGE,
        )
    check_database(settings)
    store = Store.of(settings)
    try:
        yield store
    except store.UNAVAILABLE as error:
        raise Failure(f"The database cannot be reached: {first_line(error)}.", Exit.UNREACHABLE) from error
    finally:
        store.close()


def first_line(error: BaseException) -> str:
    """Return what a driver of a database says, in one line."""
    found = str(getattr(error, "orig", None) or error).strip().splitlines()
    return found[0].rstrip(".") if found else type(error).__name__

"""What the doctor wants to know of a database: does it answer, at which migration, does it keep what it is given."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from jobs.store.database import Database
from jobs.store.migrations import current
from jobs.types import UserError

_FULL = 2
"""SQLite's number for ``synchronous=FULL``: https://sqlite.org/pragma.html#pragma_synchronous."""


@dataclass(frozen=True, slots=True)
class Health:
    """The migration that a database stands at, and whether a commit survives a loss of power."""

    version: str | None
    durable: bool
    words: str


def examine(url: str) -> Health:
    """Look at a database without changing its tables; raises ``UserError`` when it cannot be used."""
    database = Database(url)
    try:
        version = current(url)
        with database.read() as connection:
            names = ("journal_mode", "synchronous") if database.is_sqlite else ("fsync", "synchronous_commit")
            ask = "PRAGMA " if database.is_sqlite else "SHOW "
            values = [connection.exec_driver_sql(f"{ask}{name}").scalar_one() for name in names]
    except sa.exc.SQLAlchemyError as error:
        reason = str(getattr(error, "orig", None) or type(error).__name__).strip().splitlines()[0]
        raise UserError(f"The database does not answer ({reason}). Check DATABASE_URL and that it runs.") from error
    finally:
        database.close()
    durable = values == ["wal", _FULL] if database.is_sqlite else values[0] == "on" and values[1] != "off"
    return Health(version, durable, ", ".join(f"{name} {value}" for name, value in zip(names, values, strict=True)))

"""All rows of a database as one moment saw them, in a form that either engine takes up again."""

from __future__ import annotations

import base64
import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from jobs.store.database import Database
from jobs.store.tables import metadata
from jobs.types import UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    Change = Callable[[Any], Any]

AT_ONCE = 100
"""Rows that are fetched together; of a table that holds bytes just one, since one may have many megabytes."""


class Snapshot:
    """What the tables held at one moment. A row is a list of what JSON can hold, in the order of ``columns``."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection
        self._tables = reflected(connection)
        self.schema: str = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar_one()

    @property
    def columns(self) -> Mapping[str, Sequence[str]]:
        """The names of all tables, each with those of its columns."""
        return {name: table.columns.keys() for name, table in self._tables.items()}

    def rows(self, name: str) -> Iterator[list[Any]]:
        """Yield the rows of a table, a few of them in memory at a time."""
        table = self._tables[name]
        query = sa.select(*(sa.cast(one, sa.Text) if is_json(one) else one for one in table.columns))
        large = any(is_bytes(one) for one in table.columns)
        changes = [_written if is_bytes(one) else None for one in table.columns]
        found = self._connection.execute(query, execution_options={"yield_per": 1 if large else AT_ONCE})
        for row in found:
            yield [change(value) if change else value for change, value in zip(changes, row, strict=True)]


@contextmanager
def snapshot(url: str) -> Iterator[Snapshot]:
    """Give what one moment saw of a database that others go on writing to; nothing is locked."""
    database = Database(url)
    try:
        with database.moment() as connection:
            yield Snapshot(connection)
    except sa.exc.DBAPIError as error:
        reason = str(error.orig).strip().partition("\n")[0]
        raise UserError(f"The database could not be read ({reason}). `opus67 doctor` looks at it.") from error
    finally:
        database.close()


def reflected(connection: sa.Connection) -> dict[str, sa.Table]:
    """Return those of our tables that a database has, as they are in it: it may be of another version."""
    found = sa.MetaData()
    ours = set(metadata.tables) & set(sa.inspect(connection).get_table_names())
    found.reflect(connection, only=sorted(ours))
    return {name: found.tables[name] for name in sorted(ours)}


def rebuilt(column: sa.Column[Any], *, nul: bool) -> Change:
    """Return how a value of a snapshot becomes one of a column; ``nul`` tells whether texts may hold a NUL."""
    if is_bytes(column):
        return lambda value: None if value is None else base64.b64decode(value, validate=True)
    if is_json(column):
        return _document
    return (lambda value: value) if nul else _without_nul


def is_json(column: sa.Column[Any]) -> bool:
    """Tell whether a column holds JSON, whose text is kept as it is: its ``null`` is not the database's."""
    return isinstance(column.type, sa.JSON)


def is_bytes(column: sa.Column[Any]) -> bool:
    """Tell whether a column holds bytes."""
    return isinstance(column.type, sa.LargeBinary)


def _written(value: bytes | None) -> str | None:
    return None if value is None else base64.b64encode(value).decode()


def _document(text: str | None) -> Any:
    if text is None:
        return None
    value = json.loads(text)
    return sa.JSON.NULL if value is None else value


def _without_nul(value: Any) -> Any:
    """Return a value as PostgreSQL takes it, which keeps no NUL in a text."""
    return value.replace("\0", "\ufffd") if isinstance(value, str) else value

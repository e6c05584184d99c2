"""Databases with something in each column, to be taken down and put up again on either engine."""

from __future__ import annotations

import json
import string
from itertools import count
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from jobs.store.copying import is_json, reflected, snapshot
from jobs.store.database import Database
from jobs.store.replacing import replacement

if TYPE_CHECKING:
    from pathlib import Path

ODD = 'a"b\\c\n\N{PILE OF POO}\u2028 \u202e {}'
WORDS = string.printable.replace("\0", "")


def fill(url: str, rows: int = 3) -> None:
    """Put rows into all tables, with values that are easily lost on the way."""
    database, numbers = Database(url), count(1)
    with database.write() as connection:
        for table in reflected(connection).values():
            for column in (column for column in table.columns if is_json(column)):
                column.type = sa.JSON(none_as_null=True)
            values = [
                {column.name: _value(column, next(numbers), row) for column in table.columns} for row in range(rows)
            ]
            connection.execute(sa.insert(table), values)
    database.close()


def _value(column: sa.Column[Any], number: int, row: int) -> Any:
    if column.nullable and row == 0:
        return None
    if is_json(column):
        return [sa.JSON.NULL, {"ä": [1.5, None, ODD]}, [number]][row % 3]
    kinds = {
        sa.LargeBinary: bytes(range(256)) * number,
        sa.Boolean: number % 2 == 0,
        sa.Float: 1_800_000_000.123456 + number,
        sa.BigInteger: 2**40 + number,
        sa.Integer: number,
    }
    for kind, value in kinds.items():
        if isinstance(column.type, kind):
            return value
    # Nobody holds a task: who does would stand in a restore's way.
    return "" if column.name == "lease_owner" else f"{number}{ODD}{WORDS}"[: getattr(column.type, "length", None) or 60]


def content(url: str) -> dict[str, list[Any]]:
    """Return all rows of a database, sorted, with JSON as it is meant."""
    with snapshot(url) as found:
        return {name: sorted((json.dumps(row) for row in found.rows(name)), key=str) for name in found.columns}


def move(source: str, target: str, *, force: bool = False) -> Path | None:
    """Take all rows of one database to another."""
    with snapshot(source) as found, replacement(target, found.schema, found.columns, force=force) as loader:
        for name in found.columns:
            loader.add(name, list(found.rows(name)))
    return loader.kept

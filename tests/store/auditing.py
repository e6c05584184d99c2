"""An audit to spoil, and what there is to see of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from jobs.store.tables import audit
from jobs.types import Actor

if TYPE_CHECKING:
    from jobs.store import Head, Store


OPERATOR = Actor("cli", "root")


def problems(store: Store, *heads: Head, old: tuple[bytes, ...] = ()) -> list[str]:
    """Return what is wrong with the chain."""
    return store.audit.verify(heads, old).problems


def change(store: Store, statement: Any) -> None:
    """Change the database as somebody would who does not know the key."""
    with store.write() as connection:
        connection.execute(statement)


def row_of(store: Store, number: int) -> dict[str, Any]:
    """Return a row as it is stored."""
    with store.database.read() as connection:
        return dict(connection.execute(sa.select(audit).where(audit.c.number == number)).mappings().one())

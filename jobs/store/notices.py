"""What is to be said on a surface once: answers to commands, kept until their surface has said them."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from jobs.store.tables import notices

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from jobs.store.database import Database

FETCHED = "api"
"""The surface whose answers wait to be fetched: there is no process that says them."""
LEASE_SECONDS = 30.0
"""How long who took a notice may take to send it."""
DEATHS = 3
"""After so many processes that took a notice and died without a word nobody takes it any more."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing to say: ``address`` is how its surface finds the place, ``body`` is an Answer as JSON.

    ``attempts`` above 1 says that an earlier attempt may have sent it without living to tell.
    """

    id: int
    key: str
    surface: str
    address: Mapping[str, Any]
    body: Mapping[str, Any]
    created_at: float
    attempts: int


class Notices:
    """The outbox of the surfaces."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(
        self,
        connection: sa.Connection,
        surface: str,
        key: str,
        address: Mapping[str, Any],
        body: Mapping[str, Any],
        now: float,
    ) -> bool:
        """Store a notice in a transaction; False where one with this key is there."""
        values: dict[str, Any] = {
            "key": key,
            "surface": surface,
            "address": dict(address),
            "body": dict(body),
            "created_at": now,
        }
        values |= {"not_before": 0.0, "attempts": 0, "error": ""}
        return self._database.insert_new(connection, notices, values)

    def take(self, surface: str, now: float, limit: int = 20) -> Sequence[Notice]:
        """Take what is due on a surface for a while, oldest first; nobody else takes it meanwhile.

        What killed every process that took it is put aside as never said.
        """
        due = (
            sa.select(notices.c.id)
            .where(notices.c.surface == surface, notices.c.sent_at.is_(None), notices.c.not_before <= now)
            .order_by(notices.c.id)
            .limit(limit)
        )
        with self._database.write() as connection:
            ids = connection.execute(due.with_for_update(skip_locked=True)).scalars().all()
            if not ids:
                return []
            mine = sa.update(notices).where(notices.c.id.in_(ids))
            values = {"not_before": now + LEASE_SECONDS, "attempts": notices.c.attempts + 1}
            rows = connection.execute(mine.values(**values).returning(notices)).all()
            killers = {row.id for row in rows if row.attempts > DEATHS and row.error == ""}
            if killers:
                gone = sa.update(notices).where(notices.c.id.in_(killers))
                connection.execute(gone.values(sent_at=now, error="every process that took it died"))
        if killers:
            log.error("answers that killed each process that was to say them are not said: %s", sorted(killers))
        return [_notice(row) for row in sorted(rows, key=lambda row: int(row.id)) if row.id not in killers]

    def sent(self, notice_id: int, now: float, error: str = "") -> None:
        """Remember that a notice was said, or with ``error`` why it never will be."""
        with self._database.write() as connection:
            mine = sa.update(notices).where(notices.c.id == notice_id)
            connection.execute(mine.values(sent_at=now, error=error))

    def later(self, notice_id: int, not_before: float, error: str) -> None:
        """Put a notice off, because its surface cannot be reached now."""
        with self._database.write() as connection:
            mine = sa.update(notices).where(notices.c.id == notice_id)
            connection.execute(mine.values(not_before=not_before, error=error))

    def find(self, key: str) -> Notice | None:
        """Return the notice with a key."""
        with self._database.read() as connection:
            row = connection.execute(sa.select(notices).where(notices.c.key == key)).one_or_none()
        return None if row is None else _notice(row)

    def waiting(self, surface: str) -> int:
        """Return how many notices wait to be said on a surface."""
        query = sa.select(sa.func.count()).where(notices.c.surface == surface, notices.c.sent_at.is_(None))
        with self._database.read() as connection:
            return int(connection.execute(query).scalar_one())

    def forget(self, before: float) -> int:
        """Delete notices of before a time that were said, or that nobody has fetched."""
        over = sa.or_(notices.c.sent_at.is_not(None), notices.c.surface == FETCHED)
        with self._database.write() as connection:
            gone = sa.delete(notices).where(over, notices.c.created_at < before)
            return connection.execute(gone).rowcount


def _notice(row: Any) -> Notice:
    return Notice(row.id, row.key, row.surface, row.address, row.body, row.created_at, row.attempts)

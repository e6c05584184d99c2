"""The only SQL: one class per thing that is remembered, and the Store that holds them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from config.settings import secrets
from jobs.keys import audit_key
from jobs.store.audit import Audit, AuditRow, Erasure, Wanted
from jobs.store.audit_chain import RESTORED, Head, Verdict
from jobs.store.costs import Costs, Spent
from jobs.store.database import DAMAGED, UNAVAILABLE, Database, default_url, is_locked, preload
from jobs.store.deliveries import Deliveries, PutAside
from jobs.store.fleet import MOST_WORKERS, Fleet
from jobs.store.notices import Notice, Notices
from jobs.store.people import Link, People
from jobs.store.records import Place, Records
from jobs.store.runs import Runs
from jobs.store.showing import ChatPlace, Showing
from jobs.store.tables import metadata
from jobs.store.task_questions import UNHEARD, Agent
from jobs.store.tasks import CRASHES, LEASE_SECONDS, Claim, Tasks, Wish

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager

    import sqlalchemy as sa

    from config.settings import Settings

__all__ = [
    "CRASHES",
    "LEASE_SECONDS",
    "MOST_WORKERS",
    "RESTORED",
    "UNHEARD",
    "Agent",
    "Audit",
    "AuditRow",
    "ChatPlace",
    "Claim",
    "Costs",
    "Database",
    "Erasure",
    "Fleet",
    "Head",
    "Link",
    "Notice",
    "Notices",
    "People",
    "Place",
    "PutAside",
    "Showing",
    "Spent",
    "Store",
    "Verdict",
    "Wanted",
    "Wish",
    "default_url",
    "is_locked",
    "preload",
]


class Store:
    """All that is remembered, over one database."""

    UNAVAILABLE = UNAVAILABLE
    """What is raised while the database cannot be reached, is locked for too long, or its disk is full."""

    DAMAGED = DAMAGED
    """What is raised where a database is there and cannot be read; the above are some of these, so they come first."""

    def __init__(self, url: str, secret: bytes | None = b"", redacted: Sequence[str] = ()) -> None:
        """Take the database's URL; who writes to the audit needs its key, and what must not stand in it.

        What is written without the installation's key is found as not ours: see ``of``.
        """
        self.database = Database(url)
        self.audit = Audit(self.database, secret, redacted)
        self.deliveries = Deliveries(self.database)
        self.tasks = Tasks(self.database)
        self.runs = Runs(self.database, self.tasks, self.audit)
        self.records = Records(self.database, self.audit)
        self.notices = Notices(self.database)
        self.showing = Showing(self.database)
        self.people = People(self.database)
        self.fleet = Fleet(self.database, self.tasks)
        self.costs = Costs(self.database)

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return the store of an installation, which writes its audit with the installation's key."""
        return cls(settings.database_url, audit_key(settings), secrets(settings))

    def create(self) -> None:
        """Make the tables in an empty database that is not kept; one that is kept is migrated."""
        metadata.create_all(self.database.engine)

    def write(self) -> AbstractContextManager[sa.Connection]:
        """Give one transaction for what must be true together."""
        return self.database.write()

    def close(self) -> None:
        """Close all connections."""
        self.database.close()

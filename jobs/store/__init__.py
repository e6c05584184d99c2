"""The only SQL: one class per thing that is remembered, and the Store that holds them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.store.costs import Costs, Spent
from jobs.store.database import UNAVAILABLE, Database, default_url
from jobs.store.deliveries import Deliveries
from jobs.store.fleet import MOST_WORKERS, Fleet
from jobs.store.notices import Notice, Notices
from jobs.store.people import Link, People
from jobs.store.records import Place, Records
from jobs.store.runs import Runs
from jobs.store.showing import ChatPlace, Showing
from jobs.store.task_questions import UNHEARD, Agent
from jobs.store.tasks import CRASHES, LEASE_SECONDS, Claim, Tasks, Wish

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    import sqlalchemy as sa

__all__ = [
    "CRASHES",
    "LEASE_SECONDS",
    "MOST_WORKERS",
    "UNHEARD",
    "Agent",
    "ChatPlace",
    "Claim",
    "Costs",
    "Database",
    "Fleet",
    "Link",
    "Notice",
    "Notices",
    "People",
    "Place",
    "Showing",
    "Spent",
    "Store",
    "Wish",
    "default_url",
]


class Store:
    """All that is remembered, over one database."""

    UNAVAILABLE = UNAVAILABLE
    """What is raised while the database cannot be reached, is locked for too long, or its disk is full."""

    def __init__(self, url: str) -> None:
        self.database = Database(url)
        self.deliveries = Deliveries(self.database)
        self.tasks = Tasks(self.database)
        self.runs = Runs(self.database, self.tasks)
        self.records = Records(self.database)
        self.notices = Notices(self.database)
        self.showing = Showing(self.database)
        self.people = People(self.database)
        self.fleet = Fleet(self.database, self.tasks)
        self.costs = Costs(self.database)

    def write(self) -> AbstractContextManager[sa.Connection]:
        """Give one transaction for what must be true together."""
        return self.database.write()

    def close(self) -> None:
        """Close all connections."""
        self.database.close()

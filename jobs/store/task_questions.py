"""Questions about tasks; nothing here changes one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from jobs.store.tables import charges, places, steps, tasks
from jobs.store.task_rows import read_task
from jobs.types import Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jobs.store.database import Database
    from jobs.types import Subject, Task

ANNOUNCE_SECONDS = 3.0
"""A task that nobody took up for so long is told of while it waits."""
UNHEARD = "unheard"
"""The place of a task whose issue takes no comment: it is not told there again while it waits."""


class TaskQuestions:
    """What is known of tasks."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, task_id: str) -> Task | None:
        """Return a task."""
        row = self.row(task_id)
        return None if row is None else read_task(row)

    def row(self, task_id: str) -> Any:
        """Return all that is stored of a task, as a row of the table, or None."""
        with self._database.read() as connection:
            return connection.execute(sa.select(tasks).where(tasks.c.id == task_id)).one_or_none()

    def active(self, repository: str, subject: Subject) -> Sequence[Task]:
        """Return the tasks on a subject that are not completed."""
        return self._find(
            sa.func.lower(tasks.c.repository) == repository.lower(),
            tasks.c.subject == str(subject),
            tasks.c.status != Status.COMPLETED,
        )

    def latest(self, repository: str, subject: Subject) -> Task | None:
        """Return the newest task on a subject."""
        found = self._find(sa.func.lower(tasks.c.repository) == repository.lower(), tasks.c.subject == str(subject))
        return found[-1] if found else None

    def open_in(self, *, installation_id: int, repositories: Sequence[str] | None = None) -> Sequence[Task]:
        """Return what is not completed in an installation, or in some of its repositories."""
        wanted = [tasks.c.installation_id == installation_id, tasks.c.status != Status.COMPLETED]
        if repositories is not None:
            names = [name.lower() for name in repositories]
            wanted.append(sa.func.lower(tasks.c.repository).in_(names))
        return self._find(*wanted)

    def recent(self, limit: int = 50) -> Sequence[Task]:
        """Return the newest tasks, newest first."""
        query = sa.select(tasks).order_by(tasks.c.created_at.desc()).limit(limit)
        with self._database.read() as connection:
            return [read_task(row) for row in connection.execute(query)]

    def due(self, now: float) -> Sequence[str]:
        """Return the ids of tasks that nobody works on and somebody should, most urgent first."""
        query = (
            sa.select(tasks.c.id)
            .where(sa.or_(workable(), untold()), tasks.c.lease_until < now, tasks.c.not_before <= now)
            .order_by(tasks.c.priority.desc(), tasks.c.created_at)
        )
        with self._database.read() as connection:
            return connection.execute(query).scalars().all()

    def late(self, before: float) -> int:
        """Return how many tasks of before a time still wait for their turn."""
        query = sa.select(sa.func.count()).select_from(tasks)
        late = query.where(tasks.c.status == Status.QUEUED, tasks.c.created_at < before)
        with self._database.read() as connection:
            return int(connection.execute(late).scalar_one())

    def unannounced(self, now: float) -> Sequence[str]:
        """Return the ids of tasks that wait for their turn and have not been told of, or end while all are busy."""
        shown = sa.exists().where(places.c.task_id == tasks.c.id, places.c.surface.in_(["comment", UNHEARD]))
        queued = sa.and_(tasks.c.status == Status.QUEUED, tasks.c.created_at < now - ANNOUNCE_SECONDS, ~shown)
        free = sa.and_(tasks.c.lease_until < now, tasks.c.not_before <= now)
        query = sa.select(tasks.c.id).where(sa.or_(queued, untold()), free)
        with self._database.read() as connection:
            return connection.execute(query).scalars().all()

    def held(self, now: float) -> frozenset[str]:
        """Return the ids of all tasks that are not completed, or whose ending is being told."""
        query = sa.select(tasks.c.id).where(sa.or_(tasks.c.status != Status.COMPLETED, tasks.c.lease_until >= now))
        with self._database.read() as connection:
            return frozenset(connection.execute(query).scalars())

    def counts(self) -> dict[str, int]:
        """Return the number of tasks in each status."""
        query = sa.select(tasks.c.status, sa.func.count()).group_by(tasks.c.status)
        with self._database.read() as connection:
            return {status: count for status, count in connection.execute(query)}  # noqa: C416 - rows are not pairs to mypy

    def completed_since(self, since: float) -> int:
        """Return how many tasks ended since a time."""
        query = sa.select(sa.func.count()).select_from(tasks).where(tasks.c.completed_at >= since)
        with self._database.read() as connection:
            return int(connection.execute(query).scalar_one())

    def ahead(self, task: Task) -> int:
        """Return how many tasks stand before this one in the queue, or run now."""
        before = sa.and_(tasks.c.status == Status.QUEUED, tasks.c.created_at < task.created_at)
        query = sa.select(sa.func.count()).where(sa.or_(before, tasks.c.status == Status.IN_PROGRESS))
        with self._database.read() as connection:
            return int(connection.execute(query.where(tasks.c.id != task.id)).scalar_one())

    def spent(self, connection: sa.Connection, repository: str, since: float) -> float:
        """Return the US dollars that models cost in a repository since a time."""
        here = sa.func.lower(tasks.c.repository) == repository.lower()
        total = 0.0
        for table in (steps, charges):
            joined = table.join(tasks, tasks.c.id == table.c.task_id)
            query = sa.select(sa.func.sum(table.c.cost)).select_from(joined).where(here, table.c.at >= since)
            total += float(connection.execute(query).scalar_one() or 0.0)
        return total

    def _find(self, *wanted: sa.ColumnElement[bool]) -> Sequence[Task]:
        query = sa.select(tasks).where(*wanted).order_by(tasks.c.created_at, tasks.c.id)
        with self._database.read() as connection:
            return [read_task(row) for row in connection.execute(query)]

    def spent_in_all(self) -> float:
        """Return the US dollars that models ever cost."""
        total = 0.0
        with self._database.read() as connection:
            for table in (steps, charges):
                total += float(connection.execute(sa.select(sa.func.sum(table.c.cost))).scalar_one() or 0.0)
        return total


def workable() -> sa.ColumnElement[bool]:
    """Select what a worker has something to do for: open work, and what shall end although it waits for a person."""
    cancelled = sa.and_(tasks.c.status == Status.WAITING, tasks.c.cancel != "")
    return sa.or_(tasks.c.status.in_([Status.QUEUED, Status.IN_PROGRESS]), cancelled)


def untold() -> sa.ColumnElement[bool]:
    """Select what ended, or waits for a person, and has not reached people yet."""
    return sa.and_(tasks.c.status.in_([Status.COMPLETED, Status.WAITING]), tasks.c.told.is_(False))

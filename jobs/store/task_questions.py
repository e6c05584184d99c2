"""Questions about tasks; nothing here changes one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa

from jobs.store.fleet import most_workers, paused
from jobs.store.tables import charges, places, steps, tasks
from jobs.store.task_rows import read_task
from jobs.types import BRANCH_PREFIX, Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jobs.store.database import Database
    from jobs.types import Kind, Subject, Task

ODD_SECONDS = 60.0
"""A lease that ended longer ago, or will end so much later than one can, was written or is read by a wrong clock."""

ANNOUNCE_SECONDS = 3.0
"""A task that nobody took up for so long is told of while it waits."""
UNHEARD = "unheard"
"""The place of a task whose issue takes no comment: it is not told there again while it waits."""


SHORTEST_PREFIX = 4
"""People may leave out the end of a task's id, but not more than this tells apart."""


@dataclass(frozen=True, slots=True)
class Agent:
    """A worker at its task, and how far it has come; ``owner`` is the name under which it holds the lease.

    ``model`` is the one that made the last step, ``cost`` is in US dollars, ``started`` when the task first began.
    """

    task: Task
    owner: str
    model: str
    steps: int
    cost: float
    started: float


class Running(NamedTuple):
    """What holds of all tasks together when one more wants to begin."""

    rows: Sequence[Any]
    most: int | None
    paused: str


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

    def latest(self, repository: str, subject: Subject, kind: Kind | None = None) -> Task | None:
        """Return the newest task on a subject, of one kind if it is named."""
        wanted = [sa.func.lower(tasks.c.repository) == repository.lower(), tasks.c.subject == str(subject)]
        found = self._find(*wanted, *([tasks.c.kind == kind] if kind else []))
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

    def find(self, prefix: str) -> Task | None:
        """Return the one task whose id begins so; None for fewer than four characters, no task, or several."""
        wanted = prefix.strip().lower()
        if len(wanted) < SHORTEST_PREFIX or not re.fullmatch("[0-9a-z]+", wanted):
            return None
        query = sa.select(tasks).where(tasks.c.id.startswith(wanted)).limit(2)
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        return read_task(rows[0]) if len(rows) == 1 else None

    def listed(
        self, repositories: Sequence[str] | None = None, *, only_active: bool = False, limit: int = 50
    ) -> Sequence[Task]:
        """Return the newest tasks of some repositories or of all, newest first."""
        query = sa.select(tasks).order_by(tasks.c.created_at.desc(), tasks.c.id).limit(limit)
        if repositories is not None:
            query = query.where(sa.func.lower(tasks.c.repository).in_([name.lower() for name in repositories]))
        if only_active:
            query = query.where(tasks.c.status != Status.COMPLETED)
        with self._database.read() as connection:
            return [read_task(row) for row in connection.execute(query)]

    def agents(self) -> Sequence[Agent]:
        """Return who works on what now, oldest first."""
        query = sa.select(tasks).where(tasks.c.status == Status.IN_PROGRESS).order_by(tasks.c.started_at, tasks.c.id)
        with self._database.read() as connection:
            return [_agent(connection, row) for row in connection.execute(query).all()]

    def due(self, now: float) -> Sequence[str]:
        """Return the ids of tasks that nobody works on and somebody should, most urgent first.

        While everything is paused no task is to begin, so that those in the queue are not due.
        """
        query = (
            sa.select(tasks.c.id)
            .where(sa.or_(workable(), untold()), tasks.c.lease_until < now, tasks.c.not_before <= now)
            .order_by(tasks.c.priority.desc(), tasks.c.created_at)
        )
        with self._database.read() as connection:
            if paused(connection):
                query = query.where(sa.or_(tasks.c.status != Status.QUEUED, tasks.c.cancel != ""))
            return connection.execute(query).scalars().all()

    def most_urgent(self, task_id: str, now: float) -> str:
        """Return the task that a worker who was woken for a queued one should begin: the most urgent that may begin.

        Work that has begun and lost its worker goes before all that has not begun. It is the task itself where no other
        comes before it, or where it is not about to begin at all.
        """
        queued = sa.and_(tasks.c.status == Status.QUEUED, tasks.c.cancel == "", tasks.c.lease_until < now)
        begun = sa.and_(tasks.c.status == Status.IN_PROGRESS, free(now))
        columns = ("id", "status", "repository", "actor", "at_once", "subject", "onto")
        query = (
            sa.select(*(tasks.c[name] for name in columns))
            .where(sa.or_(queued, begun), tasks.c.not_before <= now)
            .order_by(sa.case((begun, 0), else_=1), tasks.c.priority.desc(), tasks.c.created_at, tasks.c.id)
        )
        with self._database.read() as connection:
            rows, running = connection.execute(query).all(), self._running(connection, now)
        if task_id not in {row.id for row in rows}:
            return task_id
        return next((row.id for row in rows if row.status == Status.IN_PROGRESS or has_room(row, running)), task_id)

    def _running(self, connection: sa.Connection, now: float) -> Running:
        """Return what holds of all tasks together in one transaction."""
        columns = (tasks.c.id, tasks.c.repository, tasks.c.actor, tasks.c.subject, tasks.c.onto)
        held = sa.select(*columns).where(tasks.c.status == Status.IN_PROGRESS, tasks.c.lease_until >= now)
        return Running(connection.execute(held).all(), most_workers(connection), paused(connection))

    def late(self, before: float) -> int:
        """Return how many tasks of before a time still wait for their turn, unless people want them to wait."""
        query = sa.select(sa.func.count()).select_from(tasks)
        late = query.where(tasks.c.status == Status.QUEUED, tasks.c.listens == "", tasks.c.created_at < before)
        with self._database.read() as connection:
            if paused(connection) or most_workers(connection) == 0:
                return 0
            return int(connection.execute(late).scalar_one())

    def unannounced(self, now: float) -> Sequence[str]:
        """Return the ids of tasks that wait for their turn and have not been told of, or end while all are busy.

        A task on no issue and no pull request has no place on GitHub where it could be told of while it waits.
        """
        shown = sa.exists().where(places.c.task_id == tasks.c.id, places.c.surface.in_(["comment", UNHEARD]))
        late = sa.and_(
            tasks.c.status == Status.QUEUED, tasks.c.listens == "", tasks.c.created_at < now - ANNOUNCE_SECONDS
        )
        queued = sa.and_(late, tasks.c.subject.contains("-"), ~shown)
        free = sa.and_(tasks.c.lease_until < now, tasks.c.not_before <= now)
        query = sa.select(tasks.c.id).where(sa.or_(queued, untold()), free)
        with self._database.read() as connection:
            return connection.execute(query).scalars().all()

    def held(self, now: float) -> frozenset[str]:
        """Return the ids of all tasks that are not completed, or whose ending is being told."""
        query = sa.select(tasks.c.id).where(sa.or_(tasks.c.status != Status.COMPLETED, tasks.c.lease_until >= now))
        with self._database.read() as connection:
            return frozenset(connection.execute(query).scalars())

    def held_repositories(self) -> frozenset[str]:
        """Return the repositories of all tasks that are not completed."""
        query = sa.select(tasks.c.repository).where(tasks.c.status != Status.COMPLETED).distinct()
        with self._database.read() as connection:
            return frozenset(connection.execute(query).scalars())

    def unpublished(self, repository: str, since: float) -> Sequence[Task]:
        """Return the tasks of a repository that ended since a time, took more than one attempt, and have no pull."""
        opened = sa.exists().where(places.c.task_id == tasks.c.id, places.c.surface == "pull_request")
        return self._find(
            sa.func.lower(tasks.c.repository) == repository.lower(),
            tasks.c.completed_at >= since,
            tasks.c.attempt > 1,
            ~opened,
        )

    def contested(self, repository: str, since: float, before: float) -> Sequence[Task]:
        """Return the tasks of a repository that ended and were told between two times and took several attempts."""
        return self._find(
            sa.func.lower(tasks.c.repository) == repository.lower(),
            tasks.c.completed_at.between(since, before),
            tasks.c.attempt > 1,
            tasks.c.told.is_(True),
        )

    def on_branch(self, branch: str) -> bool:
        """Tell whether any task goes on with another one's branch."""
        with self._database.read() as connection:
            return connection.execute(sa.select(tasks.c.id).where(tasks.c.onto == branch).limit(1)).first() is not None

    def owners(self, now: float) -> frozenset[str]:
        """Return the names of the workers that hold a task."""
        query = sa.select(tasks.c.lease_owner).where(tasks.c.lease_until >= now, tasks.c.lease_owner != "")
        with self._database.read() as connection:
            return frozenset(connection.execute(query).scalars())

    def counts(self) -> dict[str, int]:
        """Return the number of tasks in each status."""
        query = sa.select(tasks.c.status, sa.func.count()).group_by(tasks.c.status)
        with self._database.read() as connection:
            return {status: count for status, count in connection.execute(query)}  # noqa: C416 - rows are not pairs to mypy

    def listening(self) -> int:
        """Return how many tasks wait for an event, without a worker."""
        query = sa.select(sa.func.count()).select_from(tasks)
        with self._database.read() as connection:
            mine = query.where(tasks.c.status == Status.QUEUED, tasks.c.listens != "")
            return int(connection.execute(mine).scalar_one())

    def completed_since(self, since: float) -> int:
        """Return how many tasks ended since a time."""
        query = sa.select(sa.func.count()).select_from(tasks).where(tasks.c.completed_at >= since)
        with self._database.read() as connection:
            return int(connection.execute(query).scalar_one())

    def ahead(self, task: Task) -> int:
        """Return how many tasks stand before this one in the queue, or run now."""
        older = sa.and_(tasks.c.priority == task.priority, tasks.c.created_at < task.created_at)
        queued = sa.and_(tasks.c.status == Status.QUEUED, tasks.c.listens == "")
        before = sa.and_(queued, sa.or_(tasks.c.priority > task.priority, older))
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


def free(now: float) -> sa.ColumnElement[bool]:
    """Select what nobody holds: nobody took it, whoever did has died, or the lease has ended."""
    ended = sa.and_(tasks.c.lease_until < now, tasks.c.lease_until > now - ODD_SECONDS)
    return sa.or_(tasks.c.lease_owner == "", tasks.c.lease_until == 0, ended)


def workable() -> sa.ColumnElement[bool]:
    """Select what a worker has something to do for: open work, and what shall end although it waits for a person."""
    cancelled = sa.and_(tasks.c.status == Status.WAITING, tasks.c.cancel != "")
    return sa.or_(tasks.c.status.in_([Status.QUEUED, Status.IN_PROGRESS]), cancelled)


def untold() -> sa.ColumnElement[bool]:
    """Select what ended, or waits for a person, and has not reached people yet."""
    return sa.and_(tasks.c.status.in_([Status.COMPLETED, Status.WAITING]), tasks.c.told.is_(False))


def has_room(me: Any, running: Running) -> bool:
    """Tell whether a task may begin beside those that run: in all, in its repository, on its branch, of its actor."""
    if running.paused or (running.most is not None and len(running.rows) >= running.most):
        return False
    if any(_place(row) == _place(me) for row in running.rows if row.id != me.id):
        return False
    here = sum(row.repository.lower() == me.repository.lower() for row in running.rows)
    mine = sum(_who(row.actor) == _who(me.actor) for row in running.rows)
    repository, actor = me.at_once
    return bool(here < repository and mine < actor)


def _place(row: Any) -> tuple[str, str]:
    """Return the repository and the branch to which a task's work goes: one task at a time pushes there."""
    return row.repository.lower(), row.onto or f"{BRANCH_PREFIX}{row.subject}-{row.id}"


def _who(actor: dict[str, Any]) -> tuple[str, str]:
    """Return who counts as one person: a GitHub login, on whatever surface its owner spoke."""
    return ("github", actor["login"].lower()) if actor["login"] else (actor["platform"], actor["id"])


def _agent(connection: sa.Connection, row: Any) -> Agent:
    made = sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(steps.c.cost), 0.0))
    number, cost = connection.execute(made.where(steps.c.task_id == row.id)).one()
    other = sa.select(sa.func.coalesce(sa.func.sum(charges.c.cost), 0.0)).where(charges.c.task_id == row.id)
    cost += connection.execute(other).scalar_one()
    last = sa.select(steps.c.model).where(steps.c.task_id == row.id).order_by(steps.c.number.desc()).limit(1)
    model = connection.execute(last).scalar_one_or_none() or row.model
    return Agent(read_task(row), row.lease_owner, model, number, cost, row.started_at or row.created_at)

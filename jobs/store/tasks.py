"""Tasks: submitted once, claimed under a lease, fenced by their attempt, and never left without an ending."""

from __future__ import annotations

import secrets
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from jobs.store.tables import charges, places, steps, tasks
from jobs.types import (
    Actor,
    Conclusion,
    Kind,
    LeaseLost,
    Limits,
    Mode,
    Outcome,
    Phase,
    PlanItem,
    Status,
    Subject,
    Task,
    TaskRequest,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jobs.store.database import Database

LEASE_SECONDS = 15.0
"""How long a silent worker keeps its task; the heartbeat renews it three times within."""
ANNOUNCE_SECONDS = 3.0
"""A task that nobody took up for so long is told of while it waits."""
CRASHES = 3
"""After this many attempts that died without a word a task is failed."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A task in this worker's hands. ``crashes`` counts the attempts that died holding it."""

    task: Task
    crashes: int
    told: bool


@dataclass(frozen=True, slots=True)
class Wish:
    """What people asked of a running task: the words of a cancel or a pause, empty when nobody did."""

    cancel: str
    pause: str


class Tasks:
    """The tasks. A method that takes ``attempt`` raises LeaseLost when another attempt holds the task."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # -- asking -------------------------------------------------------------------------------------------------

    def submit(self, connection: sa.Connection, request: TaskRequest, now: float) -> tuple[Task, bool]:
        """Store a task, or join the active one on the same subject; tell whether it is new."""
        key = f"{request.repository.lower()}|{request.subject}|{request.kind}"
        while True:
            values = _new_row(request, key, now)
            if self._database.insert_new(connection, tasks, values, unless=["active_key"]):
                break
            row = connection.execute(sa.select(tasks).where(tasks.c.active_key == key)).one_or_none()
            if row is not None:
                return _task(row), False
        row = connection.execute(sa.select(tasks).where(tasks.c.id == values["id"])).one()
        return _task(row), True

    def cancel(self, connection: sa.Connection, task_id: str, words: str, now: float) -> bool:
        """Ask for the end of a task: at once where nobody works on it, at its next step where somebody does."""
        idle = tasks.c.status.in_([Status.QUEUED, Status.WAITING])
        ended = connection.execute(
            sa.update(tasks)
            .where(tasks.c.id == task_id, idle, tasks.c.lease_until < now)
            .values(**_ended(Conclusion.CANCELLED, now), cancel=words, summary=f"Cancelled: {words}", lease_owner="")
        ).rowcount
        if ended:
            return True
        asked = sa.update(tasks).where(tasks.c.id == task_id, tasks.c.status != Status.COMPLETED, tasks.c.cancel == "")
        return connection.execute(asked.values(cancel=words)).rowcount > 0

    def pause(self, connection: sa.Connection, task_id: str, words: str, now: float) -> bool:
        """Ask a task to wait for a person's ``resume``."""
        idle = sa.update(tasks).where(tasks.c.id == task_id, tasks.c.status == Status.QUEUED, tasks.c.lease_until < now)
        if connection.execute(idle.values(status=Status.WAITING, note=words, told=False)).rowcount:
            return True
        busy = sa.update(tasks).where(tasks.c.id == task_id, tasks.c.status.in_([Status.QUEUED, Status.IN_PROGRESS]))
        return connection.execute(busy.values(pause=words)).rowcount > 0

    def resume(self, connection: sa.Connection, task_id: str) -> bool:
        """Put a waiting task back into the queue."""
        waiting = sa.update(tasks).where(tasks.c.id == task_id, tasks.c.status == Status.WAITING)
        values = {"status": Status.QUEUED, "pause": "", "question": "", "note": "", "not_before": 0.0, "crashes": 0}
        return connection.execute(waiting.values(**values)).rowcount > 0

    def mark_edited(self, connection: sa.Connection, task_id: str) -> None:
        """Remember that the subject's text was changed after the request."""
        connection.execute(sa.update(tasks).where(tasks.c.id == task_id).values(edited=True))

    # -- working ------------------------------------------------------------------------------------------------

    def claim(self, task_id: str, owner: str, now: float, *, begin: bool = True) -> Claim | None:
        """Take a task under a lease, with the next attempt number; None when it is not to be had now.

        It is not to be had while as many tasks run as its repository and its actor may have at once.
        ``begin=False`` takes it just to tell people of it: a queued task stays queued.
        """
        open_work = tasks.c.status.in_([Status.QUEUED, Status.IN_PROGRESS])
        untold = _untold()
        values = {
            "attempt": tasks.c.attempt + 1,
            "crashes": tasks.c.crashes + sa.case((tasks.c.lease_owner != "", 1), else_=0),
            "lease_owner": owner,
            "lease_until": now + LEASE_SECONDS,
        }
        if begin:
            values["status"] = sa.case((open_work, Status.IN_PROGRESS.value), else_=tasks.c.status)
            values["started_at"] = sa.func.coalesce(tasks.c.started_at, now)
        free = sa.and_(tasks.c.lease_until < now, tasks.c.not_before <= now)
        with self._database.write() as connection:
            if begin and not self._has_room(connection, task_id, now):
                return None
            row = connection.execute(
                sa.update(tasks)
                .where(tasks.c.id == task_id, free, sa.or_(open_work, untold))
                .values(**values)
                .returning(tasks)
            ).one_or_none()
        return None if row is None else Claim(_task(row), row.crashes, row.told)

    def _has_room(self, connection: sa.Connection, task_id: str, now: float) -> bool:
        """Tell whether one more task may run in this task's repository, and for its actor."""
        me = connection.execute(sa.select(tasks).where(tasks.c.id == task_id)).one_or_none()
        if me is None or me.status != Status.QUEUED:
            return True
        running = sa.select(tasks.c.repository, tasks.c.actor).where(
            tasks.c.status == Status.IN_PROGRESS, tasks.c.lease_until >= now
        )
        rows = connection.execute(running).all()
        here = sum(row.repository.lower() == me.repository.lower() for row in rows)
        mine = sum(_who(row.actor) == _who(me.actor) for row in rows)
        repository, actor = me.at_once
        return bool(here < repository and mine < actor)

    def renew(self, task_id: str, attempt: int, now: float) -> Wish:
        """Keep the lease for another while and return what people asked for meanwhile."""
        with self._database.write() as connection:
            row = connection.execute(
                sa.update(tasks)
                .where(tasks.c.id == task_id, tasks.c.attempt == attempt, tasks.c.lease_owner != "")
                .values(lease_until=now + LEASE_SECONDS)
                .returning(tasks.c.cancel, tasks.c.pause)
            ).one_or_none()
        if row is None:
            raise LeaseLost(f"task {task_id} is held by another attempt than {attempt}")
        return Wish(row.cancel, row.pause)

    def hold(self, connection: sa.Connection, task_id: str, attempt: int) -> Wish:
        """Check the fencing token inside a transaction; every effect and every stored product asks this first."""
        row = connection.execute(
            sa.select(tasks.c.attempt, tasks.c.lease_owner, tasks.c.cancel, tasks.c.pause).where(tasks.c.id == task_id)
        ).one()
        if row.attempt != attempt or not row.lease_owner:
            raise LeaseLost(f"task {task_id} is held by another attempt than {attempt}")
        return Wish(row.cancel, row.pause)

    def check(self, task_id: str, attempt: int) -> Wish:
        """Check the fencing token and return what people asked for."""
        with self._database.read() as connection:
            return self.hold(connection, task_id, attempt)

    def progress(self, task_id: str, attempt: int, phase: Phase, plan: Sequence[PlanItem] | None = None) -> None:
        """Store how far a run has come."""
        values: dict[str, Any] = {"phase": phase.value}
        if plan is not None:
            values["plan"] = [asdict(item) for item in plan]
        self._update(task_id, attempt, values)

    def note(self, task_id: str, attempt: int, note: str) -> None:
        """Store one sentence that people should see in the living comment."""
        self._update(task_id, attempt, {"note": note})

    def release(
        self, task_id: str, attempt: int, *, worked: float = 0.0, not_before: float = 0.0, note: str = ""
    ) -> None:
        """Put an unfinished task back into the queue: handed over, or put off until ``not_before``."""
        values = {"status": Status.QUEUED.value, "not_before": not_before, "lease_owner": "", "lease_until": 0.0}
        values |= {"note": note, "worked_seconds": tasks.c.worked_seconds + worked}
        self._update(task_id, attempt, values)

    def wait(self, task_id: str, attempt: int, *, worked: float, question: str = "", note: str = "") -> None:
        """Let a task wait for a person, who is told next, and again until it reached them."""
        values = {"status": Status.WAITING.value, "question": question, "note": note, "pause": "", "told": False}
        values |= {"tell_attempts": 0, "worked_seconds": tasks.c.worked_seconds + worked}
        self._update(task_id, attempt, values)

    def complete(self, task_id: str, attempt: int, outcome: Outcome, *, worked: float, now: float) -> None:
        """Store how a task ended; people are told next, and again until it reached them."""
        values = {**_ended(outcome.conclusion, now), "summary": outcome.summary, "outcome": asdict(outcome)}
        values |= {"tell_attempts": 0, "note": "", "worked_seconds": tasks.c.worked_seconds + worked}
        self._update(task_id, attempt, values)

    def told(self, task_id: str, attempt: int) -> None:
        """Remember that the ending, or the question, has reached people."""
        self._update(task_id, attempt, {"told": True, "lease_owner": "", "lease_until": 0.0})

    def tell_later(self, task_id: str, attempt: int, not_before: float) -> None:
        """Put the telling off, because the place to tell it cannot be reached now."""
        values = {"lease_owner": "", "lease_until": 0.0, "not_before": not_before}
        self._update(task_id, attempt, {**values, "tell_attempts": tasks.c.tell_attempts + 1})

    def _update(self, task_id: str, attempt: int, values: dict[str, Any]) -> None:
        with self._database.write() as connection:
            held = sa.update(tasks).where(tasks.c.id == task_id, tasks.c.attempt == attempt, tasks.c.lease_owner != "")
            if not connection.execute(held.values(**values)).rowcount:
                raise LeaseLost(f"task {task_id} is held by another attempt than {attempt}")

    # -- looking ------------------------------------------------------------------------------------------------

    def get(self, task_id: str) -> Task | None:
        """Return a task."""
        row = self.row(task_id)
        return None if row is None else _task(row)

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
            return [_task(row) for row in connection.execute(query)]

    def due(self, now: float) -> Sequence[str]:
        """Return the ids of tasks that nobody works on and somebody should, most urgent first."""
        work = tasks.c.status.in_([Status.QUEUED, Status.IN_PROGRESS])
        untold = _untold()
        query = (
            sa.select(tasks.c.id)
            .where(sa.or_(work, untold), tasks.c.lease_until < now, tasks.c.not_before <= now)
            .order_by(tasks.c.priority.desc(), tasks.c.created_at)
        )
        with self._database.read() as connection:
            return connection.execute(query).scalars().all()

    def unannounced(self, now: float) -> Sequence[str]:
        """Return the ids of tasks that wait for their turn and have not been told of, or end while all are busy."""
        shown = sa.exists().where(places.c.task_id == tasks.c.id, places.c.surface == "comment")
        queued = sa.and_(tasks.c.status == Status.QUEUED, tasks.c.created_at < now - ANNOUNCE_SECONDS, ~shown)
        free = sa.and_(tasks.c.lease_until < now, tasks.c.not_before <= now)
        query = sa.select(tasks.c.id).where(sa.or_(queued, _untold()), free)
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
            return [_task(row) for row in connection.execute(query)]


def _untold() -> sa.ColumnElement[bool]:
    """Select what ended, or waits for a person, and has not reached people yet."""
    return sa.and_(tasks.c.status.in_([Status.COMPLETED, Status.WAITING]), tasks.c.told.is_(False))


def _who(actor: dict[str, Any]) -> tuple[str, str]:
    return actor["platform"], actor["id"]


def _ended(conclusion: Conclusion, now: float) -> dict[str, Any]:
    return {
        "status": Status.COMPLETED.value,
        "conclusion": conclusion.value,
        "completed_at": now,
        "active_key": None,
        "told": False,
        "not_before": 0.0,
    }


def _new_row(request: TaskRequest, key: str, now: float) -> dict[str, Any]:
    return {
        "id": secrets.token_hex(3),
        "kind": request.kind.value,
        "repository": request.repository,
        "installation_id": request.installation_id,
        "subject": str(request.subject),
        "title": request.title,
        "text": request.text,
        "removed": list(request.removed),
        "actor": asdict(request.actor),
        "mode": request.mode.value,
        "limits": asdict(request.limits),
        "delivery": request.delivery,
        "status": Status.QUEUED.value,
        "phase": Phase.PREPARING.value,
        "plan": [],
        "attempt": 0,
        "crashes": 0,
        "priority": 0,
        "summary": "",
        "question": "",
        "edited": False,
        "cancel": "",
        "pause": "",
        "note": "",
        "at_once": list(request.at_once),
        "active_key": key,
        "created_at": now,
        "worked_seconds": 0.0,
        "lease_owner": "",
        "lease_until": 0.0,
        "not_before": 0.0,
        "told": False,
        "tell_attempts": 0,
    }


def _task(row: Any) -> Task:
    return Task(
        id=row.id,
        kind=Kind(row.kind),
        repository=row.repository,
        installation_id=row.installation_id,
        subject=Subject.parse(row.subject),
        title=row.title,
        text=row.text,
        actor=Actor(**row.actor),
        mode=Mode(row.mode),
        limits=Limits(**row.limits),
        status=Status(row.status),
        created_at=row.created_at,
        removed=tuple(row.removed),
        conclusion=None if row.conclusion is None else Conclusion(row.conclusion),
        phase=Phase(row.phase),
        attempt=row.attempt,
        priority=row.priority,
        summary=row.summary,
        question=row.question,
        edited=row.edited,
        cancel=row.cancel,
        pause=row.pause,
        started_at=row.started_at,
        completed_at=row.completed_at,
    )

"""Tasks: submitted once, claimed under a lease, fenced by their attempt, and never left without an ending."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from jobs.store.fleet import BEGINNING
from jobs.store.tables import effects, tasks
from jobs.store.task_questions import ODD_SECONDS, TaskQuestions, free, has_room, untold, workable
from jobs.store.task_rows import new_row, read_task
from jobs.types import Approval, Conclusion, LeaseLost, Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jobs.types import Outcome, Phase, PlanItem, Task, TaskRequest

LEASE_SECONDS = 15.0
"""How long a silent worker keeps its task; the heartbeat renews it three times within."""
HEARD = "heard:"
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


class Tasks(TaskQuestions):
    """The tasks. A method that takes ``attempt`` raises LeaseLost when another attempt holds the task."""

    # -- asking -------------------------------------------------------------------------------------------------

    def submit(self, connection: sa.Connection, request: TaskRequest, now: float) -> tuple[Task, bool]:
        """Store a task, or join the active one on the same subject; tell whether it is new."""
        key = request.key or f"{request.repository.lower()}|{request.subject}|{request.kind}"
        while True:
            values = new_row(request, key, now)
            if self._database.insert_new(connection, tasks, values):
                break
            row = connection.execute(sa.select(tasks).where(tasks.c.active_key == key)).one_or_none()
            if row is not None:
                return read_task(row), False
        row = connection.execute(sa.select(tasks).where(tasks.c.id == values["id"])).one()
        return read_task(row), True

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
        """Put a waiting task back into the queue, or take back a pause that has not begun."""
        going = sa.update(tasks).where(tasks.c.id == task_id, tasks.c.status != Status.WAITING, tasks.c.pause != "")
        if connection.execute(going.values(pause="")).rowcount:
            return True
        waiting = sa.update(tasks).where(tasks.c.id == task_id, tasks.c.status == Status.WAITING)
        values = {"status": Status.QUEUED, "pause": "", "question": "", "note": "", "not_before": 0.0, "crashes": 0}
        return connection.execute(waiting.values(**values)).rowcount > 0

    def approve(self, connection: sa.Connection, task_id: str) -> bool:
        """Let a task begin whose plan waits for approval; False where it does not wait for that."""
        asked = sa.update(tasks).where(
            tasks.c.id == task_id, tasks.c.status == Status.WAITING, tasks.c.approval == Approval.ASKED
        )
        values = {"status": Status.QUEUED, "approval": Approval.GIVEN, "question": "", "note": "", "crashes": 0}
        return connection.execute(asked.values(**values, not_before=0.0)).rowcount > 0

    def plan_again(self, connection: sa.Connection, task_id: str) -> bool:
        """Have a task whose plan waits for approval make another one; False where it does not wait for that."""
        asked = sa.update(tasks).where(
            tasks.c.id == task_id, tasks.c.status == Status.WAITING, tasks.c.approval == Approval.ASKED
        )
        values = {"status": Status.QUEUED, "approval": Approval.WANTED, "question": "", "note": "", "not_before": 0.0}
        return connection.execute(asked.values(**values)).rowcount > 0

    def prioritise(self, connection: sa.Connection, task_id: str, priority: int) -> bool:
        """Let a task come before others (above 0) or after them (below 0)."""
        mine = sa.update(tasks).where(tasks.c.id == task_id, tasks.c.status != Status.COMPLETED)
        return connection.execute(mine.values(priority=priority)).rowcount > 0

    def reassign(self, connection: sa.Connection, task_id: str, model: str) -> bool:
        """Have another model go on with a task from its next step."""
        mine = sa.update(tasks).where(tasks.c.id == task_id, tasks.c.status != Status.COMPLETED)
        return connection.execute(mine.values(model=model)).rowcount > 0

    def mark_edited(self, connection: sa.Connection, task_id: str) -> None:
        """Remember that the subject's text was changed after the request."""
        connection.execute(sa.update(tasks).where(tasks.c.id == task_id).values(edited=True))

    def remark(self, connection: sa.Connection, task_id: str, note: str) -> None:
        """Have the living comment show one sentence."""
        connection.execute(sa.update(tasks).where(tasks.c.id == task_id).values(note=note))

    # -- working ------------------------------------------------------------------------------------------------

    def claim(self, task_id: str, owner: str, now: float, *, begin: bool = True) -> Claim | None:
        """Take a task under a lease, with the next attempt number; None when it is not to be had now.

        It is not to be had while everything is paused, or while as many tasks run as there may be at once:
        of its repository, of its actor, and of all together where people wished for so many workers.
        ``begin=False`` takes it just to tell people of it: a queued task stays queued.
        """
        values = {
            "attempt": tasks.c.attempt + 1,
            "crashes": tasks.c.crashes + sa.case((tasks.c.lease_owner != "", 1), else_=0),
            "lease_owner": owner,
            "lease_until": now + LEASE_SECONDS,
        }
        if begin:
            values["listens"] = ""
            # What was said of an outage is past.
            values["note"] = sa.case((tasks.c.not_before > 0, ""), else_=tasks.c.note)
            values["not_before"] = 0.0
            values["status"] = sa.case((workable(), Status.IN_PROGRESS.value), else_=tasks.c.status)
            values["started_at"] = sa.func.coalesce(tasks.c.started_at, now)
        with self._database.write() as connection:
            if begin and not self._has_room(connection, task_id, now):
                return None
            row = connection.execute(
                sa.update(tasks)
                .where(tasks.c.id == task_id, free(now), tasks.c.not_before <= now, sa.or_(workable(), untold()))
                .values(**values)
                .returning(tasks)
            ).one_or_none()
        return None if row is None else Claim(read_task(row), row.crashes, row.told)

    def _has_room(self, connection: sa.Connection, task_id: str, now: float) -> bool:
        """Tell whether one more task may run in all, in this task's repository, and for its actor."""
        me = connection.execute(sa.select(tasks).where(tasks.c.id == task_id)).one_or_none()
        if me is None or me.status != Status.QUEUED or me.cancel:
            return True
        self._database.alone(connection, BEGINNING)
        return has_room(me, self._running(connection, now))

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

    def odd_leases(self, now: float) -> Sequence[tuple[str, int, float]]:
        """Return task, attempt and end of the leases that the clock alone does not tell to be dead or alive."""
        held = sa.and_(tasks.c.lease_owner != "", tasks.c.lease_until > 0)
        past, future = now - ODD_SECONDS, now + LEASE_SECONDS + ODD_SECONDS
        odd = sa.or_(tasks.c.lease_until <= past, tasks.c.lease_until > future)
        with self._database.read() as connection:
            rows = connection.execute(sa.select(tasks.c.id, tasks.c.attempt, tasks.c.lease_until).where(held, odd))
            return [(row.id, row.attempt, row.lease_until) for row in rows]

    def expire(self, task_id: str, attempt: int, until: float) -> None:
        """End a lease that nobody has renewed since it was looked at."""
        same = sa.and_(tasks.c.id == task_id, tasks.c.attempt == attempt, tasks.c.lease_until == until)
        with self._database.write() as connection:
            connection.execute(sa.update(tasks).where(same).values(lease_until=0.0))

    def come_forward(self, seconds: float, now: float) -> None:
        """Let the tasks that wait for a time wait so much less, since the clock was set back by that."""
        waiting = sa.update(tasks).where(tasks.c.not_before > now)
        with self._database.write() as connection:
            connection.execute(waiting.values(not_before=tasks.c.not_before - seconds))

    def bereave(self, owners: Sequence[str]) -> Sequence[str]:
        """End the leases of owners who died, and return their tasks; the next claim counts each as a crash."""
        theirs = sa.update(tasks).where(tasks.c.lease_owner.in_(list(owners)), tasks.c.lease_until > 0)
        with self._database.write() as connection:
            return connection.execute(theirs.values(lease_until=0.0).returning(tasks.c.id)).scalars().all()

    def hold(self, connection: sa.Connection, task_id: str, attempt: int) -> Wish:
        """Check the fencing token inside a transaction; nobody else takes the task before the transaction has ended."""
        row = connection.execute(_held(task_id).with_for_update(read=True)).one()
        return _wish(row, task_id, attempt)

    def check(self, task_id: str, attempt: int) -> Wish:
        """Check the fencing token and return what people asked for."""
        with self._database.read() as connection:
            return _wish(connection.execute(_held(task_id)).one(), task_id, attempt)

    def progress(self, task_id: str, attempt: int, phase: Phase, plan: Sequence[PlanItem] | None = None) -> None:
        """Store how far a run has come."""
        values: dict[str, Any] = {"phase": phase.value}
        if plan is not None:
            values["plan"] = [asdict(item) for item in plan]
        self._update(task_id, attempt, values)

    def leave_branch(self, task_id: str, attempt: int, note: str) -> None:
        """Let a task go on a branch of its own, since that of the task that it follows is no place any more."""
        self._update(task_id, attempt, {"onto": "", "note": note})

    def release(
        self,
        task_id: str,
        attempt: int,
        *,
        worked: float = 0.0,
        not_before: float = 0.0,
        note: str = "",
        crashed: bool = False,
    ) -> None:
        """Put an unfinished task back into the queue: handed over, put off until ``not_before``, or ``crashed``."""
        values = {"status": Status.QUEUED.value, "not_before": not_before, "lease_owner": "", "lease_until": 0.0}
        values |= {"note": note, "worked_seconds": tasks.c.worked_seconds + worked}
        values |= {"crashes": tasks.c.crashes + int(crashed)}
        self._update(task_id, attempt, values)

    def rest(self, task_id: str, attempt: int, not_before: float, note: str) -> None:
        """Store that a task is going to wait for something that is away, before people are told; see ``release``."""
        values = {"status": Status.QUEUED.value, "not_before": not_before, "note": note}
        self._update(task_id, attempt, values)

    def hand_over(self, task_id: str, attempt: int, *, worked: float, note: str) -> None:
        """Let go of a task in whatever state it is: one that was worked on is for the next attempt, see ``release``."""
        going = tasks.c.status == Status.IN_PROGRESS
        values = {"lease_owner": "", "lease_until": 0.0, "worked_seconds": tasks.c.worked_seconds + worked}
        values |= {"status": sa.case((going, Status.QUEUED.value), else_=tasks.c.status)}
        values |= {"note": sa.case((going, note), else_=tasks.c.note)}
        self._update(task_id, attempt, values)

    def listen(self, task_id: str, attempt: int, event: str, note: str) -> None:
        """Store which event a task is going to wait for; ``release`` lets it wait."""
        self._update(task_id, attempt, {"listens": event, "note": note})

    def heard(self, connection: sa.Connection, event: str, now: float) -> Sequence[str]:
        """Let the tasks that wait for an event go on, and return their ids; one that is about to wait misses nothing.

        That the event came is kept for a while, for tasks that looked before it and wait only now.
        """
        self._database.upsert(connection, effects, {"key": f"{HEARD}{event}", "value": "", "at": now}, key=["key"])
        waiting = sa.update(tasks).where(tasks.c.listens == event, tasks.c.status == Status.QUEUED)
        return connection.execute(waiting.values(not_before=0.0).returning(tasks.c.id)).scalars().all()

    def heard_since(self, event: str, since: float) -> bool:
        """Tell whether an event came at a time or after it."""
        query = sa.select(effects.c.at).where(effects.c.key == f"{HEARD}{event}")
        with self._database.read() as connection:
            at = connection.execute(query).scalar_one_or_none()
        return at is not None and at >= since

    def wait(
        self, task_id: str, attempt: int, *, worked: float, question: str = "", note: str = "", plan: bool = False
    ) -> None:
        """Let a task wait for a person, who is told next, and again until it reached them.

        With ``plan`` the question is a plan that waits for approval.
        """
        values = {"status": Status.WAITING.value, "question": question, "note": note, "pause": "", "told": False}
        values |= {"tell_attempts": 0, "worked_seconds": tasks.c.worked_seconds + worked}
        values |= {"approval": Approval.ASKED.value} if plan else {}
        self._update(task_id, attempt, values)

    def complete(self, task_id: str, attempt: int, outcome: Outcome, *, worked: float, now: float) -> None:
        """Store how a task ended; people are told next, and again until it reached them."""
        values = {**_ended(outcome.conclusion, now), "summary": outcome.summary, "outcome": asdict(outcome)}
        values |= {"tell_attempts": 0, "note": "", "worked_seconds": tasks.c.worked_seconds + worked}
        self._update(task_id, attempt, values)

    def told(self, task_id: str, attempt: int) -> None:
        """Remember that the ending, or the question, has reached people."""
        self._update(task_id, attempt, {"told": True, "lease_owner": "", "lease_until": 0.0})

    def tell_again(self, task_id: str) -> bool:
        """Have an ended task told once more, because what stands there is not true; False where it goes on."""
        ended = sa.update(tasks).where(tasks.c.id == task_id, tasks.c.status == Status.COMPLETED)
        with self._database.write() as connection:
            return connection.execute(ended.values(told=False, tell_attempts=0, not_before=0.0)).rowcount > 0

    def tell_later(self, task_id: str, attempt: int, not_before: float) -> None:
        """Put the telling off, because the place to tell it cannot be reached now."""
        values = {"lease_owner": "", "lease_until": 0.0, "not_before": not_before}
        self._update(task_id, attempt, {**values, "tell_attempts": tasks.c.tell_attempts + 1})

    def _update(self, task_id: str, attempt: int, values: dict[str, Any]) -> None:
        values = {name: _storable(value) if isinstance(value, str) else value for name, value in values.items()}
        with self._database.write() as connection:
            held = sa.update(tasks).where(tasks.c.id == task_id, tasks.c.attempt == attempt, tasks.c.lease_owner != "")
            if not connection.execute(held.values(**values)).rowcount:
                raise LeaseLost(f"task {task_id} is held by another attempt than {attempt}")


def _held(task_id: str) -> sa.Select[Any]:
    return sa.select(tasks.c.attempt, tasks.c.lease_owner, tasks.c.cancel, tasks.c.pause).where(tasks.c.id == task_id)


def _wish(row: Any, task_id: str, attempt: int) -> Wish:
    if row.attempt != attempt or not row.lease_owner:
        raise LeaseLost(f"task {task_id} is held by another attempt than {attempt}")
    return Wish(row.cancel, row.pause)


def _storable(text: str) -> str:
    """Return a text as both engines take it: a model may write a NUL or half a character, and must not fail its end."""
    return text.replace("\0", "").encode(errors="replace").decode()


def _ended(conclusion: Conclusion, now: float) -> dict[str, Any]:
    return {
        "status": Status.COMPLETED.value,
        "conclusion": conclusion.value,
        "completed_at": now,
        "active_key": None,
        "told": False,
        "not_before": 0.0,
    }

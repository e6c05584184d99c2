"""What a run leaves behind as it goes: the products of its stages, its steps, its charges, its checkpoint."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from jobs.store.tables import charges, checkpoints, messages, stages, steps
from jobs.types import Actor, AuditEntry, LeaseLost, Step, Usage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jobs.store.audit import Audit
    from jobs.store.database import Database
    from jobs.store.tasks import Tasks


class Runs:
    """Everything here is written under the fencing token, so that a paused worker that wakes up writes nothing."""

    def __init__(self, database: Database, tasks: Tasks, audit: Audit) -> None:
        self._database, self._tasks, self._audit = database, tasks, audit

    def stage(self, task_id: str, name: str) -> Any:
        """Return the product that a stage stored, or None when it has not ended yet."""
        query = sa.select(stages.c.product).where(stages.c.task_id == task_id, stages.c.name == name)
        with self._database.read() as connection:
            return connection.execute(query).scalar_one_or_none()

    def finish_stage(self, task_id: str, attempt: int, name: str, product: Any, now: float) -> None:
        """Store the product of a stage; the next attempt starts behind it."""
        values = {"task_id": task_id, "name": name, "product": product, "at": now}
        with self._database.write() as connection:
            self._tasks.hold(connection, task_id, attempt)
            self._database.upsert(connection, stages, values, key=["task_id", "name"])

    def begin_round(self, task_id: str, attempt: int, stale: Sequence[str], product: Any, now: float) -> None:
        """Begin another round of work in the same task: the products of some stages and the checkpoint are dropped.

        ``product`` is stored as the stage ``round``; its ``steps`` says how many steps the rounds before took.
        """
        values = {"task_id": task_id, "name": "round", "product": product, "at": now}
        with self._database.write() as connection:
            self._tasks.hold(connection, task_id, attempt)
            connection.execute(sa.delete(stages).where(stages.c.task_id == task_id, stages.c.name.in_(list(stale))))
            connection.execute(sa.delete(checkpoints).where(checkpoints.c.task_id == task_id))
            self._database.upsert(connection, stages, values, key=["task_id", "name"])

    def stage_times(self, task_id: str) -> dict[str, float]:
        """Return when each stage ended."""
        with self._database.read() as connection:
            rows = connection.execute(sa.select(stages.c.name, stages.c.at).where(stages.c.task_id == task_id))
            return {row.name: row.at for row in rows}

    def steps(self, task_id: str) -> list[Step]:
        """Return all steps of a task, of all attempts, in their order."""
        query = sa.select(steps).where(steps.c.task_id == task_id).order_by(steps.c.number)
        with self._database.read() as connection:
            return [_step(row) for row in connection.execute(query)]

    def record(self, task_id: str, attempt: int, step: Step, now: float, *, delivered: Sequence[int] = ()) -> None:
        """Store a step, or its results when it is there already, and mark the messages that it delivered."""
        values = {
            "task_id": task_id,
            "number": step.index,
            "reply": step.reply,
            "results": step.results,
            "usage": asdict(step.usage),
            "cost": step.cost,
            "model": step.model,
            "seconds": step.seconds,
            "at": now,
        }
        with self._database.write() as connection:
            self._tasks.hold(connection, task_id, attempt)
            mine = sa.select(steps.c.number).where(steps.c.task_id == task_id, steps.c.number == step.index)
            if connection.execute(mine).one_or_none() is None:  # the reply, and not yet what came of it
                self._paid(connection, task_id, "step", step.usage, step.cost, step.model, attempt)
            self._database.upsert(connection, steps, values, key=["task_id", "number"])
            if delivered:
                given = sa.update(messages).where(messages.c.id.in_(delivered))
                connection.execute(given.values(delivered_at=now))

    def charge(
        self,
        task_id: str,
        what: str,
        usage: Usage,
        cost: float,
        model: str,
        now: float,
        *,
        attempt: int = 0,
        stage: tuple[str, Any] | None = None,
    ) -> None:
        """Store what a model call outside the agent's steps cost; it was paid whoever holds the task now.

        ``stage`` is name and product of what it brought, stored in the same moment where ``attempt`` holds the task:
        who dies in between would have it paid for again.
        """
        values = {"task_id": task_id, "what": what, "usage": asdict(usage), "cost": cost, "model": model, "at": now}
        with self._database.write() as connection:
            connection.execute(sa.insert(charges).values(**values))
            self._paid(connection, task_id, what, usage, cost, model)
            if stage is not None:
                brought = {"task_id": task_id, "name": stage[0], "product": stage[1], "at": now}
                with suppress(LeaseLost):
                    self._tasks.hold(connection, task_id, attempt)
                    self._database.upsert(connection, stages, brought, key=["task_id", "name"])

    def _paid(
        self,
        connection: sa.Connection,
        task_id: str,
        what: str,
        usage: Usage,
        cost: float,
        model: str,
        attempt: int = 0,
    ) -> None:
        """Have the audit tell of a model call."""
        entry = AuditEntry(
            f"model:{what}", task_id=task_id, attempt=attempt, model=model, cost=cost, details={"tokens": usage.total}
        )
        self._audit.add(connection, entry)

    def totals(self, task_id: str) -> tuple[Usage, float, tuple[str, ...]]:
        """Return a task's tokens, US dollars and models so far, steps and charges together."""
        usage, cost, models = Usage(), 0.0, dict[str, None]()
        with self._database.read() as connection:
            for table in (steps, charges):
                columns = sa.select(table.c.usage, table.c.cost, table.c.model).where(table.c.task_id == task_id)
                for row in connection.execute(columns):
                    usage, cost = usage + Usage(**row.usage), cost + row.cost
                    models[row.model] = None
        return usage, cost, tuple(models)

    def say(self, connection: sa.Connection, task_id: str, key: str, actor: Actor, text: str, now: float) -> bool:
        """Store a person's message to a task, once per ``key``; its next step delivers it."""
        values = {"task_id": task_id, "key": key, "actor": asdict(actor), "text": text, "created_at": now}
        return self._database.insert_new(connection, messages, values)

    def unheard(self, task_id: str) -> list[tuple[int, str, str]]:
        """Return id, speaker and text of the messages that no step has delivered yet."""
        query = (
            sa.select(messages)
            .where(messages.c.task_id == task_id, messages.c.delivered_at.is_(None))
            .order_by(messages.c.id)
        )
        with self._database.read() as connection:
            return [(row.id, row.actor["login"] or row.actor["id"], row.text) for row in connection.execute(query)]

    def speakers(self, task_id: str) -> tuple[str, ...]:
        """Return the GitHub logins of the people who said something to a task, in the order in which they first did."""
        query = sa.select(messages.c.actor).where(messages.c.task_id == task_id).order_by(messages.c.id)
        with self._database.read() as connection:
            actors = [Actor(**actor) for actor in connection.execute(query).scalars()]
        return tuple(dict.fromkeys(actor.login for actor in actors if actor.login and not actor.is_bot))

    def voices(self, task_id: str) -> list[Actor]:
        """Return who said something to a task, each once, in the order in which they did."""
        query = sa.select(messages.c.actor).where(messages.c.task_id == task_id).order_by(messages.c.id)
        with self._database.read() as connection:
            return list(dict.fromkeys(Actor(**actor) for actor in connection.execute(query).scalars()))

    def save_checkpoint(self, task_id: str, attempt: int, bundle: bytes, now: float) -> None:
        """Keep the work as a git bundle, so that it outlives its sandbox."""
        values = {"task_id": task_id, "bundle": bundle, "at": now}
        with self._database.write() as connection:
            self._tasks.hold(connection, task_id, attempt)
            self._database.upsert(connection, checkpoints, values, key=["task_id"])

    def checkpoint(self, task_id: str) -> bytes | None:
        """Return the newest kept work of a task as a git bundle."""
        query = sa.select(checkpoints.c.bundle).where(checkpoints.c.task_id == task_id)
        with self._database.read() as connection:
            bundle = connection.execute(query).scalar_one_or_none()
        return None if bundle is None else bytes(bundle)


def _step(row: Any) -> Step:
    return Step(row.number, row.reply, row.results, Usage(**row.usage), row.cost, row.model, row.seconds)

"""All tasks together: whether new work may begin, and how many workers people wish for."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import sqlalchemy as sa

from jobs.store.tables import effects, tasks
from jobs.types import Approval, Status, UserError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jobs.store.database import Database
    from jobs.store.tasks import Tasks

PAUSED, HELD, WORKERS = "fleet:paused", "fleet:held", "fleet:workers"
MOST_WORKERS = 256
BEGINNING = "tasks at once"
"""The lock under which a task begins: what is true of all tasks together is changed under it too."""


class Fleet:
    """What people decided about all tasks; it holds for every worker on every machine."""

    def __init__(self, database: Database, all_tasks: Tasks) -> None:
        self._database = database
        self._tasks = all_tasks

    def paused(self) -> str:
        """Return the words with which everything was paused; empty when it was not."""
        with self._database.read() as connection:
            return paused(connection)

    def pause(self, connection: sa.Connection, words: str, now: float) -> list[str]:
        """Let no new work begin and ask every running or queued task to wait; return the ids of these.

        What waits for a person already, or was asked to stop by somebody else, is left as it is.
        """
        self._database.alone(connection, BEGINNING)
        going = sa.select(tasks.c.id).where(
            tasks.c.status.in_([Status.QUEUED, Status.IN_PROGRESS]), tasks.c.pause == "", tasks.c.cancel == ""
        )
        found = connection.execute(going.order_by(tasks.c.created_at, tasks.c.id)).scalars().all()
        asked = [task_id for task_id in found if self._tasks.pause(connection, task_id, words, now)]
        held = list(dict.fromkeys([*_held(connection), *asked]))
        self._keep(connection, {PAUSED: words or "paused", HELD: json.dumps(held)}, now)
        return asked

    def resume(self, connection: sa.Connection, now: float) -> list[str]:
        """Let work begin again and resume what the pause of everything held; return the ids of these.

        What meanwhile ended, or waits for an answer or an approval, is not touched.
        """
        self._database.alone(connection, BEGINNING)
        held = _held(connection)
        self._keep(connection, {PAUSED: "", HELD: ""}, now)
        waits = sa.and_(tasks.c.status == Status.WAITING, tasks.c.question == "", tasks.c.approval != Approval.ASKED)
        asked = sa.and_(tasks.c.status.in_([Status.QUEUED, Status.IN_PROGRESS]), tasks.c.pause != "")
        still = sa.select(tasks.c.id).where(tasks.c.id.in_(held), tasks.c.cancel == "", sa.or_(waits, asked))
        due = set(connection.execute(still).scalars())
        return [task_id for task_id in held if task_id in due and self._tasks.resume(connection, task_id)]

    def workers(self) -> int | None:
        """Return how many workers of tasks people wish for; None leaves it to the setting."""
        with self._database.read() as connection:
            return most_workers(connection)

    def scale(self, connection: sa.Connection, workers: int | None, now: float) -> None:
        """Wish for so many workers of tasks, 0 to 64; None goes back to the setting."""
        if workers is not None and not 0 <= workers <= MOST_WORKERS:
            raise UserError(
                f"There can be 0 to {MOST_WORKERS} workers; 0 lets nothing begin. {workers} is not possible."
            )
        self._database.alone(connection, BEGINNING)
        self._keep(connection, {WORKERS: "" if workers is None else str(workers)}, now)

    def _keep(self, connection: sa.Connection, values: dict[str, str], now: float) -> None:
        for key, value in values.items():
            self._database.upsert(connection, effects, {"key": key, "value": value, "at": now}, key=["key"])


def paused(connection: sa.Connection) -> str:
    """Return the words of a pause of everything, as one transaction sees them."""
    return _value(connection, PAUSED)


def most_workers(connection: sa.Connection) -> int | None:
    """Return the wished number of workers, as one transaction sees it."""
    value = _value(connection, WORKERS)
    return int(value) if value else None


def _held(connection: sa.Connection) -> Sequence[str]:
    value = _value(connection, HELD)
    return json.loads(value) if value else []


def _value(connection: sa.Connection, key: str) -> str:
    return connection.execute(sa.select(effects.c.value).where(effects.c.key == key)).scalar_one_or_none() or ""

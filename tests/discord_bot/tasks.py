"""Tasks in the store in the states that a chat shows."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from tests.store.asking import request

if TYPE_CHECKING:
    from jobs.store import Store
    from jobs.types import Outcome, Task


def task(store: Store, *, number: int = 12, question: str = "", **changes: Any) -> Task:
    """Return a task that runs, or waits for an answer."""
    now = time.time()
    with store.write() as connection:
        made, created = store.tasks.submit(connection, request(number, **changes), now)
    assert created
    claim = store.tasks.claim(made.id, "one", now)
    assert claim is not None
    if question:
        ask(store, made, question)
    found = store.tasks.get(made.id)
    assert found is not None
    return found


def ask(store: Store, task: Task, question: str, *, plan: bool = False) -> None:
    """Have a running task wait for an answer, or for the approval of its plan."""
    store.tasks.wait(task.id, 1, worked=3.0, question=question, plan=plan)


def outcome_of(store: Store, task: Task, outcome: Outcome) -> None:
    """End a running task."""
    store.tasks.complete(task.id, 1, outcome, worked=192.0, now=time.time())

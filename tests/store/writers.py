"""Processes that write to the audit at the same time, and one that can be killed in the middle."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from jobs.store import Store
from jobs.types import AuditEntry, Decision
from tests.store.asking import ALICE, NOW

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.synchronize import Barrier, Event

SECRET = b"the installation's key"


def entry(number: int = 1, what: str = "github:POST issues/comments", **changes: object) -> AuditEntry:
    """Return an entry of alice's about an issue of octo/shop."""
    values: dict[str, object] = {
        "what": what,
        "repository": "octo/shop",
        "subject": f"issues/{number}/comments",
        "actor": ALICE,
        "reason": "alice asked",
        "task_id": "7f3c9a",
        "details": {"n": number},
    }
    return AuditEntry(**{**values, **changes})  # type: ignore[arg-type]


def write(url: str, name: str, count: int, start: Barrier, times: Callable[[list[float]], None] | None = None) -> None:
    """Write decisions and effects, when all others are ready too."""
    store, taken = Store(url, SECRET), list[float]()
    store.audit.head()
    start.wait(60)
    for number in range(count):
        began = time.perf_counter()
        if number % 2:
            store.audit.record(entry(number, task_id=name))
        else:
            with store.write() as connection:
                verdict = Decision(allowed=True, reason="she may")
                store.records.decided(connection, ALICE, "start", "octo/shop issue-12", verdict, NOW, name)
        taken.append(time.perf_counter() - began)
    store.close()
    if times is not None:
        times(taken)


def write_for_ever(url: str, begun: Event) -> None:
    """Write until somebody ends this process."""
    store, number = Store(url, SECRET), 0
    while True:
        with store.write() as connection:
            store.audit.add(connection, entry(number))
            store.audit.add(connection, entry(number + 1))
        number += 2
        if number > 8:
            begun.set()

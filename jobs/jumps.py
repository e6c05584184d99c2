"""Notices that this machine's clock was set, and keeps that from waking, losing or delaying anybody's task.

Leases and waits are times of day in the database, since several machines share them; what a clock says of them is
believed only as far as it can be true. Beyond that a lease is watched for as long as a living worker may be silent.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from jobs.store import LEASE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from jobs.store import Store

    Lease = tuple[str, int, float]
    """Task, attempt, and until when it is held: a worker that lives changes the last every few seconds."""

LEAST_JUMP = 5.0
"""Seconds; less is an adjustment, or a process that had to wait."""

log = logging.getLogger(__name__)


class Jumps:
    """What one process has seen of the clock and of leases whose times cannot be true."""

    def __init__(self, wall: Callable[[], float] = time.time, steady: Callable[[], float] = time.monotonic) -> None:
        """Take the clock that people set, and the one that they cannot."""
        self._wall, self._steady = wall, steady
        self._offset = wall() - steady()
        self._seen: dict[Lease, float] = {}

    def jump(self) -> float:
        """Return by how many seconds the clock was set since the last look: above 0 forward, below 0 back."""
        offset = self._wall() - self._steady()
        jumped, self._offset = offset - self._offset, offset
        return jumped if abs(jumped) >= LEAST_JUMP else 0.0

    def dead(self, leases: Iterable[Lease]) -> list[Lease]:
        """Return which of these leases nobody has renewed for as long as a lease lasts, by the steady clock."""
        now = self._steady()
        self._seen = {lease: self._seen.get(lease, now) for lease in leases}
        return [lease for lease, since in self._seen.items() if now - since > LEASE_SECONDS]


def mend(store: Store, jumps: Jumps, now: float) -> None:
    """Shorten waits by what the clock was set back, and end leases of workers who are silent in whatever time."""
    jumped = jumps.jump()
    if jumped:
        log.warning("this machine's clock was set by %+.0f seconds", jumped)
    if jumped < 0:
        store.tasks.come_forward(-jumped, now)
        store.deliveries.come_forward(-jumped, now)
    for task_id, attempt, until in jumps.dead(store.tasks.odd_leases(now)):
        log.warning("the worker of task %s is silent; another one takes it", task_id)
        store.tasks.expire(task_id, attempt, until)

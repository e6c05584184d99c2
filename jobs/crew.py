"""How many workers of tasks people wish for, carried from the database to the parent of the workers through a pipe."""

from __future__ import annotations

import json
import logging
import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jobs.lease import free_the_orphaned
from jobs.owners import process_of

if TYPE_CHECKING:
    from jobs.services import Services
    from jobs.store import Store

ASK_SECONDS = 1.0
LONGEST = 65_536

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Crew:
    """How many workers of tasks there shall be, and which processes of this machine hold a task now."""

    workers: int
    busy: frozenset[int]


class CrewWatch:
    """A pipe with one writer, the worker that asks the database, and one reader that never waits for it."""

    def __init__(self, default: int) -> None:
        """Take the number that holds while nobody wished for another one."""
        self._default = default
        self._end, self._start = os.pipe()
        os.set_blocking(self._end, False)
        self._rest = b""

    def newest(self) -> Crew | None:
        """Return the newest crew that was told of since it was asked last, or None."""
        try:
            lines = (self._rest + os.read(self._end, LONGEST)).split(b"\n")
        except BlockingIOError:
            return None
        self._rest = lines.pop()
        if not lines:
            return None
        told = json.loads(lines[-1])
        workers = self._default if told["workers"] is None else told["workers"]
        return Crew(workers, frozenset(told["busy"]))

    def follow(self, services: Services) -> None:
        """Ask the database every second and write down what it says, until stopping.

        What workers of this machine held when they died is given to others at once.
        """
        store, away = services.store, False
        while not services.stopping.is_set():
            try:
                tasks, deliveries = free_the_orphaned(store, time.time())
                for task_id in tasks:
                    services.waker.task(task_id)
                for guid in deliveries:
                    services.waker.delivery(guid)
                told = {"workers": store.fleet.workers(), "busy": _busy(store)}
                os.write(self._start, json.dumps(told).encode() + b"\n")
                away = False
            except store.UNAVAILABLE as error:
                if not away:
                    log.warning("the number of workers stays, since the database cannot be reached: %s", error)
                away = True
            services.stopping.wait(ASK_SECONDS)


def _busy(store: Store) -> list[int]:
    """Return the processes of this machine that hold a task, by the names under which they hold it."""
    return [number for owner in store.tasks.owners(time.time()) if (number := process_of(owner))]

"""Holds a task for one attempt: a heartbeat in a thread renews the lease and hears what people ask for meanwhile."""

from __future__ import annotations

import logging
import signal
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self

from jobs.owners import is_dead
from jobs.types import Cancelled, HandOver, Interruption, LeaseLost, Paused

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from jobs.store import Store, Wish
    from jobs.types import CommandResult, Message, Model, Reply, Sandbox, ToolSchema

HEARTBEAT_SECONDS = 4.0
PATIENCE_SECONDS = 3.0
"""How long a worker that must stop waits for the current command or model reply before it breaks off."""
LATEST_SECONDS = 5.0
"""After so long the task is handed over whatever this worker is at: half a minute is soon waited for by a clone, say.

Before the worker is ended by force, see ``STOP_SECONDS`` in jobs/pool.py.
"""

HANDED_OVER = "The worker was restarted; the next one takes the work up where it is."

log = logging.getLogger(__name__)


class _BrokenOff(BaseException):
    """What breaks a wait off; no library takes it for a failure of its own, and asks again what is then paid twice."""

    def __init__(self, reason: Interruption) -> None:
        super().__init__(str(reason))
        self.reason = reason


class Lease:
    """One attempt's hold on a task; ``check`` raises what must stop the work.

    A wait in the main thread that can last long is put into ``interruptible``: the heartbeat breaks it off by a signal
    when the task was cancelled or lost, or when the worker must stop and the wait does not end by itself. Where the
    main thread does not come back in time, the heartbeat hands the task over, and this attempt has lost it.
    """

    def __init__(self, store: Store, task_id: str, attempt: int, stopping: threading.Event) -> None:
        self.task_id, self.attempt = task_id, attempt
        self._store, self._stopping = store, stopping
        self._wish: Wish | None = None
        self._lost = False
        self._waiting = False
        self._ended = threading.Event()
        self._began = time.monotonic()
        self._thread = threading.Thread(target=self._beat, name=f"lease-{task_id}", daemon=True)
        self._main = threading.get_ident()

    def __enter__(self) -> Self:
        self._handler = signal.signal(signal.SIGUSR1, self._break_off)
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._ended.set()
        self._thread.join(timeout=10)
        signal.signal(signal.SIGUSR1, self._handler)

    def check(self) -> None:
        """Raise LeaseLost, HandOver, Cancelled or Paused when this attempt must stop."""
        self._wish = self._store.tasks.check(self.task_id, self.attempt)
        self._raise()
        if self._wish.pause:
            raise Paused(self._wish.pause)

    def fence(self) -> None:
        """Raise LeaseLost when another attempt holds the task; every outside effect asks this first."""
        self._store.tasks.check(self.task_id, self.attempt)

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """Mark a long wait of the main thread."""
        with self.told():
            try:
                self._waiting = True
                yield
            finally:
                self._waiting = False

    @contextmanager
    def told(self) -> Iterator[None]:
        """Raise why a wait was broken off, also where that came just behind its end."""
        try:
            yield
        except _BrokenOff as broken:
            self._waiting = False
            raise broken.reason from None

    def _raise(self) -> None:
        if self._lost:
            raise LeaseLost(f"task {self.task_id} is held by another attempt than {self.attempt}")
        if self._wish is not None and self._wish.cancel:
            raise Cancelled(self._wish.cancel)
        if self._stopping.is_set():
            raise HandOver("this worker was asked to stop")

    def _break_off(self, _number: int, _frame: object) -> None:
        if not self._waiting:
            return
        try:
            self._raise()
        except Interruption as reason:
            raise _BrokenOff(reason) from None

    def _beat(self) -> None:
        renewed = time.monotonic()
        asked_to_stop: float | None = None
        while not self._ended.wait(0.5):
            now = time.monotonic()
            if now - renewed >= HEARTBEAT_SECONDS and self._renew():
                renewed = now
            if self._stopping.is_set() and asked_to_stop is None:
                asked_to_stop = now
            late = 0.0 if asked_to_stop is None else now - asked_to_stop
            if late > LATEST_SECONDS:
                self._hand_over()
            impatient = late > PATIENCE_SECONDS
            cancelled = self._wish is not None and self._wish.cancel
            if self._waiting and (self._lost or cancelled or impatient):
                signal.pthread_kill(self._main, signal.SIGUSR1)

    def _hand_over(self) -> None:
        """Put the task back for the next attempt; one try more at each beat where the database cannot be reached."""
        if self._lost:
            return
        try:
            worked = time.monotonic() - self._began
            self._store.tasks.hand_over(self.task_id, self.attempt, worked=worked, note=HANDED_OVER)
            log.warning("task %s is handed over, since this worker must stop and is not done with it", self.task_id)
        except LeaseLost:
            pass
        except self._store.UNAVAILABLE:
            return
        self._lost = True

    def _renew(self) -> bool:
        """Renew the lease; a database that cannot be reached is tried again at the next beat."""
        if self._lost:
            return True
        try:
            self._wish = self._store.tasks.renew(self.task_id, self.attempt, time.time())
        except LeaseLost:
            self._lost = True
        except self._store.UNAVAILABLE:
            log.warning("the lease of task %s could not be renewed; trying again", self.task_id)
            return False
        return True


def free_the_orphaned(store: Store, now: float) -> tuple[Sequence[str], Sequence[str]]:
    """End the leases that processes of this machine held when they died, and return their tasks and their deliveries.

    Nobody waits for these leases to run out: who died renews nothing. A process that only stands still keeps its own.
    """
    holders = store.tasks.owners(now) | store.deliveries.owners(now)
    dead = [owner for owner in holders if is_dead(owner)]
    return (store.tasks.bereave(dead), store.deliveries.bereave(dead)) if dead else ([], [])


class InterruptibleModel:
    """A model whose replies can be broken off by the lease."""

    def __init__(self, model: Model, lease: Lease) -> None:
        self._model, self._lease = model, lease

    @property
    def name(self) -> str:
        """The model's name."""
        return self._model.name

    def query(self, system: str, messages: Sequence[Message], tools: Sequence[ToolSchema]) -> Reply:
        """Answer one conversation."""
        with self._lease.interruptible():
            return self._model.query(system, messages, tools)


class InterruptibleSandbox:
    """A sandbox whose commands can be broken off by the lease."""

    def __init__(self, sandbox: Sandbox, lease: Lease) -> None:
        self._sandbox, self._lease = sandbox, lease

    def __getattr__(self, name: str) -> Any:
        """Pass everything else through."""
        return getattr(self._sandbox, name)

    def run(self, command: str, **options: Any) -> CommandResult:
        """Run a command."""
        with self._lease.interruptible():
            return self._sandbox.run(command, **options)

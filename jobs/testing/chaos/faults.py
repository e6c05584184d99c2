"""The sorts of faults: what is hurt, for how long, and the record of which runs that hit."""

from __future__ import annotations

import signal
import threading
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jobs.owners import process_of
from jobs.testing.chaos.machine import send

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterable

    from jobs.store import Store
    from jobs.store.task_questions import Agent
    from jobs.testing.chaos.machine import Machine

PAUSE_SECONDS = (16.0, 19.0)
"""A pause is longer than the lease of 15 s."""
LOCK_SECONDS = (2.0, 6.0)
SANDBOX_SECONDS = (3.0, 8.0)
AWAY_SECONDS = {"pause Valkey": PAUSE_SECONDS[1], "kill Valkey": 5.0, "lock the database": LOCK_SECONDS[1]}
"""How long each of these keeps from everybody what every process needs."""
MOST_HITS = 2
"""A run that is hit a third time is failed on purpose, in words; that is tested elsewhere."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A run whose worker was killed or paused; ``at`` is when."""

    task_id: str
    sort: str
    at: float
    killed: bool


class Faults:
    """Hurts one product; every method hurts one thing and tells whether there was one to hurt."""

    def __init__(self, machine: Machine, store: Store, dice: random.Random) -> None:
        self.done: Counter[str] = Counter()
        self.hits: list[Hit] = []
        self.log: list[tuple[float, str]] = []
        self._machine, self._store, self._dice = machine, store, dice
        self._paused: set[int] = set()
        self._threads: list[threading.Thread] = []

    def commit(self, sort: str) -> bool:
        """Commit a fault of one sort, by its name in ``SORTS``; what lasts goes on in a thread."""
        committed = SORTS[sort](self)
        self.done[sort] += committed
        if committed:
            self.log.append((time.time(), sort))
        return committed

    def away(self, since: float, until: float) -> bool:
        """Tell whether Valkey or the database was kept from everybody at some time between two moments."""
        spans = [(at, at + AWAY_SECONDS[sort]) for at, sort in self.log if sort in AWAY_SECONDS]
        return any(begins < until and since < ends for begins, ends in spans)

    def end(self) -> None:
        """Wait until everything that was paused or locked goes on again."""
        for thread in self._threads:
            thread.join()

    # -- web ----------------------------------------------------------------------------------------------------

    def kill_web(self) -> bool:
        """Kill one of the processes that answer."""
        return self._kill(self._one(one.pid for one in self._machine.family("web")[1]))

    def kill_all_web(self) -> bool:
        """Kill the parent of those that answer; the supervisor ends them with it."""
        return self._kill(self._machine.family("web")[0])

    def pause_web(self) -> bool:
        """Pause one of the processes that answer, never both."""
        here = [one.pid for one in self._machine.family("web")[1]]
        return not set(here) & self._paused and self._pause(self._one(here))

    # -- workers ------------------------------------------------------------------------------------------------

    def kill_worker(self) -> bool:
        """Kill a worker that holds a task."""
        victim = self._victim()
        return victim is not None and self._hit("kill a worker", [victim]) and self._kill(process_of(victim.owner))

    def kill_workers(self) -> bool:
        """Kill the parent of all workers while some are at work, and with it all of them."""
        running = self._running()
        parent = self._machine.family("worker")[0]
        if not parent or not running or any(self._count(one) >= MOST_HITS for one in running):
            return False
        return self._hit("kill all workers", running) and self._kill(parent)

    def kill_inbox(self) -> bool:
        """Kill the worker that understands deliveries."""
        return self._kill(self._one(self._machine.workers("inbox")))

    def pause_worker(self) -> bool:
        """Pause a worker that holds a task, for longer than its lease."""
        victim = self._victim()
        if victim is None:
            return False
        return self._hit("pause a worker", [victim], killed=False) and self._pause(process_of(victim.owner))

    def pause_inbox(self) -> bool:
        """Pause the worker that understands deliveries."""
        return self._pause(self._one(self._machine.workers("inbox")))

    # -- clock and Valkey ---------------------------------------------------------------------------------------

    def kill_clock(self) -> bool:
        """Kill the clock."""
        return self._kill(self._machine.family("clock")[0])

    def pause_clock(self) -> bool:
        """Pause the clock."""
        return self._pause(self._machine.family("clock")[0])

    def kill_valkey(self) -> bool:
        """Kill Valkey and take away all that it had written down."""
        if not self._kill(self._machine.valkey()):
            return False
        self._machine.forget_queues()
        return True

    def pause_valkey(self) -> bool:
        """Pause Valkey: who asks it waits."""
        return self._pause(self._machine.valkey())

    # -- sandboxes and the database -----------------------------------------------------------------------------

    def kill_sandbox(self) -> bool:
        """Kill the sandbox of a run."""
        victim = self._victim()
        sandbox = victim and self._machine.sandbox_of(victim.task.id, process_of(victim.owner))
        if victim is None or not sandbox:
            return False
        self._hit("kill a sandbox", [victim], killed=False)
        self._machine.kill_sandbox(sandbox)
        return True

    def pause_sandbox(self) -> bool:
        """Have the sandbox of a run stand still for some seconds."""
        victim = self._victim()
        sandbox = victim and self._machine.sandbox_of(victim.task.id, process_of(victim.owner))
        if not sandbox:
            return False
        self._machine.pause_sandbox(sandbox)
        self._later(SANDBOX_SECONDS, lambda: self._machine.resume_sandbox(sandbox))
        return True

    def lock_database(self) -> bool:
        """Keep everybody else from writing to the database for some seconds."""
        seconds = self._dice.uniform(*LOCK_SECONDS)
        thread = threading.Thread(target=self._hold_the_lock, args=(seconds,))
        thread.start()
        self._threads.append(thread)
        return True

    def _hold_the_lock(self, seconds: float) -> None:
        try:
            with self._store.write() as connection:
                if not self._store.database.is_sqlite:
                    connection.exec_driver_sql("LOCK TABLE tasks, deliveries, steps, stages IN EXCLUSIVE MODE")
                time.sleep(seconds)
        except self._store.UNAVAILABLE:
            self.done["lock the database"] -= 1  # somebody who was paused has it

    # -- how ----------------------------------------------------------------------------------------------------

    def _kill(self, pid: int) -> bool:
        if pid:
            send(pid, signal.SIGKILL)
        return bool(pid)

    def _pause(self, pid: int) -> bool:
        if not pid or pid in self._paused:
            return False
        self._paused.add(pid)
        send(pid, signal.SIGSTOP)

        def resume() -> None:
            send(pid, signal.SIGCONT)
            self._paused.discard(pid)

        self._later(PAUSE_SECONDS, resume)
        return True

    def _later(self, between: tuple[float, float], then: Callable[[], None]) -> None:
        timer = threading.Timer(self._dice.uniform(*between), then)
        timer.start()
        self._threads.append(timer)

    def _running(self) -> list[Agent]:
        return [one for one in self._store.tasks.agents() if process_of(one.owner)]

    def _victim(self) -> Agent | None:
        held = [one for one in self._running() if self._count(one) < MOST_HITS]
        able = [one for one in held if process_of(one.owner) not in self._paused]
        return self._dice.choice(able) if able else None

    def _count(self, agent: Agent) -> int:
        return sum(hit.task_id == agent.task.id for hit in self.hits)

    def _hit(self, sort: str, agents: Iterable[Agent], *, killed: bool = True) -> bool:
        self.hits += [Hit(agent.task.id, sort, time.time(), killed) for agent in agents]
        return True

    def _one(self, pids: Iterable[int]) -> int:
        able = sorted(set(pids) - self._paused)
        return self._dice.choice(able) if able else 0


SORTS: dict[str, Callable[[Faults], bool]] = {
    "kill a web process": Faults.kill_web,
    "kill all web processes": Faults.kill_all_web,
    "pause a web process": Faults.pause_web,
    "kill a worker": Faults.kill_worker,
    "kill all workers": Faults.kill_workers,
    "pause a worker": Faults.pause_worker,
    "kill the inbox's worker": Faults.kill_inbox,
    "pause the inbox's worker": Faults.pause_inbox,
    "kill the clock": Faults.kill_clock,
    "pause the clock": Faults.pause_clock,
    "kill Valkey": Faults.kill_valkey,
    "pause Valkey": Faults.pause_valkey,
    "kill a sandbox": Faults.kill_sandbox,
    "pause a sandbox": Faults.pause_sandbox,
    "lock the database": Faults.lock_database,
}
"""What is done to the product."""

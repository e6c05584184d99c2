"""Workers in processes of their own that are killed, with all that they started, at moments that a test names."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from jobs.execute import execute
from jobs.services import build
from jobs.types import Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from config.settings import Settings
    from jobs.testing.faults import Fault
    from jobs.testing.loopback import Request
    from jobs.types import Task
    from tests.jobs.workshop import Workshop

LIVES = 60
"""How many workers a task may use up in a test."""
LOG = "workers.log"

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["tests.journeys.preloaded"])


def live(settings: Settings, task_id: str) -> None:
    """Be a worker: carry out one task, and end."""
    logging.basicConfig(filename=settings.home / LOG, level=logging.INFO, force=True)
    services = build(settings)
    try:
        execute(services, task_id)
    finally:
        services.close()


@dataclass(frozen=True)
class Moment:
    """A request to GitHub at which a worker dies; ``holding`` is what its body or its query has in it."""

    method: str
    path: str
    holding: str = ""

    def fits(self, request: Request) -> bool:
        """Tell whether a request is this one, if its method and path are."""
        return self.holding.encode() in request.body + request.target.encode()


@dataclass
class Mortals:
    """The workers of one workshop, one after the other."""

    workshop: Workshop
    died: list[str] = field(default_factory=list)
    """The names of the moments at which one died, in their order."""
    process: int = 0
    """The worker that lives now, or 0."""

    # -- dying --------------------------------------------------------------------------------------------------

    def kill(self, moment: str) -> None:
        """Kill the worker and all that it started, at once."""
        process = self.process
        if not process:
            return
        self.died.append(moment)
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGSTOP)  # so that it starts nothing more
            for descendant in descendants(process):
                with suppress(ProcessLookupError):
                    os.kill(descendant, signal.SIGKILL)
            os.kill(process, signal.SIGKILL)

    def dies_at(self, name: str, moment: Moment, *, after: bool) -> Fault:
        """Have a worker die when a request comes: before it is carried out, or after that and before its answer."""
        faults = self.workshop.github.faults
        then = lambda: self.kill(name)  # noqa: E731 - says no more as a function
        return faults.add(moment.method, moment.path, after=after, drop=True, when=moment.fits, then=then)

    @contextmanager
    def dying_when(self, seen: Mapping[str, Callable[[], object]]) -> Iterator[None]:
        """While the block runs, have a worker die as soon as each of these can be seen from outside."""
        waiting, ended = dict(seen), threading.Event()

        def watch() -> None:
            while waiting and not ended.wait(0.002):
                process = self.process
                name = next((one for one, condition in waiting.items() if process and condition()), "")
                if name and process == self.process:
                    del waiting[name]
                    self.kill(name)

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            yield
        finally:
            ended.set()
            watcher.join()

    # -- living -------------------------------------------------------------------------------------------------

    def run(self, task: Task, each: Callable[[], object] = lambda: None) -> Any:
        """Have workers take a task up until it has ended and was told, with a look after each; return its row."""
        for _ in range(LIVES):
            self.one(task)
            each()
            row = self.workshop.services.store.tasks.row(task.id)
            if row.told and row.status in {Status.COMPLETED, Status.WAITING}:
                return row
            self.revive(task)
        raise AssertionError(f"the task does not end: {row}\n{self.log}")

    def one(self, task: Task) -> bool:
        """Have one worker take a task up; tells whether it was killed."""
        worker = FORKS.Process(target=live, args=(self.workshop.services.settings, task.id))
        worker.start()
        self.process = worker.pid or 0
        worker.join(120)
        self.process = 0
        assert worker.exitcode in {0, -signal.SIGKILL}, f"a worker ended with {worker.exitcode}\n{self.log}"
        return worker.exitcode != 0

    def revive(self, task: Task) -> None:
        """Let the next worker have a task whose worker died, as after its lease; it may die as often as a test wants."""
        with self.workshop.services.store.write() as connection:
            free = "UPDATE tasks SET lease_until = 0, not_before = 0, crashes = 0 WHERE id = :id"
            connection.execute(sa.text(free), {"id": task.id})

    def runs(self, *command: str) -> bool:
        """Tell whether the worker runs a command, in a sandbox or not."""
        wanted = "\0".join((*command, "")).encode()
        return any(_command(one) == wanted for one in descendants(self.process)) if self.process else False

    @property
    def log(self) -> str:
        """What the workers wrote."""
        path = self.workshop.services.settings.home / LOG
        return path.read_text()[-6000:] if path.exists() else ""


def descendants(process: int) -> list[int]:
    """Return the processes that a process started, and that these started."""
    found = []
    for listed in Path(f"/proc/{process}/task").glob("*/children"):
        with suppress(OSError):
            for child in map(int, listed.read_text().split()):
                found += [child, *descendants(child)]
    return found


def sleeps(seconds: str) -> bool:
    """Tell whether some process of this machine sleeps for just so long, such as one in a container."""
    wanted = f"sleep\0{seconds}\0".encode()
    return any(_command(int(one.name)) == wanted for one in Path("/proc").glob("[0-9]*"))


def _command(process: int) -> bytes:
    with suppress(OSError):
        return Path(f"/proc/{process}/cmdline").read_bytes()
    return b""

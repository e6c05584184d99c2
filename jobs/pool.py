"""The worker processes: one that understands deliveries, and as many as wanted that carry out tasks.

They are forked from one parent that has imported what is slow to import, so that they share its memory. The one that
understands deliveries also asks the database how many people wish for, since the parent of forks must not hold
connections.
"""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import signal
import sys
import time
from importlib import import_module
from typing import TYPE_CHECKING

from jobs import warm
from jobs.crew import CrewWatch
from jobs.dense import fill_gaps
from jobs.execute import KINDS
from jobs.queue import INBOX, TASKS
from jobs.store import Store
from jobs.trust import trusted
from jobs.worker import work

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from config.settings import Settings
    from jobs.worker import Composer

RESTART_SECONDS = 1.0
STOP_SECONDS = 7.2
TURN_SECONDS = 0.5
LATE = (
    "_strptime",
    "encodings.ascii",
    "encodings.idna",
    "h11",
    "httpcore",
    "httpcore2",
    "markdown_it.main",
    "opentelemetry.propagate",
)
"""What libraries import when they are first used; each worker would have it for itself, some 6 MB."""
STOPPING = (signal.SIGTERM, signal.SIGINT)
WATCHED = (*STOPPING, signal.SIGCHLD)

log = logging.getLogger(__name__)


def run_pool(settings: Settings, lanes: Mapping[str, int], compose: Composer) -> int:
    """Fork the workers of each lane (queue name → how many), restart what dies, and stop them all on SIGTERM.

    Of the lane of tasks there are as many as people wish for, once they said so; its number is what holds before.
    """
    # Before anything may start a thread: a signal goes to whichever thread does not block it.
    signal.pthread_sigmask(signal.SIG_BLOCK, WATCHED)
    _preload(settings)
    code = _Pool(settings, lanes, compose).watch()
    if settings.spares:
        warm.end(settings)
    return code


class _Pool:
    """The parent of the workers; it opens no database and no connection, which its children would share.

    All signals that it cares for are blocked and taken one by one, so that none comes between a fork and its record.
    """

    def __init__(self, settings: Settings, lanes: Mapping[str, int], compose: Composer) -> None:
        self._settings, self._compose = settings, compose
        self._wanted = dict(lanes)
        self._children: dict[int, str] = {}
        self._leaving: dict[int, float] = {}
        """The children that were told to end, and when they are ended by force."""
        self._rests_until = 0.0
        self._stopping = False
        self._parent = os.getpid()
        self._crew = CrewWatch(lanes.get(TASKS, 0))

    def watch(self) -> int:
        """Keep as many workers as are wanted until asked to stop, and return when all have ended."""
        while self._children or not self._stopping:
            self._adjust()
            caught = signal.sigtimedwait(WATCHED, TURN_SECONDS)
            if caught is not None and caught.si_signo in STOPPING:
                self._stop()
            self._bury()
            self._end_late()
        return 0

    def _adjust(self) -> None:
        """Start what is missing and let go what is too much."""
        if self._stopping:
            return
        crew = self._crew.newest()
        if crew is not None:
            self._wanted[TASKS] = crew.workers
        for lane, wanted in self._wanted.items():
            here = [process for process, of in self._children.items() if of == lane and process not in self._leaving]
            if len(here) < wanted:
                self._begin(lane, wanted - len(here))
            elif crew is not None and len(here) > wanted:
                # Who holds a task goes last.
                busy_first = sorted(here, key=lambda process: process not in crew.busy)
                self._dismiss(busy_first[wanted:])

    def _begin(self, lane: str, count: int) -> None:
        if time.monotonic() >= self._rests_until:
            for _ in range(count):
                self._fork(lane)

    def _fork(self, lane: str) -> None:
        process = os.fork()
        if process:
            self._children[process] = lane
            return
        code = 1
        try:
            for number in STOPPING:
                signal.signal(number, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, WATCHED)
            _die_with(self._parent)
            code = work(self._settings, lane, self._compose, self._crew)
        except Exception:  # the worker's edge: told in the log, and the pool starts another worker
            log.exception("a worker of the queue %s failed", lane)
        finally:
            logging.shutdown()
            sys.stdout.flush()
            os._exit(code)

    def _bury(self) -> None:
        """Take note of the children that ended; those that were not asked to are started again after a rest."""
        while self._children:
            process, _ = os.waitpid(-1, os.WNOHANG)
            if not process:
                return
            lane, asked = self._children.pop(process, ""), self._leaving.pop(process, None)
            if lane and asked is None and not self._stopping:
                log.warning("a worker of the queue %s ended; starting another", lane)
                self._rests_until = time.monotonic() + RESTART_SECONDS

    def _stop(self) -> None:
        self._stopping = True
        self._dismiss(self._children)

    def _dismiss(self, processes: Iterable[int]) -> None:
        """Ask children to end; a worker at a task hands it over."""
        for process in processes:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGTERM)
            self._leaving.setdefault(process, time.monotonic() + STOP_SECONDS)

    def _end_late(self) -> None:
        for process, deadline in self._leaving.items():
            if time.monotonic() >= deadline:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)


def lanes(settings: Settings) -> dict[str, int]:
    """Return how many workers each queue gets."""
    return {INBOX: 1, TASKS: settings.workers}


def _preload(settings: Settings) -> None:
    """Import what is slow to import before forking, so that all workers share it and no first task waits for it."""
    from jobs.models import preload  # noqa: PLC0415 - slow to import, for this process only
    from jobs.rehearsal import rehearse  # noqa: PLC0415 - likewise
    from jobs.sandbox import preload as preload_sandbox  # noqa: PLC0415 - likewise
    from jobs.store import preload as preload_driver  # noqa: PLC0415 - likewise

    gc.disable()  # until all is imported: what is there by then stays
    for module in ("jobs.github.client", "jobs.workspace", *(path.partition(":")[0] for path in KINDS.values())):
        import_module(module)
    preload(settings.models)
    preload_sandbox(settings.sandbox)
    for module in LATE:
        with contextlib.suppress(ImportError):  # a library that does without it by now
            import_module(module)
    preload_driver(settings.database_url)
    trusted()
    with contextlib.suppress(OSError, *Store.UNAVAILABLE):  # a full disk keeps nobody from working
        rehearse(settings)
    gc.collect()
    fill_gaps()
    gc.freeze()
    gc.enable()


def _die_with(parent: int) -> None:
    """Have the kernel end this process when its parent dies, so that no worker outlives its pool."""
    import ctypes  # noqa: PLC0415 - one call in a forked child

    ctypes.CDLL(None, use_errno=True).prctl(1, signal.SIGKILL, 0, 0, 0)  # 1 is PR_SET_PDEATHSIG
    if os.getppid() != parent:
        os._exit(1)

"""The worker processes: one that understands deliveries, and as many as wanted that carry out tasks.

They are forked from one parent that has imported what is slow to import, so that they share its memory.
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
from typing import TYPE_CHECKING, Any

from rq import Queue
from rq.worker import SimpleWorker

from jobs.execute import KINDS
from jobs.keys import signing_key
from jobs.queue import INBOX, TASKS, WakeUp, allow, connect, signed_json
from jobs.services import build

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Mapping

    from config.settings import Settings
    from jobs.services import Services

    Function = Callable[..., None]
    Composer = Callable[[Services], Mapping[str, Function]]

RESTART_SECONDS = 1.0
STOP_SECONDS = 6.5
STOPPING = (signal.SIGTERM, signal.SIGINT)

log = logging.getLogger(__name__)


class Worker(SimpleWorker):
    """RQ's worker, in one process with its job, deaf to commands in Redis, and stopping within seconds."""

    stopping: threading.Event

    def subscribe(self) -> None:
        """Do not listen to remote commands: whoever can write to Redis could give them."""

    def unsubscribe(self) -> None:
        """Nothing to end."""

    def handle_warm_shutdown_request(self) -> None:
        """Tell the running task to hand itself over."""
        self.stopping.set()


def run_pool(settings: Settings, lanes: Mapping[str, int], compose: Composer) -> int:
    """Fork the workers of each lane (queue name → how many), restart what dies, and stop them all on SIGTERM."""
    _preload(settings)
    pool = _Pool(settings, compose)
    for lane, count in lanes.items():
        for _ in range(count):
            pool.fork(lane)
    return pool.watch()


class _Pool:
    def __init__(self, settings: Settings, compose: Composer) -> None:
        self._settings, self._compose = settings, compose
        self._children: dict[int, str] = {}
        self._stopping = False
        self._parent = os.getpid()
        for number in STOPPING:
            signal.signal(number, self._stop)

    def fork(self, lane: str) -> None:
        # A signal in between would miss the child, or be handled by it as if it were the parent.
        signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)
        process = os.fork()
        if process:
            self._children[process] = lane
            signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPPING)
            return
        code = 1
        try:
            for number in STOPPING:
                signal.signal(number, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPPING)
            _die_with(self._parent)
            code = work(self._settings, lane, self._compose)
        except Exception:  # the worker's edge: told in the log, and the pool starts another worker
            log.exception("a worker of the queue %s failed", lane)
        finally:
            logging.shutdown()
            sys.stdout.flush()
            os._exit(code)

    def watch(self) -> int:
        while self._children:
            try:
                process, _ = os.waitpid(-1, 0)
            except InterruptedError:
                continue
            lane = self._children.pop(process, None)
            if lane is not None and not self._stopping:
                log.warning("a worker of the queue %s ended; starting another", lane)
                time.sleep(RESTART_SECONDS)
                if not self._stopping:
                    self.fork(lane)
        return 0

    def _stop(self, _number: int, _frame: object) -> None:
        self._stopping = True
        self._send(signal.SIGTERM)
        signal.signal(signal.SIGALRM, self._kill)
        signal.setitimer(signal.ITIMER_REAL, STOP_SECONDS)

    def _kill(self, _number: int, _frame: object) -> None:
        self._send(signal.SIGKILL)

    def _send(self, number: int) -> None:
        for process in self._children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, number)


def work(settings: Settings, lane: str, compose: Composer) -> int:
    """Work on one queue until asked to stop."""
    services = build(settings)
    allow(compose(services))
    serializer = signed_json(signing_key(settings))
    connection = connect(settings.redis_url, patient=True)
    queue = Queue(lane, connection=connection, serializer=serializer, job_class=WakeUp)
    options: dict[str, Any] = {"serializer": serializer, "job_class": WakeUp, "log_job_description": False}
    worker = Worker([queue], connection=connection, name=f"{lane}-{services.owner.replace(':', '-')}", **options)
    worker.stopping = services.stopping
    _warm(services, lane)
    try:
        worker.work(logging_level="WARNING")
    finally:
        services.close()
    return 0


def lanes(settings: Settings) -> dict[str, int]:
    """Return how many workers each queue gets."""
    return {INBOX: 1, TASKS: settings.workers}


def _preload(settings: Settings) -> None:
    """Import what is slow to import before forking, so that all workers share it and no first task waits for it."""
    from jobs.models import preload  # noqa: PLC0415 - slow to import, for this process only
    from jobs.sandbox import preload as preload_sandbox  # noqa: PLC0415 - likewise

    for module in ("jobs.github", "jobs.workspace", *(path.partition(":")[0] for path in KINDS.values())):
        import_module(module)
    preload(settings.models)
    preload_sandbox(settings.sandbox)
    gc.freeze()


def _warm(services: Services, lane: str) -> None:
    """Open what the first job would have to open."""
    services.store.tasks.due(time.time())
    services.github.warm()
    if lane == TASKS:
        _ = services.mirror


def _die_with(parent: int) -> None:
    """Have the kernel end this process when its parent dies, so that no worker outlives its pool."""
    import ctypes  # noqa: PLC0415 - one call in a forked child

    ctypes.CDLL(None, use_errno=True).prctl(1, signal.SIGKILL, 0, 0, 0)  # 1 is PR_SET_PDEATHSIG
    if os.getppid() != parent:
        os._exit(1)

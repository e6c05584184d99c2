"""One worker process: it waits in RQ for somebody to wake it, and where Redis is away it looks for work itself."""

from __future__ import annotations

import logging
import signal
import threading
import time
from itertools import count
from typing import TYPE_CHECKING, Any

from rq.exceptions import StopRequested
from rq.timeouts import BaseDeathPenalty
from rq.worker import SimpleWorker

from jobs.keys import signing_key
from jobs.queue import FUNCTIONS, INBOX, LISTEN_SECONDS, TASKS, Lane, WakeUp, allow, clear, signed_json, told_as_away
from jobs.scope import Scope, acting
from jobs.services import build
from jobs.wire import STRANGE, connect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from redis import Redis

    from config.settings import Settings
    from jobs.crew import CrewWatch
    from jobs.services import Services

    Function = Callable[..., None]
    Composer = Callable[[Services], Mapping[str, Function]]

LOOK_SECONDS = 1.0
"""Between two looks into the database while Redis is away."""

log = logging.getLogger(__name__)


class Untimed(BaseDeathPenalty):
    """RQ's limit of time for a job, which is none here: a task's own limits end it."""

    def setup_death_penalty(self) -> None:
        """Set no alarm."""

    def cancel_death_penalty(self) -> None:
        """Nothing was set."""


class Worker(SimpleWorker):
    """RQ's worker, in one process with its job, deaf to commands in Redis, and stopping within seconds."""

    stopping: threading.Event
    death_penalty_class = Untimed
    queue_class = Lane

    @property
    def dequeue_timeout(self) -> int:
        """Seconds for which it listens at a time: a Redis that stands still is noticed soon after."""
        return LISTEN_SECONDS

    @property
    def connection_timeout(self) -> int:
        """Seconds after which Redis counts as away."""
        return LISTEN_SECONDS + 1

    def heartbeat(self, timeout: int | None = None, pipeline: Any = None) -> None:
        """Say that it lives; stop waiting where Redis is away, and where it is to end."""
        if self.stopping.is_set():
            raise StopRequested
        with told_as_away():
            super().heartbeat(timeout, pipeline)

    def set_state(self, state: str, pipeline: Any = None) -> None:
        """Say whether it works; stop waiting where Redis is away."""
        with told_as_away():
            super().set_state(state, pipeline)

    def check_for_suspension(self, burst: bool) -> None:
        """Never rest: whoever can write to Redis could have all workers rest for ever."""

    def run_maintenance_tasks(self) -> None:
        """Clean the registries of our queues; groups are none of ours, and RQ unpickles what is in one."""
        self.clean_registries()  # type: ignore[no-untyped-call]

    def subscribe(self) -> None:
        """Do not listen to remote commands: whoever can write to Redis could give them."""

    def unsubscribe(self) -> None:
        """Nothing to end."""

    def set_shutdown_requested_date(self) -> None:
        """Write nothing: a signal comes in the middle of a task, which an error of Redis would end."""

    def handle_warm_shutdown_request(self) -> None:
        """Tell the running task to hand itself over."""
        self.stopping.set()


def work(settings: Settings, lane: str, compose: Composer, crew: CrewWatch) -> int:
    """Work on one queue until asked to stop; the worker of the inbox tells the crew's parent what people wish for."""
    _call_itself(f"opus67 {lane}")
    services = build(settings)
    allow({name: _in_scope(name, function) for name, function in compose(services).items()})
    _warm(services, lane)
    if lane == INBOX:
        watch = threading.Thread(target=crew.follow, args=(services,), name="crew", daemon=True)
        watch.start()
    redis = connect(settings.redis_url, waits=LISTEN_SECONDS)
    try:
        for number in count():
            _listen(services, redis, lane, f"{lane}-{services.owner.replace(':', '-')}-{number}")
            if services.stopping.is_set():
                break
            _do_without(services, lane)
    finally:
        redis.close()
        services.close()
    return 0


def _listen(services: Services, redis: Redis, lane: str, name: str) -> None:
    """Do what somebody wakes this worker for, until it is asked to stop, or Redis is away or answers nonsense."""
    serializer = signed_json(signing_key(services.settings))
    options: dict[str, Any] = {"serializer": serializer, "job_class": WakeUp, "log_job_description": False}
    try:
        queue = Lane(lane, connection=redis, serializer=serializer, job_class=WakeUp)
        worker = Worker([queue], connection=redis, name=name, **options)
        worker.stopping = services.stopping
        worker.work(logging_level="WARNING")
    except STRANGE as error:
        log.warning("redis does not take what the worker %s says: %s", name, error)


def _do_without(services: Services, lane: str) -> None:
    """Do what the database says is due, as though somebody were woken for it, until Redis answers or it is to stop.

    The queue is begun anew as soon as that can be, since this worker may have stumbled over something in it.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: services.stopping.set())
    log.warning("redis is away; the worker of the queue %s looks into the database itself", lane)
    is_back = False
    while not (is_back or services.stopping.wait(LOOK_SECONDS)):
        is_back = _begin_anew(services.settings.redis_url, lane)
        for function, name in _due(services, lane):
            FUNCTIONS[function](name)
            if services.stopping.is_set():
                return


def _begin_anew(url: str, lane: str) -> bool:
    """Throw a queue away, and tell whether Redis took that; SQL knows what is to be done."""
    redis = connect(url)
    try:
        clear(redis, lane)
    except STRANGE:
        return False
    finally:
        redis.close()
    return True


def _due(services: Services, lane: str) -> Iterator[tuple[str, str]]:
    """Yield the calls that are due in a queue; none while the database is away."""
    store, now = services.store, time.time()
    try:
        if lane == TASKS:
            yield from (("task", task_id) for task_id in store.tasks.due(now))
            return
        yield from (("announce", task_id) for task_id in store.tasks.unannounced(now))
        yield from (("delivery", guid) for guid in store.deliveries.due(now))
    except store.UNAVAILABLE as away:
        log.warning("the database cannot be reached: %s", away)


def _in_scope(name: str, function: Function) -> Function:
    """Have what a job does begin in the bot's own name; who it is done for is known a little later."""

    def run(*arguments: str) -> None:
        with acting(Scope(reason=name.replace("_", " "))):
            function(*arguments)

    return run


def _warm(services: Services, lane: str) -> None:
    """Open what the first job would have to open."""
    services.store.tasks.due(time.time())
    services.github.warm()
    if lane == TASKS:
        _ = services.mirror


def _call_itself(name: str) -> None:
    """Have the kernel show what this process is for, where people look at processes (``ps -e``)."""
    import ctypes  # noqa: PLC0415 - one call in a forked child

    ctypes.CDLL(None, use_errno=True).prctl(15, name.encode(), 0, 0, 0)  # 15 is PR_SET_NAME

"""Wakes workers through RQ: a job carries an id and nothing else, and losing one loses nothing.

Whoever can write to Redis could otherwise make RQ import and call any function, with its JSON serializer too.
So a job's payload is signed, its function is one of ours by name, and callbacks, webhooks and remote commands are off.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import secrets
import time
from typing import TYPE_CHECKING, Any, ClassVar

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from rq import Queue
from rq.exceptions import NoSuchJobError, TimeoutFormatError
from rq.job import Job

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

INBOX = "inbox"
TASKS = "tasks"
RING = "opus67:ring:{surface}"
"""The list in Redis whose first item wakes the process of a chat."""
CHATS = ("slack", "discord")
FUNCTIONS: dict[str, Callable[..., None]] = {}
"""The functions that a job may name, filled by the worker process; a web process has none."""

RING_SECONDS = 60
"""How long a ring waits for a process that is not there; a chat that comes later looks for itself anyway."""
BELL_SECONDS = 10.0
"""How long one blocking read of a bell takes at most: a Redis that hangs is noticed soon after."""

log = logging.getLogger(__name__)


class ForgedJobError(Exception):
    """A payload that we did not sign."""


class SignedJSON:
    """JSON behind a keyed hash; what does not carry it is refused before it is read.

    RQ wants its serializer to be a class, so each key has one: ``signed_json(key)``.
    """

    key: ClassVar[bytes]

    @classmethod
    def dumps(cls, value: Any) -> bytes:
        """Serialize and sign."""
        body = json.dumps(value, separators=(",", ":")).encode()
        return hmac.digest(cls.key, body, hashlib.sha256) + body

    @classmethod
    def loads(cls, data: bytes) -> Any:
        """Check the signature and deserialize; raises ForgedJobError."""
        signature, body = data[:32], data[32:]
        if not hmac.compare_digest(signature, hmac.digest(cls.key, body, hashlib.sha256)):
            raise ForgedJobError("a job in Redis is not signed with this installation's key; it was not run")
        return json.loads(body)


def signed_json(key: bytes) -> type[SignedJSON]:
    """Return the serializer of an installation's key."""
    return type("SignedJSON", (SignedJSON,), {"key": hmac.digest(key, b"opus67 queue", hashlib.sha256)})


class WakeUp(Job):
    """An RQ job that can call nothing but the functions of the allow-list."""

    success_callback = failure_callback = stopped_callback = None

    @property
    def func(self) -> Callable[..., None]:
        """Return the function that the job names, when it is one of ours."""
        function = FUNCTIONS.get(self.func_name or "")
        if function is None or self.instance is not None:
            raise ForgedJobError(f"a job in Redis names {self.func_name!r}, which is not one of our functions")
        return function

    def restore(self, raw_data: Any) -> Any:
        """Read a job's hash; what is none counts as no job, since RQ ends every worker that meets it."""
        try:
            return super().restore(raw_data)
        except (ValueError, TypeError, AttributeError, LookupError, AssertionError, TimeoutFormatError) as error:
            raise NoSuchJobError(f"the hash of job {self.id} cannot be read") from error

    def send_webhooks(self, *_arguments: Any, **_options: Any) -> None:
        """Do nothing: a URL in Redis is nobody's order."""


def connect(url: str, *, patient: bool = False) -> redis.Redis:
    """Connect to Redis; a web process gives up within a second, a worker (``patient``) waits for blocking reads."""
    if patient:
        return redis.Redis.from_url(url, socket_connect_timeout=5)
    options: dict[str, Any] = {"socket_timeout": 1.0, "socket_connect_timeout": 1.0}
    return redis.Redis.from_url(url, retry=Retry(NoBackoff(), 0), **options)


class Waker:
    """Puts ids into the queues, best effort: what does not arrive is found by the clock's sweep."""

    def __init__(self, url: str, key: bytes) -> None:
        self._connection = connect(url)
        serializer = signed_json(key)
        self._queues = {
            name: Queue(name, connection=self._connection, serializer=serializer, job_class=WakeUp)
            for name in (INBOX, TASKS)
        }

    def delivery(self, guid: str) -> bool:
        """Wake somebody for a stored delivery; tells whether Redis took it."""
        return self._put(INBOX, "delivery", guid)

    def task(self, task_id: str) -> bool:
        """Wake somebody for a task; tells whether Redis took it."""
        return self._put(TASKS, "task", task_id)

    def chore(self, name: str) -> bool:
        """Wake somebody for one of the clock's chores, unless it waits already; tells whether Redis has it."""
        return name in self.waiting() or self._put(INBOX, name)

    def waiting(self) -> frozenset[str]:
        """Return the calls that already wait in the queues, so that a sweep does not add them again."""
        try:
            return frozenset(name.rpartition("-")[0] for queue in self._queues.values() for name in queue.job_ids)
        except redis.RedisError:
            return frozenset()

    def announce(self, task_id: str) -> bool:
        """Wake somebody to tell people of a task that waits for its turn; tells whether Redis took it."""
        return self._put(INBOX, "announce", task_id)

    def ring(self, *surfaces: str) -> bool:
        """Wake the processes of chats, of all when none is named; tells whether Redis took it."""
        pipeline = self._connection.pipeline(transaction=False)
        for surface in surfaces or CHATS:
            key = RING.format(surface=surface)
            pipeline.rpush(key, b"1")
            pipeline.ltrim(key, -1, -1)
            pipeline.expire(key, RING_SECONDS)
        try:
            pipeline.execute()
        except redis.RedisError as error:
            log.warning("redis did not take a ring; the chats look for themselves soon", extra={"error": str(error)})
            return False
        return True

    def sweep(self, deliveries: Iterable[str], tasks: Iterable[str], unannounced: Iterable[str]) -> None:
        """Wake somebody for everything that is due and does not wait in a queue yet, while Redis takes it."""
        waiting = self.waiting()
        due = [(INBOX, "announce", task_id) for task_id in unannounced]
        due += [(INBOX, "delivery", guid) for guid in deliveries]
        due += [(TASKS, "task", task_id) for task_id in tasks]
        for queue, function, name in due:
            if call_name(function, name) not in waiting and not self._put(queue, function, name):
                return

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _put(self, queue: str, function: str, *arguments: str) -> bool:
        try:
            self._queues[queue].enqueue_call(
                function,
                args=arguments,
                # Two jobs of one id would share a hash in Redis, and the first to end would take it from the other.
                job_id=f"{call_name(function, *arguments)}-{secrets.token_hex(4)}",
                timeout=-1,
                result_ttl=0,
                failure_ttl=60,
            )
        except redis.RedisError as error:
            log.warning("redis did not take a wake-up; the clock will find it", extra={"error": str(error)})
            return False
        return True


class Bell:
    """What the process of a chat waits at; rings that come while nobody waits are one ring."""

    def __init__(self, url: str, surface: str) -> None:
        options: dict[str, Any] = {"socket_timeout": BELL_SECONDS + 2, "socket_connect_timeout": 2.0}
        self._connection = redis.Redis.from_url(url, retry=Retry(NoBackoff(), 0), **options)
        self._key = RING.format(surface=surface)
        self._away = False

    def wait(self, seconds: float) -> bool:
        """Wait so long for a ring and tell whether there was one; while Redis is away, just wait."""
        ends = time.monotonic() + seconds
        while (left := ends - time.monotonic()) > 0:
            try:
                # Redis takes a timeout of 0 as for ever.
                rung = self._connection.blpop([self._key], timeout=max(0.01, min(left, BELL_SECONDS)))
                self._away = False
            except redis.RedisError as error:
                if not self._away:
                    log.warning("redis is away; the chat looks for itself meanwhile", extra={"error": str(error)})
                self._away = True
                time.sleep(max(0.0, ends - time.monotonic()))
                return False
            if rung:
                return True
        return False

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def call_name(function: str, *arguments: str) -> str:
    """Return the part of an RQ job id that tells the call; RQ allows letters, digits, ``_`` and ``-``."""
    return "-".join((function, *arguments))


def allow(functions: Mapping[str, Callable[..., None]]) -> None:
    """Say which functions jobs may name in this process."""
    FUNCTIONS.clear()
    FUNCTIONS.update(functions)

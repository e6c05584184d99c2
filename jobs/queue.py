"""Wakes workers through RQ: a job carries an id and nothing else, and losing one loses nothing.

Whoever can write to Redis could otherwise make RQ import and call any function, with its JSON serializer too.
So a job's payload is signed, its function is one of ours by name, and callbacks, webhooks and remote commands are off.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import re
import secrets
import time
import zlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

import redis
from rq import Queue
from rq.exceptions import NoSuchJobError, StopRequested
from rq.job import Job

from jobs.wire import STRANGE, EndlessAnswerError, connect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

INBOX = "inbox"
TASKS = "tasks"
RING = "opus67:ring:{surface}"
"""The list in Redis whose first item wakes the process of a chat."""
CHATS = ("slack", "discord")
FUNCTIONS: dict[str, Callable[..., None]] = {}
"""The functions that a job may name, filled by the worker process; a web process has none."""

RING_SECONDS = 60
"""How long a ring waits for a process that is not there; a chat that comes later looks for itself anyway."""
LISTEN_SECONDS = 3
"""How long a worker listens at a time."""
BELL_SECONDS = 10.0
"""How long one blocking read of a bell takes at most: a Redis that hangs is noticed soon after."""

LONGEST_DATA = 8192
"""Bytes of a job's payload: a signature, a name and an id."""
MOST_WAITING = 50_000
"""More never wait in a queue: the sweep adds none twice, and is short."""
UNTIMED, KEPT_SECONDS = -1, 60

_ID = re.compile(rb"[A-Za-z0-9_-]{1,400}")
"""The name of a job, as RQ allows it."""

log = logging.getLogger(__name__)


class AwayError(StopRequested):
    """Redis is away: what RQ takes as the wish that its worker stops, where it would wait for longer and longer."""


@contextmanager
def told_as_away() -> Iterator[None]:
    """Raise AwayError where Redis cannot be reached, or does not answer."""
    try:
        yield
    except (redis.ConnectionError, redis.TimeoutError) as error:
        raise AwayError from error


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

    @classmethod
    def fetch(cls, id: str, connection: Any = None, serializer: Any = None) -> Job:  # noqa: A002 - RQ's name
        """Read a job; what is none counts as no job, since RQ ends every worker that meets it."""
        try:
            return super().fetch(id, connection=connection, serializer=serializer)
        except redis.ConnectionError:
            raise
        except STRANGE as error:
            raise NoSuchJobError("what is under the name of a job cannot be read") from error

    def restore(self, raw_data: Any) -> Any:
        """Read a job's hash for its payload and its queue alone: all else in it would be somebody's order to RQ.

        That is how long the job may take, what is called afterwards, how often it is repeated, and more.
        """
        packed, origin = raw_data.get(b"data", b""), raw_data.get(b"origin")
        try:
            data = zlib.decompressobj().decompress(packed[: LONGEST_DATA + 1], LONGEST_DATA + 1)
        except zlib.error:
            data = packed
        if origin not in {INBOX.encode(), TASKS.encode()} or not data or max(len(packed), len(data)) > LONGEST_DATA:
            raise NoSuchJobError(f"the hash of job {self.id} is none of ours")
        super().restore({b"data": data, b"origin": origin})
        self.timeout, self.result_ttl, self.failure_ttl = UNTIMED, 0, KEPT_SECONDS

    def send_webhooks(self, *_arguments: Any, **_options: Any) -> None:
        """Do nothing: a URL in Redis is nobody's order."""


class Lane(Queue):
    """A queue that takes nothing but names out, and has no job wait for another one."""

    @classmethod
    def lmove(cls, connection: redis.Redis, queue_key: str, timeout: int | None) -> Any:
        """Take the next name; what is none is thrown away. Raises AwayError."""
        with told_as_away():
            while True:
                found = super().lmove(connection, queue_key, timeout)
                if found is None or _ID.fullmatch(found[1]):
                    return found
                connection.lrem(f"{queue_key}:intermediate", 1, found[1])

    def enqueue_dependents(self, *_arguments: Any, **_options: Any) -> None:
        """Do nothing: none of our jobs waits for another one."""


def clear(connection: redis.Redis, lane: str) -> None:
    """Throw away all that RQ keeps of a queue, when something in it cannot be read; raises RedisError.

    Nothing is lost: SQL knows what is to be done, and the clock wakes somebody for it.
    """
    words = ("wip", "finished", "failed", "deferred", "scheduled", "canceled", "clean_registries", "workers")
    queue = f"rq:queue:{lane}"
    connection.delete(queue, f"{queue}:intermediate", *(f"rq:{word}:{lane}" for word in words))
    for shared in ("rq:workers", "rq:queues"):
        if connection.type(shared) != b"set":
            connection.delete(shared)


class Waker:
    """Puts ids into the queues, best effort: what does not arrive is found by the clock's sweep."""

    def __init__(self, url: str, key: bytes) -> None:
        self._connection = connect(url)
        serializer = signed_json(key)
        self._queues = {
            name: Lane(name, connection=self._connection, serializer=serializer, job_class=WakeUp)
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
        return frozenset(name.rpartition("-")[0] for lane in self._queues for name in self._names(lane))

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
        except STRANGE as error:
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
                timeout=UNTIMED,
                result_ttl=0,
                failure_ttl=KEPT_SECONDS,
            )
        except STRANGE as error:
            self._mend(queue, error)
            log.warning("redis did not take a wake-up; the clock will find it", extra={"error": str(error)})
            return False
        return True

    def _names(self, lane: str) -> list[str]:
        """Return what waits in a queue; one that cannot be read, or holds more than ever waits, is thrown away."""
        try:
            found = self._connection.lrange(f"rq:queue:{lane}", 0, MOST_WAITING)
            if len(found) > MOST_WAITING:
                raise EndlessAnswerError(f"more than {MOST_WAITING} jobs wait in the queue {lane}")
            return [name.decode(errors="replace") for name in found if isinstance(name, bytes)]
        except STRANGE as error:
            self._mend(lane, error)
            return []

    def _mend(self, lane: str, error: Exception) -> None:
        """Throw a queue away whose keys are not what they should be; an error of another sort is not the queue's."""
        if not isinstance(error, EndlessAnswerError) and "WRONGTYPE" not in str(error):
            return
        log.warning("the queue %s is not as it should be and is begun anew: %s", lane, error)
        try:
            clear(self._connection, lane)
        except STRANGE as away:
            log.warning("redis did not take the order to begin the queue anew", extra={"error": str(away)})


class Bell:
    """What the process of a chat waits at; rings that come while nobody waits are one ring."""

    def __init__(self, url: str, surface: str) -> None:
        self._connection = connect(url, waits=BELL_SECONDS)
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
            except STRANGE as error:
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

"""RQ wakes and carries no orders: what is not signed, not ours by name, or more than a call, is never run."""

from __future__ import annotations

import json
import pickle
import signal
import socket
import threading
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis import Redis
from rq import Callback, Queue
from rq.job import Job
from rq.serializers import JSONSerializer
from rq.webhook import Webhook

from jobs.queue import FUNCTIONS, INBOX, TASKS, ForgedJobError, Lane, Waker, WakeUp, allow, signed_json
from jobs.testing.loopback import Answer, Loopback
from jobs.worker import Worker
from tests.jobs.canary import SONGS, Bird, sing

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY = b"this installation's key"
SONG = "tests.jobs.canary.sing"


@pytest.fixture
def heard() -> Iterator[list[str]]:
    """Yield what the allowed functions were called with."""
    calls: list[str] = []
    before = dict(FUNCTIONS)
    allow(
        {"delivery": lambda guid: calls.append(f"delivery {guid}"), "task": lambda name: calls.append(f"task {name}")}
    )
    SONGS.clear()
    yield calls
    allow(before)


@pytest.fixture
def redis(empty_valkey_url: str) -> Iterator[Redis]:
    """Yield a connection to an empty Valkey."""
    with Redis.from_url(empty_valkey_url) as connection:
        yield connection


def work(redis: Redis, lane: str = INBOX) -> None:
    """Do what waits in a queue as a worker of ours does, until it is empty."""
    serializer = signed_json(KEY)
    queue = Lane(lane, connection=redis, serializer=serializer, job_class=WakeUp)
    worker = Worker(
        [queue], connection=redis, name=f"test-{time.monotonic_ns()}", serializer=serializer, job_class=WakeUp
    )
    worker.stopping = threading.Event()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        worker.work(burst=True, logging_level="CRITICAL")
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def test_ids_reach_the_functions_that_are_ours(redis: Redis, empty_valkey_url: str, heard: list[str]) -> None:
    """A delivery is woken in one queue and a task in the other; nothing of them stays in Redis."""
    waker = Waker(empty_valkey_url, KEY)
    assert waker.delivery("guid-0001")
    assert waker.task("7f3c9a")
    work(redis)
    assert heard == ["delivery guid-0001"]
    work(redis, TASKS)
    assert heard == ["delivery guid-0001", "task 7f3c9a"]
    assert list(redis.keys("rq:job:*")) == []


def forge(
    redis: Redis, function: Any, *arguments: Any, serializer: Any, job_class: type[Job] = Job, **more: Any
) -> Job:
    """Put a job into the inbox as somebody would who can write to Redis."""
    return Queue(INBOX, connection=redis, serializer=serializer, job_class=job_class).enqueue(
        function, *arguments, **more
    )


OTHER = signed_json(b"another installation's key")


@pytest.mark.parametrize(
    ("function", "serializer"),
    [
        (SONG, None),
        (SONG, JSONSerializer),
        (SONG, OTHER),
        (SONG, signed_json(KEY)),
        ("delivery", JSONSerializer),
        ("delivery", OTHER),
        ("delivery", None),
        ("os.system", signed_json(KEY)),
        ("builtins.print", signed_json(KEY)),
        ("", signed_json(KEY)),
    ],
)
def test_a_forged_job_is_not_run(redis: Redis, heard: list[str], function: str, serializer: Any) -> None:
    """Pickled, plain, signed with another key, or naming what is not ours: nothing is called and the worker goes on."""
    forge(redis, function, "forged", serializer=serializer)
    forge(redis, "delivery", "genuine", serializer=signed_json(KEY))
    work(redis)
    assert SONGS == []
    assert heard == ["delivery genuine"]


def test_a_pickle_is_not_even_opened(redis: Redis, heard: list[str]) -> None:
    """Neither as the data of a job nor as its result is anything unpickled."""
    job = forge(redis, "delivery", "x", serializer=signed_json(KEY))
    evil = pickle.dumps(("delivery", None, (Bird(),), {}))
    redis.hset(job.key, mapping={"data": evil, "result": evil, "meta": evil, "exc_info": evil})
    work(redis)
    assert (SONGS, heard) == ([], [])


def test_a_changed_job_is_not_run(redis: Redis, heard: list[str]) -> None:
    """One bit of the payload is enough; a genuine signature before other words is none."""
    job = forge(redis, "delivery", "one", serializer=signed_json(KEY))
    data = signed_json(KEY).dumps(["delivery", None, ["one"], {}])
    for changed in (data[:-1] + b" ", data[:32] + data[32:].replace(b"one", b"two"), b"", data[:31], data[32:]):
        redis.hset(job.key, "data", changed)
        redis.lpush("rq:queue:inbox", job.id)
        work(redis)
        redis.hset(job.key, mapping={"origin": INBOX, "created_at": "2026-01-01T00:00:00.000000Z"})
    assert heard == []


def test_an_instance_is_not_called(redis: Redis, heard: list[str]) -> None:
    """A job that names a method of an object is refused, signed or not."""
    job = forge(redis, "delivery", "x", serializer=signed_json(KEY))
    redis.hset(job.key, "data", signed_json(KEY).dumps(["delivery", {"some": "object"}, ["x"], {}]))
    work(redis)
    assert heard == []


def test_callbacks_and_webhooks_are_nobodys_order(redis: Redis, heard: list[str]) -> None:
    """Whatever a job's hash says to call afterwards, here or over the network, is not called."""
    asked: list[str] = []

    def listen(request: Any) -> Answer:
        asked.append(request.path)
        return Answer(200)

    server = Loopback(listen)
    server.start()
    try:
        for fate in ("delivery", "unknown"):
            forge(
                redis,
                fate,
                "x",
                serializer=signed_json(KEY),
                on_success=Callback(sing),
                on_failure=Callback(sing),
                on_stopped=Callback(sing),
                webhooks=[Webhook(server.url, "finished"), Webhook(server.url, "failed")],
            )
        [first, _] = [name.decode() for name in redis.lrange("rq:queue:inbox", 0, -1)]
        assert redis.hget(f"rq:job:{first}", "success_callback_name") == SONG.encode()
        assert server.url.encode() in redis.hget(f"rq:job:{first}", "webhooks")
        work(redis)
    finally:
        server.stop()
    assert (heard, SONGS, asked) == (["delivery x"], [], [])


def test_a_dependent_job_is_held_to_the_same(redis: Redis, heard: list[str]) -> None:
    """A job that waits for another one is as suspicious as any."""
    first = forge(redis, "delivery", "one", serializer=signed_json(KEY), job_class=WakeUp)
    forge(redis, SONG, "two", serializer=signed_json(KEY), job_class=WakeUp, depends_on=first)
    work(redis)
    assert (heard, SONGS) == (["delivery one"], [])


BROKEN: dict[str, bytes] = {
    "created_at": b"yesterday",
    "status": b"confused",
    "timeout": b"soon",
    "result_ttl": b"long",
    "meta": b"{",
    "origin": b"\xff",
    "dependency_ids": b"{",
    "failure_callback_name": b"\xff",
    "webhooks": b"7",
    "retries_left": b"many",
}


def test_nonsense_in_the_queue_stops_nobody_for_long(redis: Redis, heard: list[str]) -> None:
    """Ids without a job and hashes that are none are passed, and what follows is done."""
    redis.rpush("rq:queue:inbox", "no-such-job", "broken")
    for field, value in BROKEN.items():
        redis.rpush("rq:queue:inbox", f"broken-{field}")
        redis.hset(f"rq:job:broken-{field}", mapping={"data": b"x", field: value})
    forge(redis, "delivery", "genuine", serializer=signed_json(KEY))
    work(redis)
    assert heard == ["delivery genuine"]


def test_remote_commands_are_not_heard(redis: Redis) -> None:
    """A worker of ours subscribes to nothing."""
    worker = Worker([Lane(INBOX, connection=redis)], connection=redis, name="deaf")
    worker.subscribe()
    assert redis.pubsub_channels() == []
    worker.unsubscribe()


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=5))
def test_what_is_signed_comes_back(value: Any) -> None:
    """JSON comes back as it went, with its own key alone."""
    data = signed_json(KEY).dumps(value)
    assert signed_json(KEY).loads(data) == value
    assert json.loads(data[32:]) == value
    with pytest.raises(ForgedJobError):
        OTHER.loads(data)


def test_a_sweep_adds_nothing_twice(redis: Redis, empty_valkey_url: str) -> None:
    """What waits in a queue already is not added again, whoever added it; chores do not pile up either."""
    waker = Waker(empty_valkey_url, KEY)
    waker.delivery("guid-0001")
    for _ in range(3):
        Waker(empty_valkey_url, KEY).sweep(["guid-0001", "guid-0002"], ["7f3c9a"], ["aaaaaa"])
        assert waker.chore("redeliver")
    calls = sorted(name.decode().rpartition("-")[0] for name in redis.lrange("rq:queue:inbox", 0, -1))
    assert calls == ["announce-aaaaaa", "delivery-guid-0001", "delivery-guid-0002", "redeliver"]
    assert redis.llen("rq:queue:tasks") == 1
    assert waker.waiting() >= {"delivery-guid-0001", "task-7f3c9a"}


def test_a_redis_that_is_away_is_told_at_once(home: object) -> None:
    """Nothing raises, and the caller learns that nobody was woken."""
    waker = Waker("redis://127.0.0.1:9/0", KEY)
    began = time.monotonic()
    assert not waker.delivery("guid-0001")
    assert not waker.task("7f3c9a")
    assert not waker.chore("redeliver")
    assert waker.waiting() == frozenset()
    waker.sweep(["guid-0001"] * 1000, ["7f3c9a"] * 1000, [])
    assert time.monotonic() - began < 20


def test_a_redis_that_hangs_costs_a_second_and_no_more() -> None:
    """One wake-up gives up soon, and a sweep of a thousand gives up with the first."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        waker = Waker(f"redis://127.0.0.1:{server.getsockname()[1]}/0", KEY)
        began = time.monotonic()
        assert not waker.delivery("guid-0001")
        first = time.monotonic() - began
        waker.sweep(["guid-0001"] * 1000, [], [])
        assert first < 2.5
        assert time.monotonic() - began < 30


def test_a_full_redis_is_told(redis: Redis, empty_valkey_url: str) -> None:
    """A Redis that may not evict and has no room refuses, and nobody is the worse for it."""
    waker = Waker(empty_valkey_url, KEY)
    redis.config_set("maxmemory", "1")
    try:
        assert not waker.delivery("guid-0001")
    finally:
        redis.config_set("maxmemory", "0")
    assert waker.delivery("guid-0001")

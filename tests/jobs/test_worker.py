"""The pool of workers as its own process: it restarts what dies, stops in time, and leaves nobody behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from redis import Redis

from config.settings import load
from jobs import sandbox as sandboxes
from jobs.keys import signing_key
from jobs.queue import Waker
from jobs.store import Store
from jobs.store.tables import metadata
from tests.sandbox.places import ensure_image, spec_for
from tests.store.asking import claim, request, submit
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
STOPS_WITHIN = 10.0


class Pool:
    """A running pool, and what its workers have written down."""

    def __init__(self, process: subprocess.Popen[bytes], redis: Redis, waker: Waker, store: Store) -> None:
        self.process, self.redis, self.waker, self.store = process, redis, waker, store

    def wrote(self, name: str) -> list[list[str]]:
        """Return what was written down under a name."""
        return [line.decode().split() for line in self.redis.lrange(name, 0, -1)]

    def deliver(self, guid: str) -> int:
        """Have a delivery done as the clock would, and return the process that did it.

        A wake-up can be lost with the worker that took it; the clock wakes again what is not done.
        """

        def done() -> list[list[str]]:
            self.waker.sweep([guid], [], [])
            return self.found("done", guid)

        return int(until(done, seconds=30, what=guid)[0][1])

    def begin(self, task_id: str) -> int:
        """Have a task begun, and return the process that works on it."""
        self.waker.task(task_id)
        return int(until(lambda: self.found("begun", task_id), seconds=30, what=task_id)[0][1])

    def scale(self, workers: int | None) -> None:
        """Wish for so many workers of tasks."""
        with self.store.write() as connection:
            self.store.fleet.scale(connection, workers, time.time())

    def hold(self, process: int) -> None:
        """Have a worker hold a task, as far as the database knows."""
        task = submit(self.store, request(process))
        claim(self.store, task.id, time.time(), f"{socket.gethostname()}:{process}:abc")

    @property
    def children(self) -> set[int]:
        """The processes that the pool has now."""
        number = self.process.pid
        return {int(child) for child in Path(f"/proc/{number}/task/{number}/children").read_text().split()}

    def found(self, name: str, word: str) -> list[list[str]]:
        """Return the lines under a name that begin with a word."""
        return [line for line in self.wrote(name) if line[0] == word]

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, float]:
        """Ask the pool to stop, and return its exit code and how long it took."""
        began = time.monotonic()
        self.process.send_signal(number)
        return self.process.wait(30), time.monotonic() - began


@contextmanager
def running(home: Path, redis_url: str) -> Iterator[Pool]:
    environment = {"OPUS67_HOME": str(home), "REDIS_URL": redis_url, "GITHUB_WEBHOOK_SECRET": "secret"}
    settings = load(environment, dotenv=None)
    store = Store(settings.database_url)
    metadata.create_all(store.database.engine)
    command = [sys.executable, "-m", "tests.jobs.pool"]
    with Redis.from_url(redis_url) as redis:
        process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **environment})
        try:
            yield Pool(process, redis, Waker(redis_url, signing_key(settings)), store)
        finally:
            process.kill()
            process.wait()
            store.close()


@pytest.fixture
def pool(home: Path, empty_valkey_url: str) -> Iterator[Pool]:
    """Yield a running pool of two workers, one for each queue."""
    with running(home, empty_valkey_url) as started:
        yield started


def alive(process: int) -> bool:
    """Tell whether a process runs, and is no zombie."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_what_dies_is_started_again(pool: Pool) -> None:
    """A killed worker's queue is worked on by another one soon; the other queue's worker does not notice."""
    first, other = pool.deliver("guid-0001"), pool.begin("7f3c9a")
    os.kill(first, signal.SIGKILL)
    second = pool.deliver("guid-0002")
    assert second != first
    assert alive(other)
    assert pool.process.poll() is None


def test_a_task_hands_over_when_the_pool_stops(pool: Pool) -> None:
    """SIGTERM sets what the running task listens to; it ends by itself, and the pool exits well and soon."""
    worker = pool.begin("7f3c9a")
    code, seconds = pool.stop()
    assert code == 0
    assert seconds < STOPS_WITHIN
    assert pool.wrote("ended") == [["7f3c9a"]]
    assert not alive(worker)


@pytest.mark.docker
def test_a_pool_that_stops_leaves_no_spare(pool: Pool, home: Path) -> None:
    """Nobody is left who could take the spare sandboxes or end them."""
    ensure_image("docker")
    sandboxes.prepare("docker", spec_for(), home, lambda _made: None)
    pool.deliver("guid-0001")
    assert pool.stop()[0] == 0
    assert not list((home / "run").iterdir())
    assert sandboxes.sweep("docker", home, time.time() + 86_400, lambda _name: False) == []


def test_a_task_that_does_not_listen_is_ended(pool: Pool) -> None:
    """The pool exits in time, and its workers are gone."""
    worker, other = pool.begin("stubborn"), pool.deliver("guid-0001")
    code, seconds = pool.stop(signal.SIGINT)
    assert code == 0
    assert seconds < STOPS_WITHIN
    assert not alive(worker)
    assert not alive(other)


def test_a_pool_that_stops_starts_nobody(pool: Pool) -> None:
    """A worker that dies just before the end is not started again: an idle pool exits at once."""
    os.kill(pool.deliver("guid-0001"), signal.SIGKILL)
    code, seconds = pool.stop()
    assert code == 0
    assert seconds < STOPS_WITHIN / 2


def test_workers_die_with_their_pool(pool: Pool) -> None:
    """When the pool is killed, no worker outlives it and goes on with a task that another one takes up."""
    workers = [pool.begin("stubborn"), pool.deliver("guid-0001")]
    pool.process.kill()
    pool.process.wait()
    until(lambda: not any(map(alive, workers)), seconds=5, what="the end of the workers")


def test_the_pool_grows_and_shrinks_as_people_wish(pool: Pool) -> None:
    """More workers begin within seconds; those who must go hand their tasks over; the other queue's stays."""
    other = pool.deliver("guid-0001")
    pool.scale(3)
    workers = {pool.begin(name) for name in ("aaaaaa", "bbbbbb", "cccccc")}
    assert len(workers) == 3
    pool.scale(1)
    until(lambda: len(pool.wrote("ended")) == 2, seconds=15, what="two workers handing over")
    until(lambda: sum(map(alive, workers)) == 1, seconds=15, what="the end of two workers")
    pool.scale(0)
    until(lambda: not any(map(alive, workers)), seconds=15, what="the end of the last worker")
    assert alive(other)
    pool.scale(None)
    assert pool.begin("dddddd") not in workers
    assert pool.stop()[0] == 0


def test_an_idle_worker_goes_before_one_that_works(pool: Pool) -> None:
    """Who holds a task is left alone when there are idle workers enough."""
    busy, before = pool.begin("aaaaaa"), pool.children
    pool.scale(4)
    until(lambda: len(pool.children) == len(before) + 3, seconds=15, what="three more workers")
    pool.hold(busy)
    pool.scale(1)
    until(lambda: pool.children == before, seconds=15, what="the end of the idle workers")
    assert pool.wrote("ended") == []


def test_who_dies_while_the_pool_grows_is_replaced(pool: Pool) -> None:
    """The worker that asks how many are wished for is started again too, and none comes too much."""
    before = until(lambda: pool.children if len(pool.children) == 2 else None, what="two processes")
    for child in before:
        os.kill(child, signal.SIGKILL)
    pool.scale(2)
    until(lambda: len(pool.children) == 3 and not pool.children & before, seconds=20, what="three new processes")
    assert {pool.begin("aaaaaa"), pool.begin("bbbbbb")} <= pool.children
    assert pool.stop()[0] == 0

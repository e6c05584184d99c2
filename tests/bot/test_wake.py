"""Wake-ups leave a web process through its parent: never waited for, and in time."""

from __future__ import annotations

import os
import select
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from redis import Redis

from bot.wake import BackgroundWaker
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable

KEY = b"this installation's key"
QUEUE = "rq:queue:inbox"
NOWHERE = "redis://127.0.0.1:1/0"


def in_a_fork(do: Callable[[], None]) -> None:
    """Do something in a child of this process, and wait until it ended well."""
    child = os.fork()
    if not child:
        code = 1
        try:
            do()
            code = 0
        finally:
            os._exit(code)
    assert os.waitpid(child, 0)[1] == 0


def test_what_a_process_wakes_is_in_the_queue(empty_valkey_url: str) -> None:
    """By itself, where it has no parent that does it."""
    waker = BackgroundWaker(empty_valkey_url, KEY)
    waker.delivery("guid-0001")
    waker.delivery("guid-0002")
    with Redis.from_url(empty_valkey_url) as redis:
        names = until(lambda: (found := redis.lrange(QUEUE, 0, -1)) and len(found) == 2 and found, what="both")
    assert [name.decode().rpartition("-")[0] for name in names] == ["delivery-guid-0001", "delivery-guid-0002"]


def test_children_wake_through_their_parent(empty_valkey_url: str) -> None:
    """Two web processes, one thread: neither has it, nor a connection."""
    waker = BackgroundWaker(empty_valkey_url, KEY)
    waker.start()
    for number in range(2):
        in_a_fork(lambda name=f"guid-{number:04}": waker.delivery(name))  # type: ignore[misc]
    with Redis.from_url(empty_valkey_url) as redis:
        until(lambda: redis.llen(QUEUE) == 2, what="both")


def test_nobody_waits_for_a_redis_that_is_away() -> None:
    """Ten thousand wake-ups that go nowhere are dropped at once, and no error is raised."""
    waker = BackgroundWaker(NOWHERE, KEY)
    began = time.monotonic()
    for number in range(10_000):
        waker.delivery(f"guid-{number:04}")
    assert time.monotonic() - began < 10


def test_a_process_is_forked_only_while_its_waker_rests() -> None:
    """A web process that is started again while Redis is slow gets no lock that its parent's thread holds."""
    with socket.create_server(("127.0.0.1", 0)) as slow:
        script = FORKS.format(port=slow.getsockname()[1])
        slow.settimeout(30)
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        with subprocess.Popen([sys.executable, "-c", script], **pipes) as forking:  # type: ignore[call-overload]
            assert forking.stdin is not None
            assert forking.stdout is not None
            connection, _ = slow.accept()
            with connection:
                forking.stdin.write(b"fork\n")
                forking.stdin.flush()
                assert not select.select([forking.stdout], [], [], 0.5)[0], "it forked while its thread was at work"
            assert forking.stdout.read() == b"forked\n"
        assert forking.returncode == 0


def test_a_waker_at_rest_imports_nothing() -> None:
    """Its thread begins while web processes are forked: the lock of a module would be held in them for ever."""
    done = subprocess.run([sys.executable, "-c", RESTS], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "[]\n", "")


RESTS = """
import sys, time
from bot.wake import BackgroundWaker
waker = BackgroundWaker("redis://127.0.0.1:9/0", b"key")
with waker.at_rest():
    before = set(sys.modules)
    waker.start()
    waker.delivery("guid-0001")
    time.sleep(0.5)
    print(sorted(set(sys.modules) - before), flush=True)
"""
"""A process whose waker has something to do while it is held at rest."""
FORKS = """
import os
from bot.wake import BackgroundWaker
waker = BackgroundWaker("redis://127.0.0.1:{port}/0", b"key")
waker.start()
waker.delivery("guid-0001")
os.read(0, 5)
with waker.at_rest():
    child = os.fork()
if not child:
    os.write(1, b"forked\\n")
    os._exit(0)
os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
"""A process that forks while what it wakes with waits for Redis."""

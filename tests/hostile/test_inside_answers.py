"""Inside: a Redis that answers as no Redis does. Who asks it goes on without it, in seconds and in little memory."""

from __future__ import annotations

import resource
import socket
import threading
import time
from contextlib import closing, suppress
from typing import TYPE_CHECKING

import pytest

from jobs.queue import Bell, Waker
from jobs.wire import LONGEST_ANSWER

if TYPE_CHECKING:
    from collections.abc import Iterator

SLOWEST = 60.0
PIECE = 1 << 20

HELLO = b"%1\r\n$5\r\nproto\r\n:3\r\n"

ANSWERS: dict[str, tuple[bytes, bytes]] = {
    "nothing, and a closed door": (b"", b""),
    "another protocol": (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", b""),
    "bytes": (bytes(range(256)) * 4, b""),
    "a line without end": (b"+", b"x" * PIECE),
    "a text of an exabyte": (b"$1152921504606846976\r\n", b""),
    "a text of less than nothing": (b"$-77\r\n" * 50, b""),
    "a length that is none": (b"$\xff\xfe\r\n" * 50, b""),
    "an array without end": (b"*4611686018427387904\r\n", b":1\r\n" * (PIECE // 4)),
    "arrays in arrays": (b"*1\r\n" * 100_000, b""),
    "a map whose keys are maps": (b"%1\r\n%1\r\n+a\r\n+b\r\n+c\r\n" * 50, b""),
    "a set of lists": (b"~1\r\n*1\r\n:1\r\n" * 50, b""),
    "numbers that are none": (b":twelve\r\n,nan\r\n(many\r\n#q\r\n" * 50, b""),
    "a number of 5000 digits": (b"(" + b"9" * 5000 + b"\r\n", b""),
    "news": (b">2\r\n+message\r\n+x\r\n", b""),
    "yes to everything": (b"+OK\r\n" * 50, b""),
    "errors": (b"-WRONGTYPE\r\n-MOVED 1 127.0.0.1:1\r\n-ASK \r\n-\r\n" * 50, b""),
    "wrong sorts": (b"*2\r\n$-1\r\n*-1\r\n:7\r\n_\r\n" * 50, b""),
    "a move to another host": (b">4\r\n+MOVING\r\n:1\r\n:1\r\n+127.0.0.1:1\r\n" * 50, b""),
}


class FalseRedis:
    """Says the same to everybody who speaks: a beginning, and then one thing again and again."""

    def __init__(self, first: bytes, again: bytes) -> None:
        self._first, self._again = first, again
        self._server = socket.create_server(("127.0.0.1", 0))
        self.url = f"redis://127.0.0.1:{self._server.getsockname()[1]}/0"
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        """Take nobody any more."""
        with suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=self._speak, args=(self._server.accept()[0],), daemon=True).start()

    def _speak(self, caller: socket.socket) -> None:
        with suppress(OSError), closing(caller):
            caller.recv(65_536)
            caller.sendall(HELLO + self._first)
            while self._again:
                caller.sendall(self._again)


@pytest.fixture(params=ANSWERS)
def false(request: pytest.FixtureRequest) -> Iterator[str]:
    """Yield the URL of a Redis that is none."""
    server = FalseRedis(*ANSWERS[request.param])
    yield server.url
    server.close()


def peak() -> int:
    """Return the most bytes that this process has had in memory so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def test_strange_answers_raise_nothing_and_cost_little(false: str) -> None:
    """A wake-up, a ring and a look at the queues come back in seconds, whatever is answered, and fill no memory."""
    before, began = peak(), time.monotonic()
    waker = Waker(false, b"a key")
    for told in (waker.delivery("guid-0001"), waker.ring("slack")):
        assert told in {True, False}
    assert isinstance(waker.waiting(), frozenset)
    waker.close()
    assert time.monotonic() - began < SLOWEST
    assert peak() - before < 16 * LONGEST_ANSWER, "what is endless would take all that there is"


@pytest.mark.parametrize("answer", [name for name, (_, again) in ANSWERS.items() if not again])
def test_a_bell_is_deaf_to_nonsense(answer: str) -> None:
    """The process of a chat waits as long as it wanted to, and looks for itself."""
    server = FalseRedis(*ANSWERS[answer])
    bell = Bell(server.url, "slack")
    assert bell.wait(0.05) in {True, False}
    bell.close()
    server.close()


def test_an_answer_that_drips_has_an_end() -> None:
    """One byte every half second is an answer that never times out; it is given up all the same."""
    ended = threading.Event()

    def drip(caller: socket.socket) -> None:
        with suppress(OSError), closing(caller):
            caller.sendall(b"$1000\r\n")
            while not ended.wait(0.5):
                caller.sendall(b"x")

    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        waker = Waker(f"redis://127.0.0.1:{server.getsockname()[1]}/0", b"a key")

        def serve() -> None:
            with suppress(OSError):
                while True:
                    threading.Thread(target=drip, args=(server.accept()[0],), daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        began = time.monotonic()
        assert not waker.delivery("guid-0001")
        ended.set()
        assert time.monotonic() - began < SLOWEST

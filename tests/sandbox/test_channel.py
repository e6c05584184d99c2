"""The host's end of the channel against the worst that can answer."""

from __future__ import annotations

import json
import os
import socket
import struct
import time
from typing import TYPE_CHECKING

import pytest

from jobs.sandbox.channel import Channel, ChannelLost
from jobs.sandbox.stream import StreamTransport

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def pair() -> Iterator[tuple[Channel, socket.socket]]:
    """Yield a channel over an engine's stream, and the other end of it."""
    ours, theirs = socket.socketpair()
    channel = Channel(StreamTransport(ours))
    yield channel, theirs
    channel.close()
    channel.close()
    theirs.close()


def stream(data: bytes, number: int = 1) -> bytes:
    """Return one frame of the engine's stream."""
    return struct.pack(">BxxxI", number, len(data)) + data


def frame(header: object, payload: bytes = b"") -> bytes:
    """Return one frame of the runner."""
    encoded = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack(">II", len(encoded), len(payload)) + encoded + payload


def test_an_answer_is_put_together_from_pieces(pair: tuple[Channel, socket.socket]) -> None:
    """Frames may be split anywhere, and stderr between them does not disturb."""
    channel, theirs = pair
    for byte in frame({"id": 1, "ok": True}, b"payload"):
        theirs.sendall(stream(b"noise", 2) + stream(bytes([byte])))
    assert channel.request({"op": "x"}, timeout=5) == ({"id": 1, "ok": True}, b"payload")


@pytest.mark.parametrize(
    "answer",
    [
        stream(struct.pack(">II", 1 << 31, 0)),
        stream(struct.pack(">II", 2, 1 << 30) + b"{}"),
        stream(frame(b"not json")),
        stream(frame(b"[" * 100_000)),
        stream(frame([1, 2])),
        stream(frame({"id": 99})),
        stream(frame({})),
        stream(frame({"id": 1}, b"x" * 200)),
        struct.pack(">BxxxI", 1, 1 << 30),
        struct.pack(">BxxxI", 7, 3) + b"abc",
        b"HTTP/1.1 500 Internal Server Error\r\n\r\n",
    ],
    ids=range(11),
)
def test_a_lie_loses_the_channel(pair: tuple[Channel, socket.socket], answer: bytes) -> None:
    """Sizes over the caps, broken JSON and answers to other questions are refused, not believed."""
    channel, theirs = pair
    theirs.sendall(answer)
    with pytest.raises(ChannelLost):
        channel.request({"op": "x"}, timeout=5, limit=100)


def test_silence_ends_at_the_deadline(pair: tuple[Channel, socket.socket]) -> None:
    """Nobody waits for an answer that does not come."""
    channel, _ = pair
    started = time.monotonic()
    with pytest.raises(ChannelLost, match="in time"):
        channel.request({"op": "x"}, timeout=0.2)
    assert time.monotonic() - started < 20


def test_a_reader_that_does_not_read_ends_at_the_deadline(pair: tuple[Channel, socket.socket]) -> None:
    """A large write into a stopped runner does not block for ever."""
    channel, _ = pair
    with pytest.raises(ChannelLost, match="in time"):
        channel.request({"op": "x"}, os.urandom(1 << 20) * 8, timeout=0.3)


def test_an_end_is_told_with_the_last_words(pair: tuple[Channel, socket.socket]) -> None:
    """What was printed to stderr before the end is in the message."""
    channel, theirs = pair
    theirs.sendall(stream(b"python3: not found\n", 2))
    theirs.shutdown(socket.SHUT_RDWR)
    with pytest.raises(ChannelLost):
        channel.request({"op": "x"}, timeout=5)

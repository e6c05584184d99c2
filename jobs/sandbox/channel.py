"""The host's end of the channel into a sandbox: each wait has a deadline, each frame a cap."""

from __future__ import annotations

import json
import select
import struct
import time
from typing import Any, Protocol

FRAME = struct.Struct(">II")
HEADER_CAP = 1 << 20


class ChannelLost(Exception):
    """The other end closed, fell silent or broke the protocol; the message says which."""


class Transport(Protocol):
    """A stream of bytes into the sandbox and back; deadlines are in ``time.monotonic()`` seconds."""

    def send(self, data: bytes, deadline: float) -> None:
        """Send all of ``data``; raises ``ChannelLost``."""
        ...

    def receive(self, deadline: float) -> bytes:
        """Return some bytes, at least one; raises ``ChannelLost``."""
        ...

    def close(self) -> None:
        """Close; does nothing the second time."""
        ...


def wait_for(descriptor: int, event: int, deadline: float) -> None:
    """Wait until a descriptor is ready; raises ``ChannelLost`` at the deadline."""
    poll = select.poll()
    poll.register(descriptor, event)
    left = deadline - time.monotonic()
    if left <= 0 or not poll.poll(left * 1000):
        raise ChannelLost("it did not answer in time")


class Channel:
    """One request, one answer, over a transport whose other end is not trusted."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._received = bytearray()
        self._last = 0

    def request(
        self, header: dict[str, Any], payload: bytes = b"", *, timeout: float, limit: int = 1 << 16
    ) -> tuple[dict[str, Any], bytes]:
        """Send a request and return the answer's header and payload, of at most ``limit`` bytes."""
        deadline = time.monotonic() + timeout
        self._last += 1
        encoded = json.dumps({"id": self._last, **header}).encode()
        self._transport.send(FRAME.pack(len(encoded), len(payload)) + encoded, deadline)
        if payload:
            self._transport.send(payload, deadline)
        return self._answer(deadline, limit)

    def close(self) -> None:
        """Close the transport; does nothing the second time."""
        self._transport.close()

    def _answer(self, deadline: float, limit: int) -> tuple[dict[str, Any], bytes]:
        header_size, payload_size = FRAME.unpack(self._take(FRAME.size, deadline))
        if header_size > HEADER_CAP or payload_size > limit:
            raise ChannelLost("it sent an answer over the size limit")
        try:
            header = json.loads(self._take(header_size, deadline))
        except (ValueError, RecursionError):
            raise ChannelLost("it sent an answer that is not valid") from None
        if not isinstance(header, dict) or header.get("id") != self._last:
            raise ChannelLost("it answered something that was not asked")
        return header, self._take(payload_size, deadline)

    def _take(self, size: int, deadline: float) -> bytes:
        while len(self._received) < size:
            self._received += self._transport.receive(deadline)
        data = bytes(self._received[:size])
        del self._received[:size]
        return data

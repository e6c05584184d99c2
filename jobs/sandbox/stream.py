"""The stream between this process and one in an engine's container: raw towards it, in frames back."""

from __future__ import annotations

import contextlib
import select
import socket
import struct
from typing import Any

from jobs.sandbox.channel import ChannelLost, wait_for

STREAM_HEADER = struct.Struct(">BxxxI")
STDOUT, STDERR = 1, 2
STREAM_CAP = 1 << 24


class StreamTransport:
    """The engine's stream to a process in a container: raw towards it, in frames of stdout and stderr back."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._socket: socket.socket = getattr(stream, "_sock", stream)
        self._socket.setblocking(False)
        self._received = bytearray()
        self._errors = bytearray()

    def send(self, data: bytes, deadline: float) -> None:
        """Send all of ``data``; raises ``ChannelLost``."""
        view = memoryview(data)
        while view:
            try:
                view = view[self._socket.send(view) :]
            except BlockingIOError:
                wait_for(self._socket.fileno(), select.POLLOUT, deadline)
            except OSError as error:
                raise ChannelLost(f"it closed the connection ({error.strerror})") from error

    def receive(self, deadline: float) -> bytes:
        """Return some of what the process wrote to stdout; raises ``ChannelLost``."""
        while True:
            data = self._frame()
            if data:
                return data
            try:
                chunk = self._socket.recv(1 << 18)
            except BlockingIOError:
                wait_for(self._socket.fileno(), select.POLLIN, deadline)
                continue
            except OSError as error:
                raise ChannelLost(f"it closed the connection ({error.strerror})") from error
            if not chunk:
                said = self._errors.decode("utf-8", "replace").strip()
                raise ChannelLost(f"it ended, and said: {said[-300:]}" if said else "it ended")
            self._received += chunk

    def _frame(self) -> bytes:
        """Return the payload of the next whole frame of stdout, or nothing; keeps the end of stderr for later."""
        while len(self._received) >= STREAM_HEADER.size:
            stream, size = STREAM_HEADER.unpack_from(self._received)
            if size > STREAM_CAP or stream not in (STDOUT, STDERR):
                said = self._received.decode("utf-8", "replace").strip()
                raise ChannelLost(f"the engine said: {said[:300]}")
            if len(self._received) < STREAM_HEADER.size + size:
                return b""
            data = bytes(self._received[STREAM_HEADER.size : STREAM_HEADER.size + size])
            del self._received[: STREAM_HEADER.size + size]
            if stream == STDOUT and data:
                return data
            self._errors = (self._errors + data)[-2048:]
        return b""

    def close(self) -> None:
        """Close the connection; does nothing the second time."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        response = getattr(self._stream, "_response", None)
        if response is not None:
            response.close()
        self._stream.close()
        self._socket.close()

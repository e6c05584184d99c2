"""Connections to Redis that a hostile one can neither fill nor hold: an answer has an end, in bytes and in time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from redis import Redis
from redis.backoff import NoBackoff
from redis.connection import Connection, SSLConnection, UnixDomainSocketConnection
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.retry import Retry

if TYPE_CHECKING:
    import socket

LONGEST_ANSWER = 4 * 1024 * 1024
"""Bytes between two things that we say; the longest that we ask for are the names of what waits in a queue."""
ANSWER_SECONDS = 1.0
"""How much longer all of an answer may take than its first byte, where nobody waits for work."""
STRANGE = (RedisError, ValueError, TypeError, AttributeError, LookupError, ArithmeticError, RecursionError)
"""What redis-py raises over answers that are none: it reads them as it expects them."""


class EndlessAnswerError(RedisConnectionError):
    """An answer of Redis that is longer than any that we ask for."""


class _Counted:
    """A socket that counts what comes, from one thing that was said to the next."""

    def __init__(self, inner: socket.socket, seconds: float | None) -> None:
        self._inner, self._seconds = inner, seconds
        self._came, self._said = 0, time.monotonic()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def sendall(self, data: bytes) -> None:
        """Say something; what comes now is the answer to it."""
        self._came, self._said = 0, time.monotonic()
        self._inner.sendall(data)

    def recv(self, size: int) -> bytes:
        """Read a part of an answer; raises EndlessAnswerError and TimeoutError."""
        data = self._inner.recv(size)
        self._came += len(data)
        if self._came > LONGEST_ANSWER:
            raise EndlessAnswerError(f"an answer of Redis is longer than {LONGEST_ANSWER} bytes; it was not read")
        if self._seconds is not None and time.monotonic() > self._said + self._seconds:
            raise TimeoutError("an answer of Redis has no end")
        return data


class _Sparing:
    """What makes a connection of redis-py count; one that gives up soon has a time for the whole answer, too."""

    retry: Retry
    socket_timeout: float | None

    def _connect(self) -> Any:
        quick = self.retry.get_retries() == 0 and self.socket_timeout
        return _Counted(super()._connect(), quick + ANSWER_SECONDS if quick else None)  # type: ignore[misc]


class _Plain(_Sparing, Connection):
    """Over TCP."""


class _Encrypted(_Sparing, SSLConnection):
    """Over TLS."""


class _Local(_Sparing, UnixDomainSocketConnection):
    """Over a unix socket."""


KINDS = {"rediss": _Encrypted, "unix": _Local}

OLD_PROTOCOL = 2
"""RESP2: in RESP3 a server may speak unasked, and redis-py lets it move a connection to another host."""


def connect(url: str, *, waits: float = 0.0) -> Redis:
    """Connect to Redis; who asks gives up within a second more than the reads for which it ``waits``."""
    kind = KINDS.get(url.partition(":")[0], _Plain)
    options: dict[str, Any] = {"socket_timeout": waits + 1.0, "socket_connect_timeout": waits / 10 + 1.0}
    return Redis.from_url(url, connection_class=kind, protocol=OLD_PROTOCOL, retry=Retry(NoBackoff(), 0), **options)

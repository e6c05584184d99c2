"""Logs and archives, which GitHub keeps on other hosts: followed there without the token, and read in pieces."""

from __future__ import annotations

import logging
import random
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import httpx

from jobs.github import transport
from jobs.github.calls import GONE
from jobs.github.values import GitHubRefused
from jobs.types import GitHubUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

SECONDS = 300.0
"""How long one download may take; each read has the timeout of all calls besides."""
MOVED = frozenset({301, 307, 308})
"""The repository has another name now: the call is made there, with the token."""
ELSEWHERE = frozenset({302, 303})

log = logging.getLogger(__name__)


class _Broken(Exception):
    """The storage refused or failed; a new address may help, since each is good for a minute."""


def download(kit: transport.PooledKit, path: str, *, most: int) -> Iterator[bytes]:
    """Yield what lies behind a path in pieces, ``most`` bytes in all at the most; nothing where it is gone.

    Where the connection breaks it is read again, and goes on where it broke. Raises as ``transport.call`` does.
    """
    given, ends = 0, time.monotonic() + SECONDS
    for turn in range(1, transport.READ_TRIES + 1):
        try:
            for piece in _pieces(kit, path, given, most):
                given += len(piece)
                yield piece
                if time.monotonic() > ends:
                    raise GitHubUnavailable(f"GET {path} was not read in {SECONDS:g} seconds")
        except (_Broken, httpx.RequestError) as error:
            # Only the kind is told: the address in the message is a key to the file.
            reason = str(error) if isinstance(error, _Broken) else type(error).__name__
            if turn == transport.READ_TRIES:
                raise GitHubUnavailable(f"GitHub's storage could not be read for GET {path}: {reason}", 1.0) from None
            log.info("reading %s again from byte %d: %s", path, given, reason)
            time.sleep(random.uniform(0.1, 0.3) * turn)  # noqa: S311 - spreads retries, guards nothing
        else:
            return


def _pieces(kit: transport.PooledKit, path: str, start: int, end: int) -> Iterator[bytes]:
    """Yield the bytes from ``start`` to ``end`` in pieces."""
    position = 0
    with _opened(kit, path) as response:
        if response is None:
            return
        for piece in response.iter_bytes():
            wanted = piece[max(0, start - position) : max(0, end - position)]
            position += len(piece)
            if wanted:
                yield wanted
            if position >= end:
                return


@contextmanager
def _opened(kit: transport.PooledKit, path: str) -> Iterator[httpx.Response | None]:
    """Open what lies behind a path, and close it; None where it is gone."""
    answer = _ask(kit, path)
    if answer is None:
        yield None
        return
    try:
        if answer.status_code not in ELSEWHERE:
            yield answer
            return
        address = str(answer.url.join(answer.headers.get("location", "")))
    finally:
        answer.close()
    with kit.fetch(address) as response:
        if response.status_code in GONE:
            yield None
            return
        if not response.is_success:
            raise _Broken(f"status {response.status_code}")
        yield response


def _ask(kit: transport.PooledKit, path: str) -> httpx.Response | None:
    """Ask GitHub where it is; None where it is gone."""
    for _ in range(transport.MOST_REDIRECTS):
        try:
            answer = transport.respond(kit, "GET", path, stream=True)
        except GitHubRefused as refused:
            if refused.status in GONE:
                return None
            raise
        if answer.status_code not in MOVED:
            return answer
        answer.close()
        path = answer.headers.get("location", "").removeprefix(str(kit.config.base_url).rstrip("/"))
        if not path.startswith("/"):
            break
    raise GitHubUnavailable("GitHub led to nowhere that its API has")

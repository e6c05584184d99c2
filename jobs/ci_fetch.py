"""Fetches a log or a report from a CI of the operator's own: HTTPS, listed hosts, bounded in size and time."""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from jobs.sandbox.addresses import is_public
from jobs.types import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from config.settings import Settings

HTTPS = 443
MOST_REDIRECTS = 3
CONNECT_SECONDS = 10.0
READ_SECONDS = 20.0
WHOLE_SECONDS = 120.0
CHUNK = 64 * 1024
LONGEST_URL = 2_000
OK = 200
REDIRECTS = frozenset({301, 302, 303, 307, 308})
HIGHEST_PORT = 65_535


@dataclass(frozen=True, slots=True)
class Target:
    """Where to ask; ``exact`` says that the operator named the host and not just its domain."""

    host: str
    port: int
    path: str
    exact: bool


def fetch(url: str, settings: Settings, limit: int) -> Iterator[bytes]:
    """Yield what stands at an address, up to ``limit`` bytes; raises UserError where it is not to be had.

    Every address on the way must be on a host of ``OPUS67_CI_HOSTS``. A name is resolved once, and what it leads to
    must be public, unless the operator named that very host.
    """
    ends = time.monotonic() + WHOLE_SECONDS
    for _ in range(MOST_REDIRECTS + 1):
        connection = _Connection(target_of(url, settings.ci_hosts))
        try:
            answer = connection.get()
            if answer.status in REDIRECTS:
                url = urljoin(url, answer.headers.get("Location", ""))
                continue
            if answer.status != OK:
                raise UserError(f"{_shown(url)} answered {answer.status}, so that it could not be read.")
            yield from _body(answer, limit, ends)
        except (OSError, http.client.HTTPException) as error:
            raise UserError(f"{_shown(url)} could not be read: {error or type(error).__name__}.") from error
        finally:
            connection.close()
        return
    raise UserError(f"{_shown(url)} is redirected more than {MOST_REDIRECTS} times.")


def target_of(url: str, hosts: tuple[str, ...]) -> Target:
    """Return where an address leads; raises UserError where that is not HTTPS on a listed host."""
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").lower().removesuffix("."), parts.port or HTTPS
    except ValueError:
        raise UserError(f"{_shown(url)} is no address.") from None
    plain = url.isascii() and url.isprintable() and " " not in url and len(url) <= LONGEST_URL
    if parts.scheme != "https" or not host or not plain or parts.username is not None or parts.password is not None:
        raise UserError(f"{_shown(url)} is not an address that begins with https:// and holds no name or password.")
    exact = any(_names(entry, host, port) for entry in hosts)
    if not exact and not any(_is_below(entry, host, port) for entry in hosts):
        raise UserError(f"The host of {_shown(url)} is not listed in OPUS67_CI_HOSTS; the operator can add it there.")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(host, port, path, exact)


def _names(entry: str, host: str, port: int) -> bool:
    return not entry.startswith("*.") and _split(entry) == (host, port)


def _is_below(entry: str, host: str, port: int) -> bool:
    name, at = _split(entry)
    return name.startswith("*.") and at == port and host.endswith(name[1:]) and len(host) > len(name) - 1


def _split(entry: str) -> tuple[str, int]:
    """Return name and port of a listed host; an IPv6 address stands between brackets."""
    name, colon, port = entry.rpartition(":")
    if not colon or not port.isdigit():
        name, port = entry, str(HTTPS)
    return name.strip("[]"), int(port)


class _Connection:
    """One TLS connection to an address that was checked, for the name that was asked for."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._open: http.client.HTTPConnection | None = None
        self._answer: http.client.HTTPResponse | None = None

    def get(self) -> http.client.HTTPResponse:
        """Ask, and return the answer with its body unread."""
        target = self._target
        raw = socket.create_connection((self._address(), target.port), CONNECT_SECONDS)
        try:
            raw.settimeout(READ_SECONDS)
            secure = ssl.create_default_context().wrap_socket(raw, server_hostname=target.host)
        except BaseException:
            raw.close()
            raise
        self._open = http.client.HTTPConnection(target.host, target.port)
        self._open.sock = secure
        self._open.request("GET", target.path, headers={"Accept-Encoding": "identity", "User-Agent": "opus67"})
        self._answer = self._open.getresponse()
        return self._answer

    def close(self) -> None:
        """Close the connection, and the answer, which keeps the socket where the server said to close it."""
        if self._answer is not None:
            self._answer.close()
        if self._open is not None:
            self._open.close()

    def _address(self) -> str:
        target = self._target
        found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
        addresses = [str(one[4][0]) for one in found]
        allowed = [one for one in addresses if is_public(one) or (target.exact and _is_host(one))]
        if not allowed:
            raise UserError(
                f"`{target.host}` leads to an address that is not public. Name it exactly in OPUS67_CI_HOSTS, if it "
                "is one of yours."
            )
        return allowed[0]


def _is_host(address: str) -> bool:
    """Tell whether an address can be a machine's: a cloud's own data service and nonsense never are."""
    parsed = ipaddress.ip_address(address.partition("%")[0])
    parsed = getattr(parsed, "ipv4_mapped", None) or parsed
    return not (parsed.is_link_local or parsed.is_multicast or parsed.is_unspecified)


def _body(answer: http.client.HTTPResponse, limit: int, ends: float) -> Iterator[bytes]:
    left = limit
    while left > 0 and (part := answer.read1(min(CHUNK, left))):
        if time.monotonic() > ends:
            raise UserError(f"The CI took longer than {WHOLE_SECONDS:.0f} s to send its log.")
        left -= len(part)
        yield part
    if left > 0 and answer.length:
        raise http.client.IncompleteRead(b"", answer.length)


def _shown(url: str) -> str:
    """Return an address as it can be told: without what may be a key in it."""
    return "`" + "".join(one for one in url.partition("?")[0][:120] if one.isprintable() and one not in "`<>") + "`"

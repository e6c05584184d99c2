"""Fetches a log or a report from a CI of the operator's own: HTTPS, listed hosts, bounded in size and time."""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
import threading
import time
from contextlib import suppress
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
_PRIVATE = tuple(
    ipaddress.ip_network(text)
    for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "100.64.0.0/10", "::1/128", "fc00::/7")
)
"""Where a machine of the operator's own may be; all other special addresses carry others, or are nobody's."""
_CLOUDS = frozenset(
    ipaddress.ip_address(text)
    for text in ("100.100.100.200", "168.63.129.16", "fd00:ec2::254", "fd00:ec2::23", "fd20:ce::254")
)
"""The data services of clouds whose addresses are not link-local: they hand out the machine's own keys."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where to ask; ``exact`` says that the operator named the host and not just its domain."""

    host: str
    port: int
    path: str
    exact: bool


def fetch(url: str, settings: Settings, limit: int, *, seconds: float = WHOLE_SECONDS) -> Iterator[bytes]:
    """Yield what stands at an address, up to ``limit`` bytes; raises UserError where it is not to be had.

    Every address on the way must be on a host of ``OPUS67_CI_HOSTS``. A name is resolved once, and what it leads to
    must be public, unless the operator named that very host. All of it takes ``seconds`` at the most.
    """
    ends = time.monotonic() + seconds
    for _ in range(MOST_REDIRECTS + 1):
        connection = _Connection(target_of(url, settings.ci_hosts), ends)
        try:
            answer = connection.get()
            _in_time(ends)
            if answer.status in REDIRECTS:
                url = urljoin(url, answer.headers.get("Location", ""))
                continue
            if answer.status != OK:
                raise UserError(f"{_shown(url)} answered {answer.status}, so that it could not be read.")
            yield from _body(answer, limit, ends)
        except (OSError, http.client.HTTPException) as error:
            _in_time(ends)
            raise UserError(f"{_shown(url)} could not be read: {error or type(error).__name__}.") from error
        finally:
            connection.close()
        return
    raise UserError(f"{_shown(url)} is redirected more than {MOST_REDIRECTS} times.")


def _in_time(ends: float) -> None:
    if time.monotonic() >= ends:
        raise UserError("The CI took too long to send its log.")


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
    """One TLS connection to an address that was checked, for the name that was asked for; cut off when it must end.

    A server can send a byte now and then for ever: no timeout of a single read ends that.
    """

    def __init__(self, target: Target, ends: float) -> None:
        self._target, self._ends = target, ends
        self._open: http.client.HTTPConnection | None = None
        self._answer: http.client.HTTPResponse | None = None
        self._secure: ssl.SSLSocket | None = None
        self._cutter = threading.Timer(max(ends - time.monotonic(), 0.0), self._cut)
        self._cutter.daemon = True

    def get(self) -> http.client.HTTPResponse:
        """Ask, and return the answer with its body unread."""
        target = self._target
        raw = socket.create_connection((self._address(), target.port), CONNECT_SECONDS)
        try:
            raw.settimeout(READ_SECONDS)
            context = ssl.create_default_context()
            self._secure = context.wrap_socket(raw, server_hostname=target.host, do_handshake_on_connect=False)
        except BaseException:
            raw.close()
            raise
        self._open = http.client.HTTPConnection(target.host, target.port)
        self._open.sock = self._secure
        self._cutter.start()
        self._secure.do_handshake()
        self._open.request("GET", target.path, headers={"Accept-Encoding": "identity", "User-Agent": "opus67"})
        self._answer = self._open.getresponse()
        return self._answer

    def close(self) -> None:
        """Close the connection, and the answer, which keeps the socket where the server said to close it."""
        self._cutter.cancel()
        if self._answer is not None:
            self._answer.close()
        if self._open is not None:
            self._open.close()

    def _cut(self) -> None:
        with suppress(OSError):  # it was closed just now
            if self._secure is not None:
                socket.socket.shutdown(self._secure, socket.SHUT_RDWR)

    def _address(self) -> str:
        target = self._target
        found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
        addresses = [str(one[4][0]) for one in found]
        allowed = [one for one in addresses if _may_be_asked(one, exact=target.exact)]
        if not allowed:
            raise UserError(
                f"`{target.host}` leads to an address that is not public. Name it exactly in OPUS67_CI_HOSTS, if it "
                "is one of yours."
            )
        return allowed[0]


def _may_be_asked(address: str, *, exact: bool) -> bool:
    """Tell whether an address is public, or private where the operator named the host; a cloud's data service never."""
    parsed = ipaddress.ip_address(address.partition("%")[0])
    parsed = getattr(parsed, "ipv4_mapped", None) or parsed
    if parsed in _CLOUDS:
        return False
    own = any(parsed.version == network.version and parsed in network for network in _PRIVATE)
    return is_public(str(parsed)) or (exact and own)


def _body(answer: http.client.HTTPResponse, limit: int, ends: float) -> Iterator[bytes]:
    left = limit
    while left > 0 and (part := answer.read1(min(CHUNK, left))):
        _in_time(ends)
        left -= len(part)
        yield part
    _in_time(ends)
    if left > 0 and answer.length:
        raise http.client.IncompleteRead(b"", answer.length)


def _shown(url: str) -> str:
    """Return an address as it can be told: without what may be a key in it."""
    return "`" + "".join(one for one in url.partition("?")[0][:120] if one.isprintable() and one not in "`<>") + "`"

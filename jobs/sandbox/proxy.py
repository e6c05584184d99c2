"""The egress proxy of one run: the only way out of a sandbox, a unix socket that lets HTTPS to listed names through."""

from __future__ import annotations

import logging
import os
import re
import selectors
import socket
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jobs.sandbox.addresses import is_allowed, is_public, name_problem, normalise
from jobs.types import BlockedRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

SOCKET_NAME = "proxy.sock"
HTTP_PORT, HTTPS_PORT = 80, 443
HEADER_CAP = 16_384
HEADER_TIMEOUT = 10.0
CONNECT_TIMEOUT = 15.0
IDLE_TIMEOUT = 120.0
CONNECTIONS = 48
BYTES_CAP = 4 << 30
"""Bytes in both directions that one attempt may move."""
BLOCKED_CAP = 200
COMMAND_CAP = 300
CHUNK = 1 << 16


_log = logging.getLogger("opus67.egress")


class RequestRefused(Exception):
    """A request that may not go out; carries what is recorded and what is answered."""

    def __init__(self, host: str, port: int, reason: str, cure: str = "", status: str = "403 Forbidden") -> None:
        super().__init__(reason)
        self.host, self.port, self.reason, self.cure, self.status = _printable(host), port, reason, cure, status


def resolve(name: str) -> list[str]:
    """Return the addresses of a name, as the host's resolver knows them."""
    found = socket.getaddrinfo(name, HTTPS_PORT, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def connect(address: str, port: int) -> socket.socket:
    """Connect to an address that was checked; it is an address, so nothing is resolved a second time."""
    return socket.create_connection((address, port), timeout=CONNECT_TIMEOUT)


@dataclass
class _Usage:
    """What this attempt has moved; only ever grows."""

    moved: int = 0


class Proxy:
    """Listens from construction until ``close``; ``command`` is what the sandbox is running now, for the record."""

    def __init__(
        self,
        directory: Path,
        hosts: Sequence[str] = (),
        *,
        resolve: Callable[[str], list[str]] = resolve,
        connect: Callable[[str, int], socket.socket] = connect,
        bytes_cap: int = BYTES_CAP,
        head_timeout: float = HEADER_TIMEOUT,
    ) -> None:
        self.command = ""
        self._hosts = tuple(hosts)
        self._resolve = resolve
        self._connect = connect
        self._bytes_cap = bytes_cap
        self._head_timeout = head_timeout
        self._usage = _Usage()
        self._lock = threading.Lock()
        self._blocked: dict[BlockedRequest, None] = {}
        self._open: set[socket.socket] = set()
        self._slots = threading.BoundedSemaphore(CONNECTIONS)
        self._path = directory / SOCKET_NAME
        self._listener = _listen(directory)
        self._inode = self._path.stat().st_ino
        self._closed = False
        self._thread = threading.Thread(target=self._serve, name="opus67-egress", daemon=True)
        self._thread.start()

    def allow(self, hosts: Sequence[str]) -> None:
        """Replace the list from now on; connections that stand are ended, they belong to the last phase."""
        self._hosts = tuple(hosts)
        self._drop_connections()

    def blocked(self) -> tuple[BlockedRequest, ...]:
        """Return what was refused, each once, the first ones when there were too many."""
        with self._lock:
            return tuple(self._blocked)

    def displaced(self) -> bool:
        """Tell whether another worker has taken the sandbox up since: its proxy's socket stands where ours stood."""
        try:
            return self._path.stat().st_ino != self._inode
        except OSError:
            return False

    def close(self) -> None:
        """End the proxy and its connections; does nothing the second time."""
        if self._closed:
            return
        self._closed = True
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)
        self._listener.close()
        self._drop_connections()

    def _drop_connections(self) -> None:
        with self._lock:
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def _serve(self) -> None:
        while not self._closed:
            try:
                client = self._listener.accept()[0]
            except OSError:
                if self._closed:
                    return
                time.sleep(0.05)  # out of descriptors, most likely: others will end
                continue
            if not self._slots.acquire(timeout=HEADER_TIMEOUT):
                client.close()
                continue
            try:
                threading.Thread(
                    target=self._handle, args=(client,), name="opus67-egress-connection", daemon=True
                ).start()
            except RuntimeError:  # this process may have no more threads; the proxy itself goes on
                self._slots.release()
                client.close()

    def _handle(self, client: socket.socket) -> None:
        try:
            with client, self._tracked(client):
                self._answer(client)
        except OSError as error:
            _log.info("egress_broken", extra={"reason": str(error)})
        finally:
            self._slots.release()

    def _answer(self, client: socket.socket) -> None:
        command = self.command
        try:
            head, rest = _read_head(client, self._head_timeout)
            host, port = _parse(head)
            server = self._reach(host, port)
        except RequestRefused as refused:
            self._record(refused, command)
            client.settimeout(self._head_timeout)
            client.sendall(_refusal(refused))
            return
        client.settimeout(IDLE_TIMEOUT)
        with server, self._tracked(server):
            if not is_allowed(host, self._hosts):
                return  # the phase changed while this connection was made
            _log.info("egress_allowed", extra={"host": host, "port": port, "command": command[:COMMAND_CAP]})
            client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            server.sendall(rest)
            self._carry(client, server)

    def _reach(self, host: str, port: int) -> socket.socket:
        """Check a request wholly and connect to one of the addresses that were checked."""
        self._check(host, port)
        try:
            addresses = self._resolve(host)
        except OSError:
            raise RequestRefused(host, port, "the name could not be resolved", status="502 Bad Gateway") from None
        if not addresses or not all(is_public(address) for address in addresses):
            raise RequestRefused(host, port, "the name points to an address that is not on the public internet")
        for address in addresses[:4]:
            with suppress(OSError):
                return self._connect(address, port)
        raise RequestRefused(host, port, "the host did not answer", status="502 Bad Gateway")

    def _check(self, host: str, port: int) -> None:
        problem = name_problem(host)
        if problem:
            raise RequestRefused(host, port, problem)
        if port != HTTPS_PORT:
            raise RequestRefused(host, port, "only HTTPS on port 443 is let through")
        if not is_allowed(host, self._hosts):
            where = "under hosts: setup: or hosts: work: in .github/opus67.yml"
            cure = f'A person can allow it with the line "- {host}" {where}.'
            raise RequestRefused(host, port, "the name is not on the list of allowed hosts", cure)
        if self._usage.moved >= self._bytes_cap:
            raise RequestRefused(host, port, f"this run has moved its {self._bytes_cap} bytes")

    def _record(self, refused: RequestRefused, command: str) -> None:
        entry = BlockedRequest(refused.host, refused.port, command[:COMMAND_CAP], refused.reason)
        _log.info("egress_refused", extra={"host": entry.host, "port": entry.port, "reason": entry.reason})
        with self._lock:
            if len(self._blocked) < BLOCKED_CAP:
                self._blocked[entry] = None

    def _carry(self, client: socket.socket, server: socket.socket) -> None:
        """Copy both ways until both have ended, nothing has moved for a while, or the cap is reached."""
        for side in (client, server):
            side.settimeout(IDLE_TIMEOUT)
        with selectors.DefaultSelector() as selector:
            selector.register(client, selectors.EVENT_READ, server)
            selector.register(server, selectors.EVENT_READ, client)
            while selector.get_map():
                ready = selector.select(IDLE_TIMEOUT)
                if not ready or self._usage.moved >= self._bytes_cap:
                    return
                for key, _ in ready:
                    self._carry_once(selector, key)

    def _carry_once(self, selector: selectors.BaseSelector, key: selectors.SelectorKey) -> None:
        source, target = key.fileobj, key.data
        if not isinstance(source, socket.socket):
            raise TypeError(source)
        data = source.recv(CHUNK)
        if data:
            target.sendall(data)
            with self._lock:
                self._usage.moved += len(data)
            return
        selector.unregister(source)
        target.shutdown(socket.SHUT_WR)

    def _tracked(self, connection: socket.socket) -> _Tracked:
        return _Tracked(connection, self._open, self._lock)


class _Tracked:
    """Keeps a connection among the open ones while a block runs, so that ``close`` and ``allow`` can end it."""

    def __init__(self, connection: socket.socket, among: set[socket.socket], lock: threading.Lock) -> None:
        self._connection, self._among, self._lock = connection, among, lock

    def __enter__(self) -> None:
        with self._lock:
            self._among.add(self._connection)

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._among.discard(self._connection)


def _listen(directory: Path) -> socket.socket:
    """Listen in ``directory``, reached through a descriptor: a socket's path may have 108 bytes only."""
    (directory / SOCKET_NAME).unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    descriptor = os.open(directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        listener.bind(f"/proc/self/fd/{descriptor}/{SOCKET_NAME}")
        (directory / SOCKET_NAME).chmod(0o666)
        listener.listen(CONNECTIONS)
    except BaseException:
        listener.close()
        raise
    finally:
        os.close(descriptor)
    return listener


def _read_head(client: socket.socket, seconds: float) -> tuple[bytes, bytes]:
    """Return the request's head and what came after it; raises RequestRefused for long ones, OSError for slow ones."""
    received = bytearray()
    limit = time.monotonic() + seconds
    while b"\r\n\r\n" not in received and len(received) <= HEADER_CAP:
        client.settimeout(max(0.01, limit - time.monotonic()))
        chunk = client.recv(4096)
        if not chunk:
            raise OSError("ended before the end of the request's head")
        received += chunk
    head, end, rest = bytes(received).partition(b"\r\n\r\n")
    if not end or len(head) > HEADER_CAP:
        raise RequestRefused("", 0, "the request's head is too long", status="431 Request Header Fields Too Large")
    return head, rest


def _parse(head: bytes) -> tuple[str, int]:
    """Return host and port of a CONNECT request, as they came; raises ``RequestRefused`` for everything else."""
    line = head.split(b"\r\n", 1)[0].decode("ascii", "replace")
    method, _, target = line.partition(" ")
    target = target.partition(" ")[0]
    if method != "CONNECT":
        host = target.partition("://")[2].partition("/")[0].rpartition("@")[2]
        name, _, port = host.partition(":")
        number = int(port) if _is_port(port) else HTTP_PORT
        raise RequestRefused(name, number, "only HTTPS is let through, this was a plain HTTP request")
    host, _, port = target.rpartition(":")
    if not _is_port(port):
        raise RequestRefused(target, 0, "the request names no port", status="400 Bad Request")
    return normalise(host), int(port)


def _is_port(text: str) -> bool:
    return re.fullmatch(r"[0-9]{1,5}", text) is not None


def _printable(text: str) -> str:
    """Return text that can go into a log and a comment: printable ASCII, of a name's length."""
    return "".join(character for character in text if character.isascii() and character.isprintable())[:253]


def _refusal(refused: RequestRefused) -> bytes:
    body = (
        f"Opus 67 blocked this request to {refused.host or 'an unnamed host'}: {refused.reason}. {refused.cure}".strip()
        + "\n"
    )
    head = (
        f"HTTP/1.1 {refused.status}\r\nContent-Type: text/plain; charset=utf-8\r\n"
        f"Content-Length: {len(body.encode())}\r\nConnection: close\r\n\r\n"
    )
    return (head + body).encode()

"""A small threaded HTTP server on loopback, which every stand-in of an outside service is built on."""

from __future__ import annotations

import abc
import contextlib
import socket
import sys
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qsl, unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from types import TracebackType

LARGEST_BODY = 512 * 1024 * 1024


class ConnectionDropped(Exception):
    """Raised by a handler, or by the body that it streams, to cut the connection without a word."""


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request as it came; header names are in lower case, ``path`` is decoded and has no query."""

    method: str
    target: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


@dataclass(slots=True)
class Answer:
    """One HTTP answer; a body that is no bytes is streamed in chunks, one per item."""

    status: int = 200
    body: bytes | Iterable[bytes] = b""
    headers: dict[str, str] = field(default_factory=dict)


class Served(abc.ABC):
    """A stand-in that answers from its start to its stop, as a ``with`` block has it."""

    @abc.abstractmethod
    def start(self) -> Self:
        """Begin to answer."""

    @abc.abstractmethod
    def stop(self) -> None:
        """Stop answering."""

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class Loopback:
    """Serves ``handle`` on 127.0.0.1 from a thread of its own, one thread per connection, with keep-alive."""

    def __init__(self, handle: Callable[[Request], Answer], *, port: int = 0, name: str = "loopback") -> None:
        self._handle = handle
        self._server = _Server(("127.0.0.1", port), handle)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, name=name, daemon=True
        )
        self.stopping = self._server.stopping

    @property
    def url(self) -> str:
        """The base URL, without a slash at its end."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Stop answering and cut every open connection; does nothing the second time."""
        if self.stopping.is_set():
            return
        self.stopping.set()
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()
        self._server.cut_connections()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 256

    def __init__(self, address: tuple[str, int], handle: Callable[[Request], Answer]) -> None:
        super().__init__(address, _Handler)
        self.handle = handle
        self.stopping = threading.Event()
        self._open: set[socket.socket] = set()
        self._open_lock = threading.Lock()

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._open_lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._open_lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def cut_connections(self) -> None:
        with self._open_lock:
            sockets = list(self._open)
        for open_socket in sockets:
            with contextlib.suppress(OSError):
                open_socket.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Stay silent about clients that went away; anything else is a fault of the stand-in and is shown."""
        if not isinstance(sys.exception(), (ConnectionError, TimeoutError)) and not self.stopping.is_set():
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: _Server

    def answer(self) -> None:
        parts = urlsplit(self.path)
        request = Request(
            method=self.command,
            target=self.path,
            path=unquote(parts.path),
            query=dict(parse_qsl(parts.query, keep_blank_values=True)),
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self._read_body(),
        )
        try:
            answer = self.server.handle(request)
            self._send(answer)
        except ConnectionDropped:
            self.close_connection = True
            with contextlib.suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = answer  # noqa: N815 - the base class looks for these

    def _read_body(self) -> bytes:
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            return b"".join(self._chunks())
        length = int(self.headers.get("Content-Length") or 0)
        if length > LARGEST_BODY:
            raise ConnectionError("the request is too large for a stand-in")
        return self.rfile.read(length) if length else b""

    def _chunks(self) -> Iterable[bytes]:
        while size := int(self.rfile.readline().split(b";")[0] or b"0", 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            continue

    def _send(self, answer: Answer) -> None:
        self.send_response_only(answer.status)
        for name, value in {"Server": self.version_string(), "Date": self.date_time_string()}.items():
            if name not in answer.headers:
                self.send_header(name, value)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        body = answer.body
        if isinstance(body, bytes):
            if answer.status not in {204, 304}:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)
            self.wfile.flush()
            return
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for chunk in body:
            if chunk:
                self.wfile.write(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")
                self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")
        self.wfile.flush()

    def version_string(self) -> str:
        return "opus67-stand-in"

    def log_message(self, *_: object) -> None:
        """Say nothing: what was asked is recorded by the stand-in."""

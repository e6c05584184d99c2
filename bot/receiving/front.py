"""The door of a web process: webhooks are answered on its event loop, everything else by Flask in threads."""

from __future__ import annotations

import asyncio
import io
import logging
import os
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from bot import wake
from bot.app import RECEIVER, create_app
from bot.receiving.gathering import Gathering
from bot.receiving.room import NoRoom, Room
from bot.receiving.watchdog import Watchdog
from bot.receiving.webhooks import HEADERS, LARGEST_BODY, PATH, Said, said
from bot.up.guard import end_with_parent
from config.settings import load, require
from jobs import logs
from jobs.types import Delivery

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Sequence
    from wsgiref.types import WSGIApplication, WSGIEnvironment

    from bot.receiving.webhooks import Receiver

THREADS = 32
"""Each request that Flask answers holds one; pages take tens of milliseconds."""
BODY_SECONDS = 30.0
"""What a sender has for a body; GitHub waits for ten seconds in all."""
SMALL = 256 * 1024
"""A body up to this size is not counted; GitHub's are mostly a tenth of it."""
ROOM = 8 * LARGEST_BODY
"""What larger bodies, and those of unknown size, may take of this process's memory together."""
FAILED: Said = ("an internal error; the log of the web process says more", 500)
TOO_SLOW: Said = ("the body did not come in time", 408)
TOO_MANY: Said = ("too many large bodies are being sent at once; send it again in a minute", 503)
TOO_LARGE: Said = ("the body is larger than 25 MB", 413)
Answer = tuple[int, list[tuple[str, str]], bytes]
"""Status, headers and body."""

_LENGTH = re.compile(r"[0-9]{1,15}", re.ASCII)
_JSON = [("content-type", "application/json")]

log = logging.getLogger(__name__)


class Headers(Protocol):
    """The headers of a request; names are lowercase, and values that are no text are left out."""

    def get(self, name: str) -> str | None:
        """Return the first value of a header."""

    def get_all(self, name: str) -> list[str]:
        """Return all values of a header."""

    def keys(self) -> list[str]:
        """Return the names."""


class Scope(Protocol):
    """A request as RSGI tells it (https://github.com/emmett-framework/granian/blob/master/docs/spec/RSGI.md)."""

    http_version: str
    server: str
    client: str
    scheme: str
    method: str
    path: str
    query_string: str
    headers: Headers


class Exchange(Protocol):
    """How RSGI hands over a request's body, and takes the answer."""

    async def __call__(self) -> bytes:
        """Return the whole body."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield the body in parts."""

    def response_bytes(self, status: int, headers: Sequence[tuple[str, str]], body: bytes) -> None:
        """Answer."""


class Front:
    """What the server calls for each request."""

    def __init__(self, application: WSGIApplication, receiver: Receiver) -> None:
        self._application, self._receiver = application, receiver
        self._gathering: Gathering[Delivery, Said] = Gathering(receiver.write)
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="flask")
        self._room = Room(ROOM)
        self._watchdog = Watchdog(self._gathering)

    def __rsgi_init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin, as the server has started."""
        self._watchdog.watch(loop)

    def __rsgi_del__(self, _loop: asyncio.AbstractEventLoop) -> None:
        """Finish what is being written, as the server stops."""
        self._watchdog.end()
        self._gathering.close()
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def __rsgi__(self, scope: Scope, exchange: Exchange) -> None:
        """Answer one request."""
        length = scope.headers.get("content-length") or ""
        size = int(length) if _LENGTH.fullmatch(length) else -1
        if size > LARGEST_BODY:  # before any of it is read
            exchange.response_bytes(*_words(TOO_LARGE))
            return
        with self._room.share() as share:
            try:
                async with asyncio.timeout(BODY_SECONDS):
                    body = await (exchange() if 0 <= size <= SMALL else share.body(exchange, LARGEST_BODY))
            except TimeoutError:
                exchange.response_bytes(*_words(TOO_SLOW))
            except NoRoom:
                exchange.response_bytes(*_words(TOO_MANY))
            else:
                plain = size >= 0 and scope.path == PATH and scope.method == "POST"
                exchange.response_bytes(*await (self._webhook(scope, body) if plain else self._page(scope, body)))

    async def _webhook(self, scope: Scope, body: bytes) -> Answer:
        try:
            found = self._receiver.judge(body, *(",".join(scope.headers.get_all(name)) for name in HEADERS))
            return _words(await self._gathering.add(found) if isinstance(found, Delivery) else found)
        except Exception:  # the webhook's edge: told in the log, and GitHub marks the delivery as failed
            log.exception("a webhook could not be taken")
            return _words(FAILED)

    async def _page(self, scope: Scope, body: bytes) -> Answer:
        call = partial(_call, self._application, _environ(scope, body))
        return await asyncio.get_running_loop().run_in_executor(self._threads, call)


def from_environment() -> Front:
    """Build the application of this process, as the server asks for it; it ends with the server."""
    end_with_parent(os.getppid())
    settings = require(load())
    logs.set_up(settings)
    application = create_app(settings, waker=wake.inherited)
    return Front(application, application.extensions[RECEIVER])


def _words(told: Said) -> Answer:
    message, status = told
    return status, _JSON, said(message)


def _environ(scope: Scope, body: bytes) -> WSGIEnvironment:
    """Return a request as WSGI wants it (PEP 3333): bytes that are no text stand as Latin-1."""
    server, _, port = scope.server.rpartition(":")
    headers = {name: ",".join(scope.headers.get_all(name)) for name in scope.headers.keys()}  # noqa: SIM118 - no mapping
    for name in ("content-length", "transfer-encoding"):
        headers.pop(name, None)  # of the way here, which ends here
    return {
        "REQUEST_METHOD": scope.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": scope.path.encode().decode("latin-1"),
        "QUERY_STRING": scope.query_string,
        "SERVER_NAME": server,
        "SERVER_PORT": port,
        "SERVER_PROTOCOL": f"HTTP/{scope.http_version}",
        "REMOTE_ADDR": scope.client.rpartition(":")[0],
        "CONTENT_TYPE": headers.pop("content-type", ""),
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.scheme,
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        **{f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()},
    }


def _call(application: WSGIApplication, environ: WSGIEnvironment) -> Answer:
    """Have a WSGI application answer, in a thread of its own."""
    told: list[tuple[int, list[tuple[str, str]]]] = []

    def start_response(status: str, headers: list[tuple[str, str]], _error: Any = None) -> Any:
        told.append((int(status[:3]), headers))
        return None

    parts: Iterable[bytes] = application(environ, start_response)
    try:
        answer = b"".join(parts)
    finally:
        close = getattr(parts, "close", None)
        if close is not None:
            close()
    return *told[-1], answer

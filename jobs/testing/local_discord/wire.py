"""One port for REST, the gateway and files, served by a thread with an event loop of its own."""

from __future__ import annotations

import asyncio
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from aiohttp import web

from jobs.testing.local_discord.line import Line
from jobs.testing.loopback import Answer, ConnectionDropped, Request

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from jobs.testing.local_discord.gateway import Gateway

LARGEST_BODY = 128 * 1024 * 1024
AT_ONCE = 32


class Wire:
    """Carries requests to ``handle`` and gateway connections to ``gateway``; may be taken down and up again.

    The port is kept by a socket that nobody listens on, so that connections are refused while it is down, and
    nobody else takes it.
    """

    def __init__(self, handle: Callable[[Request], Answer], gateway: Gateway, port: int) -> None:
        self._handle = handle
        self._gateway = gateway
        self._reserved = _bound(port)
        self.port: int = self._reserved.getsockname()[1]
        self._thread = threading.Thread(target=self._run, name="local-discord", daemon=True)
        self._ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._end: asyncio.Event | None = None
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="local-discord")
        self._runner: web.AppRunner | None = None
        self._site: web.SockSite | None = None

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()
        self._ready.wait(10)

    def stop(self) -> None:
        """Stop answering and cut every connection; does nothing the second time."""
        loop, end = self._loop, self._end
        if self._thread.is_alive() and loop is not None and end is not None:
            loop.call_soon_threadsafe(end.set)
            self._thread.join(10)
        self._pool.shutdown()
        self._reserved.close()

    def down(self) -> None:
        """Refuse connections, and cut those that there are."""
        self._call(self._close())

    def up(self) -> None:
        """Take connections again."""
        self._call(self._listen())

    def later(self, seconds: float, function: Callable[[], None]) -> None:
        """Call ``function`` after some seconds, in the thread of this server."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._loop.call_later, seconds, function)

    def _call(self, work: Coroutine[Any, Any, None]) -> None:
        if self._loop is None:
            work.close()
            raise RuntimeError("the local Discord has not been started")
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    def _run(self) -> None:
        asyncio.run(self._main())

    async def _main(self) -> None:
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        application = web.Application(client_max_size=LARGEST_BODY)
        application.router.add_route("*", "/{rest:.*}", self._serve)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        await self._listen()
        self._ready.set()
        await self._end.wait()
        await self._close()
        await self._runner.cleanup()

    async def _listen(self) -> None:
        if self._runner is not None and self._site is None:
            self._site = web.SockSite(self._runner, _bound(self.port))
            await self._site.start()

    async def _close(self) -> None:
        if self._site is not None:
            await self._site.stop()
            self._site = None
        server = self._runner.server if self._runner is not None else None
        for connection in list(server.connections) if server is not None else []:
            if connection.transport is not None:
                connection.transport.abort()

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._connect(request)
        asked = Request(
            method=request.method,
            target=request.path_qs,
            path=unquote(request.rel_url.raw_path),
            query=dict(request.query),
            headers={name.lower(): value for name, value in request.headers.items()},
            body=await request.read(),
        )
        loop = asyncio.get_running_loop()
        try:
            answer = await loop.run_in_executor(self._pool, self._handle, asked)
        except ConnectionDropped:
            if request.transport is not None:
                request.transport.abort()
            return web.Response(status=500)
        body = answer.body if isinstance(answer.body, bytes) else b"".join(answer.body)
        return web.Response(status=answer.status, body=body or None, headers=answer.headers)

    async def _connect(self, request: web.Request) -> web.StreamResponse:
        connection = web.WebSocketResponse(max_msg_size=0, compress=False, timeout=1.0)
        await connection.prepare(request)
        line = Line(self._gateway, connection, request)
        with self._gateway.world.change():
            self._gateway.connections.append(line)
        await line.serve(request.query)
        return connection


def _bound(port: int) -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    made.bind(("127.0.0.1", port))
    return made

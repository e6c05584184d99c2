"""Socket Mode: the WebSocket on which envelopes go to the app and acknowledgements come back."""

from __future__ import annotations

import asyncio
import itertools
import json
import secrets
import socket
import struct
import threading
import time
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aiohttp import WSMsgType, web

from jobs.testing.slack.records import JSON, Acknowledgement, Attempt, Violation
from jobs.testing.slack.world import APP_ID

if TYPE_CHECKING:
    from jobs.testing.slack.records import Delivery
    from jobs.testing.slack.world import World

MOST_CONNECTIONS = 10
RESET = struct.pack("ii", 1, 0)
"""SO_LINGER on, for no time: closing resets the connection."""
CLOSING = 0.5
"""Seconds that the app has to answer when a connection is closed."""


@dataclass(slots=True)
class _Envelope:
    id: str
    connection: int
    takes_payload: bool
    settled: threading.Event = field(default_factory=threading.Event)
    acknowledged: bool = False
    payload: JSON | None = None


class SocketMode:
    """Serves WebSockets from a thread of its own; each address that ``address`` gives is good for one connection."""

    def __init__(self, world: World, patience: float) -> None:
        self._world = world
        self._patience = patience
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="local-slack-sockets", daemon=True)
        self._ready = threading.Event()
        self._port = 0
        self._tickets: set[str] = set()
        self._numbers = itertools.count(1)
        self._turns = itertools.count()
        self._open: dict[int, tuple[web.WebSocketResponse, asyncio.BaseTransport | None]] = {}
        self._retired: list[web.WebSocketResponse] = []
        self._envelopes: dict[str, _Envelope] = {}
        self.down = False

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()
        self._ready.wait()

    def stop(self) -> None:
        """Cut every connection and listen no more."""
        if self._thread.is_alive():
            self.cut()
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()

    @property
    def connections(self) -> int:
        """How many connections the app has now."""
        with self._world.lock:
            return len(self._open)

    def address(self) -> str:
        """Return the address for one new connection."""
        ticket = secrets.token_urlsafe(16)
        self._tickets.add(ticket)
        return f"ws://127.0.0.1:{self._port}/link/?ticket={ticket}&app_id={APP_ID}"

    def attempt(self, delivery: Delivery, number: int, reason: str) -> Attempt:
        """Send an envelope over one of the connections, and wait for its acknowledgement."""
        began, at = time.monotonic(), time.time()
        envelope = self._send(delivery, number, reason)
        if envelope is None:
            return Attempt(number, 0, 0.0, "", {}, "connection_failed", at)
        settled = envelope.settled.wait(self._patience)
        seconds = time.monotonic() - began
        if not envelope.acknowledged:
            return Attempt(number, 0, seconds, "", {}, "connection_failed" if settled else "timeout", at)
        text = "" if envelope.payload is None else json.dumps(envelope.payload)
        return Attempt(number, 200, seconds, text, {"content-type": "application/json"} if text else {}, "", at)

    def await_connection(self, stopping: threading.Event) -> bool:
        """Wait until there is a connection; False when ``stopping`` came first."""
        while not self.connections:
            if stopping.wait(0.02):
                return False
        return not stopping.is_set()

    def cut(self, *, reset: bool = True) -> None:
        """Break every connection without a word of the protocol: with a reset, or with nothing but its end."""
        with self._world.change():
            broken, self._open = self._open, {}
            for number in broken:
                self._settle(number)
        for _, transport in broken.values():
            if isinstance(transport, asyncio.Transport):
                if reset:
                    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                self._loop.call_soon_threadsafe(transport.abort)

    def refresh(self, reason: str) -> None:
        """Ask the app to connect anew: nothing more is sent over the old connections, and with the new they close."""
        text = json.dumps({"type": "disconnect", "reason": reason, "debug_info": {"host": "local-slack"}})
        with self._world.change():
            old = [link for link, _ in self._open.values()]
            self._open = {}
            self._retired += old
        for link in old:
            asyncio.run_coroutine_threadsafe(link.send_str(text), self._loop).result(self._patience)

    def _send(self, delivery: Delivery, number: int, reason: str) -> _Envelope | None:
        takes_payload = delivery.kind != "events_api"
        with self._world.lock:
            if not self._open:
                return None
            open_now = sorted(self._open)
            connection = open_now[next(self._turns) % len(open_now)]
            link, _ = self._open[connection]
            envelope = _Envelope(str(uuid.uuid4()), connection, takes_payload)
            self._envelopes[envelope.id] = envelope
        body = {
            "envelope_id": envelope.id,
            "type": delivery.kind,
            "payload": delivery.payload,
            "accepts_response_payload": takes_payload,
        }
        if delivery.kind == "events_api":
            body |= {"retry_attempt": number, "retry_reason": reason}
        try:
            asyncio.run_coroutine_threadsafe(link.send_str(json.dumps(body)), self._loop).result(self._patience)
        except (OSError, TimeoutError, RuntimeError):
            return None  # The connection broke meanwhile.
        return envelope

    def _settle(self, connection: int) -> None:
        """Let go of those who wait for an answer over a connection that is no more."""
        for envelope in self._envelopes.values():
            if envelope.connection == connection:
                envelope.settled.set()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        application = web.Application()
        application.router.add_get("/link/", self._connect)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        self._loop.run_until_complete(runner.setup())
        site = web.TCPSite(runner, "127.0.0.1", self._port)
        self._loop.run_until_complete(site.start())
        self._port = runner.addresses[0][1]
        self._ready.set()
        self._loop.run_forever()
        self._loop.run_until_complete(runner.cleanup())
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()

    async def _connect(self, request: web.Request) -> web.StreamResponse:
        ticket = request.query.get("ticket", "")
        if self.down or ticket not in self._tickets or self.connections >= MOST_CONNECTIONS:
            return web.Response(status=404, text="no such link")
        self._tickets.discard(ticket)
        link = web.WebSocketResponse(timeout=CLOSING)
        await link.prepare(request)
        number = next(self._numbers)
        hello = {
            "type": "hello",
            "num_connections": self.connections + 1,
            "connection_info": {"app_id": APP_ID},
            "debug_info": {"host": "local-slack", "build_number": 67, "approximate_connection_time": 18060},
        }
        await link.send_str(json.dumps(hello))
        with self._world.change():
            self._open[number] = (link, request.transport)
            retired, self._retired = self._retired, []
        closing = [asyncio.ensure_future(old.close()) for old in retired]
        try:
            async for message in link:
                if message.type is WSMsgType.TEXT:
                    self._heard(number, message.data)
        finally:
            with self._world.change():
                self._open.pop(number, None)
                self._settle(number)
        await asyncio.gather(*closing)
        return link

    def _heard(self, connection: int, text: str) -> None:
        """Take an acknowledgement; anything else is a violation."""
        try:
            body = json.loads(text)
        except ValueError:
            body = None
        with self._world.change():
            envelope = self._envelopes.get(body.get("envelope_id", "")) if isinstance(body, dict) else None
            if envelope is None:
                self._blame("unknown_envelope", text)
                return
            payload = body.get("payload")
            if payload and not envelope.takes_payload:
                self._blame("response_payload_not_accepted", text)
            self._world.acknowledgements.append(Acknowledgement(envelope.id, payload, connection, time.time()))
            envelope.payload, envelope.acknowledged = payload, True
            envelope.settled.set()

    def _blame(self, error: str, text: str) -> None:
        self._world.violations.append(Violation("socket", error, (text[:500],), {}))

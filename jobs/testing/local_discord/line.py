"""One client's line to the gateway: what it says, and what it is sent."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING

from aiohttp import WSMsgType, web

from jobs.testing.local_discord import gateway as protocol
from jobs.testing.local_discord.compression import Encoder, encoder
from jobs.testing.local_discord.gateway import Closed, Gateway, Session

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jobs.testing.local_discord.records import JSON

LONGEST = 4096
"""Bytes that a client may send at once."""
PATIENCE = 1.5
"""How many intervals may pass between two heartbeats."""


class Line:
    """A WebSocket of one client, with its own order of messages."""

    def __init__(self, gateway: Gateway, socket: web.WebSocketResponse, request: web.BaseRequest) -> None:
        self._gateway = gateway
        self._socket = socket
        self._request = request
        self._loop = asyncio.get_running_loop()
        self._outgoing: asyncio.Queue[JSON | int] = asyncio.Queue()
        self._encoder: Encoder | None = None
        self._session: Session | None = None
        self._code: int | None = None
        self._beat = time.monotonic()

    def send(self, payload: JSON) -> None:
        """Send one message, from any thread, in order."""
        self._gateway.record(payload, sent=True)
        self._put(payload)

    def close(self, code: int) -> None:
        """Say good-bye after what is still to be sent."""
        self._put(code)

    def cut(self) -> None:
        """Drop the line without a word."""
        self._loop.call_soon_threadsafe(self._abort)

    def _abort(self) -> None:
        if self._request.transport is not None:
            self._request.transport.abort()

    def _put(self, what: JSON | int) -> None:
        self._loop.call_soon_threadsafe(self._outgoing.put_nowait, what)

    async def serve(self, query: Mapping[str, str]) -> None:
        """Speak with the client until either goes."""
        self._encoder = encoder(query.get("compress", ""))
        writer = asyncio.create_task(self._write())
        try:
            self._check(query)
            self.send({"op": protocol.HELLO, "d": {"heartbeat_interval": int(self._gateway.heartbeat * 1000)}})
            await self._listen()
        except Closed as closed:
            self.close(closed.code)
        finally:
            self._put(1000)
            await writer
            with self._gateway.world.change():
                self._gateway.left(self, self._code)

    def _check(self, query: Mapping[str, str]) -> None:
        if query.get("v") not in {"9", "10"}:
            raise Closed(protocol.WRONG_VERSION, "Invalid API version.")
        if self._encoder is None or query.get("encoding", "json") != "json":
            raise Closed(protocol.UNREADABLE, "Decode error.")

    async def _write(self) -> None:
        while True:
            what = await self._outgoing.get()
            if isinstance(what, int) or self._encoder is None:
                code = what if isinstance(what, int) else protocol.UNREADABLE
                await self._socket.close(code=code)
                return
            written = self._encoder.encode(what)
            try:
                if isinstance(written, str):
                    await self._socket.send_str(written)
                else:
                    await self._socket.send_bytes(written)
            except ConnectionError:
                return

    async def _listen(self) -> None:
        while True:
            left = self._beat + PATIENCE * self._gateway.heartbeat - time.monotonic()
            try:
                message = await asyncio.wait_for(self._socket.receive(), max(left, 0))
            except TimeoutError:
                raise Closed(protocol.TIMED_OUT, "Session timed out.") from None
            if message.type not in {WSMsgType.TEXT, WSMsgType.BINARY}:
                # A line that breaks is no good-bye, though the socket would tell it as one.
                self._code = int(message.data) if message.type is WSMsgType.CLOSE else None
                return
            self._hear(message.data)

    def _hear(self, text: str | bytes) -> None:
        try:
            payload = json.loads(text)
        except ValueError:
            raise Closed(protocol.UNREADABLE, "Decode error.") from None
        if not isinstance(payload, dict) or len(text) > LONGEST:
            raise Closed(protocol.UNREADABLE, "Decode error.")
        self._gateway.record(payload, sent=False)
        with self._gateway.world.change():
            self._act(payload.get("op"), payload.get("d"))

    def _act(self, op: object, data: object) -> None:
        given: JSON = data if isinstance(data, dict) else {}
        if op == protocol.HEARTBEAT:
            self._beat = time.monotonic()
            self.send({"op": protocol.ACK})
        elif op in {protocol.IDENTIFY, protocol.RESUME}:
            if self._session is not None:
                raise Closed(protocol.ALREADY, "Already authenticated.")
            self._begin(op, given)
        elif op in {protocol.PRESENCE, protocol.VOICE, protocol.MEMBERS}:
            if self._session is None:
                raise Closed(protocol.FIRST_IDENTIFY, "Not authenticated.")
            if op == protocol.MEMBERS:
                self._gateway.members(self._session, given)
        else:
            raise Closed(protocol.UNKNOWN_OP, "Unknown opcode.")

    def _begin(self, op: object, given: JSON) -> None:
        if op == protocol.IDENTIFY:
            self._session = self._gateway.identify(self, given)
            return
        self._session = self._gateway.resume(self, given)
        if self._session is None:
            self.send({"op": protocol.INVALID, "d": False})

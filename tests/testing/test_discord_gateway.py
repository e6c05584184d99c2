"""The local Discord's gateway keeps to its protocol with a client that is none of a library."""

from __future__ import annotations

import asyncio
import json
import time
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from jobs.testing.local_discord import LocalDiscord
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

GUILDS, MESSAGES, CONTENT = 1, 1 << 9, 1 << 15


@pytest.fixture
def local() -> Iterator[LocalDiscord]:
    """Yield a local Discord."""
    with LocalDiscord() as made:
        yield made


@dataclass
class Line:
    """One WebSocket; what comes is unpacked as the URL asked for it."""

    socket: aiohttp.ClientWebSocketResponse
    stream: Any = field(default_factory=zlib.decompressobj)

    async def send(self, op: int, data: Any = None) -> None:
        await self.socket.send_json({"op": op, "d": data})

    async def next(self) -> dict[str, Any]:
        message = await self.socket.receive(5)
        if message.type is aiohttp.WSMsgType.BINARY:
            return json.loads(self.stream.decompress(message.data))
        assert message.type is aiohttp.WSMsgType.TEXT, message
        return json.loads(message.data)

    async def code(self) -> int | None:
        while (await self.socket.receive(5)).type in {aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY}:
            continue
        return self.socket.close_code


def speak(local: LocalDiscord, talk: Callable[[Line], Awaitable[Any]], query: str = "?v=10&encoding=json") -> Any:
    """Connect, and do what ``talk`` does."""

    async def main() -> Any:
        async with aiohttp.ClientSession() as session:
            url = local.environment()["DISCORD_GATEWAY_URL"] + "/" + query
            async with session.ws_connect(url, autoclose=True) as socket:
                return await talk(Line(socket))

    return asyncio.run(main())


def identity(local: LocalDiscord, intents: Any = GUILDS, **more: Any) -> dict[str, Any]:
    return {"token": local.token, "intents": intents, "properties": {}, **more}


@pytest.mark.parametrize("query", ["?v=10&encoding=json", "?v=10&encoding=json&compress=zlib-stream"])
def test_a_session_begins(local: LocalDiscord, query: str) -> None:
    """After HELLO and IDENTIFY come READY and the guilds, numbered, plain or as one compressed stream."""

    async def talk(line: Line) -> None:
        assert await line.next() == {"op": 10, "d": {"heartbeat_interval": 41250}}
        await line.send(1)
        assert await line.next() == {"op": 11}
        await line.send(2, identity(local))
        ready, guild = await line.next(), await line.next()
        assert (ready["t"], ready["s"], ready["d"]["user"]["id"]) == ("READY", 1, str(local.bot.id))
        assert (guild["t"], guild["s"], guild["d"]["channels"][0]["name"]) == ("GUILD_CREATE", 2, "general")

    speak(local, talk, query)


def test_zstandard_is_spoken_where_it_is_there(local: LocalDiscord) -> None:
    """A client that asks for Zstandard gets one stream of it, where this Python has it."""
    module = pytest.importorskip("zstandard", reason="needs the package zstandard")

    async def talk(line: Line) -> None:
        line.stream = module.ZstdDecompressor().decompressobj()
        assert (await line.next())["op"] == 10
        await line.send(2, identity(local))
        assert [(await line.next())["t"] for _ in range(2)] == ["READY", "GUILD_CREATE"]

    speak(local, talk, "?v=10&encoding=json&compress=zstd-stream")


WRONG: dict[str, tuple[str, list[tuple[int, Any]], int]] = {
    "version": ("?v=6&encoding=json", [], 4012),
    "encoding": ("?v=10&encoding=etf", [], 4002),
    "compression": ("?v=10&encoding=json&compress=rar", [], 4002),
    "token": ("", [(2, {"token": "wrong"})], 4004),
    "resuming with a wrong token": ("", [(6, {"token": "wrong"})], 4004),
    "intents": ("", [(2, {"intents": "all"})], 4013),
    "unknown intents": ("", [(2, {"intents": 1 << 40})], 4013),
    "privileged intents": ("", [(2, {"intents": CONTENT})], 4014),
    "twice": ("", [(2, {}), (2, {})], 4005),
    "unknown op": ("", [(67, {})], 4001),
    "too early": ("", [(3, {"status": "online"})], 4003),
    "too long": ("", [(1, "x" * 4096)], 4002),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_words_end_the_line(local: LocalDiscord, name: str) -> None:
    """What Discord does not take closes the connection with Discord's code."""
    query, words, expected = WRONG[name]

    async def talk(line: Line) -> int | None:
        for op, data in words:
            await line.send(op, identity(local) | data if op == 2 else data)
        return await line.code()

    assert speak(local, talk, query or "?v=10&encoding=json") == expected


def test_unreadable_words_end_the_line(local: LocalDiscord) -> None:
    """What is no JSON closes the connection."""

    async def talk(line: Line) -> int | None:
        await line.socket.send_str("{")
        return await line.code()

    assert speak(local, talk) == 4002


def test_silence_ends_the_line() -> None:
    """A client that sends no heartbeat is dropped, one that does is kept."""
    with LocalDiscord(heartbeat=0.1) as hasty:

        async def keep(line: Line) -> None:
            enough = time.monotonic() + 0.4
            while time.monotonic() < enough:
                await line.send(1)
                while (await line.next())["op"] != 11:
                    continue
            assert not line.socket.closed

        async def fall_silent(line: Line) -> int | None:
            return await line.code()

        speak(hasty, keep)
        assert speak(hasty, fall_silent) == 4009


def test_what_was_missed_is_told_again(local: LocalDiscord) -> None:
    """Resuming gives the events after the number that the client names, then RESUMED."""

    async def begin(line: Line) -> str:
        await line.send(2, identity(local, GUILDS | MESSAGES))
        await line.next()
        ready = await line.next()
        await line.next()
        local.cut()
        assert await line.code() == 1006
        return str(ready["d"]["session_id"])

    session = speak(local, begin)
    local.say("ann", "general", f"{local.bot.mention} one")
    local.say("ann", "general", f"{local.bot.mention} two")

    async def resume(line: Line) -> list[tuple[str, int]]:
        await line.next()
        await line.send(6, {"token": local.token, "session_id": session, "seq": 3})
        found = [await line.next() for _ in range(2)]
        await line.socket.close(code=4000)
        return [(one["t"], one["s"]) for one in found]

    assert speak(local, resume) == [("MESSAGE_CREATE", 4), ("RESUMED", 5)]

    async def ahead(line: Line) -> int | None:
        await line.send(6, {"token": local.token, "session_id": session, "seq": 67})
        return await line.code()

    assert speak(local, ahead) == 4007

    async def forgotten(line: Line) -> dict[str, Any]:
        await line.next()
        await line.send(6, {"token": local.token, "session_id": "other", "seq": 0})
        return await line.next()

    assert speak(local, forgotten) == {"op": 9, "d": False}


def test_a_good_bye_ends_the_session(local: LocalDiscord) -> None:
    """A session that its client ended properly cannot be resumed; one that was closed on it can."""

    async def talk(line: Line) -> None:
        await line.send(2, identity(local))
        for _ in range(3):
            await line.next()
        await line.socket.close(code=1000)

    speak(local, talk)
    until(lambda: not local.gateway.sessions)

    async def closed(line: Line) -> int | None:
        await line.send(2, identity(local))
        for _ in range(3):
            await line.next()
        local.close(4000)
        return await line.code()

    assert speak(local, closed) == 4000
    until(lambda: not local.connected)
    assert len(local.gateway.sessions) == 1


def test_events_need_their_intents(local: LocalDiscord) -> None:
    """A session hears only what it has intents for; interactions need none."""

    async def talk(line: Line) -> list[str]:
        await line.send(2, identity(local, 0))
        assert [(await line.next())["op"] for _ in range(2)] == [10, 0]
        local.say("ann", "general", local.bot.mention)
        local.create_channel("other")
        local.world.commands = [{"name": "x", "type": 1, "options": [], "id": "1", "default_member_permissions": None}]
        local.command("ann", "general", "x", wait=False)
        return [(await line.next())["t"]]

    assert speak(local, talk) == ["INTERACTION_CREATE"]


def test_members_are_told_when_asked_for(local: LocalDiscord) -> None:
    """Members are found by id or by the beginning of their name."""
    ann = local.user("ann")

    async def talk(line: Line) -> list[list[str]]:
        await line.send(2, identity(local))
        for _ in range(3):
            await line.next()
        await line.send(8, {"guild_id": str(local.guild.id), "user_ids": [str(ann.id)], "limit": 0})
        await line.send(8, {"guild_id": str(local.guild.id), "query": "OLI", "limit": 5})
        found = [(await line.next())["d"]["members"] for _ in range(2)]
        return [[one["user"]["username"] for one in members] for members in found]

    assert speak(local, talk) == [["ann"], ["olivia"]]


def test_a_second_discord_has_a_port_of_its_own(local: LocalDiscord) -> None:
    """The port is kept while it is down, and stopping twice does no harm."""
    local.down()
    with LocalDiscord() as other:
        assert other.url != local.url
    other.stop()
    local.up()
    assert speak(local, lambda line: line.next())["op"] == 10

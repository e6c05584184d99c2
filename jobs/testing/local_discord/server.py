"""A Discord on loopback: its REST API, its gateway, and the people who use it."""

from __future__ import annotations

import base64
import secrets
from typing import TYPE_CHECKING, Self, TypeVar

from jobs.testing.faults import Faults
from jobs.testing.local_discord.api import Api
from jobs.testing.local_discord.errors import explain
from jobs.testing.local_discord.gateway import IDENTIFY, INVALID, RECONNECT, RESUME, Gateway
from jobs.testing.local_discord.limits import Limit, Limits
from jobs.testing.local_discord.people import People
from jobs.testing.local_discord.router import BASE
from jobs.testing.local_discord.wire import Wire
from jobs.testing.local_discord.world import World
from jobs.testing.loopback import Answer, Request, Served

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from jobs.testing.exchanges import Exchange
    from jobs.testing.local_discord.records import (
        JSON,
        Channel,
        Frame,
        Guild,
        Interaction,
        Message,
        User,
        Violation,
    )

Found = TypeVar("Found")

HEARTBEAT = 41.25


class LocalDiscord(Served, People):
    """A Discord with one application, its bot and one guild; the methods are what people do, the queries what is seen.

    ``scale`` stretches the three seconds and fifteen minutes that an application has to answer, ``privileged`` are
    the bits of the privileged intents that the application may use, ``heartbeat`` is in seconds.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        token: str = "",
        guild: str = "Octo",
        channels: Sequence[str] = ("general",),
        owner: str = "olivia",
        scale: float = 1.0,
        privileged: int = 0,
        heartbeat: float = HEARTBEAT,
    ) -> None:
        self.world = World(scale)
        self.gateway = Gateway(self.world, privileged, heartbeat)
        self.faults = Faults(explain, "application/json")  # with a charset the client would not read it
        self._limits = Limits()
        self._api = Api(self.world, self.faults, self._limits)
        self._wire = Wire(self._handle, self.gateway, port)
        self.world.url = self.url
        self.world.token = token or _new_token(self.world.bot.id)
        self.world.announce = self.gateway.announce
        self.world.later = self._wire.later
        self.invite(self.create_guild(guild, owner=owner, channels=channels))

    def start(self) -> Self:
        """Begin to answer."""
        self._wire.start()
        return self

    def stop(self) -> None:
        """Stop answering and cut every connection."""
        self.faults.stop()
        self._wire.stop()

    @property
    def url(self) -> str:
        """The base URL of everything."""
        return f"http://127.0.0.1:{self._wire.port}"

    @property
    def token(self) -> str:
        """The bot's token."""
        return self.world.token

    @property
    def bot(self) -> User:
        """The bot's user."""
        return self.world.bot

    @property
    def guild(self) -> Guild:
        """The first guild."""
        with self.world.lock:
            return self.world.guild_named("")

    def environment(self) -> dict[str, str]:
        """Return the settings that point Opus 67 here."""
        return {
            "DISCORD_TOKEN": self.token,
            "DISCORD_API_URL": f"{self.url}{BASE}",
            "DISCORD_GATEWAY_URL": self.url.replace("http", "ws", 1),
        }

    def wait_for(self, predicate: Callable[[], Found], timeout: float = 10.0, what: str = "what was awaited") -> Found:
        """Wait until ``predicate`` gives something true and return it; raises ``TimeoutError``."""
        return self.world.wait_for(predicate, timeout, what)

    def down(self) -> None:
        """Refuse connections and cut those that there are, until ``up``; sessions are kept."""
        self._wire.down()

    def up(self) -> None:
        """Take connections again."""
        self._wire.up()

    def limit(
        self, method: str, path_regex: str, retry_after: float = 0.2, *, everywhere: bool = False, times: int = 1
    ) -> Limit:
        """Refuse the next fitting requests with 429, and all that come before ``retry_after`` seconds are over.

        ``everywhere`` is the global limit, which then holds for all requests of the bot.
        """
        return self._limits.add(method, path_regex, retry_after, everywhere=everywhere, times=times)

    def cut(self, *, resumable: bool = True) -> None:
        """Drop the gateway's connections; sessions that are not ``resumable`` are forgotten with all they missed."""
        with self.world.change():
            if not resumable:
                self.gateway.forget()
            for connection in list(self.gateway.connections):
                connection.cut()

    def close(self, code: int) -> None:
        """Close the gateway's connections with a code."""
        with self.world.change():
            for connection in list(self.gateway.connections):
                connection.close(code)

    def ask_to_reconnect(self) -> None:
        """Ask all clients to connect again and resume, as Discord does when it moves them."""
        self._send({"op": RECONNECT, "d": None})

    def invalidate(self, *, resumable: bool = False) -> None:
        """Tell all clients that their sessions are no longer valid."""
        with self.world.change():
            if not resumable:
                self.gateway.forget()
        self._send({"op": INVALID, "d": resumable})

    def _send(self, payload: JSON) -> None:
        with self.world.change():
            for connection in list(self.gateway.connections):
                connection.send(payload)

    @property
    def connected(self) -> bool:
        """Whether a client is connected and has a session."""
        with self.world.lock:
            return any(session.connection is not None for session in self.gateway.sessions.values())

    @property
    def identified(self) -> int:
        """How often a client asked for a new session."""
        return self._asked(IDENTIFY)

    @property
    def resumed(self) -> int:
        """How often a client asked to take a session up again."""
        return self._asked(RESUME)

    def _asked(self, op: int) -> int:
        return sum(1 for frame in self.frames if not frame.sent and frame.op == op)

    @property
    def frames(self) -> list[Frame]:
        """All messages of the gateway, in both directions, oldest first."""
        with self.world.lock:
            return list(self.world.frames)

    @property
    def requests(self) -> list[Exchange]:
        """All requests and their answers, oldest first."""
        with self.world.lock:
            return list(self.world.exchanges)

    @property
    def violations(self) -> list[Violation]:
        """What the bot did and Discord refuses, without what people made impossible."""
        with self.world.lock:
            return list(self.world.violations)

    @property
    def interactions(self) -> list[Interaction]:
        """All interactions, oldest first."""
        with self.world.lock:
            return list(self.world.interactions)

    @property
    def failed(self) -> list[Interaction]:
        """The interactions whose people were told that the application did not respond."""
        with self.world.lock:
            return [one for one in self.world.interactions if one.failed]

    def expire(self, interaction: Interaction) -> None:
        """End an interaction's fifteen minutes now."""
        with self.world.change():
            interaction.expired = True

    def commands(self, guild: Guild | None = None) -> list[JSON]:
        """Return the commands that are registered, globally or in one guild."""
        with self.world.lock:
            return list(self.world.commands if guild is None else guild.commands)

    def messages(self, where: Channel | str) -> list[Message]:
        """Return the messages of a channel that are there, ephemeral ones too, oldest first."""
        place = self.channel(where)
        with self.world.lock:
            return [one for one in place.messages if not one.deleted]

    def threads(self, where: Channel | str) -> list[Channel]:
        """Return the threads of a channel, oldest first."""
        place = self.channel(where)
        with self.world.lock:
            found = self.world.channels.values()
            return [one for one in found if one.parent is place and not one.deleted]

    def _handle(self, request: Request) -> Answer:
        if request.method == "GET" and request.path.startswith("/attachments/"):
            return self._file(request.path.removeprefix("/attachments/"))
        return self._api.handle(request)

    def _file(self, path: str) -> Answer:
        with self.world.lock:
            for channel in self.world.channels.values():
                for message in channel.messages:
                    for one in message.attachments:
                        if path == f"{channel.id}/{one.id}/{one.filename}" and not message.deleted:
                            return Answer(200, one.data, {"Content-Type": "application/octet-stream"})
        return Answer(404, b"", {"Content-Type": "text/plain"})


def _new_token(bot_id: int) -> str:
    """Make a token in the form of Discord's: the bot's id, a time, and a secret."""
    head = base64.urlsafe_b64encode(str(bot_id).encode()).decode().rstrip("=")
    return f"{head}.{secrets.token_urlsafe(4)}.{secrets.token_urlsafe(28)}"

"""The gateway's sessions: who is told what, and what is kept for those who come back."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from jobs.testing.local_discord import happenings, shapes
from jobs.testing.local_discord.records import JSON, Frame

if TYPE_CHECKING:
    from jobs.testing.local_discord.world import Event, World

DISPATCH, HEARTBEAT, IDENTIFY, PRESENCE, VOICE = 0, 1, 2, 3, 4
RESUME, RECONNECT, MEMBERS, INVALID, HELLO, ACK = 6, 7, 8, 9, 10, 11
KNOWN_INTENTS = (1 << 26) - 1
WRONG_TOKEN, ALREADY, WRONG_SEQUENCE, WRONG_INTENTS, FORBIDDEN_INTENTS = 4004, 4005, 4007, 4013, 4014
UNKNOWN_OP, UNREADABLE, FIRST_IDENTIFY, TIMED_OUT, WRONG_VERSION = 4001, 4002, 4003, 4009, 4012


class Closed(Exception):
    """The connection must be closed, with one of Discord's codes."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class Connection(Protocol):
    """A client's end of the line."""

    def send(self, payload: JSON) -> None:
        """Send one message, from any thread, in order."""
        ...

    def close(self, code: int) -> None:
        """Say good-bye."""
        ...

    def cut(self) -> None:
        """Drop the line without a word."""
        ...


@dataclass(eq=False, slots=True)
class Session:
    """What one client was told, in order; it goes on while nobody is connected, until it is forgotten."""

    id: str
    intents: int
    connection: Connection | None = None
    told: list[JSON] = field(default_factory=list)

    @property
    def sequence(self) -> int:
        """The number of the newest event."""
        return len(self.told)


class Gateway:
    """All sessions of the bot; hold the world's lock to touch any of it."""

    def __init__(self, world: World, privileged: int, heartbeat: float) -> None:
        self.world = world
        self.privileged = privileged
        self.heartbeat = heartbeat
        self.sessions: dict[str, Session] = {}
        self.connections: list[Connection] = []

    def record(self, payload: JSON, *, sent: bool) -> None:
        """Keep one message of either direction."""
        with self.world.change():
            frame = Frame(sent, payload.get("op", -1), payload.get("t") or "", payload.get("d"), time.time())
            self.world.frames.append(frame)

    def announce(self, event: Event) -> None:
        """Tell an event to every session that has an intent for it."""
        for session in self.sessions.values():
            if not event.intents or event.intents & session.intents:
                hidden = event.redacted is not None and not session.intents & happenings.CONTENT
                self._tell(session, event.name, event.redacted if hidden and event.redacted else event.data)

    def _tell(self, session: Session, name: str, data: JSON) -> None:
        payload = {"op": DISPATCH, "s": session.sequence + 1, "t": name, "d": data}
        session.told.append(payload)
        if session.connection is not None:
            session.connection.send(payload)

    def identify(self, connection: Connection, data: JSON) -> Session:
        """Begin a session: READY, and then every guild; raises ``Closed`` for what Discord does not take."""
        self._check_token(data)
        intents = data.get("intents")
        if not isinstance(intents, int) or isinstance(intents, bool) or not 0 <= intents <= KNOWN_INTENTS:
            raise Closed(WRONG_INTENTS, "Invalid intent(s).")
        if intents & happenings.PRIVILEGED & ~self.privileged:
            raise Closed(FORBIDDEN_INTENTS, "Disallowed intent(s).")
        session = Session(secrets.token_hex(16), intents, connection)
        self.sessions[session.id] = session
        world = self.world
        mine = [guild for guild in world.guilds.values() if world.bot.id in guild.members]
        ready: JSON = {
            "v": 10,
            "user": shapes.me(world.bot),
            "guilds": [{"id": str(guild.id), "unavailable": True} for guild in mine],
            "session_id": session.id,
            "resume_gateway_url": world.url.replace("http", "ws", 1),
            "application": {"id": str(world.application_id), "flags": 0},
            "session_type": "normal",
            "private_channels": [],
            "shard": data.get("shard") or [0, 1],
        }
        self._tell(session, "READY", ready)
        if intents & happenings.GUILDS:
            for guild in mine:
                self._tell(session, "GUILD_CREATE", shapes.joined_guild(world, guild))
        return session

    def resume(self, connection: Connection, data: JSON) -> Session | None:
        """Take a session up again with what was missed, or return None where it is forgotten."""
        self._check_token(data)
        session = self.sessions.get(str(data.get("session_id")))
        if session is None:
            return None
        sequence = data.get("seq")
        if not isinstance(sequence, int) or not 0 <= sequence <= session.sequence:
            raise Closed(WRONG_SEQUENCE, "Invalid seq.")
        if session.connection is not None:
            session.connection.close(4000)
        session.connection = connection
        for payload in session.told[sequence:]:
            connection.send(payload)
        self._tell(session, "RESUMED", {"_trace": []})
        return session

    def members(self, session: Session, data: JSON) -> None:
        """Answer a request for members; all of them are given only to who has the intent."""
        guild = self.world.guilds.get(int(data.get("guild_id") or 0))
        if guild is None:
            return
        wanted = data.get("user_ids")
        ids = {int(one) for one in (wanted if isinstance(wanted, list) else [wanted]) if one}
        query = str(data.get("query") or "").lower()
        if not ids and not query and not session.intents & happenings.MEMBERS:
            return
        found = [
            one
            for one in guild.members.values()
            if (one.user.id in ids if ids else one.user.name.lower().startswith(query))
        ]
        chunk: JSON = {"guild_id": str(guild.id), "members": [shapes.member(one) for one in found]}
        chunk |= {"chunk_index": 0, "chunk_count": 1, "not_found": [], "nonce": data.get("nonce")}
        self._tell(session, "GUILD_MEMBERS_CHUNK", chunk)

    def _check_token(self, data: JSON) -> None:
        if data.get("token") not in {self.world.token, f"Bot {self.world.token}"}:
            raise Closed(WRONG_TOKEN, "Authentication failed.")

    def left(self, connection: Connection, code: int | None) -> None:
        """Note that a client went; one that said a proper good-bye will not come back."""
        for session in list(self.sessions.values()):
            if session.connection is connection:
                session.connection = None
                if code in {1000, 1001}:
                    del self.sessions[session.id]
        if connection in self.connections:
            self.connections.remove(connection)

    def forget(self) -> None:
        """Forget all sessions, so that nobody can take one up again."""
        self.sessions.clear()

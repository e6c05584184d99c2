"""How a resource says what it answers: routes, and the call that a handler gets."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from jobs.testing.local_discord import permissions
from jobs.testing.local_discord.errors import Form, no_access, not_permitted, unknown
from jobs.testing.loopback import Answer, Request

if TYPE_CHECKING:
    from jobs.testing.local_discord.message_rules import Upload
    from jobs.testing.local_discord.records import JSON, Channel, Guild, Message, User
    from jobs.testing.local_discord.world import World

BASE = "/api/v10"


@dataclass(slots=True)
class Call:
    """One call of the API, by the bot or with an interaction's token."""

    request: Request
    world: World
    parameters: dict[str, str] = field(default_factory=dict)
    body: Any = None
    uploads: dict[str, Upload] = field(default_factory=dict)

    def snowflake(self, name: str) -> int:
        """Return an id in the path; refuses what is none."""
        text = self.parameters[name]
        if not text.isdecimal():
            form = Form()
            form.wrong([name], "NUMBER_TYPE_COERCE", f'Value "{text}" is not snowflake.')
            form.finish()
        return int(text)

    def flag(self, name: str) -> bool:
        """Return a yes or no of the query."""
        return self.request.query.get(name, "").lower() in {"1", "true"}

    def given(self, name: str) -> Any:
        """Return a field of the JSON body."""
        return self.body.get(name) if isinstance(self.body, dict) else None

    @property
    def guild(self) -> Guild:
        """The guild that the path names, where the bot is."""
        guild = self.world.guilds.get(self.snowflake("guild_id"))
        if guild is None:
            raise unknown("Guild")
        if self.world.bot.id not in guild.members:
            raise no_access()
        return guild

    @property
    def channel(self) -> Channel:
        """The channel that the path names, which the bot sees."""
        channel = self.world.channels.get(self.snowflake("channel_id"))
        if channel is None or channel.deleted:
            raise unknown("Channel")
        if not self.world.sees(channel):
            raise no_access()
        return channel

    @property
    def message(self) -> Message:
        """The message that the path names; ephemeral ones are not found in channels."""
        message = self.world.message(self.channel, self.snowflake("message_id"))
        if message is None or message.ephemeral:
            raise unknown("Message")
        return message

    @property
    def user(self) -> User:
        """The user that the path names."""
        user = self.world.users.get(self.snowflake("user_id"))
        if user is None:
            raise unknown("User")
        return user

    def needs(self, channel: Channel, *names: str) -> None:
        """Refuse unless the bot has these permissions in ``channel``."""
        if not permissions.can(self.world.bot, channel, *names):
            raise not_permitted()


Handler = Callable[[Call], Answer]


@dataclass(frozen=True, slots=True)
class Route:
    """One method and path; ``anyone`` tells that it is not the bot's token that opens it."""

    method: str
    path: str
    pattern: re.Pattern[str]
    handler: Handler
    anyone: bool


@dataclass(slots=True)
class Router:
    """The routes of one resource."""

    routes: list[Route] = field(default_factory=list)

    def route(self, method: str, path: str, *, anyone: bool = False) -> Callable[[Handler], Handler]:
        """Answer ``method path``, where ``{name}`` is a segment."""
        pattern = re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(BASE + path))

        def keep(handler: Handler) -> Handler:
            self.routes.append(Route(method, path, re.compile(pattern), handler, anyone))
            return handler

        return keep


def reply(body: JSON | list[Any], status: int = 200, headers: dict[str, str] | None = None) -> Answer:
    """Answer with JSON."""
    # The client looks for exactly this type, without a charset.
    return Answer(status, json.dumps(body).encode(), {"Content-Type": "application/json", **(headers or {})})


def nothing() -> Answer:
    """Answer without a body."""
    return Answer(204)

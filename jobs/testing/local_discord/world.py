"""The whole state of a local Discord behind one lock, and the few verbs that everything else is made of."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jobs.testing.changing import Changing
from jobs.testing.local_discord import permissions
from jobs.testing.local_discord.records import (
    DIRECT,
    JSON,
    Channel,
    Frame,
    Guild,
    Interaction,
    Member,
    Message,
    Role,
    User,
    Violation,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from jobs.testing.exchanges import Exchange

EPOCH = 1_420_070_400_000
ACKNOWLEDGE_SECONDS, TOKEN_SECONDS = 3.0, 900.0


@dataclass(frozen=True, slots=True)
class Event:
    """One event of the gateway; ``intents`` are those of which one is enough.

    ``redacted`` is what is sent without the intent for the contents of messages.
    """

    name: str
    data: JSON
    intents: int = 0
    redacted: JSON | None = None


class World(Changing):
    """People, guilds, messages and the record of what happened; hold ``lock`` to touch any of it.

    ``scale`` stretches the times that Discord gives an application: three seconds, and fifteen minutes.
    """

    def __init__(self, scale: float) -> None:
        self.scale = scale
        self.url = ""
        self.token = ""
        super().__init__()
        self.users: dict[int, User] = {}
        self.guilds: dict[int, Guild] = {}
        self.channels: dict[int, Channel] = {}
        self.commands: list[JSON] = []
        self.interactions: list[Interaction] = []
        self.exchanges: list[Exchange] = []
        self.violations: list[Violation] = []
        self.frames: list[Frame] = []
        self.announce: Callable[[Event], None] = _silence
        self.later: Callable[[float, Callable[[], None]], None] = _never
        self._last_id = 0
        self.bot = self.new_user("opus67", bot=True)
        self.application_id = self.bot.id

    def new_id(self) -> int:
        """Return a snowflake: an id that tells its time, larger than all before."""
        self._last_id = max(self._last_id + 1, (time.time_ns() // 1_000_000 - EPOCH) << 22)
        return self._last_id

    def new_user(self, name: str, *, bot: bool = False) -> User:
        """Make a user, who is in no guild yet."""
        user = User(self.new_id(), name, bot)
        self.users[user.id] = user
        return user

    def new_guild(self, name: str, owner: User) -> Guild:
        """Make a guild with its owner and the role @everyone."""
        guild = Guild(self.new_id(), name, owner)
        guild.roles[guild.id] = Role(guild.id, "@everyone", permissions.bits(permissions.PERSON))
        guild.members[owner.id] = Member(owner, [])
        self.guilds[guild.id] = guild
        return guild

    def new_channel(self, kind: int, name: str, guild: Guild | None) -> Channel:
        """Make a channel."""
        return self.keep_channel(Channel(self.new_id(), kind, name, guild))

    def keep_channel(self, channel: Channel) -> Channel:
        """Put a channel where it is found."""
        self.channels[channel.id] = channel
        if channel.guild is not None:
            channel.guild.channels[channel.id] = channel
        return channel

    def direct(self, user: User) -> Channel:
        """Return the conversation of the bot with one person, made where there is none yet."""
        for channel in self.channels.values():
            if channel.kind == DIRECT and channel.recipients == [user]:
                return channel
        made = self.new_channel(DIRECT, user.name, None)
        made.recipients.append(user)
        return made

    def user_named(self, name: str) -> User | None:
        """Return the user with this name."""
        return next((user for user in self.users.values() if user.name == name), None)

    def guild_named(self, name: str) -> Guild:
        """Return the guild with this name, or the first one for no name; raises ``LookupError``."""
        for guild in self.guilds.values():
            if name in {guild.name, ""}:
                return guild
        raise LookupError(f"there is no guild {name!r}")

    def channel_named(self, name: str) -> Channel:
        """Return the newest channel or thread with this name that is still there; raises ``LookupError``."""
        for channel in reversed(self.channels.values()):
            if name == channel.name and not channel.deleted and channel.kind != DIRECT:
                return channel
        raise LookupError(f"there is no channel {name!r}")

    def message(self, channel: Channel, message_id: int) -> Message | None:
        """Return a message of a channel that is still there."""
        for message in channel.messages:
            if message.id == message_id and not message.deleted:
                return message
        return None

    def new_token(self) -> str:
        """Return a token for an interaction."""
        return f"aW50ZXJhY3Rpb246{secrets.token_urlsafe(96)}"

    def late(self, interaction: Interaction) -> bool:
        """Tell whether the three seconds for an answer are over."""
        return time.monotonic() - interaction.started > ACKNOWLEDGE_SECONDS * self.scale

    def expired(self, interaction: Interaction) -> bool:
        """Tell whether the fifteen minutes of an interaction's token are over."""
        return interaction.expired or time.monotonic() - interaction.started > TOKEN_SECONDS * self.scale

    def sees(self, channel: Channel) -> bool:
        """Tell whether the bot sees a channel."""
        return not channel.deleted and permissions.can(self.bot, channel)


def _silence(_: Event) -> None:
    """Tell nobody: there is no gateway yet."""


def _never(_: float, __: Callable[[], None]) -> None:
    """Do nothing later: there is no clock yet."""

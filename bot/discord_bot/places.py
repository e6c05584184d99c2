"""Where and by whom something was said on Discord, and the utterance as it is stored. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import discord

from bot.heard import Heard

if TYPE_CHECKING:
    from collections.abc import Mapping

GOOD_SECONDS = 15 * 60.0
"""How long Discord takes answers to an interaction."""
_FORUMS = (discord.ChannelType.forum, discord.ChannelType.media)
_NAME = 100


@dataclass(frozen=True, slots=True)
class Spot:
    """A channel with the thread in it, as ids; the id of a thread is that of the message that it hangs on."""

    channel: str
    thread: str = ""
    guild: str = ""
    forum: str = ""
    """The forum in which the channel is a post."""

    @property
    def bound(self) -> str:
        """The id by which the operator binds it to a repository."""
        return self.forum or self.channel

    @property
    def address(self) -> dict[str, str]:
        """What is remembered in order to answer there."""
        named = {"channel": self.channel, "thread": self.thread, "guild": self.guild, "forum": self.forum}
        return {name: value for name, value in named.items() if value}


@dataclass(frozen=True, slots=True)
class Said:
    """A message, from the gateway or from a channel's history."""

    id: str
    spot: Spot
    user_id: str
    user_name: str
    content: str
    mentions: tuple[str, ...]
    from_bot: bool = False
    answers: str = field(default="", compare=False)
    """The id of the message that it replies to."""


def spot_of(channel: Any, guild_id: int | None) -> Spot:
    """Return where a channel object of the client's is; a thread of a forum is a place of its own."""
    guild = str(guild_id or "")
    if not isinstance(channel, discord.Thread):
        return Spot(str(getattr(channel, "id", "")), "", guild)
    parent = channel.parent
    if parent is not None and parent.type in _FORUMS:
        return Spot(str(channel.id), "", guild, str(parent.id))
    return Spot(str(channel.parent_id), str(channel.id), guild)


def from_interaction(interaction: discord.Interaction[Any], words: str, options: Mapping[str, str]) -> Heard:
    """Return what a person said by a slash command, a button or a form."""
    spot = spot_of(interaction.channel, interaction.guild_id)
    user = interaction.user
    address = spot.address | {
        "application": str(interaction.application_id),
        "token": interaction.token,
        "until": interaction.created_at.timestamp() + GOOD_SECONDS,
        "user": str(user.id),
    }
    return Heard(
        "discord",
        f"discord-{interaction.id}",
        str(user.id),
        user.name[:_NAME],
        words,
        spot.channel,
        spot.thread or _own_thread(interaction, spot),
        address=address,
        options=dict(options),
    )


def _own_thread(interaction: discord.Interaction[Any], spot: Spot) -> str:
    """Return the message whose button was pressed, where it stands in the channel itself."""
    return str(interaction.message.id) if interaction.message is not None and not spot.thread else ""


def from_message(said: Said, bot_id: str) -> Heard | None:
    """Return what a person said to the bot in a message; None where it was not meant for the bot.

    In a thread an answer to one of the bot's messages is enough; elsewhere the bot has to be named.
    """
    named = re.search(rf"<@!?{re.escape(bot_id)}>", said.content) is not None
    if said.from_bot or not (named or (said.spot.thread and bot_id in said.mentions)):
        return None
    words = " ".join(re.split(rf"[ \t]*<@!?{re.escape(bot_id)}>[ \t,:]*", said.content)).strip()
    return Heard(
        "discord",
        f"discord-{said.id}",
        said.user_id,
        said.user_name[:_NAME],
        words,
        said.spot.channel,
        said.spot.thread or said.answers,
        mention=True,
        address=said.spot.address | {"message": said.id, "user": said.user_id},
    )


def said_live(message: discord.Message, channel: Any) -> Said:
    """Read a message that the gateway brought."""
    reference = message.reference
    return Said(
        str(message.id),
        spot_of(channel, message.guild.id if message.guild else None),
        str(message.author.id),
        message.author.name,
        message.content,
        tuple(str(user.id) for user in message.mentions),
        from_bot=message.author.bot or message.webhook_id is not None,
        answers=str(reference.message_id or "") if reference else "",
    )


def said_before(message: Mapping[str, Any], spot: Spot) -> Said:
    """Read a message from a channel's history."""
    author = message["author"]
    return Said(
        str(message["id"]),
        spot,
        str(author["id"]),
        str(author["username"]),
        str(message.get("content", "")),
        tuple(str(user["id"]) for user in message.get("mentions", [])),
        from_bot=bool(author.get("bot")) or "webhook_id" in message,
        answers=str((message.get("message_reference") or {}).get("message_id", "")),
    )

"""Discord's permission bits, and who has which where."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from jobs.testing.local_discord.records import Channel, Guild, Member, Overwrite, User

BITS = {
    "administrator": 1 << 3,
    "manage_channels": 1 << 4,
    "manage_guild": 1 << 5,
    "add_reactions": 1 << 6,
    "view_channel": 1 << 10,
    "send_messages": 1 << 11,
    "manage_messages": 1 << 13,
    "embed_links": 1 << 14,
    "attach_files": 1 << 15,
    "read_message_history": 1 << 16,
    "mention_everyone": 1 << 17,
    "use_application_commands": 1 << 31,
    "manage_threads": 1 << 34,
    "create_public_threads": 1 << 35,
    "create_private_threads": 1 << 36,
    "send_messages_in_threads": 1 << 38,
}
EVERYTHING = (1 << 53) - 1
PERSON = (
    *("view_channel", "send_messages", "embed_links", "attach_files", "read_message_history", "add_reactions"),
    *("use_application_commands", "create_public_threads", "send_messages_in_threads"),
)
BOT = (
    *("view_channel", "send_messages", "embed_links", "attach_files", "read_message_history", "add_reactions"),
    *("create_public_threads", "send_messages_in_threads"),
)
"""What the bot is given when it is invited, and no more."""


def bits(names: Iterable[str]) -> int:
    """Return the permissions with these names as one number; raises ``LookupError`` for a name that is none."""
    total = 0
    for name in names:
        if name not in BITS:
            raise LookupError(f"there is no permission {name!r}")
        total |= BITS[name]
    return total


def of_member(guild: Guild, member: Member) -> int:
    """Return what a member may do in a guild, apart from its channels."""
    if member.user is guild.owner:
        return EVERYTHING
    total = guild.roles[guild.id].permissions
    for role in member.roles:
        total |= role.permissions
    return EVERYTHING if total & BITS["administrator"] else total


def in_channel(channel: Channel, user: User) -> int:
    """Return what ``user`` may do in a channel; threads take it from their parent."""
    guild = channel.guild
    if guild is None:
        return bits(PERSON) if user in channel.recipients or user.bot else 0
    member = guild.members.get(user.id)
    if member is None:
        return 0
    total = of_member(guild, member)
    if total == EVERYTHING:
        return total
    place = channel.parent if channel.thread is not None and channel.parent is not None else channel
    total = _overwrite(total, [one for one in place.overwrites if one.id == guild.id])
    mine = {role.id for role in member.roles}
    total = _overwrite(total, [one for one in place.overwrites if one.id in mine and not one.member])
    return _overwrite(total, [one for one in place.overwrites if one.id == user.id and one.member])


def can(user: User, channel: Channel, *names: str) -> bool:
    """Tell whether ``user`` has all these permissions in a channel that they can see."""
    needed = bits(names) | BITS["view_channel"]
    hidden = channel.kind == 12 and channel.thread is not None and user.id not in channel.thread.members
    had = in_channel(channel, user)
    return had & needed == needed and (not hidden or bool(had & BITS["manage_threads"]))


def _overwrite(total: int, overwrites: list[Overwrite]) -> int:
    for one in overwrites:
        total &= ~one.deny
    for one in overwrites:
        total |= one.allow
    return total

"""Guilds: what they are, their channels and members."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.testing.local_discord import shapes
from jobs.testing.local_discord.errors import unknown
from jobs.testing.local_discord.router import Call, Router, reply

if TYPE_CHECKING:
    from jobs.testing.loopback import Answer

router = Router()


@router.route("GET", "/guilds/{guild_id}")
def guild(call: Call) -> Answer:
    """Give a guild."""
    made = shapes.guild(call.guild)
    if call.flag("with_counts"):
        counts = ("approximate_member_count", "approximate_presence_count")
        made |= dict.fromkeys(counts, len(call.guild.members))
    return reply(made)


@router.route("GET", "/guilds/{guild_id}/channels")
def channels(call: Call) -> Answer:
    """List the channels, without threads."""
    return reply([shapes.channel(one) for one in call.guild.channels.values() if one.thread is None])


@router.route("GET", "/guilds/{guild_id}/members/{user_id}")
def member(call: Call) -> Answer:
    """Give a member."""
    found = call.guild.members.get(call.user.id)
    if found is None:
        raise unknown("Member")
    return reply(shapes.member(found))


@router.route("GET", "/guilds/{guild_id}/roles")
def roles(call: Call) -> Answer:
    """List the roles."""
    return reply([shapes.role(one) for one in call.guild.roles.values()])


@router.route("GET", "/guilds/{guild_id}/threads/active")
def active_threads(call: Call) -> Answer:
    """List the threads that are not archived, with those that the bot is in."""
    world = call.world
    found = [
        one
        for one in call.guild.channels.values()
        if one.thread is not None and not one.thread.archived and world.sees(one)
    ]
    mine = [one for one in found if one.thread is not None and world.bot.id in one.thread.members]
    return reply(
        {
            "threads": [shapes.channel(one, world.bot) for one in found],
            "members": [shapes.thread_member(one, world.bot.id) for one in mine],
            "has_more": False,
        }
    )

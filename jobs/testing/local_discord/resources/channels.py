"""Channels and threads as places: what they are, changing them, typing in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.testing.local_discord import happenings, shapes
from jobs.testing.local_discord.errors import Form, Refused, unknown
from jobs.testing.local_discord.router import Call, Router, nothing, reply

if TYPE_CHECKING:
    from jobs.testing.local_discord.records import Channel
    from jobs.testing.loopback import Answer

router = Router()

NAME = 100
ARCHIVE_AFTER = (60, 1440, 4320, 10080)
"""Minutes of silence after which a thread may go to the archive."""


@router.route("GET", "/channels/{channel_id}")
def channel(call: Call) -> Answer:
    """Give a channel, a thread or a conversation."""
    return reply(shapes.channel(call.channel, call.world.bot))


@router.route("PATCH", "/channels/{channel_id}")
def change(call: Call) -> Answer:
    """Change a channel, or a thread: its owner may name and archive it, only a moderator may lock it."""
    place, state = call.channel, call.channel.thread
    if place.guild is None:
        raise Refused(400, 50003, "Cannot execute action on a DM channel")
    form = Form()
    if "name" in (call.body or {}):
        form.text(["name"], call.given("name"), NAME, 1)
    if call.given("auto_archive_duration") is not None:
        form.one_of(["auto_archive_duration"], call.given("auto_archive_duration"), ARCHIVE_AFTER)
    form.finish()
    if state is None:
        call.needs(place, "manage_channels")
    elif state.owner is not call.world.bot or call.given("locked") is not None:
        call.needs(place, "manage_threads")
    if state is not None and state.archived and call.given("archived") is not False:
        raise Refused(400, 50083, "Thread is archived")
    happenings.change_channel(call.world, place, call.body or {})
    return reply(shapes.channel(place, call.world.bot))


@router.route("DELETE", "/channels/{channel_id}")
def delete(call: Call) -> Answer:
    """Take a channel or a thread away."""
    place = call.channel
    call.needs(place, "manage_channels" if place.thread is None else "manage_threads")
    answer = reply(shapes.channel(place, call.world.bot))
    happenings.delete_channel(call.world, place)
    return answer


@router.route("POST", "/channels/{channel_id}/typing")
def typing(call: Call) -> Answer:
    """Show that the bot types."""
    call.needs(call.channel, _writing(call.channel))
    happenings.typing(call.world, call.channel, call.world.bot)
    return nothing()


@router.route("PUT", "/channels/{channel_id}/thread-members/{user_id}")
def add_to_thread(call: Call) -> Answer:
    """Put somebody into a thread; ``@me`` is the bot."""
    place = call.channel
    user = call.world.bot if call.parameters["user_id"] == "@me" else call.user
    if place.thread is None or place.guild is None:
        raise Refused(400, 50024, "Cannot execute action on this channel type")
    if place.thread.archived:
        raise Refused(400, 50083, "Thread is archived")
    if user.id not in place.guild.members:
        raise unknown("Member")
    happenings.join_thread(call.world, place, user)
    return nothing()


def _writing(place: Channel) -> str:
    return "send_messages" if place.thread is None else "send_messages_in_threads"

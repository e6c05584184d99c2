"""Starting threads, on a message or by themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.testing.local_discord import happenings, shapes
from jobs.testing.local_discord.errors import Form, Refused
from jobs.testing.local_discord.records import NEWS, PRIVATE_THREAD, PUBLIC_THREAD, TEXT_CHANNEL
from jobs.testing.local_discord.resources.channels import ARCHIVE_AFTER, NAME
from jobs.testing.local_discord.router import Call, Router, reply

if TYPE_CHECKING:
    from jobs.testing.local_discord.records import Message
    from jobs.testing.loopback import Answer

router = Router()

DEFAULT_ARCHIVE = 4320


@router.route("POST", "/channels/{channel_id}/messages/{message_id}/threads")
def on_message(call: Call) -> Answer:
    """Start a thread on a message, which may have one only."""
    start = call.message
    if start.thread is not None:
        raise Refused(400, 160004, "A thread has already been created for this message")
    return _start(call, PUBLIC_THREAD, start)


@router.route("POST", "/channels/{channel_id}/threads")
def without_message(call: Call) -> Answer:
    """Start a thread that no message begins; it is private unless the body says otherwise."""
    kind = call.given("type")
    form = Form()
    if kind is not None:
        form.one_of(["type"], kind, (PUBLIC_THREAD, PRIVATE_THREAD))
    form.finish()
    return _start(call, kind or PRIVATE_THREAD, None)


def _start(call: Call, kind: int, start: Message | None) -> Answer:
    parent = call.channel
    if parent.kind not in {TEXT_CHANNEL, NEWS}:
        raise Refused(400, 50024, "Cannot execute action on this channel type")
    form = Form()
    name = form.text(["name"], call.given("name"), NAME, 1)
    archive = call.given("auto_archive_duration")
    if archive is not None:
        form.one_of(["auto_archive_duration"], archive, ARCHIVE_AFTER)
    form.finish()
    call.needs(parent, "create_private_threads" if kind == PRIVATE_THREAD else "create_public_threads")
    thread = happenings.create_thread(
        call.world, parent, name, call.world.bot, kind=kind, auto_archive=archive or DEFAULT_ARCHIVE, start=start
    )
    return reply(shapes.channel(thread, call.world.bot), 201)

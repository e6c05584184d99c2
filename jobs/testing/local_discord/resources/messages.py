"""Messages of channels: reading, sending, editing, deleting, reacting."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.testing.local_discord import happenings, permissions, shapes
from jobs.testing.local_discord.errors import Form, Refused, not_permitted, unknown
from jobs.testing.local_discord.message_rules import Draft, draft
from jobs.testing.local_discord.records import EPHEMERAL
from jobs.testing.local_discord.router import Call, Router, nothing, reply

if TYPE_CHECKING:
    from jobs.testing.local_discord.records import Channel, Message
    from jobs.testing.loopback import Answer

router = Router()

PAGE, LARGEST_PAGE = 50, 100


@router.route("GET", "/channels/{channel_id}/messages")
def messages(call: Call) -> Answer:
    """List messages, newest first: before, after or around one, 50 unless asked for up to 100."""
    place, query = call.channel, call.request.query
    call.needs(place, "read_message_history")
    form = Form()
    asked = query.get("limit", str(PAGE))
    if not asked.isdecimal() or not 1 <= int(asked) <= LARGEST_PAGE:
        form.wrong(["limit"], "NUMBER_TYPE_MAX", f"int value should be between 1 and {LARGEST_PAGE}.")
    turns = [name for name in ("around", "before", "after") if query.get(name)]
    for name in turns:
        if not query[name].isdecimal():
            form.wrong([name], "NUMBER_TYPE_COERCE", f'Value "{query[name]}" is not snowflake.')
    form.finish()
    size, seen = int(asked), [one for one in place.messages if not one.deleted and not one.ephemeral]
    if not turns:
        found = seen[-size:]
    else:
        pivot = int(query[turns[0]])
        older, newer = [one for one in seen if one.id < pivot], [one for one in seen if one.id > pivot]
        here = [one for one in seen if one.id == pivot]
        half = size // 2
        by_turn = {"before": older[-size:], "after": newer[:size], "around": older[-half:] + here + newer[:half]}
        found = by_turn[turns[0]]
    return reply([shapes.message(call.world, one) for one in reversed(found)])


@router.route("GET", "/channels/{channel_id}/messages/{message_id}")
def message(call: Call) -> Answer:
    """Give one message."""
    call.needs(call.channel, "read_message_history")
    return reply(shapes.message(call.world, call.message))


@router.route("POST", "/channels/{channel_id}/messages")
def create(call: Call) -> Answer:
    """Send a message; one with the nonce of an earlier one is that one, where the sender says so."""
    place = call.channel
    made = draft(call.body, call.uploads)
    _may_write(call, place, made)
    if made.enforce_nonce and made.nonce is not None:
        for one in place.messages:
            if one.nonce == made.nonce and one.author is call.world.bot and not one.deleted:
                return reply(shapes.message(call.world, one))
    reference = None
    if made.reply_to:
        reference = call.world.message(place, made.reply_to)
        if reference is None and (call.given("message_reference") or {}).get("fail_if_not_exists") is not False:
            form = Form()
            form.wrong(["message_reference"], "REPLIES_UNKNOWN_MESSAGE", "Unknown message")
            form.finish()
    kind = happenings.REPLY if reference else 0
    made.flags &= ~EPHEMERAL
    sent = happenings.create_message(call.world, place, call.world.bot, made, reference=reference, kind=kind)
    return reply(shapes.message(call.world, sent))


@router.route("PATCH", "/channels/{channel_id}/messages/{message_id}")
def edit(call: Call) -> Answer:
    """Change a message of the bot's own; nothing is changed in an archived thread."""
    one = call.message
    if one.author is not call.world.bot:
        raise Refused(403, 50005, "Cannot edit a message authored by another user")
    _not_archived(one)
    happenings.edit_message(call.world, one, draft(call.body, call.uploads, partial=True))
    return reply(shapes.message(call.world, one))


@router.route("DELETE", "/channels/{channel_id}/messages/{message_id}")
def delete(call: Call) -> Answer:
    """Take a message away; others' need a permission."""
    one = call.message
    if one.author is not call.world.bot:
        call.needs(one.channel, "manage_messages")
    _not_archived(one)
    happenings.delete_message(call.world, one)
    return nothing()


@router.route("PUT", "/channels/{channel_id}/messages/{message_id}/reactions/{emoji_name}/@me")
def react(call: Call) -> Answer:
    """Put a reaction on a message; names in ASCII are of no emoji."""
    emoji = call.parameters["emoji_name"]
    if emoji.isascii():
        raise Refused(400, UNKNOWN_EMOJI, "Unknown Emoji")
    one = call.message
    call.needs(one.channel, "read_message_history")
    if not one.reactions.get(emoji):
        call.needs(one.channel, "add_reactions")
    happenings.react(call.world, one, emoji, call.world.bot)
    return nothing()


UNKNOWN_EMOJI = 10014


def _may_write(call: Call, place: Channel, made: Draft) -> None:
    bot = call.world.bot
    if place.guild is None:
        shared = [one for one in call.world.guilds.values() if bot.id in one.members]
        if not any(user.id in guild.members for guild in shared for user in place.recipients):
            raise Refused(403, 50007, "Cannot send messages to this user")
        return
    names = ["send_messages" if place.thread is None else "send_messages_in_threads"]
    names += ["embed_links"] if made.embeds else []
    names += ["attach_files"] if made.uploads else []
    if not permissions.can(bot, place, *names):
        raise not_permitted()


def _not_archived(one: Message) -> None:
    if one.deleted:
        raise unknown("Message")
    if one.channel.thread is not None and one.channel.thread.archived:
        raise Refused(400, 50083, "Thread is archived")

"""Channels and direct messages: what there is, what was said."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.testing.slack import shapes
from jobs.testing.slack.errors import Refused
from jobs.testing.slack.methods.registry import HISTORY, READ, Registry, members

if TYPE_CHECKING:
    from jobs.testing.slack.methods.registry import Arguments
    from jobs.testing.slack.records import JSON, Channel, Message

registry = Registry()

KINDS = {"public_channel": "channel", "private_channel": "group", "im": "im", "mpim": ""}


@registry.method("conversations.history")
def history(call: Arguments) -> JSON:
    """Give what stands in a channel, newest first; what was answered in threads is not in it."""
    channel = _readable(call)
    shown = [one for root in channel.messages for one in (root, *_broadcasts(root)) if not one.deleted]
    return _messages(call, sorted(shown, key=lambda one: one.ts, reverse=True), 100)


@registry.method("conversations.replies")
def replies(call: Arguments) -> JSON:
    """Give a thread, the message that began it first."""
    channel = _readable(call)
    (ts,) = call.required("ts")
    found = channel.find(ts)
    if found is None:
        raise Refused("thread_not_found")
    root = channel.find(found.thread_ts) or found if found.thread_ts else found
    return _messages(call, [root, *(one for one in root.replies if not one.deleted)], 1000)


@registry.method("conversations.info")
def info(call: Arguments) -> JSON:
    """Tell about one conversation."""
    channel = call.channel()
    call.demand(READ[channel.kind])
    return {"channel": shapes.channel(channel, call.world.bot)}


@registry.method("conversations.list")
def list_all(call: Arguments) -> JSON:
    """List the conversations of the kinds that were asked for, as far as the bot can see them."""
    names = [name.strip() for name in (call.text("types") or "public_channel").split(",")]
    if any(name not in KINDS for name in names):
        raise Refused("invalid_types")
    kinds = {KINDS[name] for name in names} - {""}
    for kind in sorted(kinds):
        call.demand(READ[kind])
    leave_out = call.flag("exclude_archived")
    found = [one for one in call.world.channels.values() if one.kind in kinds and _seen(call, one)]
    page, more = call.page([one for one in found if not (leave_out and one.archived)], call.whole("limit", 100, 1000))
    return {"channels": [shapes.channel(one, call.world.bot) for one in page], **more}


@registry.method("conversations.open", scope="im:write")
def open_direct(call: Arguments) -> JSON:
    """Open the conversation with one person."""
    wanted = members(call.world, [one.strip() for one in call.text("users").split(",") if one.strip()])
    if not wanted:
        raise Refused("users_list_not_supplied")
    if len(wanted) > 1:
        raise Refused("not_enough_permissions", ["[ERROR] this stand-in has no conversations of several people"])
    existed = any(one.kind == "im" and wanted[0].id in one.members for one in call.world.channels.values())
    channel = call.world.direct(wanted[0])
    body: JSON = {"channel": {"id": channel.id}}
    if call.flag("return_im"):
        body["channel"] = shapes.channel(channel, call.world.bot)
    return body | ({"no_op": True, "already_open": True} if existed else {})


def _readable(call: Arguments) -> Channel:
    channel = call.joined()
    call.demand(HISTORY[channel.kind])
    return channel


def _seen(call: Arguments, channel: Channel) -> bool:
    return channel.kind == "channel" or call.world.bot.id in channel.members


def _broadcasts(root: Message) -> list[Message]:
    return [reply for reply in root.replies if reply.broadcast]


def _messages(call: Arguments, found: list[Message], size: int) -> JSON:
    """Answer with the messages of the time that was asked for."""
    oldest, latest = _time(call, "oldest"), _time(call, "latest")
    inclusive, metadata = call.flag("inclusive"), call.flag("include_all_metadata")

    def wanted(one: Message) -> bool:
        at = float(one.ts)
        early = oldest is not None and (at < oldest or (at == oldest and not inclusive))
        late = latest is not None and (at > latest or (at == latest and not inclusive))
        return not early and not late

    page, more = call.page([one for one in found if wanted(one)], call.whole("limit", size, 1000))
    has_more = bool(more["response_metadata"]["next_cursor"])
    shown = [shapes.message(one, metadata=metadata) for one in page]
    return {"messages": shown, "has_more": has_more, **(more if has_more else {})}


def _time(call: Arguments, name: str) -> float | None:
    value = str(call.given.get(name) or "")
    if not value:
        return None
    try:
        return float(value)
    except ValueError:
        raise Refused(f"invalid_ts_{name}") from None

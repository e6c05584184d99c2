"""What an app says through a ``response_url``, or in its answer to a slash command."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from jobs.testing.slack.errors import Refused
from jobs.testing.slack.methods.chat import checked_blocks
from jobs.testing.slack.records import Response, Version
from jobs.testing.slack.world import version

if TYPE_CHECKING:
    from jobs.testing.slack.records import JSON, Message
    from jobs.testing.slack.world import ResponseUrl, World

MOST_USES = 5
LIFETIME = 30 * 60.0
KINDS = ("ephemeral", "in_channel")


def use(world: World, path: str, given: JSON) -> None:
    """Use a ``response_url`` once; raises ``Refused`` when it is unknown, used up or too old."""
    entry = world.response_urls.get(path)
    if entry is None:
        raise Refused("no_such_url")
    if time.monotonic() - entry.issued_at > LIFETIME:
        raise Refused("expired_url")
    if entry.uses >= MOST_USES:
        raise Refused("used_url")
    entry.uses += 1
    respond(world, entry, given)


def respond(world: World, entry: ResponseUrl, given: JSON) -> None:
    """Do what the app said: a new message, another in the place of the original, or none in its place."""
    kind = given.get("response_type") or "ephemeral"
    text = given.get("text") or ""
    if kind not in KINDS or not isinstance(text, str):
        raise Refused("invalid_payload")
    blocks = checked_blocks(given.get("blocks") or [])
    delete, replace = _flag(given, "delete_original"), _flag(given, "replace_original")
    if not delete and not text and not blocks and not given.get("attachments"):
        raise Refused("no_text")
    said = version(text, blocks, given.get("attachments") or ())
    message = _put(world, entry, said, kind, str(given.get("thread_ts") or ""), delete=delete, replace=replace)
    thread_ts = message.thread_ts if message else ""
    world.responses.append(
        Response(
            entry.url,
            entry.channel,
            entry.user,
            text,
            said.blocks,
            message_kind(message, kind),
            replace,
            delete,
            thread_ts,
            message,
            time.time(),
        )
    )


def message_kind(message: Message | None, asked: str) -> str:
    """Return who sees it in the end: what replaces a message is seen by those who saw that one."""
    if message is None:
        return asked
    return "ephemeral" if message.visible_to else "in_channel"


def _put(
    world: World, entry: ResponseUrl, said: Version, kind: str, thread_ts: str, *, delete: bool, replace: bool
) -> Message | None:
    original = entry.original
    if delete:
        if original is not None:
            world.delete(original)
            entry.original = None
        return None
    if replace and original is not None:
        world.edit(original, said)
        return original
    root = entry.channel.find(thread_ts) if thread_ts else None
    if kind == "ephemeral":
        message = world.post(entry.channel, world.bot, said, visible_to=entry.user.id)
        message.thread_ts = root.ts if root else ""
    else:
        message = world.post(entry.channel, world.bot, said, thread=root)
    # What was said first is what a later "replace_original" means, where the person acted on no message.
    if original is None:
        entry.original = message
    return message


def _flag(given: JSON, name: str) -> bool:
    value = given.get(name)
    if value in (None, False, "false"):
        return False
    if value in (True, "true"):
        return True
    raise Refused("invalid_payload")

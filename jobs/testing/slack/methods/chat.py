"""Messages of the bot: written, changed, taken away."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jobs.testing.slack import shapes
from jobs.testing.slack.blocks import LONGEST_MESSAGE, check_message, weight
from jobs.testing.slack.errors import Refused
from jobs.testing.slack.methods.registry import Registry
from jobs.testing.slack.world import TEAM_DOMAIN, version

if TYPE_CHECKING:
    from jobs.testing.slack.methods.registry import Arguments
    from jobs.testing.slack.records import JSON, Channel, Message

registry = Registry()

LONGEST_TEXT = 40_000
LONGEST_UPDATE = 4_000
LARGEST_METADATA = 8_000


@registry.method("chat.postMessage", scope="chat:write")
def post_message(call: Arguments) -> JSON:
    """Write into a channel or a thread."""
    channel = call.joined(people=True)
    text, blocks, attachments = _content(call, LONGEST_TEXT)
    if not text and not blocks and not attachments:
        raise Refused("no_text")
    thread = _thread(call, channel)
    if call.flag("reply_broadcast") and thread is None:
        raise Refused("invalid_arguments", ["[ERROR] reply_broadcast needs thread_ts"])
    said = version(text, blocks or (), attachments or (), _metadata(call) or None)
    message = call.world.post(channel, call.world.bot, said, thread=thread, broadcast=call.flag("reply_broadcast"))
    return {"channel": channel.id, "ts": message.ts, "message": shapes.message(message, metadata=True)}


@registry.method("chat.postEphemeral", scope="chat:write")
def post_ephemeral(call: Arguments) -> JSON:
    """Show something to one person in a channel."""
    channel, user = call.joined(), call.user()
    if user.id not in channel.members:
        raise Refused("user_not_in_channel")
    text, blocks, attachments = _content(call, LONGEST_TEXT)
    if not text and not blocks and not attachments:
        raise Refused("no_text")
    thread = _thread(call, channel)
    message = call.world.post(
        channel, call.world.bot, version(text, blocks or (), attachments or ()), visible_to=user.id
    )
    message.thread_ts = thread.ts if thread else ""
    return {"message_ts": message.ts}


@registry.method("chat.update", scope="chat:write")
def update(call: Arguments) -> JSON:
    """Change a message of the bot: a text without blocks takes the blocks away, blocks alone keep the text."""
    message = call.message()
    if message.user is not call.world.bot:
        raise Refused("cant_update_message")
    text, blocks, attachments = _content(call, LONGEST_UPDATE)
    if "text" not in call.given and blocks is None and attachments is None:
        raise Refused("no_text")
    if blocks is None:
        blocks = [] if "text" in call.given else message.blocks
    metadata = _metadata(call)
    said = version(
        text if "text" in call.given else message.text,
        blocks,
        message.current.attachments if attachments is None else attachments,
        message.metadata if metadata is None else metadata or None,
    )
    if not said.text and not said.blocks and not said.attachments:
        raise Refused("no_text")
    call.world.edit(message, said)
    shown = shapes.message(message, metadata=True)
    return {"channel": message.channel.id, "ts": message.ts, "text": message.text, "message": shown}


@registry.method("chat.delete", scope="chat:write")
def delete(call: Arguments) -> JSON:
    """Take a message of the bot away."""
    message = call.message()
    if message.user is not call.world.bot:
        raise Refused("cant_delete_message")
    call.world.delete(message)
    return {"channel": message.channel.id, "ts": message.ts}


@registry.method("chat.getPermalink")
def get_permalink(call: Arguments) -> JSON:
    """Give a message's address for people."""
    message = call.message("message_ts")
    link = f"https://{TEAM_DOMAIN}.slack.com/archives/{message.channel.id}/p{message.ts.replace('.', '')}"
    if message.thread_ts:
        link += f"?thread_ts={message.thread_ts}&cid={message.channel.id}"
    return {"channel": message.channel.id, "permalink": link}


def checked_blocks(blocks: Any) -> list[JSON]:
    """Return a message's blocks, or refuse them as Slack does."""
    if not isinstance(blocks, list):
        raise Refused("invalid_blocks_format")
    if problems := check_message(blocks):
        raise Refused("invalid_blocks", problems)
    if weight(blocks) > LONGEST_MESSAGE:
        raise Refused("msg_blocks_too_long")
    return blocks


def _content(call: Arguments, longest: int) -> tuple[str, list[JSON] | None, list[JSON] | None]:
    """Return text, blocks and attachments; None for what was not given."""
    text = call.text("text")
    if len(text) > longest:
        raise Refused("msg_too_long")
    blocks = call.structure("blocks", "invalid_blocks_format")
    attachments = call.structure("attachments", "invalid_attachments")
    if attachments is not None and not (
        isinstance(attachments, list) and all(isinstance(one, dict) for one in attachments)
    ):
        raise Refused("invalid_attachments")
    if len(attachments or ()) > 100:
        raise Refused("too_many_attachments")
    for attachment in attachments or ():
        checked_blocks(attachment.get("blocks", []))
    return text, None if blocks is None else checked_blocks(blocks), attachments


def _thread(call: Arguments, channel: Channel) -> Message | None:
    """Return the message that begins the thread; a reply has no thread of its own."""
    ts = call.text("thread_ts")
    if not ts:
        return None
    found = channel.find(ts)
    if found is None or found.thread_ts:
        raise Refused("cannot_reply_to_message", [f"[ERROR] no thread begins at {ts} [json-pointer:/thread_ts]"])
    return found


def _metadata(call: Arguments) -> JSON | None:
    """Return the metadata; None where none was given, empty where it is to be taken away."""
    value = call.structure("metadata", "invalid_metadata_format")
    if value is None or value == {}:
        return None if value is None else {}
    if not isinstance(value, dict) or not isinstance(value.get("event_payload"), dict):
        raise Refused("invalid_metadata_format")
    if not isinstance(value.get("event_type"), str) or not value["event_type"]:
        raise Refused("invalid_metadata_format")
    if len(str(value)) > LARGEST_METADATA:
        raise Refused("metadata_too_large")
    return value

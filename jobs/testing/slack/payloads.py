"""The bodies that Slack sends to an app: commands, events, interactions."""

from __future__ import annotations

import re
import secrets
import time
import uuid
from typing import TYPE_CHECKING

from jobs.testing.slack import shapes
from jobs.testing.slack.inputs import keep_what_fits
from jobs.testing.slack.records import Message
from jobs.testing.slack.world import APP_ID, TEAM_DOMAIN, TEAM_ID, VERIFICATION

if TYPE_CHECKING:
    from jobs.testing.slack.records import JSON, Channel, User, View
    from jobs.testing.slack.world import ResponseUrl, World

CONTROL = re.compile(r"(<(?:@[UW]\w+|#C\w+|![a-z^][^>]*|https?://[^>\s]+)(?:\|[^>]*)?>|https?://[^\s<>]+)")


def escaped(text: str) -> str:
    """Return what somebody typed as Slack tells it to apps: links in brackets, and ``&``, ``<``, ``>`` as entities."""
    parts = CONTROL.split(text)
    return "".join(_control(part) if index % 2 else _entities(part) for index, part in enumerate(parts))


def _entities(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _control(text: str) -> str:
    return text if text.startswith("<") else f"<{text.replace('&', '&amp;')}>"


def rich_text(text: str) -> list[JSON]:
    """Return the block into which Slack puts what people write."""
    section = {"type": "rich_text_section", "elements": [{"type": "text", "text": text}]}
    return [{"type": "rich_text", "elements": [section]}]


def command(user: User, channel: Channel, name: str, text: str, trigger_id: str, response: ResponseUrl) -> JSON:
    """Return the form that a slash command sends."""
    return {
        "token": VERIFICATION,
        "team_id": TEAM_ID,
        "team_domain": TEAM_DOMAIN,
        "channel_id": channel.id,
        "channel_name": _name(channel),
        "user_id": user.id,
        "user_name": user.name,
        "command": name,
        "text": text,
        "api_app_id": APP_ID,
        "is_enterprise_install": "false",
        "response_url": response.url,
        "trigger_id": trigger_id,
    }


def event_callback(world: World, event: JSON) -> JSON:
    """Return an event as it is sent, with an ``event_id`` of its own."""
    return {
        "token": VERIFICATION,
        "team_id": TEAM_ID,
        "context_team_id": TEAM_ID,
        "context_enterprise_id": None,
        "api_app_id": APP_ID,
        "event": event,
        "type": "event_callback",
        "event_id": world.new_id("Ev"),
        "event_time": int(time.time()),
        "authorizations": [
            {
                "enterprise_id": None,
                "team_id": TEAM_ID,
                "user_id": world.bot.id,
                "is_bot": True,
                "is_enterprise_install": False,
            }
        ],
        "is_ext_shared_channel": False,
        "event_context": f"4-{secrets.token_urlsafe(24)}",
    }


def app_mention(message: Message) -> JSON:
    """Return the event that somebody named the bot."""
    body = shapes.message(message)
    return body | {"type": "app_mention", **_where(message), "event_ts": message.ts}


def said(message: Message) -> JSON:
    """Return the event that somebody wrote a message."""
    return shapes.message(message) | {**_where(message), "event_ts": message.ts, "channel_type": message.channel.kind}


def changed(message: Message, before: JSON, ts: str) -> JSON:
    """Return the event that a message was edited."""
    return {
        "type": "message",
        "subtype": "message_changed",
        "hidden": True,
        "message": shapes.message(message),
        "previous_message": {"type": "message", **before},
        "channel": message.channel.id,
        "ts": ts,
        "event_ts": ts,
        "channel_type": message.channel.kind,
    }


def deleted(message: Message, ts: str) -> JSON:
    """Return the event that a message was taken away."""
    return {
        "type": "message",
        "subtype": "message_deleted",
        "hidden": True,
        "previous_message": shapes.message(message),
        "deleted_ts": message.ts,
        "channel": message.channel.id,
        "ts": ts,
        "event_ts": ts,
        "channel_type": message.channel.kind,
    }


def home_opened(user: User, channel: Channel, view: View | None, ts: str) -> JSON:
    """Return the event that somebody looked at the app's home tab."""
    event: JSON = {"type": "app_home_opened", "user": user.id, "channel": channel.id, "tab": "home", "event_ts": ts}
    if view is not None:
        event["view"] = shapes.view(view)
    return event


def interaction(kind: str, user: User, trigger_id: str = "") -> JSON:
    """Return what all interactions have."""
    body: JSON = {
        "type": kind,
        "user": {"id": user.id, "username": user.name, "name": user.name, "team_id": TEAM_ID},
        "api_app_id": APP_ID,
        "token": VERIFICATION,
        "team": {"id": TEAM_ID, "domain": TEAM_DOMAIN},
        "enterprise": None,
        "is_enterprise_install": False,
    }
    return body | ({"trigger_id": trigger_id} if trigger_id else {})


def place(where: Message | View, user: User) -> JSON:
    """Return where an interaction happened: in a message of a channel, or in a view."""
    if not isinstance(where, Message):
        return {"container": {"type": "view", "view_id": where.id}, "view": shapes.view(where)}
    container = {
        "type": "message",
        "message_ts": where.ts,
        "channel_id": where.channel.id,
        "is_ephemeral": bool(where.visible_to),
    }
    if where.thread_ts:
        container["thread_ts"] = where.thread_ts
    body: JSON = {
        "container": container,
        "channel": {"id": where.channel.id, "name": _name(where.channel)},
        "state": {"values": keep_what_fits(where.typed.get(user.id, {}), where.blocks)},
    }
    # Of an ephemeral message the app is told no more than where it is.
    return body if where.visible_to else {**body, "message": shapes.message(where)}


def _where(message: Message) -> JSON:
    body: JSON = {"channel": message.channel.id}
    if not message.user.is_bot:
        body["client_msg_id"] = str(uuid.uuid4())
    return body


def _name(channel: Channel) -> str:
    return {"channel": channel.name, "group": "privategroup", "im": "directmessage"}[channel.kind]

"""Slack's JSON, from the records."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.testing.slack.world import APP_ID, BOT_ID, TEAM_ID

if TYPE_CHECKING:
    from collections.abc import Iterable

    from jobs.testing.slack.records import JSON, Channel, Message, User, View


def user(one: User, *, email: bool) -> JSON:
    """Return a user; the address only for those who may see it."""
    profile = {"real_name": one.real_name, "display_name": one.name, "team": TEAM_ID}
    if email and one.email:
        profile["email"] = one.email
    return {
        "id": one.id,
        "team_id": TEAM_ID,
        "name": one.name,
        "deleted": False,
        "real_name": one.real_name,
        "tz": "Europe/Amsterdam",
        "tz_label": "Central European Time",
        "tz_offset": 3600,
        "profile": profile,
        "is_admin": False,
        "is_owner": False,
        "is_restricted": False,
        "is_ultra_restricted": False,
        "is_bot": one.is_bot,
        "is_app_user": False,
        "updated": 1_700_000_000,
    }


def channel(one: Channel, bot: User) -> JSON:
    """Return a conversation as the bot sees it."""
    if one.kind == "im":
        other = next(member for member in one.members if member != bot.id)
        return {"id": one.id, "created": one.created, "is_im": True, "is_archived": False, "user": other}
    return {
        "id": one.id,
        "name": one.name,
        "name_normalized": one.name,
        "is_channel": True,
        "is_group": False,
        "is_im": False,
        "is_mpim": False,
        "is_private": one.kind == "group",
        "is_archived": one.archived,
        "is_general": False,
        "is_member": bot.id in one.members,
        "created": one.created,
        "creator": one.members[0] if one.members else "",
        "num_members": len(one.members),
        "context_team_id": TEAM_ID,
        "topic": {"value": "", "creator": "", "last_set": 0},
        "purpose": {"value": "", "creator": "", "last_set": 0},
    }


def message(one: Message, *, metadata: bool = False) -> JSON:
    """Return a message; what apps hid in its metadata only when it is asked for."""
    body: JSON = {"type": "message", "user": one.user.id, "ts": one.ts, "text": one.text, "team": TEAM_ID}
    if one.user.is_bot:
        body |= {"bot_id": BOT_ID, "app_id": APP_ID, "bot_profile": _bot_profile(one.user)}
    if one.blocks:
        body["blocks"] = one.blocks
    if one.current.attachments:
        body["attachments"] = one.current.attachments
    if one.edited_ts:
        body["edited"] = {"user": one.user.id, "ts": one.edited_ts}
    if metadata and one.metadata:
        body["metadata"] = one.metadata
    if one.broadcast:
        body["subtype"] = "thread_broadcast"
    if one.reactions:
        body["reactions"] = _reactions(one)
    if one.visible_to:
        body["is_ephemeral"] = True
    return body | _thread(one)


def view(one: View, *, state: bool = True) -> JSON:
    """Return a view with what Slack adds to what the app gave."""
    values = {block: dict(actions) for block, actions in one.typed.items()} if state else {}
    return {
        "private_metadata": "",
        "callback_id": "",
        "clear_on_close": False,
        "notify_on_close": False,
        "close": None,
        "submit": None,
        "title": None,
        "external_id": "",
        **one.payload,
        "id": one.id,
        "team_id": TEAM_ID,
        "app_id": APP_ID,
        "bot_id": BOT_ID,
        "app_installed_team_id": TEAM_ID,
        "hash": one.hash,
        "root_view_id": one.root_id,
        "previous_view_id": one.previous_id or None,
        "state": {"values": values},
    }


def _bot_profile(bot: User) -> JSON:
    return {"id": BOT_ID, "app_id": APP_ID, "name": bot.real_name, "team_id": TEAM_ID, "deleted": False}


def _thread(one: Message) -> JSON:
    """Return what tells that a message is in a thread, or begins one."""
    if one.thread_ts:
        root = one.channel.find(one.thread_ts)
        return {"thread_ts": one.thread_ts, "parent_user_id": root.user.id if root else ""}
    replies = [reply for reply in one.replies if not reply.deleted]
    if not replies:
        return {}
    return {
        "thread_ts": one.ts,
        "reply_count": len(replies),
        "reply_users": _once(reply.user.id for reply in replies),
        "reply_users_count": len(_once(reply.user.id for reply in replies)),
        "latest_reply": replies[-1].ts,
    }


def _reactions(one: Message) -> list[JSON]:
    found = []
    for name in _once(name for name, _ in one.reactions):
        users = [user.id for reaction, user in one.reactions if reaction == name]
        found.append({"name": name, "users": users, "count": len(users)})
    return found


def _once(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))

"""Discord's JSON, from the records."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.testing.local_discord import permissions
from jobs.testing.local_discord.records import (
    DIRECT,
    JSON,
    Attachment,
    Channel,
    Guild,
    Interaction,
    Member,
    Message,
    Role,
    User,
)

if TYPE_CHECKING:
    from datetime import datetime

    from jobs.testing.local_discord.world import World

LOCALE = "en-US"


def stamp(at: datetime | None) -> str | None:
    """Write a time as Discord does."""
    return None if at is None else at.isoformat(timespec="microseconds")


def user(one: User) -> JSON:
    """Give a user."""
    return {
        "id": str(one.id),
        "username": one.name,
        "global_name": None if one.bot else one.name.capitalize(),
        "avatar": None,
        "discriminator": "0067" if one.bot else "0",
        "public_flags": 0,
        "flags": 0,
        "bot": one.bot,
        "banner": None,
        "accent_color": None,
        "avatar_decoration_data": None,
        "collectibles": None,
        "primary_guild": None,
    }


def me(one: User) -> JSON:
    """Give the bot to itself."""
    return user(one) | {"mfa_enabled": True, "locale": LOCALE, "premium_type": 0, "email": None, "verified": True}


def role(one: Role) -> JSON:
    """Give a role."""
    made: JSON = {
        "id": str(one.id),
        "name": one.name,
        "permissions": str(one.permissions),
        "position": 0 if one.name == "@everyone" else 1,
        "color": 0,
        "colors": {"primary_color": 0, "secondary_color": None, "tertiary_color": None},
        "hoist": False,
        "managed": one.managed_by is not None,
        "mentionable": False,
        "icon": None,
        "unicode_emoji": None,
        "flags": 0,
    }
    return made | ({"tags": {"bot_id": str(one.managed_by.id)}} if one.managed_by else {})


def member(one: Member, *, whole: bool = True) -> JSON:
    """Give a member, without the user where ``whole`` is false, as messages have it."""
    made: JSON = {
        "avatar": None,
        "banner": None,
        "communication_disabled_until": None,
        "flags": 0,
        "joined_at": stamp(one.joined_at),
        "nick": None,
        "pending": False,
        "premium_since": None,
        "roles": [str(held.id) for held in one.roles],
        "mute": False,
        "deaf": False,
    }
    return made | ({"user": user(one.user)} if whole else {})


def channel(one: Channel, viewer: User | None = None) -> JSON:
    """Give a channel, a thread or a conversation; ``viewer`` is whose membership a thread tells."""
    last = next((str(message.id) for message in reversed(one.messages) if not message.ephemeral), None)
    made: JSON = {"id": str(one.id), "type": one.kind, "last_message_id": last, "flags": 0, "last_pin_timestamp": None}
    if one.kind == DIRECT or one.guild is None:
        return made | {"recipients": [user(recipient) for recipient in one.recipients]}
    made |= {
        "guild_id": str(one.guild.id),
        "name": one.name,
        "parent_id": None if one.parent is None else str(one.parent.id),
        "rate_limit_per_user": 0,
    }
    if one.thread is not None:
        return made | _thread(one, viewer)
    return made | {
        "topic": one.topic,
        "position": list(one.guild.channels).index(one.id),
        "nsfw": False,
        "permission_overwrites": [
            {"id": str(part.id), "type": int(part.member), "allow": str(part.allow), "deny": str(part.deny)}
            for part in one.overwrites
        ],
    }


def _thread(one: Channel, viewer: User | None) -> JSON:
    state = one.thread
    if state is None:
        return {}
    count = sum(1 for message in one.messages if not message.ephemeral)
    made: JSON = {
        "owner_id": str(state.owner.id),
        "thread_metadata": {
            "archived": state.archived,
            "archive_timestamp": stamp(state.changed_at),
            "auto_archive_duration": state.auto_archive,
            "locked": state.locked,
            "create_timestamp": stamp(state.created_at),
        },
        "message_count": count,
        "member_count": len(state.members),
        "total_message_sent": count,
    }
    if viewer is not None and viewer.id in state.members:
        made["member"] = thread_member(one, viewer.id)
    return made


def thread_member(one: Channel, user_id: int) -> JSON:
    """Give a member of a thread."""
    joined = one.thread.members[user_id] if one.thread else None
    return {"id": str(one.id), "user_id": str(user_id), "join_timestamp": stamp(joined), "flags": 0}


def guild(one: Guild) -> JSON:
    """Give a guild, as REST does."""
    nothing = (
        *("icon", "description", "home_header", "splash", "discovery_splash", "banner", "application_id"),
        *("afk_channel_id", "system_channel_id", "widget_channel_id", "vanity_url_code", "rules_channel_id"),
        *("safety_alerts_channel_id", "public_updates_channel_id", "incidents_data", "max_presences"),
    )
    return dict.fromkeys(nothing) | {
        "id": str(one.id),
        "name": one.name,
        "features": [],
        "owner_id": str(one.owner.id),
        "region": "deprecated",
        "afk_timeout": 300,
        "system_channel_flags": 0,
        "widget_enabled": False,
        "verification_level": 0,
        "roles": [role(held) for held in one.roles.values()],
        "default_message_notifications": 0,
        "mfa_level": 0,
        "explicit_content_filter": 0,
        "max_members": 500000,
        "max_stage_video_channel_users": 50,
        "max_video_channel_users": 25,
        "premium_tier": 0,
        "premium_subscription_count": 0,
        "preferred_locale": LOCALE,
        "premium_progress_bar_enabled": False,
        "nsfw": False,
        "nsfw_level": 0,
        "emojis": [],
        "stickers": [],
    }


def joined_guild(world: World, one: Guild) -> JSON:
    """Give a guild as the gateway does when the bot comes in: with its channels, threads and the bot."""
    mine = one.members[world.bot.id]
    parts = one.channels.values()
    active = [part for part in parts if part.thread is not None and not part.thread.archived and world.sees(part)]
    return guild(one) | {
        "joined_at": stamp(mine.joined_at),
        "large": False,
        "unavailable": False,
        "member_count": len(one.members),
        "members": [member(mine)],
        # Bots are told of channels that they cannot see, too; only what is said there is kept from them.
        "channels": [channel(part) for part in parts if part.thread is None],
        "threads": [channel(part, world.bot) for part in active],
        **{name: [] for name in ("voice_states", "presences", "stage_instances", "guild_scheduled_events")},
        "soundboard_sounds": [],
    }


def attachment(world: World, message_channel: Channel, one: Attachment) -> JSON:
    """Give a file; it is served where its URL says."""
    url = f"{world.url}/attachments/{message_channel.id}/{one.id}/{one.filename}"
    made = {"id": str(one.id), "filename": one.filename, "size": len(one.data), "url": url, "proxy_url": url}
    return made | ({"description": one.description} if one.description else {})


def message(world: World, one: Message, *, deep: bool = True) -> JSON:
    """Give a message; ``deep`` tells to give the one that it answers, too."""
    pinged = one.mentioned
    made: JSON = {
        "id": str(one.id),
        "type": one.kind,
        "channel_id": str(one.channel.id),
        "author": user(one.author),
        "content": one.content,
        "mentions": [user(world.users[found]) for found in sorted(pinged.users) if found in world.users],
        "mention_roles": [str(found) for found in sorted(pinged.roles)],
        "mention_everyone": pinged.everyone,
        "attachments": [attachment(world, one.channel, file) for file in one.attachments],
        "embeds": one.embeds,
        "timestamp": stamp(one.created_at),
        "edited_timestamp": stamp(one.edited_at),
        "flags": one.flags,
        "components": one.components,
        "pinned": False,
        "tts": False,
    }
    if one.nonce is not None:
        made["nonce"] = one.nonce
    if one.thread is not None:
        made["thread"] = channel(one.thread, world.bot)
    if one.reactions:
        made["reactions"] = [_reaction(world, emoji, users) for emoji, users in one.reactions.items()]
    if one.reference is not None:
        made["message_reference"] = _reference(one.reference)
        if deep:
            made["referenced_message"] = message(world, one.reference, deep=False)
    if one.interaction is not None:
        made |= _from_interaction(world, one.interaction)
    return made


def _reference(one: Message) -> JSON:
    made: JSON = {"type": 0, "channel_id": str(one.channel.id), "message_id": str(one.id)}
    return made | ({"guild_id": str(one.channel.guild.id)} if one.channel.guild else {})


def _reaction(world: World, emoji: str, users: list[User]) -> JSON:
    return {
        "emoji": {"id": None, "name": emoji},
        "count": len(users),
        "count_details": {"burst": 0, "normal": len(users)},
        "burst_colors": [],
        "me_burst": False,
        "me": world.bot in users,
    }


def _from_interaction(world: World, one: Interaction) -> JSON:
    return {
        "application_id": str(world.application_id),
        "webhook_id": str(world.application_id),
        "interaction_metadata": interaction_metadata(one),
    }


def interaction_metadata(one: Interaction) -> JSON:
    """Give what a message tells of the interaction that it answers."""
    made: JSON = {
        "id": str(one.id),
        "type": one.kind,
        "user": user(one.user),
        "authorizing_integration_owners": _installed_in(one.channel),
    }
    if one.origin is not None:
        return made | {"triggering_interaction_metadata": interaction_metadata(one.origin)}
    return made | ({"interacted_message_id": str(one.message.id)} if one.message is not None else {})


def _installed_in(place: Channel) -> JSON:
    """Tell which guild has the application: none, written as 0, in a conversation with it."""
    return {"0": str(place.guild.id) if place.guild else "0"}


def interaction(world: World, one: Interaction) -> JSON:
    """Give an interaction, as the gateway does."""
    place = one.channel
    made: JSON = {
        "id": str(one.id),
        "application_id": str(world.application_id),
        "type": one.kind,
        "token": one.token,
        "version": 1,
        "data": one.data,
        "channel_id": str(place.id),
        "channel": channel(place) | {"permissions": str(permissions.in_channel(place, one.user))},
        "locale": LOCALE,
        "entitlements": [],
        "attachment_size_limit": 10 * 1024 * 1024,
        "app_permissions": str(permissions.in_channel(place, world.bot)),
        "authorizing_integration_owners": _installed_in(place),
    }
    if place.guild is not None:
        rights = {"permissions": str(permissions.in_channel(place, one.user))}
        made |= {
            "guild_id": str(place.guild.id),
            "guild": {"id": str(place.guild.id), "locale": LOCALE, "features": []},
            "guild_locale": LOCALE,
            "member": member(place.guild.members[one.user.id]) | rights,
            "context": 0,
        }
    else:
        made |= {"user": user(one.user), "context": 1}
    if one.message is not None:
        made["message"] = message(world, one.message)
    return made

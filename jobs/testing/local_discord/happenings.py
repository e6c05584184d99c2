"""What follows when something changes, whoever changed it: the state, and the gateway's events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.testing.local_discord import shapes
from jobs.testing.local_discord.errors import Refused
from jobs.testing.local_discord.records import (
    EPHEMERAL,
    HAS_THREAD,
    JSON,
    LOADING,
    Attachment,
    Channel,
    Guild,
    Interaction,
    Message,
    ThreadState,
    User,
    now,
)
from jobs.testing.local_discord.world import Event

if TYPE_CHECKING:
    from jobs.testing.local_discord.message_rules import Draft
    from jobs.testing.local_discord.world import World

GUILDS, MEMBERS, MESSAGES, REACTIONS, TYPING = 1 << 0, 1 << 1, 1 << 9, 1 << 10, 1 << 11
DIRECT_MESSAGES, DIRECT_REACTIONS, DIRECT_TYPING, CONTENT = 1 << 12, 1 << 13, 1 << 14, 1 << 15
PRIVILEGED = MEMBERS | 1 << 8 | CONTENT
THREAD_CREATED, REPLY, CHAT_COMMAND, STARTER = 18, 19, 20, 21


def tell(world: World, channel: Channel, name: str, data: JSON, intents: tuple[int, int] = (GUILDS, 0)) -> None:
    """Send an event of a channel; ``intents`` are those for guilds and for one person.

    What happens in a channel that the bot does not see is kept from it, but not that there is such a channel.
    """
    place: JSON = {"guild_id": str(channel.guild.id)} if channel.guild else {}
    if name.startswith("CHANNEL_") or channel.deleted or world.sees(channel):
        world.announce(Event(name, data | place, intents[0] if channel.guild else intents[1]))


def _message_event(world: World, message: Message, name: str) -> None:
    """Send a message's event; its words are left out for who lacks the intent, unless they are for the bot."""
    channel = message.channel
    if message.ephemeral or not world.sees(channel):
        return
    data = shapes.message(world, message)
    if channel.guild is not None:
        data["guild_id"] = str(channel.guild.id)
        if message.author.id in channel.guild.members and message.interaction is None:
            data["member"] = shapes.member(channel.guild.members[message.author.id], whole=False)
    mine = message.author is world.bot or any(one["id"] == str(world.bot.id) for one in data["mentions"])
    hidden = None
    if channel.guild is not None and not mine:
        hidden = data | {"content": "", "embeds": [], "components": [], "attachments": []}
    world.announce(Event(name, data, MESSAGES if channel.guild else DIRECT_MESSAGES, hidden))


def create_message(
    world: World,
    channel: Channel,
    author: User,
    draft: Draft,
    *,
    interaction: Interaction | None = None,
    only_for: User | None = None,
    loading: bool = False,
    reference: Message | None = None,
    kind: int = 0,
) -> Message:
    """Put a message into a channel; an archived thread comes back, a locked one refuses."""
    wake(world, channel, author)
    flags = draft.flags | (LOADING if loading else 0)
    message = Message(
        id=world.new_id(),
        channel=channel,
        author=author,
        content=draft.content or "",
        embeds=draft.embeds or [],
        components=draft.components or [],
        allowed_mentions=draft.allowed_mentions,
        flags=flags | EPHEMERAL if only_for else flags & ~EPHEMERAL,
        kind=kind,
        nonce=draft.nonce,
        reference=reference,
        interaction=interaction,
        only_for=only_for,
    )
    message.attachments = [Attachment(world.new_id(), one.filename, one.data) for one in draft.uploads]
    channel.messages.append(message)
    _message_event(world, message, "MESSAGE_CREATE")
    return message


def wake(world: World, channel: Channel, author: User) -> None:
    """Take a thread out of the archive, since somebody writes in it; nobody may write in a locked one."""
    state = channel.thread
    if state is None:
        return
    if state.locked:
        raise Refused(400, 50083, "Thread is archived")
    if state.archived:
        state.archived, state.changed_at = False, now()
        tell(world, channel, "THREAD_UPDATE", shapes.channel(channel, world.bot))
    if author.id not in state.members:
        join_thread(world, channel, author)


def edit_message(world: World, message: Message, draft: Draft) -> None:
    """Change what a draft gives; the state before is kept, except that of a message that was only "thinking"."""
    content = (draft.content or "") if "content" in draft.given else message.content
    embeds = message.embeds if draft.embeds is None else draft.embeds
    components = message.components if draft.components is None else draft.components
    files = [one for one in message.attachments if draft.kept is None or one.id in draft.kept]
    files += [Attachment(world.new_id(), one.filename, one.data) for one in draft.uploads]
    if not (content or embeds or components or files):
        raise Refused(400, 50006, "Cannot send an empty message")
    if message.loading:
        message.flags &= ~LOADING
    else:
        message.edits.append(message.version)
    message.content, message.embeds, message.components, message.attachments = content, embeds, components, files
    message.allowed_mentions, message.edited_at = draft.allowed_mentions, now()
    message.flags |= draft.flags & ~EPHEMERAL
    _message_event(world, message, "MESSAGE_UPDATE")


def delete_message(world: World, message: Message) -> None:
    """Take a message away."""
    message.deleted = True
    if not message.ephemeral:
        data = {"id": str(message.id), "channel_id": str(message.channel.id)}
        tell(world, message.channel, "MESSAGE_DELETE", data, (MESSAGES, DIRECT_MESSAGES))


def react(world: World, message: Message, emoji: str, user: User) -> None:
    """Put a reaction on a message; a second one of the same person is none."""
    users = message.reactions.setdefault(emoji, [])
    if user in users:
        return
    users.append(user)
    data: JSON = {
        "user_id": str(user.id),
        "channel_id": str(message.channel.id),
        "message_id": str(message.id),
        "emoji": {"id": None, "name": emoji},
        "message_author_id": str(message.author.id),
        "burst": False,
        "type": 0,
    }
    if message.channel.guild is not None:
        data["member"] = shapes.member(message.channel.guild.members[user.id])
    tell(world, message.channel, "MESSAGE_REACTION_ADD", data, (REACTIONS, DIRECT_REACTIONS))


def create_channel(world: World, guild: Guild, name: str, kind: int) -> Channel:
    """Make a channel in a guild."""
    channel = world.new_channel(kind, name, guild)
    tell(world, channel, "CHANNEL_CREATE", shapes.channel(channel))
    return channel


def delete_channel(world: World, channel: Channel) -> None:
    """Take a channel or a thread away, with a channel's threads."""
    seen = world.sees(channel)
    data = shapes.channel(channel)
    channel.deleted = True
    if channel.thread is None:
        tell(world, channel, "CHANNEL_DELETE", data)
    elif seen:
        tell(world, channel, "THREAD_DELETE", data)
    if channel.guild is not None:
        channel.guild.channels.pop(channel.id, None)
        for thread in [one for one in channel.guild.channels.values() if one.parent is channel]:
            delete_channel(world, thread)


def create_thread(
    world: World, parent: Channel, name: str, owner: User, *, kind: int, auto_archive: int, start: Message | None
) -> Channel:
    """Make a thread, on a message (whose id it takes) or by itself."""
    number = start.id if start else world.new_id()
    thread = Channel(number, kind, name, parent.guild, parent, thread=ThreadState(owner, auto_archive))
    world.keep_channel(thread)
    if thread.thread is not None:
        thread.thread.members[owner.id] = now()
    tell(world, thread, "THREAD_CREATE", shapes.channel(thread, world.bot) | {"newly_created": True})
    if start is not None:
        start.thread = thread
        start.flags |= HAS_THREAD
        _message_event(world, start, "MESSAGE_UPDATE")
        _system_message(world, thread, owner, STARTER, "", start)
    elif kind != 12:
        _system_message(world, parent, owner, THREAD_CREATED, name, None)
    return thread


def _system_message(
    world: World, channel: Channel, author: User, kind: int, content: str, reference: Message | None
) -> None:
    message = Message(world.new_id(), channel, author, content, kind=kind, reference=reference)
    message.allowed_mentions = {"parse": []}
    channel.messages.append(message)
    _message_event(world, message, "MESSAGE_CREATE")


def join_thread(world: World, thread: Channel, user: User) -> None:
    """Put somebody into a thread."""
    state = thread.thread
    if state is None or user.id in state.members:
        return
    state.members[user.id] = now()
    data: JSON = {
        "id": str(thread.id),
        "member_count": len(state.members),
        "added_members": [shapes.thread_member(thread, user.id)],
        "removed_member_ids": [],
    }
    if user is world.bot:
        tell(world, thread, "THREAD_CREATE", shapes.channel(thread, world.bot))
        tell(world, thread, "THREAD_MEMBERS_UPDATE", data)
    elif world.bot.id in state.members:
        # Others' comings are told only to who has the intent for members, which is also enough to be told.
        tell(world, thread, "THREAD_MEMBERS_UPDATE", data, (MEMBERS, 0))


def change_channel(world: World, channel: Channel, changes: JSON) -> None:
    """Change a channel's name or topic, or a thread's state."""
    channel.name = changes.get("name") or channel.name
    state = channel.thread
    if state is None:
        channel.topic = changes.get("topic", channel.topic)
        tell(world, channel, "CHANNEL_UPDATE", shapes.channel(channel))
        return
    if changes.get("archived") is not None and changes["archived"] != state.archived:
        state.archived, state.changed_at = bool(changes["archived"]), now()
    if changes.get("locked") is not None:
        state.locked = bool(changes["locked"])
    state.auto_archive = changes.get("auto_archive_duration") or state.auto_archive
    tell(world, channel, "THREAD_UPDATE", shapes.channel(channel, world.bot))


def typing(world: World, channel: Channel, user: User) -> None:
    """Show that somebody types."""
    data: JSON = {"channel_id": str(channel.id), "user_id": str(user.id), "timestamp": int(now().timestamp())}
    if channel.guild is not None:
        data["member"] = shapes.member(channel.guild.members[user.id])
    tell(world, channel, "TYPING_START", data, (TYPING, DIRECT_TYPING))


def enter(world: World, guild: Guild) -> None:
    """Let the bot into a guild."""
    world.announce(Event("GUILD_CREATE", shapes.joined_guild(world, guild), GUILDS))


def leave(world: World, guild: Guild) -> None:
    """Put the bot out of a guild."""
    world.announce(Event("GUILD_DELETE", {"id": str(guild.id)}, GUILDS))

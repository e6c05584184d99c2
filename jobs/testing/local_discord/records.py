"""What a local Discord holds: people, guilds, channels, messages, interactions, and what was asked of it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from jobs.testing.local_discord import mentions

JSON = dict[str, Any]

TEXT_CHANNEL, DIRECT, NEWS, PUBLIC_THREAD, PRIVATE_THREAD = 0, 1, 5, 11, 12
EPHEMERAL, LOADING, HAS_THREAD, COMPONENTS_V2 = 1 << 6, 1 << 7, 1 << 5, 1 << 15
COMMAND, COMPONENT, AUTOCOMPLETE, MODAL = 2, 3, 4, 5
"""Kinds of interactions."""


def now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


@dataclass(eq=False, slots=True)
class User:
    """A person or a bot."""

    id: int
    name: str
    bot: bool = False

    @property
    def mention(self) -> str:
        """How a message mentions this user."""
        return f"<@{self.id}>"


@dataclass(eq=False, slots=True)
class Role:
    """A role of a guild; ``permissions`` are bits, see ``permissions.py``."""

    id: int
    name: str
    permissions: int
    managed_by: User | None = None


@dataclass(eq=False, slots=True)
class Member:
    """A user in a guild."""

    user: User
    roles: list[Role]
    joined_at: datetime = field(default_factory=now)


@dataclass(slots=True)
class Overwrite:
    """What a channel gives to, or takes from, one role or member (whose id is ``id``)."""

    id: int
    member: bool
    allow: int = 0
    deny: int = 0


@dataclass(eq=False, slots=True)
class Guild:
    """A guild ("server"); the role with the guild's own id is @everyone."""

    id: int
    name: str
    owner: User
    roles: dict[int, Role] = field(default_factory=dict)
    members: dict[int, Member] = field(default_factory=dict)
    channels: dict[int, Channel] = field(default_factory=dict)
    commands: list[JSON] = field(default_factory=list)


@dataclass(slots=True)
class ThreadState:
    """What only threads have; ``auto_archive`` is in minutes."""

    owner: User
    auto_archive: int
    archived: bool = False
    locked: bool = False
    changed_at: datetime = field(default_factory=now)
    created_at: datetime = field(default_factory=now)
    members: dict[int, datetime] = field(default_factory=dict)


@dataclass(eq=False, slots=True)
class Channel:
    """A channel of a guild, a thread, or a conversation with one person (``guild`` is None)."""

    id: int
    kind: int
    name: str
    guild: Guild | None = None
    parent: Channel | None = None
    topic: str | None = None
    recipients: list[User] = field(default_factory=list)
    overwrites: list[Overwrite] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    thread: ThreadState | None = None
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file of a message."""

    id: int
    filename: str
    data: bytes
    description: str | None = None


@dataclass(frozen=True, slots=True)
class Version:
    """One state of a message."""

    content: str
    embeds: list[JSON]
    components: list[JSON]
    allowed_mentions: JSON | None
    at: datetime


@dataclass(eq=False, slots=True)
class Message:
    """A message; ``only_for`` is who alone sees an ephemeral one, ``edits`` are the states before the current one."""

    id: int
    channel: Channel
    author: User
    content: str = ""
    embeds: list[JSON] = field(default_factory=list)
    components: list[JSON] = field(default_factory=list)
    attachments: list[Attachment] = field(default_factory=list)
    allowed_mentions: JSON | None = None
    flags: int = 0
    kind: int = 0
    created_at: datetime = field(default_factory=now)
    edited_at: datetime | None = None
    nonce: str | int | None = None
    reference: Message | None = None
    thread: Channel | None = None
    interaction: Interaction | None = None
    only_for: User | None = None
    deleted: bool = False
    edits: list[Version] = field(default_factory=list)
    reactions: dict[str, list[User]] = field(default_factory=dict)

    @property
    def ephemeral(self) -> bool:
        """Whether only one person sees it."""
        return self.only_for is not None

    @property
    def loading(self) -> bool:
        """Whether it still says that the application is thinking."""
        return bool(self.flags & LOADING)

    @property
    def version(self) -> Version:
        """The current state."""
        at = self.edited_at or self.created_at
        return Version(self.content, self.embeds, self.components, self.allowed_mentions, at)

    @property
    def pings(self) -> mentions.Pings:
        """Whom this message would ping, in any of its states, in a guild that lets the author ping everyone."""
        found = self.mentioned
        for version in self.edits:
            found |= mentions.pings(version.content, version.allowed_mentions)
        return found

    @property
    def mentioned(self) -> mentions.Pings:
        """Whom the current state mentions; an answer mentions whom it answers, unless told not to."""
        found = mentions.pings(self.content, self.allowed_mentions)
        answered = self.reference if self.interaction is None else None
        if answered is not None and mentions.pings_author(self.allowed_mentions):
            found |= mentions.Pings(users=frozenset({answered.author.id}))
        return found

    def component(self, custom_id: str) -> JSON:
        """Return the button or select with ``custom_id``; raises ``LookupError`` where there is none."""
        for one in walk(self.components):
            if one.get("custom_id") == custom_id:
                return one
        raise LookupError(f"message {self.id} has no component {custom_id!r}")

    def button(self, label: str) -> JSON:
        """Return the button that says ``label``; raises ``LookupError`` where there is none."""
        for one in walk(self.components):
            if one.get("type") == 2 and one.get("label") == label:
                return one
        raise LookupError(f"message {self.id} has no button {label!r}")


def walk(components: list[JSON]) -> list[JSON]:
    """Return all components, those inside others too."""
    found = []
    for one in components:
        found.append(one)
        inner = [one[name] for name in ("component", "accessory") if isinstance(one.get(name), dict)]
        found += walk([*one.get("components", []), *inner])
    return found


@dataclass(eq=False, slots=True)
class Interaction:
    """What a person did with the application, and what became of it.

    ``acknowledged`` is the type of the first answer (4, 5, 6, 7, 8 or 9), ``seconds`` how long it took; ``failed`` is
    what the person was told when none came in time.
    """

    id: int
    token: str
    kind: int
    user: User
    channel: Channel
    data: JSON
    message: Message | None = None
    origin: Interaction | None = None
    started: float = field(default_factory=time.monotonic)
    acknowledged: int | None = None
    seconds: float | None = None
    response: Message | None = None
    followups: list[Message] = field(default_factory=list)
    modal: JSON | None = None
    choices: list[JSON] = field(default_factory=list)
    failed: str = ""
    expired: bool = False

    @property
    def deferred(self) -> bool:
        """Whether it was acknowledged without an answer at first."""
        return self.acknowledged in {5, 6}

    @property
    def ephemeral(self) -> bool:
        """Whether the answer is for the asking person only."""
        return self.response is not None and self.response.ephemeral

    @property
    def messages(self) -> list[Message]:
        """All that was said in answer, oldest first, without what was deleted."""
        said = [self.response, *self.followups]
        return [message for message in said if message is not None and not message.deleted]

    @property
    def text(self) -> str:
        """The contents of all that was said, with the embeds' texts."""
        return "\n".join(text_of(message) for message in self.messages)


def text_of(message: Message) -> str:
    """Return all that a message says to its reader: content, embeds, texts and labels of components."""
    parts: list[Any] = [message.content]
    for embed in message.embeds:
        fields = [part for one in embed.get("fields", []) for part in (one["name"], one["value"])]
        author, footer = embed.get("author", {}).get("name"), embed.get("footer", {}).get("text")
        parts += [author, embed.get("title"), embed.get("description"), *fields, footer]
    for one in walk(message.components):
        parts += [one.get("content"), one.get("label")]
    return "\n".join(part for part in parts if part)


@dataclass(frozen=True, slots=True)
class Violation:
    """Something that the bot did and that Discord refuses."""

    method: str
    path: str
    status: int
    code: int
    message: str
    errors: JSON | None = None


@dataclass(frozen=True, slots=True)
class Frame:
    """One message of the gateway; ``sent`` tells that it went to the bot."""

    sent: bool
    op: int
    event: str
    data: Any
    at: float

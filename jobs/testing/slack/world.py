"""The whole state of a local Slack behind one lock, and the few verbs that everything else is made of."""

from __future__ import annotations

import itertools
import secrets
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jobs.testing.changing import Changing
from jobs.testing.slack.blocks import named
from jobs.testing.slack.records import (
    JSON,
    Acknowledgement,
    Call,
    Channel,
    Delivery,
    ErrorSeen,
    Message,
    Response,
    User,
    Version,
    View,
    Violation,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from jobs.testing.slack.manifest import Registration

TEAM_ID = "T0670670670"
TEAM_DOMAIN = "local"
APP_ID = "A0670670670"
BOT_ID = "B0670670670"
VERIFICATION = "an-old-verification-token"


@dataclass(slots=True)
class Trigger:
    """A ``trigger_id``: good for a short time, once; ``view`` is where it was pressed, if that was a modal."""

    user: User
    issued_at: float
    view: View | None = None
    used: bool = False


@dataclass(slots=True)
class ResponseUrl:
    """A ``response_url``: good five times in thirty minutes; ``original`` is the message that was acted on."""

    url: str
    user: User
    channel: Channel
    original: Message | None
    issued_at: float
    thread_ts: str = ""
    uses: int = 0


class World(Changing):
    """People, channels, views and the record of what happened; hold ``lock`` to touch any of it."""

    def __init__(self, registration: Registration) -> None:
        self.registration = registration
        self.url = ""
        super().__init__()
        self.users: dict[str, User] = {}
        self.channels: dict[str, Channel] = {}
        self.views: dict[str, View] = {}
        self.homes: dict[str, View] = {}
        self.triggers: dict[str, Trigger] = {}
        self.response_urls: dict[str, ResponseUrl] = {}
        self.calls: list[Call] = []
        self.violations: list[Violation] = []
        self.responses: list[Response] = []
        self.errors_seen: list[ErrorSeen] = []
        self.deliveries: list[Delivery] = []
        self.acknowledgements: list[Acknowledgement] = []
        self.announce: Callable[[str, Message, JSON | None], None] = _silence
        """Told of what happens to messages: message, message_changed or message_deleted, and what was before."""
        self._ids = itertools.count(1)
        self._last_ts = 0
        self.bot = self.add_user("opus67", "", real_name="Opus 67", is_bot=True)

    def new_id(self, letter: str) -> str:
        """Return an id in Slack's form: a letter that tells the kind, and ten more."""
        return f"{letter}{next(self._ids):06d}{secrets.token_hex(2).upper()}"

    def new_ts(self) -> str:
        """Return a time stamp in Slack's form, which no message has yet."""
        self._last_ts = max(self._last_ts + 1, time.time_ns() // 1000)
        return f"{self._last_ts // 1_000_000}.{self._last_ts % 1_000_000:06d}"

    def add_user(self, name: str, email: str, *, real_name: str = "", is_bot: bool = False) -> User:
        """Make a person or a bot."""
        user = User(self.new_id("U"), name, email, real_name or name.capitalize(), is_bot)
        self.users[user.id] = user
        return user

    def user(self, who: User | str) -> User:
        """Return a person by id or name, made where nobody is called so yet."""
        if isinstance(who, User):
            return who
        found = self.users.get(who) or next((user for user in self.users.values() if user.name == who), None)
        return found or self.add_user(who, f"{who}@example.com")

    def add_channel(self, name: str, kind: str, members: Sequence[User]) -> Channel:
        """Make a conversation."""
        letter = {"channel": "C", "group": "C", "im": "D"}[kind]
        channel = Channel(self.new_id(letter), name, kind, int(time.time()), [user.id for user in members])
        self.channels[channel.id] = channel
        return channel

    def channel(self, which: Channel | str) -> Channel:
        """Return a conversation by id or name; raises ``LookupError`` where there is none."""
        if isinstance(which, Channel):
            return which
        bare = which.removeprefix("#")
        for channel in self.channels.values():
            if which == channel.id or (bare == channel.name and channel.kind != "im"):
                return channel
        raise LookupError(f"there is no channel {which}")

    def direct(self, user: User) -> Channel:
        """Return the conversation between a person and the bot, opened where it was not."""
        for channel in self.channels.values():
            if channel.kind == "im" and user.id in channel.members:
                return channel
        return self.add_channel("", "im", [user, self.bot])

    def post(
        self,
        channel: Channel,
        user: User,
        version: Version,
        *,
        thread: Message | None = None,
        visible_to: str = "",
        broadcast: bool = False,
    ) -> Message:
        """Put a message into a channel, into a thread, or before the eyes of one user."""
        thread_ts = thread.ts if thread else ""
        message = Message(
            self.new_ts(), channel, user, [version], thread_ts=thread_ts, visible_to=visible_to, broadcast=broadcast
        )
        if visible_to:
            channel.whispers.append(message)
        elif thread is not None:
            thread.replies.append(message)
        else:
            channel.messages.append(message)
        if not visible_to:
            self.announce("message", message, None)
        return message

    def edit(self, message: Message, version: Version) -> None:
        """Give a message its next version; the flag "edited" is shown only where the text is what people read."""
        before = {"text": message.text, "blocks": message.blocks, "ts": message.ts, "user": message.user.id}
        message.versions.append(version)
        if not version.blocks:
            message.edited_ts = self.new_ts()
        if not message.visible_to:
            self.announce("message_changed", message, before)

    def delete(self, message: Message) -> None:
        """Take a message away."""
        message.deleted = True
        if not message.visible_to:
            self.announce("message_deleted", message, None)

    def new_trigger(self, user: User, view: View | None = None) -> str:
        """Hand out a ``trigger_id``."""
        trigger_id = f"{secrets.randbelow(10**12)}.{secrets.randbelow(10**12)}.{secrets.token_hex(16)}"
        self.triggers[trigger_id] = Trigger(user, time.monotonic(), view)
        return trigger_id

    def new_response_url(self, kind: str, user: User, channel: Channel, original: Message | None = None) -> ResponseUrl:
        """Hand out a ``response_url``; ``kind`` is commands or actions."""
        path = f"/{kind}/{TEAM_ID}/{secrets.randbelow(10**12)}/{secrets.token_urlsafe(18)}"
        thread_ts = original.thread_ts if original else ""
        made = ResponseUrl(f"{self.url}{path}", user, channel, original, time.monotonic(), thread_ts)
        self.response_urls[path] = made
        return made


def version(
    text: str, blocks: Sequence[JSON] = (), attachments: Sequence[JSON] = (), metadata: JSON | None = None
) -> Version:
    """Make what a message says from now on."""
    return Version(text, named(list(blocks)), list(attachments), metadata, time.time())


def _silence(*_: object) -> None:
    """Tell nobody: no sender was set."""

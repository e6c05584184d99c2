"""What the local Slack keeps: people, channels, messages, views, and the record of all that was said to the app."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

JSON = dict[str, Any]


@dataclass(slots=True, eq=False)
class User:
    """A person, or the app's own bot user."""

    id: str
    name: str
    email: str
    real_name: str
    is_bot: bool = False


@dataclass(slots=True, eq=False)
class Channel:
    """A conversation; ``kind`` is Slack's channel_type: channel (public), group (private) or im (direct)."""

    id: str
    name: str
    kind: str
    created: int
    members: list[str] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    """What stands in the channel itself, oldest first; what was answered in a thread is under ``replies``."""
    whispers: list[Message] = field(default_factory=list)
    """Ephemeral messages, oldest first; each is seen by one person only."""
    archived: bool = False

    @property
    def everything(self) -> list[Message]:
        """All messages and replies that everybody in the channel sees, those that were deleted left out."""
        found = [one for root in self.messages for one in (root, *root.replies)]
        return [one for one in found if not one.deleted]

    def find(self, ts: str) -> Message | None:
        """Return the message with this ``ts``, in a thread or not."""
        return next((message for message in self.everything if message.ts == ts), None)


@dataclass(frozen=True, slots=True)
class Version:
    """What a message said from ``at`` on (seconds since the epoch)."""

    text: str
    blocks: list[JSON]
    attachments: list[JSON]
    metadata: JSON | None
    at: float


@dataclass(slots=True, eq=False)
class Message:
    """A message; ``visible_to`` is the one user who sees it when it is ephemeral, and empty otherwise."""

    ts: str
    channel: Channel
    user: User
    versions: list[Version]
    thread_ts: str = ""
    visible_to: str = ""
    broadcast: bool = False
    deleted: bool = False
    edited_ts: str = ""
    replies: list[Message] = field(default_factory=list)
    reactions: list[tuple[str, User]] = field(default_factory=list)
    typed: dict[str, JSON] = field(default_factory=dict)
    """What each user has entered into the inputs of this message: block id, action id, state."""

    @property
    def current(self) -> Version:
        """What the message says now."""
        return self.versions[-1]

    @property
    def text(self) -> str:
        """The text now; where there are blocks, only notifications show it."""
        return self.current.text

    @property
    def blocks(self) -> list[JSON]:
        """The blocks now."""
        return self.current.blocks

    @property
    def metadata(self) -> JSON | None:
        """The metadata now; people never see it."""
        return self.current.metadata

    @property
    def edits(self) -> list[Version]:
        """Every later version, oldest first."""
        return self.versions[1:]


@dataclass(slots=True, eq=False)
class View:
    """A modal, or a home tab; ``payload`` is what the app gave, ``open`` tells whether the user still sees it."""

    id: str
    user: User
    payload: JSON
    hash: str
    root_id: str
    previous_id: str = ""
    open: bool = True
    errors: dict[str, str] = field(default_factory=dict)
    """What the app found wrong at the last submission, by block id."""
    typed: dict[str, JSON] = field(default_factory=dict)
    versions: list[JSON] = field(default_factory=list)
    suggested: dict[str, list[JSON]] = field(default_factory=dict)
    """The options that the app last suggested, by action id."""

    @property
    def blocks(self) -> list[JSON]:
        """The blocks now."""
        blocks: list[JSON] = self.payload["blocks"]
        return blocks

    @property
    def callback_id(self) -> str:
        """The app's own name for this sort of view."""
        return str(self.payload.get("callback_id", ""))

    @property
    def private_metadata(self) -> str:
        """What the app hid in the view for itself."""
        return str(self.payload.get("private_metadata", ""))


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the Web API and its answer; ``fault`` tells that the answer was spoilt on purpose."""

    method: str
    arguments: JSON
    headers: dict[str, str]
    status: int
    answer: JSON
    token: str
    fault: bool
    at: float

    @property
    def error(self) -> str:
        """Slack's word for what was wrong; empty when all was well."""
        return str(self.answer.get("error", ""))


@dataclass(frozen=True, slots=True)
class Violation:
    """Something that the app did and Slack does not accept; ``messages`` say it in detail."""

    where: str
    error: str
    messages: tuple[str, ...]
    arguments: JSON


@dataclass(frozen=True, slots=True)
class Response:
    """What the app said through a ``response_url`` or in its answer to a slash command."""

    url: str
    channel: Channel
    user: User
    text: str
    blocks: list[JSON]
    response_type: str
    replace_original: bool
    delete_original: bool
    thread_ts: str
    message: Message | None
    at: float

    @property
    def visible_to(self) -> str:
        """The id of the one user who sees it; empty when everybody in the channel does."""
        return self.user.id if self.response_type == "ephemeral" else ""


@dataclass(frozen=True, slots=True)
class ErrorSeen:
    """What a person was shown when the app did not answer as it should."""

    user: User
    what: str
    error: str


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """What the app answered over the socket; ``payload`` is None where it only acknowledged."""

    envelope_id: str
    payload: JSON | None
    connection: int
    at: float


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try to tell the app something; ``status`` is 0 where it gave no answer, and ``reason`` says why."""

    number: int
    status: int
    seconds: float
    text: str
    headers: dict[str, str]
    reason: str
    at: float

    @property
    def well(self) -> bool:
        """True when the app answered as Slack wants it."""
        return 200 <= self.status < 300


@dataclass(slots=True, eq=False)
class Delivery:
    """One thing on its way to the app: ``kind`` is events_api, slash_commands, interactive or url_verification."""

    id: str
    kind: str
    payload: JSON
    body: bytes
    content_type: str
    attempts: list[Attempt] = field(default_factory=list)
    given_up: bool = False
    """True when nothing more will be tried by itself."""
    tries: int = 0
    """How often it was sent, those on the way included."""

    @property
    def first(self) -> Attempt:
        """The first try; raises ``LookupError`` while there is none that ended."""
        if not self.attempts:
            raise LookupError(f"{self.id} has not been answered yet")
        return self.attempts[0]

    @property
    def status(self) -> int:
        """What the app answered last: an HTTP status, 200 for an acknowledged envelope, 0 for nothing."""
        return self.attempts[-1].status if self.attempts else 0

    @property
    def seconds(self) -> float:
        """How long the app took at the last try."""
        return self.attempts[-1].seconds if self.attempts else 0.0

    @property
    def text(self) -> str:
        """The body that the app answered last."""
        return self.attempts[-1].text if self.attempts else ""

    @property
    def acknowledged(self) -> bool:
        """True when one of the tries went well."""
        return any(attempt.well for attempt in self.attempts)

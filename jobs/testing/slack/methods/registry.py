"""How a method says what it answers: its name and scope, and the arguments that a handler gets."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from jobs.testing.slack.errors import Refused, missing

if TYPE_CHECKING:
    from collections.abc import Iterable

    from jobs.testing.slack.records import JSON, Channel, Message, User
    from jobs.testing.slack.world import World

BOT, APP, NOBODY = "bot", "app", "none"
HISTORY = {"channel": "channels:history", "group": "groups:history", "im": "im:history"}
READ = {"channel": "channels:read", "group": "groups:read", "im": "im:read"}


@dataclass(slots=True)
class Arguments:
    """What a call gives, from a form or from JSON, and the lookups that most methods begin with."""

    world: World
    given: JSON
    trigger_seconds: float
    socket_url: Callable[[], str]

    def text(self, name: str, default: str = "") -> str:
        """Return a text argument; empty where it is missing."""
        value = self.given.get(name)
        if value is None:
            return default
        if not isinstance(value, str):
            raise Refused("invalid_arguments", [f"[ERROR] must provide a string [json-pointer:/{name}]"])
        return value

    def required(self, *names: str) -> tuple[str, ...]:
        """Return text arguments that must be there and not be empty."""
        absent = [name for name in names if self.given.get(name) in (None, "")]
        if absent:
            raise missing(*absent)
        return tuple(self.text(name) for name in names)

    def flag(self, name: str) -> bool:
        """Return a boolean argument, as forms and JSON write it."""
        value = self.given.get(name, False)
        if value in (True, "1", "true", "True"):
            return True
        if value in (False, "0", "false", "False", "", None):
            return False
        raise Refused("invalid_arguments", [f"[ERROR] must provide a boolean [json-pointer:/{name}]"])

    def whole(self, name: str, default: int, most: int) -> int:
        """Return a number argument from 1 to ``most``."""
        value = str(self.given.get(name) or default)
        if not value.isdigit() or not 1 <= int(value) <= most:
            raise Refused("invalid_limit" if name == "limit" else "invalid_arguments")
        return int(value)

    def structure(self, name: str, error: str) -> Any:
        """Return an argument that is JSON, also where a form carries it as text; None where it is missing."""
        value = self.given.get(name)
        if not isinstance(value, str):
            return value
        if not value:
            return None
        try:
            return json.loads(value)
        except ValueError:
            raise Refused(error) from None

    def channel(self, name: str = "channel", *, people: bool = False) -> Channel:
        """Return the channel that is named and that the bot can see; with ``people`` a user's id means its DM."""
        (which,) = self.required(name)
        if people and which in self.world.users:
            return self.world.direct(self.world.users[which])
        try:
            found = self.world.channel(which)
        except LookupError:
            raise Refused("channel_not_found") from None
        if found.kind != "channel" and self.world.bot.id not in found.members:
            raise Refused("channel_not_found")
        return found

    def joined(self, *, people: bool = False) -> Channel:
        """Return the channel that is named, where the bot is a member."""
        found = self.channel(people=people)
        if self.world.bot.id not in found.members:
            raise Refused("not_in_channel")
        if found.archived:
            raise Refused("is_archived")
        return found

    def message(self, name: str = "ts") -> Message:
        """Return the message that the call is about."""
        channel = self.channel()
        (ts,) = self.required(name)
        found = channel.find(ts)
        if found is None:
            raise Refused("message_not_found")
        return found

    def user(self, name: str = "user") -> User:
        """Return the user who is named."""
        (who,) = self.required(name)
        if who not in self.world.users:
            raise Refused("user_not_found")
        return self.world.users[who]

    def demand(self, scope: str) -> None:
        """Refuse the call when the app was not given ``scope``."""
        if scope and scope not in self.world.registration.scopes:
            provided = ",".join(sorted(self.world.registration.scopes))
            raise Refused("missing_scope", needed=scope, provided=provided)

    def page(self, items: list[Any], size: int) -> tuple[list[Any], JSON]:
        """Return one page of ``items`` after the call's cursor, and what tells how to go on."""
        cursor = self.text("cursor") or "page:0"
        start = cursor.removeprefix("page:")
        if not cursor.startswith("page:") or not start.isdigit():
            raise Refused("invalid_cursor")
        end = int(start) + size
        following = f"page:{end}" if end < len(items) else ""
        return items[int(start) : end], {"response_metadata": {"next_cursor": following}}


Handler = Callable[[Arguments], "JSON"]


@dataclass(frozen=True, slots=True)
class Method:
    """One method; ``token`` says whose token it takes, ``scope`` what the app must have been given."""

    name: str
    handler: Handler
    scope: str
    token: str


@dataclass(slots=True)
class Registry:
    """The methods of one family."""

    methods: dict[str, Method] = field(default_factory=dict)

    def method(self, name: str, *, scope: str = "", token: str = BOT) -> Callable[[Handler], Handler]:
        """Answer the method called ``name``."""

        def keep(handler: Handler) -> Handler:
            self.methods[name] = Method(name, handler, scope, token)
            return handler

        return keep


def members(world: World, ids: Iterable[str]) -> list[User]:
    """Return the users with these ids; an unknown one is refused."""
    wanted = list(ids)
    if any(one not in world.users for one in wanted):
        raise Refused("user_not_found")
    return [world.users[one] for one in wanted]

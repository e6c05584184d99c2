"""A Slack on loopback: its Web API, its events and interactions, its sockets, and the people who use it."""

from __future__ import annotations

import secrets
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Self, TypeVar

from jobs.testing.faults import Faults
from jobs.testing.loopback import Loopback, Served
from jobs.testing.slack.errors import Refused, explain
from jobs.testing.slack.hands import Hands
from jobs.testing.slack.manifest import Registration
from jobs.testing.slack.methods.registry import APP, BOT
from jobs.testing.slack.sender import Forgery, Sender
from jobs.testing.slack.web_api import WebApi
from jobs.testing.slack.world import World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from jobs.testing.slack.records import (
        Acknowledgement,
        Call,
        Delivery,
        ErrorSeen,
        Response,
        User,
        View,
        Violation,
    )
    from jobs.testing.slack.socket_mode import SocketMode

Found = TypeVar("Found")

LOCAL_SECRET = "local-signing-secret"


class LocalSlack(Served, Hands):
    """A workspace with one app; the methods are what people do, the properties what was seen.

    ``events_url`` may be set later; until then the app hears nothing. ``patience`` is how long Slack waits for an
    answer, ``retry_pace`` scales the waits before retries, ``trigger_seconds`` is the life of a ``trigger_id``.
    """

    def __init__(
        self,
        *,
        events_url: str = "",
        signing_secret: str = LOCAL_SECRET,
        socket_mode: bool | None = None,
        registration: Registration | None = None,
        patience: float = 3.0,
        retry_pace: float = 1.0,
        trigger_seconds: float = 3.0,
        port: int = 0,
    ) -> None:
        registered = registration or Registration()
        if socket_mode is not None:
            registered = replace(registered, socket_mode=socket_mode)
        self.signing_secret = signing_secret
        self.bot_token = f"xoxb-67-{secrets.token_hex(12)}"
        self.app_token = f"xapp-1-A067-67-{secrets.token_hex(16)}"
        self.world = World(registered)
        self.faults = Faults(explain)
        self.sender = Sender(self.world, signing_secret, patience=patience, retry_pace=retry_pace)
        self.sender.url = events_url
        self.world.announce = self.announce
        self._sockets = self._new_sockets(patience) if registered.socket_mode else None
        self.sender.carrier = self._sockets
        tokens = {self.bot_token: BOT, self.app_token: APP}
        self._api = WebApi(
            self.world, self.faults, tokens, trigger_seconds=trigger_seconds, socket_url=self._socket_url
        )
        self._loopback = Loopback(self._api.handle, port=port, name="local-slack")
        self.world.url = self.url

    def start(self) -> Self:
        """Begin to answer."""
        if self._sockets is not None:
            self._sockets.start()
        self._loopback.start()
        return self

    def stop(self) -> None:
        """Stop answering, and send nothing more."""
        self.sender.stop()
        self.faults.stop()
        if self._sockets is not None:
            self._sockets.stop()
        self._loopback.stop()

    @property
    def url(self) -> str:
        """The base URL of everything."""
        return self._loopback.url

    @property
    def api_url(self) -> str:
        """What ``SLACK_API_URL`` is set to."""
        return f"{self.url}/api/"

    @property
    def events_url(self) -> str:
        """Where events, commands and interactions are sent; nowhere while it is empty."""
        return self.sender.url

    @events_url.setter
    def events_url(self, url: str) -> None:
        self.sender.url = url

    @property
    def bot(self) -> User:
        """The app's bot user."""
        return self.world.bot

    def environment(self) -> dict[str, str]:
        """Return the settings that point Opus 67 here."""
        settings = {
            "SLACK_BOT_TOKEN": self.bot_token,
            "SLACK_SIGNING_SECRET": self.signing_secret,
            "SLACK_API_URL": self.api_url,
        }
        return settings | ({"SLACK_APP_TOKEN": self.app_token} if self._sockets else {})

    def down(self) -> None:
        """Go away: every request is cut, and so are the sockets; people go on writing."""
        self._api.down = True
        if self._sockets is not None:
            self._sockets.down = True
            self._sockets.cut()

    def up(self) -> None:
        """Come back after ``down``."""
        self._api.down = False
        if self._sockets is not None:
            self._sockets.down = False

    def cut(self, *, reset: bool = True) -> None:
        """Break the sockets; what was not acknowledged is sent again over the next one.

        Without ``reset`` they only end, which Bolt's built-in client does not notice before four of its pings.
        """
        self._the_sockets.cut(reset=reset)

    def refresh(self, reason: str = "refresh_requested") -> None:
        """Ask the app over its sockets to connect anew."""
        self._the_sockets.refresh(reason)

    @property
    def connections(self) -> int:
        """How many sockets the app has open."""
        return self._the_sockets.connections

    @contextmanager
    def forged(self, *, secret: str | None = None, age: float = 0.0, signature: str | None = None) -> Iterator[None]:
        """Sign wrongly what this thread does meanwhile: another secret, ``age`` seconds ago, or a given signature."""
        with self.sender.forged(Forgery(secret, age, signature)):
            yield

    def resend(self, delivery: Delivery) -> Delivery:
        """Send the very same once more, as a retry, and wait for the answer."""
        return self.sender.again(delivery)

    def wait_for(self, predicate: Callable[[], Found], timeout: float = 10.0, what: str = "what was awaited") -> Found:
        """Wait until ``predicate`` gives something true and return it; raises ``TimeoutError``."""
        return self.world.wait_for(predicate, timeout, what)

    @property
    def calls(self) -> list[Call]:
        """All calls of the Web API and uses of response URLs (``response_url``), oldest first."""
        with self.world.lock:
            return list(self.world.calls)

    def calls_of(self, method: str) -> list[Call]:
        """Return the calls of one method, oldest first."""
        return [call for call in self.calls if call.method == method]

    @property
    def violations(self) -> list[Violation]:
        """What the app did that Slack does not accept."""
        with self.world.lock:
            return list(self.world.violations)

    @property
    def deliveries(self) -> list[Delivery]:
        """All that was sent to the app, oldest first."""
        with self.world.lock:
            return list(self.world.deliveries)

    @property
    def responses(self) -> list[Response]:
        """What the app said through response URLs and in its answers to commands, oldest first."""
        with self.world.lock:
            return list(self.world.responses)

    @property
    def errors_seen(self) -> list[ErrorSeen]:
        """What people were shown because the app did not answer as it should."""
        with self.world.lock:
            return list(self.world.errors_seen)

    @property
    def acknowledgements(self) -> list[Acknowledgement]:
        """What the app answered over its sockets."""
        with self.world.lock:
            return list(self.world.acknowledgements)

    @property
    def open_views(self) -> list[View]:
        """The modals that people have before them, oldest first."""
        with self.world.lock:
            return [view for view in self.world.views.values() if view.open]

    def home(self, user: User | str) -> View | None:
        """Return the home tab that a person sees."""
        with self.world.lock:
            return self.world.homes.get(self.world.user(user).id)

    @property
    def _the_sockets(self) -> SocketMode:
        if self._sockets is None:
            raise LookupError("this Slack has no Socket Mode; start it with socket_mode=True")
        return self._sockets

    def _new_sockets(self, patience: float) -> SocketMode:
        from jobs.testing.slack.socket_mode import SocketMode  # noqa: PLC0415 - aiohttp is slow, and rarely needed

        return SocketMode(self.world, patience)

    def _socket_url(self) -> str:
        if self._sockets is None:
            raise Refused("not_allowed")
        return self._sockets.address()

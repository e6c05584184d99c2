"""How Slack reaches the app: signed HTTP requests or envelopes on a socket, and what happens when that fails."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlencode, urlsplit

from jobs.testing.slack.records import JSON, Attempt, Delivery

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jobs.testing.slack.world import World

RETRY_AFTER = (0.0, 60.0, 300.0)
"""Seconds before each retry of an event: https://docs.slack.dev/apis/events-api/#retries"""


class Carrier(Protocol):
    """A way to the app other than HTTP."""

    def attempt(self, delivery: Delivery, number: int, reason: str) -> Attempt:
        """Send once and wait for the answer; ``number`` is 0 at first, ``reason`` why it is sent again."""
        ...

    def await_connection(self, stopping: threading.Event) -> bool:
        """Wait until the app is there; False when ``stopping`` came first."""
        ...


@dataclass(frozen=True, slots=True)
class Forgery:
    """How a request deviates from what Slack signs: another secret, a time ``age`` seconds ago, a whole signature."""

    secret: str | None = None
    age: float = 0.0
    signature: str | None = None


class Sender:
    """Sends everything to one app; ``url`` is where, ``carrier`` takes the place of HTTP when it is set."""

    def __init__(self, world: World, secret: str, *, patience: float, retry_pace: float) -> None:
        self._world = world
        self._secret = secret
        self._patience = patience
        self._pace = retry_pace
        self._stopping = threading.Event()
        self._local = threading.local()
        self.url = ""
        self.carrier: Carrier | None = None

    def stop(self) -> None:
        """Send nothing more."""
        self._stopping.set()

    @contextmanager
    def forged(self, forgery: Forgery) -> Iterator[None]:
        """Forge everything that this thread sends meanwhile; Slack has no part in it, so nothing is retried."""
        self._local.forgery = forgery
        try:
            yield
        finally:
            self._local.forgery = None

    def once(self, kind: str, payload: JSON, name: str) -> Delivery:
        """Send what is never retried, and wait for the answer."""
        delivery = self._new(kind, payload, name)
        self._try(delivery, self._forgery, "")
        delivery.given_up = not delivery.acknowledged
        return delivery

    def event(self, payload: JSON) -> Delivery:
        """Send an event from a thread of its own, and again as Slack does when the app does not answer well."""
        delivery = self._new("events_api", payload, payload["event_id"])
        forgery = self._forgery
        threading.Thread(target=self._persist, args=(delivery, forgery), name="slack-event", daemon=True).start()
        return delivery

    def answered(self, delivery: Delivery) -> Delivery:
        """Wait until the first try of an event ended."""
        self._world.wait_for(lambda: delivery.attempts, self._patience + 5, f"an answer to {delivery.id}")
        return delivery

    def again(self, delivery: Delivery) -> Delivery:
        """Send the very same once more, whatever was answered before."""
        self._try(delivery, self._forgery, "http_timeout")
        return delivery

    @property
    def _forgery(self) -> Forgery | None:
        forgery: Forgery | None = getattr(self._local, "forgery", None)
        return forgery

    def _new(self, kind: str, payload: JSON, name: str) -> Delivery:
        if not self.url and self.carrier is None:
            raise LookupError("the app has no address yet; set events_url")
        content, body = "application/json", json.dumps(payload)
        if kind == "slash_commands":
            content, body = "application/x-www-form-urlencoded", urlencode(payload)
        elif kind == "interactive":
            content, body = "application/x-www-form-urlencoded", urlencode({"payload": body})
        delivery = Delivery(name, kind, payload, body.encode(), content)
        with self._world.change():
            self._world.deliveries.append(delivery)
        return delivery

    def _persist(self, delivery: Delivery, forgery: Forgery | None) -> None:
        attempt = self._try(delivery, forgery, "")
        for wait in RETRY_AFTER:
            unwanted = attempt.headers.get("x-slack-no-retry") == "1"
            if attempt.well or forgery is not None or unwanted or not self._pause(wait * self._pace, attempt):
                break
            attempt = self._try(delivery, None, attempt.reason)
        with self._world.change():
            delivery.given_up = not delivery.acknowledged

    def _pause(self, seconds: float, attempt: Attempt) -> bool:
        """Wait before a retry; False when this Slack stops."""
        if self.carrier is not None and attempt.reason == "connection_failed":
            return self.carrier.await_connection(self._stopping)
        return not self._stopping.wait(seconds)

    def _try(self, delivery: Delivery, forgery: Forgery | None, reason: str) -> Attempt:
        with self._world.change():
            number = delivery.tries
            delivery.tries += 1
        if self.carrier is not None and delivery.kind != "url_verification":
            attempt = self.carrier.attempt(delivery, number, reason)
        else:
            attempt = self._post(delivery, forgery or Forgery(), number, reason)
        with self._world.change():
            delivery.attempts.append(attempt)
        return attempt

    def _post(self, delivery: Delivery, forgery: Forgery, number: int, reason: str) -> Attempt:
        began, at = time.monotonic(), time.time()
        headers = self._headers(delivery, forgery)
        if number and delivery.kind == "events_api":
            headers |= {"X-Slack-Retry-Num": str(number), "X-Slack-Retry-Reason": reason}
        parts = urlsplit(self.url)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        connection = kind(parts.hostname or "", parts.port, timeout=self._patience)
        status, text, answered, failure = 0, "", {}, ""
        try:
            connection.request("POST", parts.path or "/", delivery.body, headers)
            answer = connection.getresponse()
            text = answer.read(1_000_000).decode(errors="replace")
            status, answered = answer.status, {name.lower(): value for name, value in answer.getheaders()}
            failure = "" if 200 <= status < 300 else "http_error"
        except TimeoutError:
            failure = "http_timeout"
        except (OSError, http.client.HTTPException):
            failure = "connection_failed"
        finally:
            connection.close()
        return Attempt(number, status, time.monotonic() - began, text, answered, failure, at)

    def _headers(self, delivery: Delivery, forgery: Forgery) -> dict[str, str]:
        stamp = str(int(time.time() - forgery.age))
        secret = self._secret if forgery.secret is None else forgery.secret
        digest = hmac.new(secret.encode(), b"v0:" + stamp.encode() + b":" + delivery.body, hashlib.sha256).hexdigest()
        return {
            "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
            "Accept": "*/*",
            "Content-Type": delivery.content_type,
            "X-Slack-Request-Timestamp": stamp,
            "X-Slack-Signature": f"v0={digest}" if forgery.signature is None else forgery.signature,
        }

"""Sends webhooks as GitHub does: signed, in any order, once; what fails is kept and sent again only when asked."""

from __future__ import annotations

import calendar
import contextlib
import hashlib
import hmac
import http.client
import json
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from jobs.testing.github.shapes import accounts, repositories
from jobs.testing.github.world import World, stamp

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jobs.testing.github.records import App, Installation, Repository

TIMEOUT = 10.0  # https://docs.github.com/webhooks/using-webhooks/best-practices-for-using-webhooks
SENDERS = 64
"""Webhooks that are on their way at once: one that waits for ten seconds holds no other one up."""
ALWAYS = ("installation", "installation_repositories", "github_app_authorization", "meta", "ping")


@dataclass(slots=True)
class Attempt:
    """One try to deliver: its own id, when, how long, and what the receiver answered."""

    id: int
    delivered_at: str
    redelivery: bool
    duration: float
    status: str
    status_code: int
    headers: dict[str, str]
    answer: str


@dataclass(slots=True, eq=False)
class Delivery:
    """One event on its way to one App; every attempt has the same ``guid``."""

    guid: str
    app: App
    event: str
    action: str
    body: bytes
    headers: dict[str, str]
    installation_id: int | None
    repository_id: int | None
    attempts: list[Attempt] = field(default_factory=list)

    @property
    def payload(self) -> dict[str, Any]:
        """The JSON that was sent."""
        payload: dict[str, Any] = json.loads(self.body)
        return payload

    @property
    def status_code(self) -> int:
        """What the receiver answered last; 0 before the first answer."""
        return self.attempts[-1].status_code if self.attempts else 0

    @property
    def delivered_at(self) -> str:
        """When the last attempt was made; empty before the first."""
        return self.attempts[-1].delivered_at if self.attempts else ""


class Webhooks:
    """The sender of one local GitHub, and the record of what it sent."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._pool = ThreadPoolExecutor(SENDERS, thread_name_prefix="webhooks")
        self.deliveries: list[Delivery] = []

    def stop(self) -> None:
        """Send nothing more."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def announce(
        self,
        installation: Installation,
        event: str,
        action: str,
        payload: Mapping[str, object],
        repository: Repository | None,
    ) -> None:
        """Send an event to the App of ``installation``, when it has a webhook and wants the event."""
        app, world = installation.app, self._world
        if not app.webhook_url or (event not in app.events and event not in ALWAYS):
            return
        body: dict[str, Any] = {"action": action} if action else {}
        body |= payload
        if repository is not None:
            body["repository"] = repositories.repository(world, repository)
            body["installation"] = {"id": installation.id, "node_id": f"INST_{installation.id}"}
            if event == "push":
                body["repository"] = _as_in_push(body["repository"])
            if repository.owner.type == "Organization":
                body["organization"] = organization(world, repository)
        self.send(app, event, action, body, installation.id, repository.id if repository else None)

    def send(
        self,
        app: App,
        event: str,
        action: str,
        payload: Mapping[str, Any],
        installation_id: int | None = None,
        repository_id: int | None = None,
    ) -> Delivery:
        """Send any payload to an App, signed."""
        body = json.dumps(payload).encode()
        guid = str(uuid.uuid1())
        delivery = Delivery(
            guid, app, event, action, body, _headers(app, event, guid, body), installation_id, repository_id
        )
        with self._world.change():
            self.deliveries.append(delivery)
        self._try(delivery, redelivery=False)
        return delivery

    def send_again(self, delivery: Delivery) -> None:
        """Redeliver, with the same GUID and body."""
        self._try(delivery, redelivery=True)

    def attempts(self, app: App) -> list[tuple[Delivery, Attempt]]:
        """Return all attempts for an App, newest first."""
        with self._world.lock:
            pairs = [(one, attempt) for one in self.deliveries if one.app is app for attempt in one.attempts]
        return sorted(pairs, key=lambda pair: pair[1].id, reverse=True)

    def _try(self, delivery: Delivery, *, redelivery: bool) -> None:
        # After the stop nothing is sent, and nobody is left to be told.
        with contextlib.suppress(RuntimeError):
            self._pool.submit(self._attempt, delivery, redelivery)

    def _attempt(self, delivery: Delivery, redelivery: bool) -> None:
        began = time.time()
        status, code, headers, answer = _post(delivery.app.webhook_url, delivery.body, delivery.headers)
        duration = round(time.time() - began, 3)
        with self._world.change():
            attempt = Attempt(self._world.new_id(), stamp(began), redelivery, duration, status, code, headers, answer)
            delivery.attempts.append(attempt)


def organization(world: World, repository: Repository) -> dict[str, Any]:
    """Return the organisation of a repository, as webhooks carry it."""
    owner = repository.owner
    url = f"{world.url}/orgs/{owner.login}"
    return {
        "login": owner.login,
        "id": owner.id,
        "node_id": f"O_{owner.id}",
        "url": url,
        "repos_url": f"{url}/repos",
        "events_url": f"{url}/events",
        "hooks_url": f"{url}/hooks",
        "issues_url": f"{url}/issues",
        "members_url": f"{url}/members{{/member}}",
        "public_members_url": f"{url}/public_members{{/member}}",
        "avatar_url": accounts.user(world, owner)["avatar_url"],
        "description": None,
    }


def _as_in_push(repository: dict[str, Any]) -> dict[str, Any]:
    """Return the repository as push events have it: times as numbers, and the owner's public names."""
    created, pushed = (
        calendar.timegm(time.strptime(repository[name], "%Y-%m-%dT%H:%M:%SZ")) for name in ("created_at", "pushed_at")
    )
    owner = repository["owner"] | {"name": repository["owner"]["login"], "email": None}
    return repository | {
        "created_at": created,
        "pushed_at": pushed,
        "owner": owner,
        "stargazers": 0,
        "master_branch": repository["default_branch"],
    }


def _headers(app: App, event: str, guid: str, body: bytes) -> dict[str, str]:
    headers = {
        "Accept": "*/*",
        "Content-Type": "application/json",
        "User-Agent": "GitHub-Hookshot/67abcde",
        "X-GitHub-Delivery": guid,
        "X-GitHub-Event": event,
        "X-GitHub-Hook-ID": str(app.id * 1000 + 1),
        "X-GitHub-Hook-Installation-Target-ID": str(app.id),
        "X-GitHub-Hook-Installation-Target-Type": "integration",
    }
    if app.webhook_secret:
        secret = app.webhook_secret.encode()
        headers["X-Hub-Signature"] = "sha1=" + hmac.new(secret, body, hashlib.sha1).hexdigest()
        headers["X-Hub-Signature-256"] = "sha256=" + hmac.new(secret, body, hashlib.sha256).hexdigest()
    return headers


def _post(url: str, body: bytes, headers: Mapping[str, str]) -> tuple[str, int, dict[str, str], str]:
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=TIMEOUT)
    try:
        connection.request("POST", parts.path or "/", body, dict(headers))
        answer = connection.getresponse()
        text = answer.read(65_536).decode(errors="replace")
    except TimeoutError:
        return "timed out", 504, {}, ""
    except (OSError, http.client.HTTPException):
        return "failed to connect to host", 502, {}, ""
    finally:
        connection.close()
    fine = 200 <= answer.status < 300
    status = "OK" if fine else f"Invalid HTTP Response: {answer.status}"
    return status, answer.status, dict(answer.getheaders()), text

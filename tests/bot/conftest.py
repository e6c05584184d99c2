"""The application over a fresh store, as GitHub's sender and a browser meet it."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from bot.app import create_app
from bot.inbox import handle
from config.settings import load
from jobs.services import Services
from jobs.store import Store
from jobs.store.tables import metadata
from jobs.testing.github import LocalGitHub
from jobs.testing.loopback import Answer, Loopback
from jobs.types import Delivery, Subject

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from flask import Flask
    from flask.testing import FlaskClient
    from werkzeug.test import TestResponse

    from config.settings import Settings
    from jobs.types import Task
    from tests.bot.ears import Ears

OLD, NEW = "the old secret", "the new secret \N{KEY}"


@pytest.fixture
def settings(home: Path) -> Settings:
    """Return settings with two webhook secrets, a home of the test's own, and a Redis that refuses connections."""
    return load(
        {
            "OPUS67_HOME": str(home),
            "GITHUB_WEBHOOK_SECRET": f"{NEW},{OLD}",
            "GITHUB_PRIVATE_KEY": "-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----",
            "GITHUB_APP_ID": "67",
            "REDIS_URL": "redis://127.0.0.1:9/0",
        },
        dotenv=None,
    )


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    """Yield the application's store."""
    opened = Store(settings.database_url)
    metadata.create_all(opened.database.engine)
    yield opened
    opened.close()


@pytest.fixture
def app(settings: Settings, store: Store) -> Flask:
    """Return the application."""
    return create_app(settings, store)


def sign(body: bytes, secret: str = NEW) -> str:
    """Return the header with which GitHub signs a body."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


@dataclass
class Sender:
    """Sends webhooks as GitHub does, or nearly."""

    client: FlaskClient

    def raw(self, body: bytes, headers: dict[str, str] | None = None, **options: Any) -> TestResponse:
        """Send bytes with these headers alone."""
        return self.client.post("/webhooks/github", data=body, headers=headers, **options)

    def send(self, event: str, payload: Any, *, guid: str = "", **headers: str) -> TestResponse:
        """Send a signed payload; headers are replaced by name, with ``_`` for ``-``."""
        body = json.dumps(payload).encode()
        given = {
            "X-GitHub-Event": event,
            "X-GitHub-Delivery": guid or str(uuid.uuid4()),
            "X-Hub-Signature-256": sign(body),
            "Content-Type": "application/json",
        }
        return self.raw(body, {**given, **{name.replace("_", "-"): value for name, value in headers.items()}})


@pytest.fixture
def sender(app: Flask) -> Sender:
    """Return a sender of webhooks to the application."""
    return Sender(app.test_client())


SHOP = "octo/shop"


@pytest.fixture(scope="session")
def private_key(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return a private key for all Apps of this session."""
    with LocalGitHub(tmp_path_factory.mktemp("key")) as made:
        return made.private_key_pem


@pytest.fixture
def local(home: Path, private_key: str) -> Iterator[LocalGitHub]:
    """Yield a GitHub with ``octo/shop``, where alice may write, and issue 1 of bob's."""
    with LocalGitHub(home / "github", private_key_pem=private_key) as github:
        github.create_repository(SHOP, {"README.md": "# Shop\n"})
        github.set_permission(SHOP, "alice", "write")
        github.create_issue(SHOP, "Total is wrong", "It is 0.31", by="bob")
        yield github


@pytest.fixture
def services(local: LocalGitHub, home: Path, store: Store) -> Iterator[Services]:
    """Yield the services of the worker that understands deliveries."""
    environment = {**local.environment(), "OPUS67_HOME": str(home), "REDIS_URL": "redis://127.0.0.1:9/0"}
    built = Services(load(environment, dotenv=None), store)
    yield built
    if "github" in built.__dict__:
        built.github.close()


@dataclass
class Inbox:
    """GitHub's payloads about issue 1, taken through the inbox."""

    services: Services
    local: LocalGitHub

    def take(self, name: str, action: str, *, by: str = "alice", guid: str = "", **more: Any) -> str:
        """Store a delivery, act on it, and return its GUID."""
        guid = guid or str(uuid.uuid4())
        account = self.local.add_user(by)
        payload = {
            "action": action,
            "repository": {"full_name": SHOP},
            "installation": {"id": self.local.installation_id, "account": {"login": "octo"}},
            "sender": {"id": account.id, "login": by, "type": "User"},
            "issue": {"number": 1, "title": "Total is wrong", "body": "It is 0.31", "state": "open"},
            **more,
        }
        self.services.store.deliveries.add(Delivery(guid, "github", name, json.dumps(payload).encode(), time.time()))
        handle(self.services, guid)
        return guid

    def label(self, name: str = "assign-to-opus", by: str = "alice") -> str:
        """Put a label on the issue, and take its delivery."""
        self.local.label_issue(SHOP, 1, name, by=by)
        return self.take("issues", "labeled", by=by, label={"name": name})

    def say(self, text: str, by: str = "alice") -> str:
        """Write a comment, and take its delivery; return what the bot answered to it, if anything."""
        comment = self.local.comment(SHOP, 1, text, by=by)
        before = len(self.local.comments(SHOP, 1))
        self.take("issue_comment", "created", by=by, comment={"id": comment.id, "body": text})
        answers = self.local.comments(SHOP, 1)[before:]
        return answers[-1].body if answers else ""

    def task(self) -> Task | None:
        """Return the newest task on the issue."""
        return self.services.store.tasks.latest(SHOP, Subject("issue", 1))

    def claimed(self) -> Task:
        """Return the newest task, in somebody's hands."""
        task = self.task()
        assert task is not None
        taken = self.services.store.tasks.claim(task.id, "one", time.time())
        assert taken is not None
        return taken.task


@pytest.fixture
def inbox(services: Services, local: LocalGitHub) -> Inbox:
    """Return the way of deliveries through the inbox."""
    return Inbox(services, local)


@pytest.fixture
def ears(services: Services, local: LocalGitHub) -> Iterator[Ears]:
    """Yield the bot's ears at the local GitHub, which tells everything and is answered 202."""
    from tests.bot.ears import Ears  # noqa: PLC0415 - it takes the repository's name from here

    server = Loopback(lambda _request: Answer(202))
    server.start()
    local.webhook_url = server.url
    yield Ears(services, local, len(local.deliveries))
    local.webhook_url = ""
    server.stop()

"""The application over a fresh store, as GitHub's sender and a browser meet it."""

from __future__ import annotations

import hashlib
import hmac
import json
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from bot.app import create_app
from config.settings import load
from jobs.store import Store
from jobs.store.tables import metadata

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from flask import Flask
    from flask.testing import FlaskClient
    from werkzeug.test import TestResponse

    from config.settings import Settings

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

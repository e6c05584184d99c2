"""A local GitHub with a repository, a receiver of its webhooks, and a client that speaks plain HTTP."""

from __future__ import annotations

import http.client
import json
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import jwt
import pytest

from jobs.testing.github import LocalGitHub
from jobs.testing.github.keys import new_private_key
from jobs.testing.local_discord import LocalDiscord
from jobs.testing.loopback import Answer, Loopback, Request
from jobs.testing.slack import LocalSlack
from tests.testing.discord_rest import Rest
from tests.testing.slack_app import Served

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SHOP = "octo/shop"
FILES = {
    "README.md": "# Shop\n",
    "shop/prices.py": "def total(prices):\n    return sum(prices)\n",
    ".github/workflows/ci.yml": "on: push\n",
}


@dataclass
class Reply:
    """An answer, read."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Client:
    """Plain HTTP with one Authorization header."""

    url: str
    authorization: str = ""

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Reply:
        host = self.url.removeprefix("http://")
        connection = http.client.HTTPConnection(host, timeout=10)
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.authorization:
            sent["Authorization"] = self.authorization
        data = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
        try:
            connection.request(method, path, data, sent)
            answer = connection.getresponse()
            return Reply(answer.status, dict(answer.getheaders()), answer.read())
        finally:
            connection.close()


@dataclass
class Receiver:
    """What a webhook's receiver got; ``status`` is what it answers."""

    url: str = ""
    status: int = 202
    got: list[Request] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def handle(self, request: Request) -> Answer:
        with self.lock:
            self.got.append(request)
        return Answer(self.status, b"{}")


@pytest.fixture(scope="session")
def pem() -> str:
    """Return one key for all local GitHubs, since making one takes time."""
    return new_private_key()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Yield a receiver of webhooks."""
    made = Receiver()
    loopback = Loopback(made.handle)
    made.url = f"{loopback.url}/webhooks/github"
    loopback.start()
    yield made
    loopback.stop()


@pytest.fixture
def github(tmp_path: Path, pem: str, receiver: Receiver) -> Iterator[LocalGitHub]:
    """Yield a local GitHub with the repository octo/shop."""
    with LocalGitHub(tmp_path / "github", webhook_url=receiver.url, private_key_pem=pem) as made:
        made.create_repository(SHOP, FILES)
        yield made


@pytest.fixture
def app(github: LocalGitHub) -> Client:
    """Return a client that shows the App's JWT."""
    return Client(github.url, f"Bearer {app_jwt(github)}")


@pytest.fixture
def client(github: LocalGitHub) -> Client:
    """Return a client that shows an installation token with all that the App may do."""
    return Client(github.url, f"Bearer {github.mint_token()}")


def app_jwt(github: LocalGitHub, **claims: Any) -> str:
    """Return the App's JWT, with some claims replaced."""
    now = int(time.time())
    whole = {"iss": str(github.app_id), "iat": now - 30, "exp": now + 540, **claims}
    return jwt.encode(whole, github.private_key_pem, algorithm="RS256")


@pytest.fixture
def slack() -> Iterator[LocalSlack]:
    """Yield a local Slack with a channel, whose retries come soon and whose patience is short."""
    with LocalSlack(patience=0.5, retry_pace=0.001) as made:
        made.add_channel("dev", ["ann", "ben"])
        yield made


@pytest.fixture
def served(slack: LocalSlack) -> Iterator[Served]:
    """Yield a Bolt app that hears this Slack."""
    made = Served(slack)
    made.start()
    slack.events_url = made.url
    yield made
    made.stop()


@pytest.fixture
def local() -> Iterator[LocalDiscord]:
    """Yield a local Discord."""
    with LocalDiscord() as made:
        yield made


@pytest.fixture
def rest(local: LocalDiscord) -> Rest:
    """Return a bot with the right token."""
    return Rest(local, Client(local.url, f"Bot {local.token}"))

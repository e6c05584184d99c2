"""A workspace, the web process's door for it, and a store: real Bolt over signed HTTP on loopback."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml
from flask import Flask
from werkzeug.serving import make_server

from bot.heard import Heard
from bot.slack_bot.web import slack_blueprint
from config.settings import load
from jobs.services import Services
from jobs.store import Store
from jobs.store.tables import metadata
from jobs.testing.slack import LocalSlack
from jobs.testing.slack.manifest import read
from jobs.types import Kind, Subject, TaskRequest
from tests.slack.views import task as example

if TYPE_CHECKING:
    from collections.abc import Iterator

    from config.settings import Settings
    from jobs.testing.slack.records import Channel
    from jobs.types import Task

MANIFEST = Path(__file__).parents[2] / "deploy" / "slack.yml"


@dataclass
class Woken:
    """What was woken for which delivery."""

    guids: list[str] = field(default_factory=list)

    def delivery(self, guid: str) -> None:
        self.guids.append(guid)


@dataclass
class Office:
    """A workspace with a channel bound to octo/shop, and what of it was stored."""

    slack: LocalSlack
    settings: Settings
    store: Store
    woken: Woken

    @property
    def heard(self) -> list[Heard]:
        """All that is stored and not done, oldest first."""
        guids = self.store.deliveries.due(time.time() + 1)
        found = (self.store.deliveries.claim(guid, time.time() - 60) for guid in guids)
        bodies = [one.body for one in found if one is not None]
        for guid in guids:
            self.store.deliveries.release(guid, "", 0.0, counts=False)
        return [Heard.load(body) for body in bodies]

    @property
    def dev(self) -> Channel:
        """The channel."""
        return self.slack.channel("dev")

    def submit(self) -> Task:
        """Store a task that Ann asked for in Slack."""
        ann, shape = self.slack.user("ann"), example()
        request = TaskRequest(
            Kind.BACKGROUND,
            shape.repository,
            1,
            Subject("bg"),
            shape.title,
            shape.text,
            type(shape.actor)("slack", ann.id, "ann"),
        )
        with self.store.write() as connection:
            made, _ = self.store.tasks.submit(connection, request, time.time())
        return made


@pytest.fixture
def slack() -> Iterator[LocalSlack]:
    """Yield a workspace in which the app has what its manifest asks for, and whose retries come soon."""
    registration = read(yaml.safe_load(MANIFEST.read_text(encoding="utf-8")))
    with LocalSlack(registration=registration, retry_pace=0.001) as made:
        made.add_channel("dev", ["ann", "ben"])
        yield made


def settings_for(slack: LocalSlack, home: Path, **changes: str) -> Settings:
    """Return the settings of an installation that talks to this workspace."""
    values = {
        **slack.environment(),
        "OPUS67_HOME": str(home),
        "OPUS67_CHANNELS": f"slack:{slack.channel('dev').id}=octo/shop",
        "OPUS67_PUBLIC_URL": "https://opus67.example.com",
        "GITHUB_PRIVATE_KEY": "-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----",
        "REDIS_URL": "redis://127.0.0.1:9/0",
        "OPUS67_MODEL": "claude-opus-5-5",
    }
    return load({**values, **changes}, dotenv=None)


@contextmanager
def opened(settings: Settings) -> Iterator[Store]:
    """Yield a store that knows three repositories."""
    store = Store(settings.database_url)
    metadata.create_all(store.database.engine)
    with store.write() as connection:
        store.records.save_installation(connection, 1, "octo", time.time())
        store.records.add_repositories(connection, 1, ["octo/shop", "octo/site", "acme/shopping"])
    yield store
    store.close()


@pytest.fixture
def office(slack: LocalSlack, home: Path) -> Iterator[Office]:
    """Yield the workspace with its store."""
    settings = settings_for(slack, home)
    with opened(settings) as store:
        yield Office(slack, settings, store, Woken())
    assert [(one.error, one.messages) for one in slack.violations] == []


@contextmanager
def served(office: Office) -> Iterator[str]:
    """Serve POST /slack/events for a workspace, and yield its address."""
    app = Flask("tests.slack")
    app.register_blueprint(slack_blueprint(office.settings, office.store, office.woken))
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    office.slack.events_url = f"http://127.0.0.1:{server.server_port}/slack/events"
    yield office.slack.events_url
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def web(office: Office) -> Iterator[str]:
    """Serve the installation's door, and yield its address."""
    with served(office) as url:
        yield url


@pytest.fixture
def services(office: Office) -> Services:
    """Return the services of a process of this installation."""
    return Services(office.settings, office.store)

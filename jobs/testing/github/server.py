"""A GitHub on loopback: its REST API, its webhooks, its git over HTTP, and the people who use it."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Self, TypeVar

from jobs.testing.faults import Faults
from jobs.testing.github import git
from jobs.testing.github.api import Api
from jobs.testing.github.contributing import Contributing
from jobs.testing.github.devices import DevicePages, Devices
from jobs.testing.github.engine import Engine
from jobs.testing.github.errors import explain
from jobs.testing.github.guards import Guards
from jobs.testing.github.keys import new_private_key
from jobs.testing.github.owners import Owners
from jobs.testing.github.pages import Pages
from jobs.testing.github.people import People
from jobs.testing.github.records import App, CheckRun, Comment, Issue, Push, Reaction, Violation
from jobs.testing.github.reviewing import Reviewing
from jobs.testing.github.runners import Runners
from jobs.testing.github.smart_http import SmartHttp
from jobs.testing.github.webhooks import Delivery, Webhooks
from jobs.testing.github.world import DEFAULT_EVENTS, DEFAULT_PERMISSIONS, World
from jobs.testing.loopback import Answer, Loopback, Request, Served

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from jobs.testing.exchanges import Exchange

Found = TypeVar("Found")

SLUG = "opus-67"
LOCAL_SECRET = "local-webhook-secret"


class LocalGitHub(Served, People, Contributing, Reviewing, Owners, Guards, Devices, Runners):
    """A GitHub under ``root`` with one App; the methods are what people do, the queries what they then see.

    ``webhook_url`` may be set later, through the attribute of that name; until then nothing is delivered.
    """

    def __init__(
        self,
        root: Path,
        *,
        webhook_url: str = "",
        webhook_secret: str = LOCAL_SECRET,
        app_id: int = 67,
        port: int = 0,
        owner: str = "octo",
        permissions: Mapping[str, str] | None = None,
        events: Sequence[str] = DEFAULT_EVENTS,
        private_key_pem: str = "",
    ) -> None:
        root.mkdir(parents=True, exist_ok=True)
        self.world = World(root)
        self.app_id = app_id
        self.slug = SLUG
        self.faults = Faults(explain)
        self.webhooks = Webhooks(self.world)
        self.world.announce = self.webhooks.announce
        self._engine = Engine(self.world)
        self._api = Api(self.world, self.webhooks, self.faults)
        self._git = SmartHttp(self.world, self.faults)
        self._pages = Pages(self.world, owner)
        self._devices = DevicePages(self.world)
        self._loopback = Loopback(self._handle, port=port, name="local-github")
        self.world.url = self.url
        self.app = App(
            id=app_id,
            slug=SLUG,
            name="Opus 67",
            owner=self.world.account(owner),
            bot=self.world.account(f"{SLUG}[bot]", "Bot"),
            private_key=private_key_pem or new_private_key(),
            client_id=f"Iv23li{secrets.token_hex(7)}",
            client_secret=secrets.token_hex(20),
            webhook_url=webhook_url,
            webhook_secret=webhook_secret,
            permissions={"metadata": "read", **(DEFAULT_PERMISSIONS if permissions is None else permissions)},
            events=tuple(events),
            created_at=self.world.now(),
        )
        self.world.apps[app_id] = self.app

    def start(self) -> Self:
        """Begin to answer."""
        self._loopback.start()
        return self

    def stop(self) -> None:
        """Stop answering, and send no more webhooks."""
        self.faults.stop()
        self._engine.stop()
        self.webhooks.stop()
        self._loopback.stop()

    @property
    def url(self) -> str:
        """The base URL of everything."""
        return self._loopback.url

    @property
    def api_url(self) -> str:
        """What ``GITHUB_API_URL`` is set to."""
        return self.url

    @property
    def server_url(self) -> str:
        """What ``GITHUB_SERVER_URL`` is set to: clones, pushes and pages."""
        return self.url

    @property
    def private_key_pem(self) -> str:
        """The App's private key."""
        return self.app.private_key

    @property
    def client_id(self) -> str:
        """The App's client id."""
        return self.app.client_id

    @property
    def client_secret(self) -> str:
        """The App's client secret."""
        return self.app.client_secret

    @property
    def webhook_secret(self) -> str:
        """The secret that webhooks are signed with."""
        return self.app.webhook_secret

    @property
    def webhook_url(self) -> str:
        """Where webhooks are sent; nowhere while it is empty."""
        return self.app.webhook_url

    @webhook_url.setter
    def webhook_url(self, url: str) -> None:
        self.app.webhook_url = url

    @property
    def installation_id(self) -> int:
        """The id of the first installation; raises ``LookupError`` before there is one."""
        with self.world.lock:
            return self._named("").id

    def environment(self) -> dict[str, str]:
        """Return the settings that point Opus 67 here."""
        return {
            "GITHUB_API_URL": self.api_url,
            "GITHUB_SERVER_URL": self.server_url,
            "GITHUB_APP_ID": str(self.app_id),
            "GITHUB_PRIVATE_KEY": self.private_key_pem,
            "GITHUB_WEBHOOK_SECRET": self.webhook_secret,
            "GITHUB_CLIENT_ID": self.client_id,
            "GITHUB_CLIENT_SECRET": self.client_secret,
        }

    def mint_token(
        self,
        permissions: Mapping[str, str] | None = None,
        repositories: Sequence[str] | None = None,
        *,
        owner: str = "",
        seconds: float = 3600,
    ) -> str:
        """Return an installation token without asking the API, for tests of what a token may do."""
        with self.world.change():
            installation = self._named(owner)
            granted = installation.permissions if permissions is None else {"metadata": "read", **permissions}
            reach = None if repositories is None else frozenset(repositories)
            return self.world.new_token(installation, granted, reach, seconds).value

    def wait_for(self, predicate: Callable[[], Found], timeout: float = 10.0, what: str = "what was awaited") -> Found:
        """Wait until ``predicate`` gives something true and return it; raises ``TimeoutError``."""
        return self.world.wait_for(predicate, timeout, what)

    @property
    def deliveries(self) -> list[Delivery]:
        """All webhooks, oldest first."""
        with self.world.lock:
            return list(self.webhooks.deliveries)

    @property
    def requests(self) -> list[Exchange]:
        """All requests and their answers, oldest first."""
        with self.world.lock:
            return list(self.world.exchanges)

    @property
    def pushes(self) -> list[Push]:
        """Every ref that was moved, by whom."""
        with self.world.lock:
            return list(self.world.pushes)

    @property
    def violations(self) -> list[Violation]:
        """What an App asked for and was not allowed to have."""
        with self.world.lock:
            return list(self.world.violations)

    def issue(self, repository: str, number: int) -> Issue:
        """Return an issue or a pull request."""
        with self.world.lock:
            return self._issue(repository, number)

    def comments(self, repository: str, number: int) -> list[Comment]:
        """Return the comments of an issue, oldest first."""
        with self.world.lock:
            return list(self._issue(repository, number).comments)

    def reactions(self, repository: str, number: int, comment_id: int = 0) -> list[Reaction]:
        """Return the reactions to an issue, or to a comment of it."""
        with self.world.lock:
            if comment_id:
                return list(self.world.comment(self.world.repository(repository), comment_id).reactions)
            return list(self._issue(repository, number).reactions)

    def pull_requests(self, repository: str) -> list[Issue]:
        """Return the pull requests, oldest first; what only they have is under ``pull``."""
        with self.world.lock:
            return list(self.world.repository(repository).pulls)

    def check_runs(self, repository: str) -> list[CheckRun]:
        """Return the check runs, oldest first."""
        with self.world.lock:
            return list(self.world.repository(repository).check_runs.values())

    def branches(self, repository: str) -> dict[str, str]:
        """Return the branches with their newest commits."""
        found = git.refs(self.world.repository(repository).path, "refs/heads/")
        return {name.removeprefix("refs/heads/"): sha for name, sha in found.items()}

    def file(self, repository: str, path: str, ref: str = "HEAD") -> bytes | None:
        """Return a committed file, or None."""
        home = self.world.repository(repository).path
        commit = git.resolve(home, ref)
        entries = git.entries(home, commit, path) if commit else []
        return git.read(home, entries[0].sha) if entries and entries[0].kind == "blob" else None

    def changes(self, repository: str, base: str, head: str) -> list[git.FileDiff]:
        """Return what differs between two branches or commits, from where they parted."""
        home = self.world.repository(repository).path
        return git.diff(home, git.merge_base(home, base, head) or base, head)

    def _handle(self, request: Request) -> Answer:
        outside_the_api = (self._git.handle, self._pages.handle, self._devices.handle)
        return next((found for one in outside_the_api if (found := one(request))), None) or self._api.handle(request)

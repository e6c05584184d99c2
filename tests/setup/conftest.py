"""A local GitHub, a set-up page beside it, and a visitor with cookies."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

import httpx
import pytest

from bot.setup.server import SetupServer
from config.settings import Settings, load
from jobs.testing.github import LocalGitHub

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def github(home: Path) -> Iterator[LocalGitHub]:
    """Yield a local GitHub."""
    with LocalGitHub(home / "github") as server:
        yield server


@pytest.fixture
def settings(home: Path, github: LocalGitHub) -> Settings:
    """Return settings that know the local GitHub and nothing else."""
    environ = {
        "GITHUB_API_URL": github.api_url,
        "GITHUB_SERVER_URL": github.server_url,
        "OPUS67_HOME": str(home / "var"),
        "OPUS67_PUBLIC_URL": "https://opus67.example.com",
    }
    return load(environ, dotenv=None)


@pytest.fixture
def env_path(home: Path) -> Path:
    """Return where ``.env`` will be."""
    return home / ".env"


@pytest.fixture
def server(settings: Settings, env_path: Path) -> Iterator[SetupServer]:
    """Yield the running set-up page."""
    with SetupServer(settings, env_path) as running:
        yield running


class Visitor:
    """A browser as far as cookies, redirects and the Origin header go."""

    def __init__(self, server: SetupServer) -> None:
        self.address = server.session.address
        self.client = httpx.Client(base_url=self.address, follow_redirects=True, timeout=20)

    def get(self, path: str, **more: object) -> httpx.Response:
        """Visit a page."""
        return self.client.get(path, **more)  # type: ignore[arg-type]

    def post(self, path: str, form: dict[str, str], origin: str | None = None) -> httpx.Response:
        """Send a form of the page."""
        return self.client.post(path, data=form, headers={"Origin": origin or self.address})

    def register(self, page: httpx.Response) -> httpx.Response:
        """Press the button that sends the manifest to GitHub, which sends us back."""
        action, manifest = manifest_form(page.text)
        return self.client.post(action, data={"manifest": manifest})


def manifest_form(text: str) -> tuple[str, str]:
    """Return the address and the manifest of the page's form."""
    match = re.search(r'action="(http[^"]+)".*?name="manifest" value="([^"]+)"', text, re.DOTALL)
    assert match
    return html.unescape(match[1]), html.unescape(match[2])


@pytest.fixture
def visitor(server: SetupServer) -> Iterator[Visitor]:
    """Yield a visitor who has not opened the link yet."""
    visitor = Visitor(server)
    yield visitor
    visitor.client.close()

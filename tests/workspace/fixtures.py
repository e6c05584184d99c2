"""A GitHub with one repository, its mirror, a sandbox on it, and a quarantine for the work."""

from __future__ import annotations

import json
import secrets
import time
import urllib.request
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import jwt
import pytest

from jobs.testing.github import LocalGitHub, git
from jobs.workspace import Mirror, PatchRules, Quarantine, Snapshot, checkout
from tests.workspace.box import Box
from tests.workspace.forge import Forge

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from jobs.types import Patch

BOT = ("opus-67[bot]", "67+opus-67[bot]@users.noreply.github.com")
FILES: dict[str, str | bytes] = {
    "README.md": "# Sample\n",
    ".gitignore": "build/\n*.log\n",
    "app.py": "def main():\n    return 1\n",
    "package/module.py": "value = 1\n",
    "package/deep/er/leaf.txt": "leaf\n",
    ".github/workflows/ci.yml": "on: push\n",
    ".github/opus67.yml": "mode: balanced\n",
    "CODEOWNERS": "* @octo\n",
    "crlf.txt": b"one\r\ntwo\r\n",
}


@dataclass
class Place:
    """One repository on the local GitHub and what the host has of it."""

    github: LocalGitHub
    repository: str
    token: str
    home: Path
    mirror: Mirror
    snapshot: Snapshot
    quarantines: list[Quarantine] = field(default_factory=list)

    @property
    def base(self) -> str:
        """The commit that the work starts from."""
        return self.snapshot.base_sha

    def references(self) -> dict[str, str]:
        """Return all references of the repository on GitHub, HEAD among them."""
        path = self.github.world.repository(self.repository).path
        return {**git.refs(path), "HEAD": (path / "HEAD").read_text()}

    def message(self, commit: str) -> str:
        """Return the message of a commit on GitHub."""
        path = self.github.world.repository(self.repository).path
        return git.run(path, "show", "-s", "--format=%B", commit).decode().removesuffix("\n")

    def quarantine(self, task: str = "7f3c9a") -> Quarantine:
        """Return a new quarantine of a task."""
        return Quarantine(self.mirror, self.repository, task)

    def receive(self, bundle: bytes, quarantine: Quarantine | None = None, **changes: Any) -> Patch:
        """Receive work as a worker would."""
        arguments: dict[str, Any] = {
            "base": self.base,
            "message": "Fix it",
            "author": BOT,
            "co_author": "Ada <ada@users.noreply.github.com>",
            "when": 1_790_000_000,
            "rules": PatchRules(),
            **changes,
        }
        return (quarantine or self.quarantine()).receive(bundle, **arguments)


def mint(github: LocalGitHub, repository: str, permissions: dict[str, str] | None = None) -> str:
    """Ask the local GitHub for an installation token, as the client does."""
    now = int(time.time())
    claims = {"iat": now - 30, "exp": now + 300, "iss": str(github.app_id)}
    key = jwt.encode(claims, github.private_key_pem, algorithm="RS256")

    def call(method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        request = urllib.request.Request(  # noqa: S310 - loopback
            github.api_url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310 - loopback
            return json.load(answer)

    installation = call("GET", f"/repos/{repository}/installation")["id"]
    body = {"repositories": [repository.split("/")[1]], "permissions": permissions or {"contents": "write"}}
    return str(call("POST", f"/app/installations/{installation}/access_tokens", body)["token"])


@pytest.fixture(scope="session")
def github(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalGitHub]:
    """Run one local GitHub for all tests of git."""
    with LocalGitHub(tmp_path_factory.mktemp("github")) as server:
        yield server


@pytest.fixture
def repository(github: LocalGitHub) -> str:
    """Make a repository of this test and return its name."""
    name = f"octo/sample-{secrets.token_hex(4)}"
    github.create_repository(name, FILES)
    return name


@pytest.fixture
def place(github: LocalGitHub, repository: str, home: Path) -> Place:
    """Give this test a repository, a token for it, and a mirror that holds its default branch."""
    token = mint(github, repository)
    mirror = Mirror(home, github.server_url)
    return Place(github, repository, token, home, mirror, mirror.fetch(repository, token))


@pytest.fixture(scope="session")
def settled(github: LocalGitHub, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Give all tests that push nothing one repository and one mirror."""
    name = "octo/settled"
    github.create_repository(name, FILES)
    home = tmp_path_factory.mktemp("settled")
    token, mirror = mint(github, name), Mirror(home, github.server_url)
    return Place(github, name, token, home, mirror, mirror.fetch(name, token))


@pytest.fixture
def smith(settled: Place, tmp_path: Path) -> Forge:
    """Give this test an attacker on the settled repository."""
    return Forge(tmp_path / "smith.git", settled.snapshot.path, settled.base)


@pytest.fixture
def box(place: Place, tmp_path: Path) -> Box:
    """Give this test a sandbox with a checkout of the base."""
    made = Box(tmp_path / "box", place.snapshot.path)
    checkout(made, place.base)
    return made


@pytest.fixture
def forge(place: Place, tmp_path: Path) -> Forge:
    """Give this test an attacker who can make any bundle on the base."""
    return Forge(tmp_path / "forge.git", place.snapshot.path, place.base)

"""Git over HTTP with the local GitHub: who may fetch and push, and what a push sets off."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.testing.conftest import SHOP

if TYPE_CHECKING:
    from pathlib import Path

    from jobs.testing.github import LocalGitHub
    from tests.testing.conftest import Client

ENVIRONMENT = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_TERMINAL_PROMPT": "0",
    **{f"GIT_{role}_{part}": "ann" for role in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")},
}


def git(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["git", *arguments], cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, timeout=60, check=False
    )


def remote(github: LocalGitHub, token: str = "", name: str = SHOP) -> str:
    host = github.server_url.removeprefix("http://")
    return f"http://x-access-token:{token}@{host}/{name}.git" if token else f"http://{host}/{name}.git"


@pytest.fixture
def clone(github: LocalGitHub, tmp_path: Path) -> Path:
    """Return a clone of the shop with a new commit on the branch opus/x."""
    done = git(tmp_path, "clone", "-q", remote(github, github.mint_token()), "clone")
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "clone"
    (folder / "new.txt").write_text("new\n")
    git(folder, "checkout", "-q", "-b", "opus/x")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "Add new.txt")
    return folder


def test_a_push_is_recorded_and_told(github: LocalGitHub, clone: Path) -> None:
    """A push with a token makes the branch, is recorded with its token, and sends the push event."""
    token = github.mint_token({"contents": "write"})
    assert git(clone, "push", "-q", remote(github, token), "HEAD:refs/heads/opus/x").returncode == 0
    head = git(clone, "rev-parse", "HEAD").stdout.strip()
    assert github.branches(SHOP)["opus/x"] == head
    push = github.pushes[-1]
    assert (push.ref, push.new, push.token) == ("refs/heads/opus/x", head, token)
    told = github.wait_for(lambda: [one for one in github.deliveries if one.event == "push" and one.attempts])
    assert told[-1].payload["after"] == head
    assert told[-1].payload["created"] is True


def test_a_push_moves_the_pull_request(github: LocalGitHub, clone: Path, client: Client) -> None:
    """A second push moves the head of the open pull request and sends synchronize; deleting the branch closes it."""
    url = remote(github, github.mint_token())
    git(clone, "push", "-q", url, "HEAD:refs/heads/opus/x")
    body = {"title": "New", "head": "opus/x", "base": "main"}
    assert client.ask("POST", f"/repos/{SHOP}/pulls", body).status == 201
    git(clone, "commit", "-q", "--allow-empty", "-m", "More")
    git(clone, "push", "-q", url, "HEAD:refs/heads/opus/x")
    (request,) = github.pull_requests(SHOP)
    assert request.pull is not None
    assert request.pull.head_sha == git(clone, "rev-parse", "HEAD").stdout.strip()
    github.wait_for(lambda: [one for one in github.deliveries if one.action == "synchronize"])
    assert git(clone, "fetch", "-q", url, f"refs/pull/{request.number}/head").returncode == 0
    assert git(clone, "push", "-q", url, ":refs/heads/opus/x").returncode == 0
    assert request.state == "closed"


@pytest.mark.parametrize(
    ("permissions", "words"),
    [({"contents": "read"}, "403"), ({"issues": "write"}, "not found")],
)
def test_a_push_without_permission_is_refused(
    github: LocalGitHub, clone: Path, permissions: dict[str, str], words: str
) -> None:
    """Reading is not writing, and without contents the repository is not there; both are violations."""
    refused = git(clone, "push", remote(github, github.mint_token(permissions)), "HEAD:refs/heads/opus/x")
    assert refused.returncode != 0
    assert words in refused.stderr.lower()
    assert "opus/x" not in github.branches(SHOP)
    assert github.violations


def test_a_workflow_cannot_be_pushed(github: LocalGitHub, clone: Path) -> None:
    """Without the workflows permission a commit under .github/workflows is refused in GitHub's words."""
    (clone / ".github" / "workflows" / "evil.yml").write_text("on: push\n")
    git(clone, "add", ".")
    git(clone, "commit", "-q", "-m", "Workflow")
    refused = git(clone, "push", remote(github, github.mint_token()), "HEAD:refs/heads/opus/x")
    assert "refusing to allow a GitHub App to create or update workflow `.github/workflows/evil.yml`" in refused.stderr
    granted = github.mint_token({"contents": "write", "workflows": "write"})
    assert git(clone, "push", "-q", remote(github, granted), "HEAD:refs/heads/opus/x").returncode == 0


def test_private_is_private_and_public_is_readable(github: LocalGitHub, tmp_path: Path) -> None:
    """Without a token a private repository asks for one, and a public one is cloned."""
    github.create_repository("octo/open", {"a": "1\n"}, private=False)
    assert git(tmp_path, "clone", "-q", remote(github), "secret").returncode != 0
    assert git(tmp_path, "clone", "-q", remote(github, name="octo/open"), "open").returncode == 0
    other = github.mint_token(repositories=["octo/open"])
    assert git(tmp_path, "clone", "-q", remote(github, other), "secret").returncode != 0


def test_pull_refs_cannot_be_pushed(github: LocalGitHub, clone: Path) -> None:
    """GitHub keeps refs/pull to itself."""
    url = remote(github, github.mint_token())
    assert git(clone, "push", "-q", url, "HEAD:refs/pull/9/head").returncode != 0


def test_a_repository_is_taken_over_with_its_history(github: LocalGitHub, clone: Path) -> None:
    """A repository made from another one has all its commits and branches."""
    github.create_repository("octo/copy", source=clone)
    assert {"main", "opus/x"} <= set(github.branches("octo/copy"))
    assert github.file("octo/copy", "new.txt", "opus/x") == b"new\n"


def test_a_folder_becomes_a_repository(github: LocalGitHub, tmp_path: Path) -> None:
    """A plain folder becomes one commit, with executable files still so."""
    folder = tmp_path / "plain"
    (folder / "bin").mkdir(parents=True)
    script = folder / "bin" / "run"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    github.create_repository("octo/plain", source=folder)
    git(tmp_path, "clone", "-q", remote(github, github.mint_token(), "octo/plain"), "plain-clone")
    assert (tmp_path / "plain-clone" / "bin" / "run").stat().st_mode & 0o100


def test_a_large_push_goes_through_in_chunks(github: LocalGitHub, clone: Path) -> None:
    """Git sends more than a megabyte in chunks, and the local GitHub puts them together."""
    (clone / "large.bin").write_bytes(bytes(range(256)) * 20_000)
    git(clone, "add", ".")
    git(clone, "-c", "core.compression=0", "commit", "-q", "-m", "Large")
    url = remote(github, github.mint_token())
    pushed = git(clone, "-c", "http.postBuffer=65536", "-c", "core.compression=0", "push", "-q", url, "HEAD:opus/x")
    assert pushed.returncode == 0, pushed.stderr
    assert len(github.file(SHOP, "large.bin", "opus/x") or b"") == 256 * 20_000

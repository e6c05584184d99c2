"""What a run had done before it failed reaches people, once, on a branch without a pull request."""

from __future__ import annotations

import subprocess
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from jobs.execute import execute
from jobs.store import CRASHES
from jobs.types import Actor, Conclusion
from tests.jobs.conftest import SHOP
from tests.store.asking import claim, request, submit

if TYPE_CHECKING:
    from pathlib import Path

    from jobs.services import Services
    from jobs.testing.github import LocalGitHub
    from jobs.types import Task


def _bundle(home: Path, github: LocalGitHub) -> tuple[str, bytes]:
    """Return the base commit, and a bundle of one commit on it as it comes out of a sandbox."""
    token = github.mint_token({"contents": "read"})
    address = f"{github.server_url.replace('://', f'://x-access-token:{token}@')}/{SHOP}.git"
    copy, people = home / "copy", ["-c", "user.name=a", "-c", "user.email=a@localhost"]
    subprocess.run(["git", "clone", "-q", address, str(copy)], check=True)
    base = subprocess.run(["git", "-C", str(copy), "rev-parse", "HEAD"], check=True, capture_output=True, text=True)
    (copy / "README.md").write_text("# Shop, half done\n")
    subprocess.run(["git", "-C", str(copy), *people, "commit", "-q", "-a", "-m", "x"], check=True)
    subprocess.run(["git", "-C", str(copy), "branch", "work"], check=True)
    command = ["git", "-C", str(copy), "bundle", "create", "-q", "-", f"{base.stdout.strip()}..work"]
    return base.stdout.strip(), subprocess.run(command, check=True, capture_output=True).stdout


def _half_done(services: Services, github: LocalGitHub, home: Path) -> Task:
    """Return a task of which an attempt kept its work, and whose worker then died as often as it may."""
    store, now = services.store, time.time() - 100
    alice = Actor("github", str(github.add_user("alice").id), "alice")
    task = submit(store, replace(request(1, installation_id=github.installation_id), actor=alice), now)
    base, bundle = _bundle(home, github)
    first = claim(store, task.id, now)
    store.runs.finish_stage(task.id, first.task.attempt, "prepared", {"base": base, "branch": "main"}, now)
    store.runs.save_checkpoint(task.id, first.task.attempt, bundle, now)
    for number in range(1, CRASHES):
        claim(store, task.id, now + 20 * number)
    return task


def test_work_of_a_run_that_killed_its_workers_is_on_a_branch(
    services: Services, github: LocalGitHub, home: Path
) -> None:
    """The task fails in words that name the branch, the branch holds the work, and there is no pull request."""
    task = _half_done(services, github, home)
    execute(services, task.id)
    assert services.store.tasks.row(task.id).conclusion == Conclusion.FAILURE
    assert github.file(SHOP, "README.md", task.branch) == b"# Shop, half done\n"
    assert task.branch in github.comments(SHOP, 1)[0].body
    assert github.pull_requests(SHOP) == []


@pytest.mark.parametrize("stage", ["pushed", "published"])
def test_work_that_was_pushed_is_not_salvaged(services: Services, github: LocalGitHub, home: Path, stage: str) -> None:
    """What failed after the push leaves the work where it is, and makes no second branch of it."""
    task = _half_done(services, github, home)
    held = claim(services.store, task.id, time.time() - 20)
    services.store.runs.finish_stage(task.id, held.task.attempt, stage, {}, time.time())
    execute(services, task.id)
    assert services.store.tasks.row(task.id).conclusion == Conclusion.FAILURE
    assert task.branch not in github.branches(SHOP)


def test_work_that_kills_its_salvage_is_not_tried_again(services: Services, github: LocalGitHub, home: Path) -> None:
    """An attempt that died while it salvaged leaves the next one to fail the task in words, without the branch."""
    task = _half_done(services, github, home)
    with services.store.write() as connection:
        services.store.records.once(connection, f"salvage:{task.id}", time.time())
    execute(services, task.id)
    assert services.store.tasks.row(task.id).conclusion == Conclusion.FAILURE
    assert task.branch not in github.branches(SHOP)

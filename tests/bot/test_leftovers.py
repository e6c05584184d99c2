"""What died half-way leaves something behind, here and on GitHub: it is found and ended, and nothing that lives is."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from bot.housekeeping import leftovers
from bot.housekeeping.comparing import reconcile
from jobs.execute import execute
from jobs.notify import CHECK, COMMENT
from jobs.store import Place
from jobs.store.tables import tasks
from jobs.testing.github import git
from jobs.types import CHECK_NAME, Conclusion, Kind, Outcome, Subject
from tests.bot.conftest import SHOP

if TYPE_CHECKING:
    from pathlib import Path

    from jobs.services import Services
    from jobs.types import Task
    from tests.bot.ears import Ears

HOUR = 3600.0


def ended(ears: Ears, *, attempt: int = 3, ago: float = 2 * HOUR, kept: str = "", **values: Any) -> Task:
    """Return a task on issue 1 that ended a while ago, after workers of it had died."""
    task = ears.store(kind=Kind.RESOLVE_ISSUE, subject=Subject("issue", 1), title="Work", key=os.urandom(4).hex())
    held = ears.claim(task)
    outcome = Outcome(Conclusion.CANCELLED, "Cancelled: by @alice", kept=kept)
    ears.services.store.tasks.complete(task.id, held.attempt, outcome, worked=1.0, now=time.time())
    ears.services.store.tasks.told(task.id, held.attempt)
    with ears.services.store.write() as connection:
        mine = tasks.update().where(tasks.c.id == task.id)
        connection.execute(mine.values(attempt=attempt, completed_at=time.time() - ago, **values))
    return task


def push(ears: Ears, task: Task, *, by: str = "", message: str = "") -> None:
    """Push a commit of the bot's, or of somebody else's, to a task's branch."""
    world, (login, email) = ears.local.world, ears.services.github.bot_user()
    author = (by, f"{by}@example.com") if by else (login, email)
    words = message or f"Mend the total\n\nTask {task.id}\n"
    with world.change():
        path = world.repository(SHOP).path
        if task.own_branch not in ears.local.branches(SHOP):
            git.update_ref(path, f"refs/heads/{task.own_branch}", ears.local.branches(SHOP)["main"])
        git.write(path, task.own_branch, {f"{os.urandom(3).hex()}.py": "x\n"}, message=words, author=author)


def test_a_branch_that_nobody_is_told_of_is_deleted(ears: Ears) -> None:
    """Its task was pushed, its worker died, and it was cancelled; what people were told of or built on stays."""
    orphan = ended(ears)
    told = ended(ears, kept="")
    with ears.services.store.write() as connection:
        words = f"The work so far is on the branch `{told.own_branch}`."
        connection.execute(tasks.update().where(tasks.c.id == told.id).values(summary=words))
    fresh = ended(ears, ago=HOUR / 2)
    followed, built, opened = ended(ears), ended(ears), ended(ears)
    alive = ears.store(kind=Kind.RESOLVE_ISSUE, subject=Subject("issue", 1), title="Work")
    strange = ended(ears)
    for task in (orphan, told, fresh, followed, built, opened, alive):
        push(ears, task)
    push(ears, built, by="carol", message="My own idea")
    push(ears, strange, by="carol", message=f"Mine\n\nTask {strange.id}\n")
    ears.store(kind=Kind.BACKGROUND, subject=Subject("issue", 1), title="More", onto=followed.own_branch)
    ears.local.open_pull_request(SHOP, opened.own_branch, "Mine now", by="carol")
    ears.local.label_issue(SHOP, 1, "assign-to-opus", by="alice")
    ears.forget()
    for _ in range(2):
        reconcile(ears.services)
    left = {name for name in ears.local.branches(SHOP) if name.startswith("opus/")}
    assert left == {task.own_branch for task in (told, fresh, followed, built, opened, alive, strange)}


def show(ears: Ears, task: Task, body: str) -> int:
    """Have the living comment of a task say something, and return its number."""
    repository = ears.services.github.repository(SHOP, ears.local.installation_id)
    made = repository.create_comment(1, f"{task.marker}\n{body}")
    ears.services.store.records.save_place(task.id, COMMENT, Place(str(made.id), made.url, "the hash of the ending"))
    return made.id


def test_an_ending_that_was_overwritten_is_told_again(ears: Ears) -> None:
    """A worker that stood still behind its last check wrote that it works, and a check run that nobody knows."""
    services, github = ears.services, ears.local
    task = ended(ears, ago=120.0)
    number, head = show(ears, task, "Working on it."), github.branches(SHOP)["main"]
    services.store.records.save_place(task.id, f"{CHECK}{head}", Place("", "", ""))
    repository = services.github.repository(SHOP, github.installation_id)
    run = repository.ensure_check_run(head, task.id, CHECK_NAME, {"status": "in_progress"})
    reconcile(services)
    assert not services.store.tasks.row(task.id).told
    execute(services, task.id)
    [comment] = [one for one in github.comments(SHOP, 1) if one.id == number]
    assert "Cancelled" in comment.body
    assert {(one.id, one.status, one.conclusion) for one in github.check_runs(SHOP)} == {
        (run.id, "completed", "cancelled")
    }
    before = len(github.requests)
    reconcile(services)
    assert services.store.tasks.row(task.id).told
    assert not [one for one in github.requests[before:] if "comments" in one.path or one.method == "PATCH"]


def test_a_second_check_run_is_completed(ears: Ears) -> None:
    """Where two workers made one each on a commit, the one that is known tells the ending, and the other points there."""
    services, github = ears.services, ears.local
    task, head = ended(ears, ago=120.0), github.branches(SHOP)["main"]
    repository = services.github.repository(SHOP, github.installation_id)
    first = repository.ensure_check_run(head, task.id, CHECK_NAME, {"status": "completed", "conclusion": "cancelled"})
    services.store.records.save_place(task.id, f"{CHECK}{head}", Place(str(first.id), first.url, "x"))
    path, body = f"/repos/{SHOP}/check-runs", {"name": CHECK_NAME, "head_sha": head, "external_id": task.id}
    repository._call("POST", path, json={**body, "status": "in_progress"})
    reconcile(services)
    assert [run.status for run in github.check_runs(SHOP)] == ["completed", "completed"]


def test_an_ending_that_stands_there_is_left_alone(ears: Ears) -> None:
    """It is looked at once; a task that one worker saw through is not looked at, nor one that goes on."""
    services = ears.services
    contested, plain = ended(ears, ago=120.0), ended(ears, ago=120.0, attempt=1)
    services.store.tasks.tell_again(contested.id)
    execute(services, contested.id)
    show(ears, plain, "Working on it.")
    working = ears.store(kind=Kind.BACKGROUND, subject=Subject("issue", 1), title="Work")
    number = show(ears, working, "Working on it.")
    before = len(ears.local.requests)
    for _ in range(2):
        reconcile(services)
    asked = [one for one in ears.local.requests[before:] if "/issues/comments/" in one.path]
    assert len(asked) == 1
    assert not asked[0].path.endswith(str(number))
    assert services.store.tasks.row(contested.id).told


@pytest.mark.bubblewrap
def test_this_machine_is_cleaned(ears: Ears, home: Path) -> None:
    """Copies of repositories that were taken away, half-made ones, quarantined work and folders of dead sandboxes."""
    services = ears.services
    reconcile(services)
    task = ears.store(kind=Kind.BACKGROUND, subject=Subject("bg"), title="Work", repository="octo/held")
    mirrors, long_ago = home / "mirrors", time.time() - 30 * HOUR
    for name in (SHOP, "octo/held", "octo/taken", ".new/octo/old", ".new/octo/young", ".bin/1-aa"):
        folder = mirrors / (name if name.startswith(".bin") else f"{name}.git")
        folder.mkdir(parents=True)
        (folder / "HEAD").write_text("ref: refs/heads/main\n")
    os.utime(mirrors / ".new" / "octo" / "old.git", (long_ago, long_ago))
    for name in (task.id, "dead00"):
        (home / "quarantine" / name).mkdir(parents=True)
        folder = home / "run" / f"opus67-{name}"
        folder.mkdir(parents=True)
        (folder / "__main__.py").write_text("")
        os.utime(folder, (long_ago, long_ago))
    leftovers.sweep(services)
    assert sorted(path.parent.name + "/" + path.name for path in mirrors.glob("[!.]*/*.git")) == [
        "octo/held.git",
        "octo/shop.git",
    ]
    assert [path.name for path in (mirrors / ".new").glob("*/*.git")] == ["young.git"]
    assert list((mirrors / ".bin").glob("*")) == []
    assert [path.name for path in (home / "quarantine").iterdir()] == [task.id]
    assert [path.name for path in (home / "run").iterdir()] == [f"opus67-{task.id}"]


def test_an_absent_engine_keeps_nothing_else_from_being_cleaned(services: Services, home: Path) -> None:
    """The next sweep ends its sandboxes; the rest is removed now."""
    (home / "quarantine" / "dead00").mkdir(parents=True)
    services.settings = replace(services.settings, sandbox="podman")
    leftovers.sweep(services)
    assert list((home / "quarantine").iterdir()) == []

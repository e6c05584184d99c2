"""A worker begins the most urgent task, whoever it was woken for, and nothing while everything is paused."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from config.settings import Settings, load
from jobs.execute import KINDS, announce, execute
from jobs.types import Kind, Status
from tests.jobs.conftest import SHOP
from tests.jobs.endings import PLAYS
from tests.store.asking import SUCCESS, request, submit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from jobs.services import Services
    from jobs.store import Store
    from jobs.testing.github import LocalGitHub
    from jobs.types import Task


@pytest.fixture
def settings(home: Path, github: LocalGitHub, empty_valkey_url: str) -> Settings:
    """Return settings with a Redis that is there, and empty."""
    return load({**github.environment(), "OPUS67_HOME": str(home), "REDIS_URL": empty_valkey_url}, dotenv=None)


@pytest.fixture(autouse=True)
def kind() -> Iterator[None]:
    """Let every task end well at once."""
    real = KINDS[Kind.RESOLVE_ISSUE]
    KINDS[Kind.RESOLVE_ISSUE] = "tests.jobs.endings:end"
    PLAYS[:] = [lambda _attempt: SUCCESS] * 3
    yield
    KINDS[Kind.RESOLVE_ISSUE] = real


@pytest.fixture
def tasks(store: Store, github: LocalGitHub) -> list[Task]:
    """Return three queued tasks, of which the last is urgent."""
    github.create_issue(SHOP, "Second", by="bob")
    github.create_issue(SHOP, "Third", by="bob")
    installation, now = github.installation_id, time.time()
    made = [
        submit(store, request(number, installation_id=installation, at_once=(9, 9)), now - 10 + number)
        for number in (1, 2, 3)
    ]
    with store.write() as connection:
        store.tasks.prioritise(connection, made[2].id, 1)
    return made


def completed(store: Store, tasks: list[Task]) -> list[bool]:
    return [store.tasks.row(task.id).status == Status.COMPLETED for task in tasks]


def test_the_urgent_task_goes_first_and_the_other_is_woken_again(services: Services, tasks: list[Task]) -> None:
    """Woken for the second, a worker does the third, then the first, then the second; no wake-up is lost."""
    store = services.store
    execute(services, tasks[1].id)
    assert completed(store, tasks) == [False, False, True]
    assert f"task-{tasks[1].id}" in services.waker.waiting()
    execute(services, tasks[1].id)
    assert completed(store, tasks) == [True, False, True]
    execute(services, tasks[1].id)
    assert completed(store, tasks) == [True, True, True]
    execute(services, tasks[1].id)
    assert len({store.tasks.row(task.id).attempt for task in tasks}) == 1


def test_nothing_begins_in_a_pause_of_everything_and_the_comment_says_why(
    services: Services, tasks: list[Task], github: LocalGitHub
) -> None:
    """A task that came later is announced with the words of the pause, and begins after it."""
    store = services.store
    with store.write() as connection:
        held = store.fleet.pause(connection, "by @alice; `/opus mission resume all` goes on.", time.time())
    assert set(held) == {task.id for task in tasks}
    github.create_issue(SHOP, "Fourth", by="bob")
    late = submit(store, request(4, installation_id=github.installation_id), time.time() - 5)
    execute(services, late.id)
    announce(services, late.id)
    assert store.tasks.row(late.id).status == Status.QUEUED
    [comment] = github.comments(SHOP, 4)
    assert "everything is paused" in comment.body
    assert "mission resume all" in comment.body
    with store.write() as connection:
        store.fleet.resume(connection, time.time())
    execute(services, late.id)
    assert sum(completed(store, [*tasks, late])) == 1

"""Containers and images that go away: the task starts again from what is kept, or waits for the operator."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from jobs.execute import execute
from jobs.sandbox.api import client
from jobs.sandbox.engine import TASK_LABEL
from jobs.testing.models import call
from jobs.types import Conclusion, Status
from tests.jobs.workshop import FIXED, Workshop, finish, write

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from jobs.store import Store
    from jobs.testing.github import LocalGitHub
    from jobs.testing.models.script import Reply
    from jobs.types import Task

pytestmark = pytest.mark.docker


@pytest.fixture
def workshop(home: Path, github: LocalGitHub, store: Store) -> Iterator[Workshop]:
    """Yield a workshop whose sandboxes are containers."""
    with Workshop.open(home, github, store, "docker") as opened:
        yield opened


def once(workshop: Workshop, task: Task) -> Any:
    """Carry a task out once, whenever it was to be, and return its row."""
    store = workshop.services.store
    with store.write() as connection:
        connection.execute(sa.text("UPDATE tasks SET not_before = 0"))
    execute(workshop.services, task.id)
    return store.tasks.row(task.id)


def test_a_container_that_is_killed_is_replaced(workshop: Workshop) -> None:
    """The task says that its sandbox failed, and goes on in a new one; no circuit is opened for one container."""
    task = workshop.task()

    def kill(_asked: object) -> Reply:
        with closing(client("docker")) as docker:
            [found] = docker.containers(filters={"label": f"{TASK_LABEL}=opus67-{task.id}"})
            docker.kill(found["Id"])
        return call("bash", command="cat greeting.py")

    workshop.plays(work=[write(), kill, write(), finish()])
    row = once(workshop, task)
    assert (row.status, row.crashes) == (Status.QUEUED, 1)
    assert "The sandbox failed" in row.note
    assert workshop.services.breaker.open() == {}
    assert once(workshop, task).conclusion == Conclusion.SUCCESS
    assert workshop.file("greeting.py", task.branch) == FIXED


def test_an_image_that_is_gone_is_waited_for(workshop: Workshop) -> None:
    """The operator is told how to have it again, and the task goes on by itself when it is there."""
    services = workshop.services
    real = services.settings
    services.settings = replace(real, sandbox_image="opus67-gone:latest")
    workshop.plays(work=[write(), finish()])
    task = workshop.task()
    row = once(workshop, task)
    assert (row.status, row.crashes) == (Status.QUEUED, 0)
    assert "No sandbox can be had since" in row.note
    assert "docker pull opus67-gone:latest" in row.note
    services.settings = real
    assert once(workshop, task).conclusion == Conclusion.SUCCESS

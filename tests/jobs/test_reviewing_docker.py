"""A review in a sandbox that outlives its worker goes on there, or makes room where the commit is another one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from jobs.execute import execute
from jobs.testing.models import call
from jobs.types import Conclusion
from tests.jobs.pulls import BROKEN, TILL, Opened, done, found
from tests.jobs.workshop import Workshop

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from jobs.store import Store
    from jobs.testing.github import LocalGitHub
    from jobs.testing.models.script import Reply

pytestmark = pytest.mark.docker


@pytest.fixture
def workshop(home: Path, github: LocalGitHub, store: Store) -> Iterator[Workshop]:
    """Yield a workshop whose sandboxes are containers."""
    with Workshop.open(home, github, store, "docker") as opened:
        yield opened


def begun(workshop: Workshop, pull: Opened) -> str:
    """Begin a review whose worker is asked to stop when the model has answered once, and return the task."""

    def stop(_asked: object) -> Reply:
        workshop.services.stopping.set()
        return call("bash", command="cat till.py")

    workshop.plays(inspect=[stop, found(), done()])
    task = pull.task()
    execute(workshop.services, task.id)
    workshop.services.stopping.clear()
    assert pull.reviews == []
    return task.id


def test_a_review_goes_on_in_its_sandbox(workshop: Workshop) -> None:
    """The next worker takes up sandbox and conversation, and pays no reply twice."""
    pull = Opened.by(workshop)
    task = workshop.services.store.tasks.get(begun(workshop, pull))
    assert task is not None
    assert workshop.run(task).conclusion == Conclusion.NEUTRAL
    assert len(workshop.asked()) == 3
    assert len(pull.threads) == 1


def test_a_sandbox_with_another_commit_makes_room(workshop: Workshop) -> None:
    """What a dead worker left of an earlier round is no obstacle to the next one."""
    pull = Opened.by(workshop, TILL)
    task = workshop.services.store.tasks.get(begun(workshop, pull))
    assert task is not None
    pull.push(BROKEN)
    with workshop.services.store.write() as connection:
        for table in ("stages", "steps"):
            connection.execute(sa.text(f"DELETE FROM {table} WHERE task_id = :id"), {"id": task.id})
    workshop.plays(inspect=[call("bash", command="cat till.py"), found(), done()])
    assert workshop.run(task).conclusion == Conclusion.NEUTRAL
    assert "price_5 = 1 / 0" in str(workshop.asked()[-1]["messages"][2])
    assert [review.commit_id for review in pull.reviews] == [pull.head]

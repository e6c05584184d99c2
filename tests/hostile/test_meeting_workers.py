"""Where workers meet: one that was stopped and wakes up behind its successor, and tasks that wait for their turn."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from jobs.clock import SWEEP_SECONDS
from jobs.store.tables import tasks
from jobs.types import Conclusion
from tests.journeys.town import LABEL, bash, finish, write
from tests.journeys.towns import running
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jobs.store.records import Records
    from jobs.testing.faults import Fault
    from tests.journeys.town import Story, Town

WAIT = 8
"""Seconds for which GitHub wants quiet."""
ONE_AT_ONCE = "limits:\n  tasks:\n    repository: 1\n"


@pytest.mark.bubblewrap
def test_a_stopped_worker_that_wakes_up_disturbs_nobody(town: Town) -> None:
    """A worker that slept through its lease leaves task, sandbox and places to the one that has them now."""
    sleep_through(town)


@pytest.mark.docker
def test_a_worker_that_wakes_up_leaves_its_container_to_its_successor() -> None:
    """So it is where the successor works in the very container that the sleeper started."""
    with running(OPUS67_SANDBOX="docker") as town:
        sleep_through(town)


def sleep_through(town: Town) -> None:
    """Stop a worker until another one works on its task, and check what comes of that.

    The time of its lease is not waited for, as it is in the test of all faults at once.
    """
    first, second = town.gate(), town.gate()
    story = town.story([write(), first.before(bash("true")), second.before(bash("cat greeting.py")), finish()]).ask()
    first.wait()
    row = town.store.tasks.row(story.current.id)
    sleeper = int(row.lease_owner.split(":")[1])
    os.kill(sleeper, signal.SIGSTOP)
    try:
        with town.store.write() as connection:
            connection.execute(tasks.update().where(tasks.c.id == row.id).values(lease_until=0.0))
        first.open()
        until(lambda: town.store.tasks.row(row.id).attempt > row.attempt, seconds=40, what="another attempt")
        second.wait()
    finally:
        os.kill(sleeper, signal.SIGCONT)
    # One that was stopped in the middle of a write is ended by the supervisor instead.
    until(
        lambda: f"left task {row.id} alone" in town.product.log or not Path(f"/proc/{sleeper}").exists(),
        seconds=30,
        what="the sleeper's goodbye",
    )
    second.open()
    story.ends(60)
    assert story.current.conclusion is Conclusion.SUCCESS
    story.assert_alone()
    assert len(story.check_runs()) == 2, "one on the base, one on the work"
    assert town.store.tasks.row(row.id).attempt == row.attempt + 1


@dataclass
class Refusing:
    """Two places that take no words, at once, since both have to be waited for."""

    quiet: Story
    asked_to_wait: Fault
    locked: Fault


@pytest.fixture(scope="module")
def refusing(town: Town) -> Iterator[Refusing]:
    """Yield a task that worked on while GitHub wanted quiet, and one that waited on a locked issue for its turn."""
    github, started, holder = town.product.github, town.gate(), town.gate()
    steps = [bash(f"sleep 2; echo {number}") for number in range(3)]
    quiet = town.story([started.before(steps[0]), *steps[1:], write(), finish()]).ask()
    busy = town.story([holder.before(finish("Nothing."))], then=finish("Nothing."), config=ONE_AT_ONCE)
    github.set_permission(busy.repository, "bob", "write")
    busy.ask(by="bob")
    started.wait()
    holder.wait()
    quiet.shows("Working on it")
    path = f"^/repos/{quiet.repository}/(issues/comments|check-runs)"
    asked_to_wait = github.faults.add("*", path, status=429, headers={"Retry-After": str(WAIT)})
    other = github.create_issue(busy.repository, f"The same ({busy.key})", "please", by="bob")
    locked = github.faults.add(
        "POST", f"^/repos/{busy.repository}/issues/{other.number}/comments$", status=403, times=None
    )
    github.label_issue(busy.repository, other.number, LABEL, by="bob")
    until(lambda: locked.hits, seconds=20, what="the announcement")
    started.open()
    sweeps(town, 3)
    quiet.ends()
    yield Refusing(quiet, asked_to_wait, locked)
    locked.times = 0
    holder.open()


def sweeps(town: Town, count: int) -> None:
    """Wait until the clock has swept so many times: each time it forgets what was heard long ago."""
    records = town.store.records
    for number in range(count):
        records.keep(f"heard:long-ago-{number}", "", 0.0)
        until(partial(gone, records, f"heard:long-ago-{number}"), seconds=4 * SWEEP_SECONDS, what="a sweep")


def gone(records: Records, key: str) -> bool:
    """Tell whether nothing is kept under a key."""
    return records.value(key) is None


def test_a_github_that_wants_quiet_is_left_in_peace(refusing: Refusing) -> None:
    """While GitHub asks to wait, a running task edits nothing, however many steps it makes; then it is told."""
    story = refusing.quiet
    paths = tuple(f"/repos/{story.repository}/{end}" for end in ("issues/comments/", "check-runs"))
    writes = [one for one in story.town.product.github.requests if one.path.startswith(paths)]
    [refused] = [one for one in writes if one.fault]
    later = [one.at for one in writes if one.at > refused.at]
    assert refusing.asked_to_wait.hits == 1
    assert later
    assert min(later) >= refused.at + WAIT
    meanwhile = [one for one in story.asked() if refused.at < one.at < refused.at + WAIT]
    assert len(meanwhile) > 1
    assert "Done" in story.comment()


def test_a_place_that_takes_no_words_is_not_asked_again_and_again(refusing: Refusing) -> None:
    """A task that waits for its turn on a locked issue is announced once, not at every sweep."""
    assert refusing.locked.hits == 1

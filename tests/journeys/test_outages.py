"""The ground gives way: the disk is full, Valkey is full, still or empty, the clock is set, the database is stopped."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import subprocess
import time
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import pytest

from jobs.types import Conclusion, Status
from tests.conftest import fresh_database, postgresql_cluster
from tests.journeys.battered import battered
from tests.journeys.town import FIXED, finish, write
from tests.journeys.towns import running
from tests.needs import CURES, postgresql_programs, requires
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from jobs.testing.github.webhooks import Delivery
    from tests.journeys.battered import Battered
    from tests.journeys.town import Story, Town

    Trouble = Callable[[Battered], AbstractContextManager[None]]

DONE = "Done: a draft pull request is ready"


@pytest.fixture(scope="module")
def ground() -> Iterator[Battered]:
    """Yield a town that all these tests batter, one after the other."""
    with battered(OPUS67_WORKERS="2") as made:
        yield made


def delivered(story: Story) -> Delivery:
    """Return GitHub's delivery of the label once it was tried."""
    github = story.town.product.github

    def there() -> Delivery | None:
        mine = [one for one in github.deliveries if one.event == "issues" and story.repository.encode() in one.body]
        return next((one for one in mine if one.action == "labeled" and one.attempts), None)

    return until(there, seconds=20, what="a delivery")  # type: ignore[return-value]


def test_a_full_disk_loses_nothing(ground: Battered) -> None:
    """The receiver answers 503, so that GitHub keeps the delivery; with room again all go on, and nothing is damaged."""
    town = ground.town
    gate = town.gate()
    first = town.story([write(), gate.before(finish())]).ask()
    gate.wait()
    with ground.full_disk():
        # Ahead of the work, whose larger transactions leave room in SQLite's log when they fail.
        second = town.story().ask()
        refused = delivered(second)
        assert [attempt.status_code for attempt in refused.attempts] == [503]
        gate.open()
        until(lambda: "database or disk is full" in town.product.log, seconds=30, what="words in the log")
    town.product.github.webhooks.send_again(refused)
    for story in (first, second):
        assert DONE in story.ends(60)
        story.assert_alone()
        assert story.file("greeting.py", story.current.branch) == FIXED
        assert town.store.tasks.row(story.current.id).crashes == 0
    with closing(sqlite3.connect(ground.var / "opus67.sqlite3")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


@contextmanager
def valkey_full(ground: Battered) -> Iterator[None]:
    """Have Valkey take nothing more."""
    with ground.valkey() as connection:
        connection.config_set("maxmemory", "1")
        try:
            yield
        finally:
            connection.config_set("maxmemory", "0")


@contextmanager
def valkey_still(ground: Battered) -> Iterator[None]:
    """Have Valkey stand still."""
    ground.signal_valkey(signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(ground.stopped, signal.SIGCONT)


@contextmanager
def valkey_emptied(ground: Battered) -> Iterator[None]:
    """Have Valkey forget everything behind what happens."""
    yield
    with ground.valkey() as connection:
        connection.flushall()


@pytest.mark.parametrize("trouble", [valkey_full, valkey_still, valkey_emptied], ids=["full", "still", "empty"])
def test_valkey_carries_nothing_that_could_be_lost(ground: Battered, trouble: Trouble) -> None:
    """What is asked meanwhile is stored, answered with 202, and done without it: workers look for work themselves."""
    with trouble(ground):
        story = ground.town.story().ask()
        assert [attempt.status_code for attempt in delivered(story).attempts] == [202]
        if trouble is not valkey_emptied:
            assert DONE in story.ends(60)
    assert DONE in story.ends(60)
    again = ground.town.story().ask()
    assert DONE in again.ends(60), "Valkey is itself again"
    story.assert_alone()


def test_a_clock_that_jumps_disturbs_nobody(ground: Battered) -> None:
    """Two hours forward: who works keeps its task and reaches no limit. An hour back: who waits goes on soon."""
    town = ground.town
    gate = town.gate()
    working = town.story([write(), gate.before(finish())]).ask()
    gate.wait()
    ground.set_clock(7200)
    until(lambda: "clock was set by +7200" in town.product.log, seconds=20, what="that the jump was seen")
    swept = time.monotonic() + 6  # one more sweep
    until(lambda: time.monotonic() > swept, what="another sweep")
    gate.open()
    assert DONE in working.ends()
    row = town.store.tasks.row(working.current.id)
    assert (row.attempt, row.crashes) == (1, 0)
    waiting = town.story()
    pattern = f"^/repos/{re.escape(waiting.repository)}/pulls$"
    town.product.github.faults.add("POST", pattern, status=403, headers={"Retry-After": "5"})
    waiting.ask()
    until(
        lambda: waiting.task() and waiting.current.status is Status.QUEUED and _rests(waiting), what="a task that waits"
    )
    ground.set_clock(-3600)
    assert DONE in waiting.ends(40)
    waiting.assert_alone()
    ground.set_clock(0)


def _rests(story: Story) -> bool:
    return "GitHub could not be reached since" in str(story.town.store.tasks.row(story.current.id).note)


@pytest.mark.postgresql
def test_a_stopped_postgresql_is_waited_for() -> None:
    """What is at work goes on when the database is back; what came meanwhile was refused with 503, and comes again."""
    programs = postgresql_programs()
    requires(programs, "postgresql", CURES["postgresql"])
    assert programs is not None
    with (
        postgresql_cluster(programs) as folder,
        fresh_database(f"postgresql://opus67@/postgres?host={folder}") as url,
        running(DATABASE_URL=url) as town,
    ):
        stop_in_the_middle(town, programs, folder)


def stop_in_the_middle(town: Town, programs: Path, folder: Path) -> None:
    """Stop PostgreSQL while a task is at work and another is asked for, and start it again."""
    gate = town.gate()
    first = town.story([write(), gate.before(finish())]).ask()
    gate.wait()
    control(programs, folder, "stop", "-m", "immediate")
    gate.open()
    second = town.story().ask()
    refused = delivered(second)
    assert refused.attempts[0].status_code == 503
    control(programs, folder, "start", "-l", str(folder / "log"), "-o", options(folder))
    town.product.github.webhooks.send_again(refused)
    for story in (first, second):
        assert DONE in story.ends(60)
        story.assert_alone()
        assert story.current.conclusion is Conclusion.SUCCESS
        assert town.store.tasks.row(story.current.id).crashes == 0


def options(folder: Path) -> str:
    """Return the server's options, as the cluster was started with."""
    return f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off -c max_connections=50"


def control(programs: Path, folder: Path, *command: str) -> None:
    """Run pg_ctl as the user whom the cluster belongs to."""
    data = folder / "data"
    owner = data.stat()
    identity = {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []} if os.geteuid() == 0 else {}
    subprocess.run(
        [str(programs / "pg_ctl"), "-D", str(data), "-w", *command],
        cwd=folder,
        check=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        timeout=60,
        **identity,  # type: ignore[call-overload]
    )

"""A task that kills its workers: it is failed once, in words, with its work kept, and nobody else is kept waiting."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from jobs.owners import process_of
from jobs.store import CRASHES
from jobs.store.tables import tasks
from jobs.types import Conclusion
from tests.journeys.town import FIXED, bash, finish, write
from tests.journeys.towns import running
from tests.waiting import until

if TYPE_CHECKING:
    from jobs.testing.models.script import Line
    from tests.journeys.town import Story, Town


def kill_its_worker(town: Town, story: Story) -> int:
    """Kill the worker that holds the story's task, as a full memory does, and let the time of its lease pass."""
    task_id = story.current.id
    process = process_of(town.store.tasks.row(task_id).lease_owner)
    with suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)
    until(lambda: process_of(town.store.tasks.row(task_id).lease_owner) != process or not _lives(process), what="death")
    with town.store.write() as connection:
        connection.execute(tasks.update().where(tasks.c.id == task_id).values(lease_until=0.0))
    return process


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_task_that_kills_its_workers_is_failed_once() -> None:
    """Three workers die of it; then one comment edit and one conclusion say so, and the work is on a branch."""
    with running(OPUS67_WORKERS="2") as town:
        killed: list[int] = []
        made: list[Story] = []

        def poison(_request: dict[str, Any]) -> Line:
            killed.append(kill_its_worker(town, made[0]))
            return bash("true")

        gate = town.gate()
        other = town.story([gate.before(write()), finish()])
        made.append(town.story([write(), poison, finish()]))
        town.product.github.set_permission(other.repository, "olga", "write")
        other.ask(by="olga")
        gate.wait()
        said = made[0].ask().ends(90)
        assert len(set(killed)) == len(killed) == CRASHES
        assert f"The worker died {CRASHES} times" in said
        task = made[0].current
        assert (task.conclusion, len(made[0].tasks()), len(made[0].living())) == (Conclusion.FAILURE, 1, 1)
        assert made[0].branches() == {task.branch}
        assert made[0].file("greeting.py", task.branch) == FIXED
        assert f"`{task.branch}`" in said
        assert {(run.status, run.conclusion) for run in made[0].check_runs()} == {("completed", "failure")}
        gate.open()
        assert "Done: a draft pull request is ready" in other.ends(60)
        assert town.store.tasks.row(other.current.id).crashes == 0
        assert len(killed) == CRASHES

"""A machine that is lost in the middle of a task: from the backup another one goes on, and nothing is told twice."""

from __future__ import annotations

import os
import shutil
import signal
from contextlib import suppress
from typing import TYPE_CHECKING

from tests.journeys.town import finish, write
from tests.waiting import until

if TYPE_CHECKING:
    from tests.journeys.town import Town

PROCESSES = ("up", "web", "worker", "clock")


def destroy(town: Town) -> None:
    """Kill everything that runs at once, and remove all that it had."""
    for command in PROCESSES:
        for process in town.product.processes(command):
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
    until(lambda: not any(town.product.processes(one) for one in PROCESSES), seconds=30, what="silence")
    town.product.stop()
    town.close()
    town._store = None
    shutil.rmtree(town.product.home / "var")


def test_a_lost_machine_goes_on_elsewhere(own_town: Town) -> None:
    """A backup while a task is at work, the machine lost, a restore into an empty home: one pull request, one comment."""
    done = own_town.story().ask()
    done.ends()
    told = len(done.comments()), done.comment()
    gate = own_town.gate()
    story = own_town.story([write(), gate.before(finish())]).ask()
    gate.wait()
    story.shows("Working on it")
    code, made = own_town.shell("backup", "state.tar.gz")
    assert code == 0, made
    assert made["data"]["rows"]["tasks"] == 2
    destroy(own_town)
    gate.open()
    code, restored = own_town.shell("restore", "state.tar.gz")
    assert code == 0, restored
    asked = len(story.asked())
    own_town.product.up()
    story.ends()
    story.assert_alone()
    done.assert_alone()
    assert (len(done.comments()), done.comment()) == told
    assert story.current.conclusion == "success"
    assert own_town.store.tasks.row(story.current.id).crashes == 0
    assert (
        len(story.asked()) - asked <= 3
    )  # the model goes on: the end, and the review; the first step is not paid again

"""Where workers meet: one that was stopped and wakes up behind its successor, and tasks that wait for their turn."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from jobs.clock import SWEEP_SECONDS
from jobs.types import Conclusion
from tests.journeys.conftest import running, town  # noqa: F401 - the fixture of the shared product
from tests.journeys.town import LABEL, bash, finish, write
from tests.waiting import until

if TYPE_CHECKING:
    from tests.journeys.town import Town

SANDBOXES = ["bubblewrap", pytest.param("docker", marks=pytest.mark.docker)]


@pytest.mark.parametrize("sandbox", SANDBOXES)
def test_a_stopped_worker_that_wakes_up_disturbs_nobody(sandbox: str) -> None:
    """A worker that slept through its lease leaves task, sandbox and places to the one that has them now."""
    with running(OPUS67_SANDBOX=sandbox) as town:  # noqa: F811 - not the shared one
        first, second = town.gate(), town.gate()
        story = town.story(
            [write(), first.before(bash("true")), second.before(bash("cat greeting.py")), finish()]
        ).ask()
        first.wait()
        row = town.store.tasks.row(story.current.id)
        sleeper = int(row.lease_owner.split(":")[1])
        os.kill(sleeper, signal.SIGSTOP)
        try:
            first.open()
            until(lambda: town.store.tasks.row(row.id).attempt > row.attempt, seconds=40, what="another attempt")
            second.wait()
        finally:
            os.kill(sleeper, signal.SIGCONT)
        until(lambda: f"left task {row.id} alone" in town.product.log, seconds=20, what="the sleeper's goodbye")
        second.open()
        story.ends(60)
        assert story.current.conclusion is Conclusion.SUCCESS
        story.assert_alone()
        assert len(story.check_runs()) == 2, "one on the base, one on the work"
        assert town.store.tasks.row(row.id).attempt == row.attempt + 1


def test_a_github_that_wants_quiet_is_left_in_peace(town: Town) -> None:  # noqa: F811 - a fixture
    """While GitHub asks to wait, a running task edits nothing, however many steps it makes; then it is told."""
    first, last = town.gate(), town.gate()
    steps = [bash(f"sleep 2; echo {number}") for number in range(5)]
    story = town.story([first.before(steps[0]), *steps[1:], last.before(write()), finish()]).ask()
    first.wait()
    story.shows("Working on it")
    faults, headers = town.product.github.faults, {"Retry-After": "20"}
    path = f"^/repos/{story.repository}/(issues/comments|check-runs)"
    fault = faults.add("*", path, status=429, headers=headers, times=None)
    first.open()
    last.wait()
    assert fault.hits == 1
    fault.times = 0
    last.open()
    assert "Done" in story.ends()


def test_a_place_that_takes_no_words_is_not_asked_again_and_again(town: Town) -> None:  # noqa: F811 - a fixture
    """A task that waits for its turn on a locked issue is announced once, not at every sweep."""
    gate = town.gate()
    story = town.story(
        [gate.before(write()), finish(), write(), finish()], config="limits:\n  tasks:\n    repository: 1\n"
    ).ask()
    gate.wait()
    github = town.product.github
    other = github.create_issue(story.repository, f"The same ({story.key})", "please", by="ada")
    path = f"^/repos/{story.repository}/issues/{other.number}/comments$"
    fault = github.faults.add("POST", path, status=403, times=None)
    github.label_issue(story.repository, other.number, LABEL, by="ada")
    until(lambda: fault.hits, seconds=20, what="the announcement")
    with pytest.raises(AssertionError):
        until(lambda: fault.hits > 1, seconds=2.5 * SWEEP_SECONDS, what="another announcement")
    fault.times = 0
    gate.open()

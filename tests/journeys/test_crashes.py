"""Processes that die: the next attempt takes the work up where it was, nothing is done or paid for twice."""

from __future__ import annotations

import os
import signal
from collections import Counter
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from jobs.testing.models.script import Reply, turn
from tests.journeys.town import FIXED, bash, finish, write
from tests.journeys.towns import running
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.journeys.town import Gate, Story, Town

STAGES = ("preparing", "in a tool call", "in a model query", "before the pull request", "behind it", "while telling")


def start(town: Town, stage: str, gate: Gate) -> Story:
    """Start a story that will hang in a stage until its worker is killed or the gate is opened."""
    faults = town.product.github.faults
    if stage == "in a tool call":
        sleep = "test -e /tmp/slept && exit; touch /tmp/slept; sleep 300"
        return asked(town.story([write(), bash(sleep), bash("cat greeting.py"), finish()]))
    if stage == "in a model query":
        return asked(town.story([write(), gate.before(bash("cat greeting.py")), finish()]))
    story = town.story([write(), bash("cat greeting.py"), finish()])
    path = {
        "preparing": ("POST", f"^/{story.repository}.git/git-upload-pack$", False),
        "before the pull request": ("POST", f"^/repos/{story.repository}/pulls$", False),
        "behind it": ("POST", f"^/repos/{story.repository}/pulls$", True),
        "while telling": ("PATCH", f"^/repos/{story.repository}/issues/comments/", True),
    }[stage]
    faults.add(path[0], path[1], hang=True, after=path[2], times=1)
    return asked(story)


def asked(story: Story) -> Story:
    """Have somebody ask who asks for nothing else, so that all stories may run at once."""
    person = f"ada-of-{story.key}"
    story.town.product.github.set_permission(story.repository, person, "write")
    return story.ask(by=person)


def hangs(story: Story, stage: str, gate: Gate) -> bool:
    """Tell whether a story has come to its stage."""
    if stage == "in a tool call":
        return len(story.asked()) == 2
    if stage == "in a model query":
        return gate.reached.is_set()
    faults = story.town.product.github.faults
    return any(fault.hits and story.repository in fault.path.pattern for fault in faults._faults)


def kill(town: Town, command: str) -> None:
    """Kill all processes of a command at once, without a word."""
    for process in town.product.processes(command):
        os.kill(process, signal.SIGKILL)


@pytest.fixture(scope="module")
def survivors() -> Iterator[dict[str, Story]]:
    """Yield a story for each stage, after all workers were killed when each had come to its stage.

    Containers outlive them; with bubblewrap workers die at more places in test_every_stage.py.
    """
    with running(OPUS67_SANDBOX="docker", OPUS67_WORKERS=str(len(STAGES))) as town:
        gate = town.gate()
        stories: dict[str, Story] = {}
        # Those that hang for ever go first; a request to GitHub is given up after ten seconds.
        for some in (STAGES[:3], STAGES[3:]):
            stories |= {stage: start(town, stage, gate) for stage in some}
            for one in some:
                until(partial(hangs, stories[one], one, gate), seconds=60, what=f"a task {one}")
        kill(town, "worker")
        town.product.github.faults.clear()
        gate.open()
        yield stories


@pytest.mark.docker
@pytest.mark.parametrize("stage", STAGES)
def test_a_worker_killed_in_any_stage_is_succeeded(survivors: dict[str, Story], stage: str) -> None:
    """The next attempt ends the work: one pull request, one comment, one branch, no step paid twice."""
    story = survivors[stage]
    assert "Done: a draft pull request is ready" in story.ends(90)
    story.assert_alone()
    assert story.file("greeting.py", story.current.branch) == FIXED
    shas = [run.head_sha for run in story.check_runs()]
    assert len(shas) == len(set(shas)) == 2
    assert [run.status for run in story.check_runs()] == ["completed", "completed"]
    answered = [one for one in story.asked() if isinstance(one.line, Reply)]
    agent = Counter(turn(one.body) for one in answered if one.body["tools"][0]["name"] != "report_review")
    # The reply that nobody was there to hear has to be asked for again.
    allowed = 2 if stage == "in a model query" else 1
    assert max(agent.values()) <= allowed
    reviews = [one for one in answered if one.body["tools"][0]["name"] == "report_review"]
    assert len(reviews) == 1


def test_a_killed_redis_loses_nothing(own_town: Town) -> None:
    """Valkey is killed while one task works and another is asked for; both come to their end."""
    town = own_town
    gate = town.gate()
    first = town.story([gate.before(write()), finish()]).ask()
    gate.wait()
    killed = [
        int(folder.name) for folder in Path("/proc").iterdir() if folder.name.isdigit() and _is_valkey(folder, town)
    ]
    assert killed, "there is no Valkey to kill"
    for process in killed:
        os.kill(process, signal.SIGKILL)
    second = town.story().ask()
    gate.open()
    assert "Done: a draft pull request is ready" in first.ends(90)
    assert "Done: a draft pull request is ready" in second.ends(90)
    first.assert_alone()
    second.assert_alone()


def test_killed_web_and_clock_come_back(own_town: Town) -> None:
    """The supervisor starts what dies, and the next label is heard."""
    town = own_town
    kill(town, "web")
    kill(town, "clock")
    until(lambda: not town.product.healthy() or town.product.processes("web"), what="the web process to be gone")
    town.product.wait_until_healthy()
    story = town.story().ask()
    assert "Done: a draft pull request is ready" in story.ends(60)


def _is_valkey(folder: Path, town: Town) -> bool:
    try:
        command = (folder / "cmdline").read_bytes()
        cwd = str((folder / "cwd").readlink())
    except OSError:
        return False
    home = str(town.product.home)
    return b"valkey-server" in command and (home.encode() in command or cwd.startswith(home))

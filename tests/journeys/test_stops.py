"""A deploy: SIGTERM in the middle of everything, a while of nothing, a start; nothing is lost, repeated or blamed."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import pytest

from jobs.testing.models.script import Reply, turn
from jobs.types import Status
from tests.journeys.town import FIXED, LABEL, bash, finish, write
from tests.journeys.towns import running
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.journeys.town import Gate, Story, Town

STAGES = ("a command", "a reply", "a clone", "a set-up", "a push", "a pull request", "telling")
HANGS = {
    "a clone": ("POST", "/{}.git/git-upload-pack$"),
    "a push": ("POST", "/{}.git/git-receive-pack$"),
    "a pull request": ("POST", "^/repos/{}/pulls$"),
    "telling": ("PATCH", "^/repos/{}/issues/comments/"),
}
SLOW = "sleep 10"
"""Long enough to be at it when the stop comes, and short enough to be done again."""
VISITORS = 5
ENDS = {"closed": "the issue was closed", "unlabelled": f"the label `{LABEL}` was taken off by @ada"}


def asked(story: Story) -> Story:
    """Have somebody ask who asks for nothing else, so that all stories may run at once."""
    person = f"ada-of-{story.key}"
    story.town.product.github.set_permission(story.repository, person, "write")
    return story.ask(by=person)


def start(town: Town, stage: str, gate: Gate) -> Story:
    """Start a story that comes to a stage and stays there."""
    if stage == "a command":
        return asked(town.story([write(), bash(SLOW), finish()]))
    if stage == "a reply":
        return asked(town.story([write(), gate.before(bash("cat greeting.py")), finish()]))
    if stage == "a set-up":
        return asked(town.story(config=f"setup: ['{SLOW}']\n"))
    story = town.story()
    method, path = HANGS[stage]
    town.product.github.faults.add(method, path.format(story.repository), hang=True, times=None)
    return asked(story)


def is_there(story: Story, stage: str, gate: Gate) -> bool:
    """Tell whether a story has come to its stage."""
    if stage == "a command":
        return len(story.asked()) == 2
    if stage == "a reply":
        return gate.reached.is_set()
    if stage == "a set-up":
        return len(story.check_runs()) > 0
    faults = story.town.product.github.faults
    return any(fault.hits and story.repository in fault.path.pattern for fault in faults._faults)


@dataclass
class Deploy:
    """What there was to see of one stop and the start behind it."""

    code: int = -1
    seconds: float = 0.0
    said: str = ""
    stories: dict[str, Story] = field(default_factory=dict)
    left: dict[str, tuple[str, int, str]] = field(default_factory=dict)
    visitors: list[Story] = field(default_factory=list)
    over: dict[str, Story] = field(default_factory=dict)
    """Work whose reason is gone when the product starts again, without anybody to tell it."""


def visit(town: Town, deploy: Deploy, over: threading.Event) -> None:
    """Have somebody ask for something every now and then, whether or not anybody is there to hear it."""
    for _ in range(VISITORS):
        deploy.visitors.append(asked(town.story([finish("Nothing to do.")])))
        over.wait(2.0)


def unheard(town: Town, deploy: Deploy) -> None:
    """Take the reason from some of the work, in a way that GitHub does not even list as not delivered."""
    github, closed, unlabelled = town.product.github, deploy.over["closed"], deploy.over["unlabelled"]
    address, github.webhook_url = github.webhook_url, ""
    github.close_issue(closed.repository, closed.number, by="ada")
    github.unlabel_issue(unlabelled.repository, unlabelled.number, LABEL, by="ada")
    github.webhook_url = address


@pytest.fixture(scope="module")
def deploy() -> Iterator[Deploy]:
    """Stop the product while a story stands in each stage, and start it again while people go on asking."""
    with running(OPUS67_WORKERS=str(len(STAGES) + len(ENDS))) as town:
        gate, seen, over = town.gate(), Deploy(), threading.Event()
        for end in ENDS:
            seen.over[end] = asked(town.story([town.gate().before(write()), finish()]))
        for stage in STAGES:
            seen.stories[stage] = start(town, stage, gate)
        for stage, story in seen.stories.items():
            until(partial(is_there, story, stage, gate), seconds=90, what=f"a task at {stage}")
        until(lambda: all(one.reached.is_set() for one in town.gates), seconds=60, what="work to lose its reason")
        people = threading.Thread(target=visit, args=(town, seen, over))
        people.start()
        began = time.monotonic()
        seen.code, seen.seconds = town.product.stop(), time.monotonic() - began
        rows = {stage: town.store.tasks.row(story.current.id) for stage, story in seen.stories.items()}
        seen.left = {stage: (row.status, row.crashes, row.lease_owner) for stage, row in rows.items()}
        seen.said = town.product.log
        unheard(town, seen)
        town.product.github.faults.clear()
        gate.open()
        town.product.up()
        people.join()
        yield seen


def test_everything_stops_in_time(deploy: Deploy) -> None:
    """All processes end by themselves within ten seconds, whatever their workers are at."""
    assert deploy.code == 0
    assert deploy.seconds < 15, deploy.seconds  # a busy machine; by itself it takes seven
    assert "did not stop in time" not in deploy.said


@pytest.mark.parametrize("stage", STAGES)
def test_work_is_handed_over_from_any_stage(deploy: Deploy, stage: str) -> None:
    """Nobody holds the task, no crash is counted, and the next worker brings it to its end: once, no step paid twice."""
    status, crashes, owner = deploy.left[stage]
    assert (crashes, owner) == (0, "")
    assert status in {Status.QUEUED, Status.COMPLETED}
    story = deploy.stories[stage]
    assert "Done: a draft pull request is ready" in story.ends(90)
    story.assert_alone()
    assert story.file("greeting.py", story.current.branch) == FIXED
    assert [run.status for run in story.check_runs()] == ["completed", "completed"]
    turns = [turn(one.body) for one in story.asked() if isinstance(one.line, Reply)]
    again = [one for one in set(turns) if turns.count(one) > 1]
    # The reviewer has a first turn, too; a reply that nobody was there to hear is asked for again.
    assert len(again) <= (2 if stage == "a reply" else 1)


def test_nobody_who_asked_meanwhile_is_left_out(deploy: Deploy) -> None:
    """Each request of before, during and after the stop is answered once; GitHub delivers again what it could not."""
    assert len(deploy.visitors) == VISITORS
    for story in deploy.visitors:
        assert "Nothing was changed" in story.ends(120)
        assert (len(story.tasks()), len(story.living()), len(story.pulls())) == (1, 1, 0)


@pytest.mark.parametrize("end", ENDS)
def test_work_whose_reason_went_meanwhile_ends(deploy: Deploy, end: str) -> None:
    """An issue that was closed or unlabelled while nobody was there, untold: its task is cancelled in words, once."""
    story = deploy.over[end]
    assert ENDS[end] in story.ends(60)
    assert (story.current.conclusion, len(story.tasks()), len(story.living())) == ("cancelled", 1, 1)
    assert (story.pulls(), story.branches()) == ([], set())

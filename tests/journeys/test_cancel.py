"""Every way to end the work, at every moment: it stops within seconds, keeps nothing running, and says who did it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from jobs.testing.models.script import call
from jobs.types import Conclusion, Status
from tests.journeys.town import LABEL, bash, write
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.journeys.town import Story, Town

WAYS: dict[str, tuple[Callable[[Story], object], str]] = {
    "label off": (
        lambda story: story.town.product.github.unlabel_issue(story.repository, story.number, LABEL, by="ada"),
        "the label `assign-to-opus` was taken off by @ada",
    ),
    "closed": (
        lambda story: story.town.product.github.close_issue(story.repository, story.number, by="bob"),
        "the issue was closed by @bob",
    ),
    "command": (lambda story: story.say("/opus cancel"), "by @ada"),
    "button": (lambda story: story.press("cancel"), "by @ada"),
}


def working(story: Story) -> Story:
    """Wait until the agent works, and its check run is there."""
    story.shows("Working on it")
    until(story.check_runs, seconds=20, what="a check run")
    until(story.asked, seconds=20, what="a request to the model")
    return story


def assert_cancelled(story: Story, words: str) -> None:
    """Check that people see the end of the work and who asked for it."""
    comment = story.ends(15)
    assert "**Cancelled**" in comment
    assert words in comment
    task = story.current
    assert task.conclusion is Conclusion.CANCELLED
    assert len(story.living()) == 1
    run = story.check_runs()[-1]
    assert (run.status, run.conclusion) == ("completed", "cancelled")
    assert [action["identifier"] for action in run.actions] == ["run_again"]


def asked(story: Story) -> Story:
    """Have somebody ask who asks for nothing else, so that several stories may run at once."""
    for person in (f"ada-of-{story.key}", "bob"):
        story.town.product.github.set_permission(story.repository, person, "write")
    return story.ask(by=f"ada-of-{story.key}")


def ended(stories: Mapping[str, Story]) -> dict[str, tuple[Story, float]]:
    """End the work in the way that each story is named after, all at once; return how many seconds each took."""
    began = {}
    for way, story in stories.items():
        began[way] = time.monotonic()
        WAYS[way][0](story)
    taken = {}
    for way, story in stories.items():
        story.reaches(Status.COMPLETED)
        taken[way] = story, time.monotonic() - began[way]
    return taken


@pytest.fixture(scope="module")
def sleeping(town: Town) -> dict[str, tuple[Story, float]]:
    """Return a story for each way, ended in the middle of a command that sleeps for minutes."""
    stories = {way: asked(town.story([write(), bash("echo $$ > /tmp/here; sleep 300"), write()])) for way in WAYS}
    for story in stories.values():
        working(story)
        until(lambda story=story: len(story.asked()) == 2, seconds=20, what="the command that sleeps")  # type: ignore[misc]
    return ended(stories)


@pytest.mark.parametrize("way", WAYS)
def test_a_long_command_is_broken_off(sleeping: dict[str, tuple[Story, float]], way: str) -> None:
    """A cancel in the middle of a command that sleeps for minutes ends the work within seconds, and the sandbox."""
    story, seconds = sleeping[way]
    assert_cancelled(story, WAYS[way][1])
    assert seconds < 30


@pytest.fixture(scope="module")
def silent(town: Town) -> dict[str, tuple[Story, float]]:
    """Return a story for some ways, ended while the model kept silent."""
    gates = {way: town.gate() for way in ("closed", "button")}
    stories = {way: asked(town.story([gate.before(write())])) for way, gate in gates.items()}
    for way, story in stories.items():
        gates[way].wait()
        until(story.check_runs, seconds=20, what="a check run")
    return ended(stories)


@pytest.mark.parametrize("way", ["closed", "button"])
def test_a_model_that_does_not_answer_is_not_waited_for(silent: dict[str, tuple[Story, float]], way: str) -> None:
    """A cancel while the model keeps silent ends the work within seconds."""
    story, seconds = silent[way]
    assert_cancelled(story, WAYS[way][1])
    assert seconds < 30


@pytest.mark.parametrize("way", ["label off", "command"])
def test_a_task_that_waits_for_an_answer_is_ended_at_once(town: Town, way: str) -> None:
    """A cancel while the agent waits for a person ends the task, and the question is gone."""
    act, words = WAYS[way]
    story = town.story([write(), call("ask_human", question="Which one?")]).ask()
    story.reaches(Status.WAITING)
    act(story)
    assert_cancelled(story, words)


def test_tasks_that_wait_for_their_turn_are_ended_at_once(town: Town) -> None:
    """A cancel of a queued task ends it before anything was spent, by its label or by a command."""
    gate = town.gate()
    story = town.story([gate.before(write())], config="limits:\n  tasks:\n    repository: 1\n").ask()
    gate.wait()
    waiting = {}
    for way in ("label off", "command"):
        issue = town.product.github.create_issue(story.repository, f"Second ({story.key})", "Please", by="ada")
        waiting[way] = type(story)(town, story.key, story.repository, issue.number).ask()
    for way, second in waiting.items():
        act, words = WAYS[way]
        second.shows("Queued", 20)
        act(second)
        until(lambda second=second: "**Cancelled**" in second.comment(), seconds=15, what="the end")  # type: ignore[misc]
        assert words in second.comment()
        assert "$0.00" in second.comment()
    story.say("/opus cancel")
    until(lambda: town.store.tasks.row(story.current.id).cancel, seconds=15, what="the wish")
    gate.open()
    until(lambda: "**Cancelled**" in story.comment(), seconds=15, what="the end of the first")


def test_a_deleted_issue_ends_the_work(town: Town) -> None:
    """Deleting the issue ends the task although there is no comment left to say so; the check run does."""
    story = working(town.story([bash("sleep 300")]).ask())
    town.product.github.delete_issue(story.repository, story.number, by="ada")
    story.reaches(Status.COMPLETED, 20)
    until(lambda: story.check_runs()[-1].conclusion == "cancelled", seconds=20, what="the check run's end")


def test_taking_off_another_label_does_not_end_the_work(town: Town) -> None:
    """Just a label that asks for work ends it."""
    gate = town.gate()
    story = town.story([gate.before(bash("true")), call("finish", title="x", summary="Nothing to do.")])
    story.ask(label="bug").ask()
    gate.wait()
    town.product.github.unlabel_issue(story.repository, story.number, "bug", by="ada")
    said = story.say("/opus status")
    until(lambda: any(f"answer={said.id}" in one.body for one in story.comments()), what="an answer")
    gate.open()
    assert "Nothing was changed" in story.ends()


def test_a_deleted_comment_is_written_again(town: Town) -> None:
    """When somebody deletes the bot's comment while it works, the ending is told in a new one."""
    gate = town.gate()
    story = town.story([gate.before(call("finish", title="x", summary="Nothing to do."))]).ask()
    gate.wait()
    until(story.living, seconds=20, what="the comment")
    town.product.github.delete_comment(story.repository, story.living()[0].id, by="ada")
    gate.open()
    assert "Nothing was changed" in story.ends()
    assert len(story.living()) == 1

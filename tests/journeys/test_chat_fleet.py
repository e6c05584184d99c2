"""The whole fleet from the command line, with real workers: pauses, scale, urgency, models, copies, money, reasons."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from jobs.types import Conclusion, Status
from tests.journeys.town import bash, finish, write
from tests.journeys.towns import WORKERS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.journeys.town import Gate, Story, Town

OTHER = "claude-sonnet-5-5"


def begin(town: Town, story: Story, *options: str) -> str:
    """Have the operator begin a task, and return its id."""
    story.settles()
    code, answer = town.shell("bg", *options, "--repo", story.repository, f"greet by name ({story.key})")
    assert (code, answer["ok"]) == (0, True), answer
    return str(answer["task"])


def asked(story: Story) -> Story:
    """Have somebody ask who asks for nothing else: nobody may have many tasks at work at once."""
    person = f"ada-of-{story.key}"
    story.town.product.github.set_permission(story.repository, person, "write")
    return story.ask(by=person)


def order(town: Town, *words: str) -> dict[str, object]:
    """Give a command that must be carried out, and return what it says for programs."""
    code, answer = town.shell(*words)
    assert (code, answer["ok"]) == (0, True), answer
    return dict(answer["data"])


def held(town: Town) -> tuple[Story, Gate]:
    """Return a story whose second step waits at a gate."""
    gate = town.gate()
    # Who is interrupted behind the end is asked once more.
    return town.story([gate.before(bash("ls")), write(), finish()], then=finish()), gate


@contextmanager
def scaled(town: Town, workers: int) -> Iterator[None]:
    """Have so many tasks run at once for a while."""
    order(town, "mission", "scale", str(workers))
    try:
        yield
    finally:
        order(town, "mission", "scale", str(WORKERS))


def test_everything_pauses_and_goes_on(town: Town) -> None:
    """What runs stops after its step, what is new does not begin, and the fleet says why; then both are done."""
    (running, gate), waiting = held(town), town.story()
    begin(town, running)
    gate.wait()
    order(town, "mission", "pause", "all")
    try:
        begin(town, waiting)
        gate.open()
        running.reaches(Status.WAITING)
        assert "by the operator" in str(order(town, "mission", "status")["paused"])
        assert waiting.current.status is Status.QUEUED
        assert waiting.asked() == []
    finally:
        order(town, "mission", "resume", "all")
    for story in (running, waiting):
        story.reaches(Status.COMPLETED)
        assert story.current.conclusion is Conclusion.SUCCESS


def test_the_fleet_grows_and_shrinks_while_it_works(town: Town) -> None:
    """With no workers nothing begins but commands are heard; with three, three tasks run at once."""
    stories = [held(town) for _ in range(3)]
    with scaled(town, 0):
        for story, _ in stories:
            asked(story).reaches(Status.QUEUED)
        said = stories[0][0].say("/opus status")
        stories[0][0].answers(f"answer={said.id}")
        assert {story.current.status for story, _ in stories} == {Status.QUEUED}
        order(town, "mission", "scale", "3")
        for _, gate in stories:
            gate.wait()
        assert len(order(town, "mission", "agents")["agents"]) == 3  # type: ignore[arg-type]
        order(town, "mission", "scale", "1")
        for _, gate in stories:
            gate.open()
        for story, _ in stories:
            story.reaches(Status.COMPLETED)
            assert story.current.conclusion is Conclusion.SUCCESS, story.comment()


def test_what_is_urgent_goes_first(town: Town) -> None:
    """With one worker a later task of high priority begins before an earlier one."""
    with scaled(town, 1):
        (busy, first), (early, second), (late, third) = (held(town) for _ in range(3))
        asked(busy)
        first.wait()
        asked(early).reaches(Status.QUEUED)
        task = asked(late).reaches(Status.QUEUED).id
        order(town, "priority", task, "high")
        first.open()
        third.wait()
        assert early.asked() == []
        for gate in (second, third):
            gate.open()
        for story in (busy, early, late):
            story.reaches(Status.COMPLETED)


def test_another_model_goes_on(town: Town) -> None:
    """A task that runs is given to another model, which hears all that was said before."""
    story, gate = held(town)
    task = begin(town, story)
    gate.wait()
    before = {one.body["model"] for one in story.asked()}
    order(town, "reassign", task, OTHER)
    gate.open()
    story.reaches(Status.COMPLETED)
    assert OTHER not in before
    assert story.asked()[1].body["model"] == OTHER
    assert len(story.asked()[1].body["messages"]) > 1


def test_a_copy_stands_beside_its_model(town: Town) -> None:
    """A clone is a task of its own with a pull request of its own, in other words."""
    story = town.story()
    task = begin(town, story)
    story.reaches(Status.COMPLETED)
    code, answer = town.shell("clone", task, f"but in French ({story.key})")
    assert (code, answer["ok"]) == (0, True)
    story.reaches(Status.COMPLETED, than=task)
    assert "but in French" in str(story.asked()[-1].body)
    assert len(story.pulls()) == len(story.branches()) == 2


def test_money_and_reasons_are_told(town: Town) -> None:
    """What was spent by repository, person and model; why something ran, by its id and by the link of its issue."""
    story = town.story().ask()
    story.ends()
    names = {"repo": story.repository, "person": "ada", "model": "claude-opus-5-5"}
    for by, name in names.items():
        rows = order(town, "cost", "day", "by", by)["spent"]
        assert isinstance(rows, list)
        assert any(row["name"] == name and row["dollars"] > 0 and row["tasks"] > 0 for row in rows), rows
    link = f"{town.product.github.server_url}/{story.repository}/issues/{story.number}"
    for about in (story.current.id, link):
        decisions = order(town, "why", about)["decisions"]
        assert "has write permission" in str(decisions)


@pytest.mark.parametrize(
    "words",
    [
        "bg status",
        "bg status {id}",
        "bg review {id}",
        "mission status",
        "mission agents",
        "mission {id}",
        "why {id}",
        "cost",
        "whoami",
        "help",
        "help bg merge",
    ],
)
def test_programs_can_read_every_answer(town: Town, words: str) -> None:
    """One JSON document with the same four fields, whatever is asked."""
    task = next(iter(town.store.tasks.recent(1)), None)
    if task is None:
        story = town.story()
        begin(town, story)
        story.reaches(Status.COMPLETED)
        task = story.current
    code, answer = town.shell(*words.format(id=task.id).split())
    assert code == 0
    assert set(answer) == {"ok", "task", "data", "text"}
    assert answer["text"]


def test_what_is_wrong_has_an_exit_code(town: Town) -> None:
    """A task that is not there is refused with 1, a word that is not there with 2; both as JSON."""
    code, answer = town.shell("bg", "status", "0000aa")
    assert (code, answer["ok"]) == (1, False)
    code, answer = town.shell("bg", "cancle", "0000aa")
    assert code in {1, 2}
    assert "bg cancel" in str(answer)

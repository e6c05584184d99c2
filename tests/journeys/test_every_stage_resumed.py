"""What a run had when its worker died is what the next one goes on with: files, set-up, checks, and every word."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from jobs.sandbox.api import client
from jobs.sandbox.engine import home_id
from jobs.store import Store
from jobs.store.tables import metadata
from jobs.testing.github import LocalGitHub
from jobs.testing.models import call
from jobs.types import Conclusion, Kind, Subject
from tests.conftest import short_folder
from tests.jobs.conftest import github, private_key, store, workshop  # noqa: F401 - fixtures
from tests.jobs.reviewed import Reviewed, answer, rewrite
from tests.jobs.workshop import FIXED, WORKSHOP, Workshop, finish, write
from tests.journeys.careful import LOST, Meter, careful
from tests.journeys.mortal import Mortals, sleeps

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jobs.types import Task

WHEN = "checks: [\"python3 -c 'import time; print(time.time_ns())'\"]\n"
"""A check whose output tells one run of it from another."""
FAILING = "checks: [\"grep -q name, greeting.py || python3 -c 'import greeting; assert greeting.loud'\"]\n"
REMARKS = "It greets nobody who has no name; say so in the docstring, and mind the empty string, please."


def begin(shop: Workshop, *lines: Any, rules: str = "") -> tuple[Mortals, Task, Meter]:
    """Have a task about an issue asked for, whose model plays these lines."""
    if rules:
        shop.github.commit_file(WORKSHOP, "main", ".github/opus67.yml", rules, by="alice")
    shop.cast.roles = {"work": careful(*lines)}
    task, mortals = shop.task(Kind.RESOLVE_ISSUE, subject=Subject("issue", 1)), Mortals(shop)
    return mortals, task, Meter.on(mortals, task.id)


def unanswered(mortals: Mortals, task: Task, number: int) -> None:
    """Have a task be as if its worker had died between a verdict and the record of what the agent was told."""
    with mortals.workshop.services.store.write() as connection:
        lost = "UPDATE steps SET results = NULL WHERE task_id = :id AND number = :number"
        connection.execute(sa.text(lost), {"id": task.id, "number": number})


def results(mortals: Mortals, task: Task, number: int) -> str:
    """Return what the agent was told about a step."""
    return str(mortals.workshop.services.store.runs.steps(task.id)[number].results)


@pytest.mark.bubblewrap
def test_a_death_in_the_review_costs_the_review_alone(workshop: Workshop) -> None:  # noqa: F811 - a fixture
    """The agent is not sent back although its sandbox is gone, and the checks are not run again."""
    mortals, task, meter = begin(workshop, write(), finish(), rules=WHEN)
    meter.deadly = ["review"]
    assert mortals.one(task)
    [check] = workshop.services.store.runs.stage(task.id, "verdict")["evidence"]
    mortals.revive(task)
    row = mortals.run(task)
    assert row.conclusion == Conclusion.SUCCESS, row.summary
    assert [one["output"] for one in row.outcome["evidence"]] == [check["output"]]
    assert (row.outcome["steps"], meter.paid_twice) == (2, [])
    assert workshop.file("greeting.py", task.branch) == FIXED


@pytest.mark.bubblewrap
def test_what_the_reviewer_said_is_said_again(workshop: Workshop) -> None:  # noqa: F811 - a fixture
    """A worker that died before the agent heard the remarks leaves them to the next one, which asks no reviewer again."""
    workshop.cast.verdict = call("report_review", verdict="revise", remarks=REMARKS)
    mortals, task, meter = begin(workshop)
    workshop.plays(work=[write(), finish(), finish("Minded.")])
    meter.deadly = ["step 2"]
    assert mortals.one(task)
    unanswered(mortals, task, 1)
    mortals.revive(task)
    row = mortals.run(task)
    assert row.outcome["steps"] == 3
    assert REMARKS in results(mortals, task, 1)
    assert meter.paid_twice == []


@pytest.mark.bubblewrap
def test_failed_checks_are_counted_once(workshop: Workshop) -> None:  # noqa: F811 - a fixture
    """A worker that died before the agent heard of failed checks takes no go from it."""
    mortals, task, meter = begin(workshop)
    workshop.plays(work=[write("def greet(:\n"), finish(), write(), finish()])
    meter.deadly = ["step 2"]
    assert mortals.one(task)
    unanswered(mortals, task, 1)
    mortals.revive(task)
    row = mortals.run(task)
    assert "SyntaxError" in results(mortals, task, 1)
    assert workshop.services.store.runs.stage(task.id, "verdict")["goes"] == 1
    assert (row.conclusion, meter.paid_twice) == (Conclusion.SUCCESS, [])


@pytest.mark.bubblewrap
def test_threads_without_an_answer_are_asked_about_again(workshop: Workshop) -> None:  # noqa: F811 - a fixture
    """A worker that died before the agent heard which threads wait leaves the question to the next one."""
    reviewed = Reviewed.open(workshop)
    reviewed.review((3, "Make this 300."))
    task, mortals = reviewed.task(), Mortals(workshop)
    lines = [rewrite(line_3="value_3 = 300"), finish(), answer("T1", "It is 300.", done=True), finish()]
    workshop.cast.roles = {"work": careful(*lines, asked="wants the review of pull request")}
    meter = Meter.on(mortals, task.id, ["step 2"])
    assert mortals.one(task)
    unanswered(mortals, task, 1)
    mortals.revive(task)
    row = mortals.run(task)
    assert row.conclusion == Conclusion.SUCCESS, row.summary
    assert reviewed.resolved() == [0], reviewed.talk(0)
    assert (len(reviewed.talk(0)), meter.paid_twice) == (2, [])


@pytest.fixture(scope="module")
def docked(private_key: str) -> Iterator[Workshop]:  # noqa: F811 - a fixture
    """Yield a workshop over docker."""
    with short_folder("o67-") as home, LocalGitHub(home / "github", private_key_pem=private_key) as local:
        opened = Store(f"sqlite:///{home}/opus67.sqlite3")
        metadata.create_all(opened.database.engine)
        with Workshop.open(home, local, opened, "docker") as shop:
            yield shop


def end_container(shop: Workshop, task: Task) -> None:
    """End the container of a task from outside."""
    docker = client("docker")
    try:
        docker.remove_container(container(shop, task), force=True)
    finally:
        docker.close()


def container(shop: Workshop, task: Task) -> str:
    """Return the name of a task's container."""
    return f"opus67-{home_id(shop.services.settings.home)[:6]}-opus67-{task.id}"


LOOK = call("bash", command="cat greeting.py /tmp/beside ~/set-up; ls ~/set-up-ended")
SET_UP = (
    "setup: ['echo begun >> ~/set-up; sleep 0.4171; touch ~/set-up-ended']\nchecks: [python3 -c 'import greeting']\n"
)


@pytest.mark.docker
def test_a_container_that_lives_is_taken_up_as_it_is(docked: Workshop) -> None:
    """What git ignores, what lies beside the files and the set-up are there, and the agent is not told of a loss."""
    lines = [write(), call("bash", command="echo here > /tmp/beside"), LOOK, finish()]
    mortals, task, meter = begin(docked, *lines, rules=SET_UP)
    meter.deadly = ["step 2"]
    assert mortals.one(task)
    mortals.revive(task)
    row = mortals.run(task)
    assert row.conclusion == Conclusion.SUCCESS, row.summary
    assert (row.outcome["steps"], meter.paid_twice) == (4, [])
    seen = results(mortals, task, 2)
    assert all(one in seen for one in ("Hello, {name}", "here", "set-up-ended")), seen
    assert seen.count("begun") == 1
    assert LOST not in seen


@pytest.mark.docker
def test_a_container_that_is_gone_is_made_again_from_what_was_kept(docked: Workshop) -> None:
    """The new one has the files of the last checkpoint, and the agent is told.

    A worker that dies in its set-up leaves a half-made one to the next, which ends the set-up and tells the agent, too.
    """
    mortals, task, meter = begin(docked, rules=SET_UP)
    docked.plays(work=[write("def greet(:\n"), finish(), LOOK, write(), finish()])
    meter.deadly = ["step 2"]
    assert mortals.one(task)
    end_container(docked, task)
    mortals.revive(task)
    with mortals.dying_when({"the set-up runs": lambda: sleeps("0.4171")}):
        assert mortals.one(task)
    mortals.revive(task)
    row = mortals.run(task)
    assert row.conclusion == Conclusion.SUCCESS, row.summary
    assert LOST in results(mortals, task, 1)
    seen = results(mortals, task, 2)
    assert all(one in seen for one in ("def greet(:", "set-up-ended")), seen
    assert (row.outcome["steps"], meter.paid_twice) == (5, [])

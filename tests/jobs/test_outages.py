"""What is away is waited for: people are told since when and until when, and nothing is lost or paid twice."""

from __future__ import annotations

import itertools
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from jobs.breaker import FAILURES, Breaker
from jobs.execute import execute
from jobs.outages import OUTAGE_SECONDS
from jobs.sandbox.api import engine_errors
from jobs.testing.models import Failure, call, cut_stream, refused
from jobs.types import Actor, Conclusion, Kind, SandboxAway, Status, Subject
from tests.jobs.workshop import FIXED, WORKSHOP, finish, write
from tests.needs import podman_works
from tests.store.asking import claim

if TYPE_CHECKING:
    from jobs.testing.models.script import Line
    from jobs.types import Task
    from tests.jobs.workshop import Workshop

pytestmark = pytest.mark.bubblewrap

ALICE = Actor("github", "1002", "alice")
HOURS = itertools.count(1)
MODEL = "model:claude-opus-5-5"
AT_ONCE = {"x-should-retry": "false"}
"""Keeps the SDK from trying again by itself for half a minute, which is tested in tests/models."""
BUSY = Failure(529, "overloaded_error", "Overloaded", AT_ONCE)
PASSING: dict[str, tuple[Line, int, str]] = {
    "overloaded": (BUSY, 1, "claude-opus-5-5 answers 529"),
    "an error of the server": (Failure(503, "api_error", "Unavailable", AT_ONCE), 1, "claude-opus-5-5 answers 503"),
    "a rate limit": (Failure(429, "rate_limit_error", "Slow down", {"retry-after": "120"}), 1, "answers 429"),
    "cut streams": (cut_stream(write()), 3, "claude-opus-5-5 breaks its answers off"),
}


def asked(workshop: Workshop) -> Task:
    """Have alice ask for work on the issue."""
    alice = replace(ALICE, id=str(workshop.github.add_user("alice").id))
    return workshop.task(Kind.RESOLVE_ISSUE, subject=Subject("issue", 1), actor=alice)


def comment(workshop: Workshop) -> str:
    """Return the living comment."""
    [found] = [one for one in workshop.github.comments(WORKSHOP, 1) if one.app is not None]
    return found.body.replace("&#8203;", "").replace("\u200b", "")


def in_an_hour(workshop: Workshop, task: Task) -> Any:
    """Carry a task out once more after an hour, when every circuit may be tried again."""
    services, before = workshop.services, workshop.services.breaker
    due_now(workshop)
    ahead = time.time() + 3600 * next(HOURS)
    services.__dict__["breaker"] = Breaker(services.store.records, lambda: ahead)
    execute(services, task.id)
    services.__dict__["breaker"] = before
    return services.store.tasks.row(task.id)


def run_once(workshop: Workshop, task: Task) -> Any:
    """Carry a task out once, and return its row."""
    execute(workshop.services, task.id)
    return workshop.services.store.tasks.row(task.id)


def due_now(workshop: Workshop) -> None:
    """Let the time come for which tasks were put off."""
    with workshop.services.store.write() as connection:
        connection.execute(sa.text("UPDATE tasks SET not_before = 0"))


@pytest.mark.parametrize("failure", PASSING)
def test_a_model_that_is_away_is_waited_for(workshop: Workshop, failure: str) -> None:
    """The comment says what is away, since when and until when; the next attempt goes on behind the paid steps."""
    line, times, reason = PASSING[failure]
    workshop.plays(work=[write(), *[line] * times, finish()])
    task = asked(workshop)
    execute(workshop.services, task.id)
    row = workshop.services.store.tasks.row(task.id)
    assert (row.status, row.crashes, row.lease_owner) == (Status.QUEUED, 0, "")
    least = 118 if failure == "a rate limit" else 3
    assert least < row.not_before - time.time() <= 130
    for words in ("Waiting until something is back", "No model answers since", reason, "the next try is at", "UTC"):
        assert words in comment(workshop)
    assert "Nothing is lost." in comment(workshop)
    row = in_an_hour(workshop, task)
    assert (row.conclusion, row.crashes) == (Conclusion.SUCCESS, 0)
    assert "No model answers" not in comment(workshop)
    assert len(workshop.services.store.runs.steps(task.id)) == 2
    assert workshop.file("greeting.py", task.branch) == FIXED
    workshop.pull()


def test_while_the_circuit_is_open_nothing_is_started_into_it(workshop: Workshop) -> None:
    """After some failures no task asks the model or prepares anything for it; when it answers, all go on."""
    workshop.plays(work=[write(), *[BUSY] * FAILURES, finish()])
    task = asked(workshop)
    execute(workshop.services, task.id)
    for _ in range(FAILURES - 1):
        due_now(workshop)
        execute(workshop.services, task.id)
    [circuit] = workshop.services.breaker.open().values()
    asks, calls = len(workshop.asked()), len(workshop.github.requests)
    due_now(workshop)
    services, provider = workshop.services, workshop.services.provider
    services.__dict__["provider"] = "none"  # Whoever started a sandbox now would fail.
    execute(services, task.id)
    services.__dict__["provider"] = provider
    assert len(workshop.asked()) == asks
    made = [one.path for one in workshop.github.requests[calls:] if not one.path.startswith("/app/installations")]
    assert [path for path in made if "/issues/" not in path and "/check-runs" not in path] == []
    row = workshop.services.store.tasks.row(task.id)
    assert (row.status, row.crashes) == (Status.QUEUED, 0)
    assert row.not_before == pytest.approx(circuit.next_try, abs=6)
    assert in_an_hour(workshop, task).conclusion == Conclusion.SUCCESS
    assert workshop.services.breaker.open() == {}


def test_another_model_of_the_list_answers_meanwhile(workshop: Workshop) -> None:
    """The second of OPUS67_MODEL does the work of a first one that is away, and the first is not asked."""
    services = workshop.services
    services.settings = replace(services.settings, model="claude-opus-5-5,claude-sonnet-5-5")
    for _ in range(FAILURES):
        services.breaker.failed(MODEL, "claude-opus-5-5 answers 529")
    workshop.plays(work=[write(), finish()])
    task = asked(workshop)
    execute(services, task.id)
    row = services.store.tasks.row(task.id)
    assert row.conclusion == Conclusion.SUCCESS
    assert {one.body["model"] for one in workshop.model.requests} == {"claude-sonnet-5-5"}


FINAL: dict[str, tuple[Line, str]] = {
    "a key that was revoked": (refused(401, "authentication_error", "invalid x-api-key"), "ANTHROPIC_API_KEY"),
    "a context that is too long": (
        refused(400, "invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum"),
        "longer than the model can read",
    ),
}


@pytest.mark.parametrize("failure", FINAL)
def test_what_does_not_pass_is_not_waited_for(workshop: Workshop, failure: str) -> None:
    """The task ends at once, says what to do, and its work is on a branch; no circuit is opened."""
    line, words = FINAL[failure]
    workshop.plays(work=[write(), *[line] * FAILURES])
    task = asked(workshop)
    execute(workshop.services, task.id)
    row = workshop.services.store.tasks.row(task.id)
    assert (row.status, row.conclusion) == (Status.COMPLETED, Conclusion.FAILURE)
    assert words in comment(workshop)
    assert workshop.file("greeting.py", task.branch) == FIXED
    assert workshop.services.breaker.open() == {}
    assert len(workshop.asked()) == 2


def test_after_hours_the_task_ends_and_its_work_is_kept(workshop: Workshop) -> None:
    """A model that stays away ends the task in words, with the work so far on a branch and without a pull request."""
    workshop.plays(work=[write(), BUSY, BUSY])
    task = asked(workshop)
    execute(workshop.services, task.id)
    store, now = workshop.services.store, time.time()
    due_now(workshop)
    held = claim(store, task.id, now)
    known = store.runs.stage(task.id, "outage:model")
    first = {**known, "first": now - OUTAGE_SECONDS - 60}
    store.runs.finish_stage(task.id, held.task.attempt, "outage:model", first, now)
    store.tasks.release(task.id, held.task.attempt)
    row = in_an_hour(workshop, task)
    assert (row.status, row.conclusion) == (Status.COMPLETED, Conclusion.FAILURE)
    assert "No model answers for 3 hours" in comment(workshop)
    assert workshop.file("greeting.py", task.branch) == FIXED
    assert workshop.github.pull_requests(WORKSHOP) == []


def test_a_sandbox_that_is_away_is_waited_for(workshop: Workshop) -> None:
    """Without an engine the task waits, says so with the cure, and goes on when there is one."""
    if podman_works():
        pytest.skip("podman works here, so it is no engine that is away")
    services = workshop.services
    real, services.settings = services.settings, replace(services.settings, sandbox="podman")
    workshop.plays(work=[write(), finish()])
    task = asked(workshop)
    for turn in range(FAILURES + 1):
        due_now(workshop)
        row = in_an_hour(workshop, task) if turn == FAILURES else run_once(workshop, task)
        assert (row.status, row.crashes) == (Status.QUEUED, 0)
    assert "No sandbox can be had since" in comment(workshop)
    assert "start its service" in comment(workshop)
    assert [name.partition(":")[0] for name in services.breaker.open()] == ["sandbox"]
    services.settings = real
    assert in_an_hour(workshop, task).conclusion == Conclusion.SUCCESS
    assert services.breaker.open() == {}


def test_what_an_engine_says_is_told_apart() -> None:
    """No room and no answer are the machine's troubles, which pass; a refusal is the task's."""
    from docker.errors import APIError, DockerException  # noqa: PLC0415 - heavy, and one test needs it

    full = APIError("500", explanation="write /var/lib/docker/tmp: no space left on device")
    for error, words in ((full, "disk of docker is full"), (DockerException("connection refused"), "does not answer")):
        with pytest.raises(SandboxAway, match=words), engine_errors("docker"):
            raise error


def test_nonsense_of_a_model_is_told_to_it(workshop: Workshop) -> None:
    """An unknown tool and an empty reply cost a step each, and the work goes on."""
    workshop.plays(work=[call("make_coffee", sugar=2), write(), finish()])
    task = asked(workshop)
    row = workshop.run(task)
    assert row.conclusion == Conclusion.SUCCESS
    assert "There is no tool make_coffee" in str(workshop.services.store.runs.steps(task.id)[0].results)

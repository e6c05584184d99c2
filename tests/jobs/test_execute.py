"""However a run ends, its task is finished, waiting or to be taken up again, and people are told until they know."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from jobs import clock
from jobs.execute import KINDS, announce, execute
from jobs.outages import OUTAGE_SECONDS
from jobs.store import CRASHES, LEASE_SECONDS
from jobs.types import (
    Cancelled,
    Conclusion,
    GitHubUnavailable,
    HandOver,
    Kind,
    LeaseLost,
    LoopDetected,
    NeedsHuman,
    Outcome,
    Paused,
    SandboxError,
    Status,
    UserError,
)
from tests.jobs.conftest import SHOP
from tests.jobs.endings import PLAYS
from tests.store.asking import SUCCESS, claim, delivery, request, submit
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from jobs.execute import Attempt
    from jobs.services import Services
    from jobs.store import Store
    from jobs.testing.github import LocalGitHub
    from jobs.types import Task

ISSUE = 1


@pytest.fixture(autouse=True)
def kind() -> Iterator[None]:
    """Let tasks end as the tests say."""
    real = KINDS[Kind.RESOLVE_ISSUE]
    KINDS[Kind.RESOLVE_ISSUE] = "tests.jobs.endings:end"
    PLAYS.clear()
    yield
    KINDS[Kind.RESOLVE_ISSUE] = real


@pytest.fixture
def task(store: Store, github: LocalGitHub) -> Task:
    """Return a queued task on issue 1."""
    return submit(store, request(ISSUE, installation_id=github.installation_id), time.time() - 5)


def play(*plays: Outcome | Exception | Callable[[Attempt], Outcome]) -> None:
    """Say how the next runs end."""
    for one in plays:
        if isinstance(one, Outcome):
            PLAYS.append(lambda _attempt, outcome=one: outcome)  # type: ignore[misc]
        elif isinstance(one, Exception):
            PLAYS.append(_raiser(one))
        else:
            PLAYS.append(one)


def _raiser(error: Exception) -> Callable[[Attempt], Outcome]:
    def fail(_attempt: Attempt) -> Outcome:
        raise error

    return fail


def said(github: LocalGitHub) -> str:
    """Return the one comment that there is, without what keeps mentions in it from being any."""
    [comment] = github.comments(SHOP, ISSUE)
    return comment.body.replace("&#8203;", "").replace("\u200b", "")


def due_now(store: Store, task: Task) -> None:
    """Let the time come for which a task was put off."""
    with store.write() as connection:
        connection.execute(sa.text("UPDATE tasks SET not_before = 0, lease_until = 0 WHERE id = :id"), {"id": task.id})


ENDINGS: list[tuple[Any, Conclusion, str]] = [
    (SUCCESS, Conclusion.SUCCESS, "The total is right now"),
    (Outcome(Conclusion.NEUTRAL, "Nothing to do."), Conclusion.NEUTRAL, "Nothing to do"),
    (Outcome(Conclusion.SUCCESS, "Half \ud800 a \0 character."), Conclusion.SUCCESS, "Half"),
    (UserError("The model has no credit. Add some."), Conclusion.FAILURE, "Add some"),
    (Cancelled("by @bob"), Conclusion.CANCELLED, "by @bob"),
    (ZeroDivisionError("secret detail"), Conclusion.FAILURE, "An internal error stopped the work"),
    (LoopDetected("three times"), Conclusion.FAILURE, "An internal error stopped the work"),
]


@pytest.mark.parametrize(("ending", "conclusion", "words"), ENDINGS, ids=lambda value: type(value).__name__)
def test_every_ending_is_told_in_words(
    services: Services, task: Task, github: LocalGitHub, ending: Any, conclusion: Conclusion, words: str
) -> None:
    """The task is completed, its conclusion stored, and one comment says it without an error's inside."""
    play(ending)
    execute(services, task.id)
    row = services.store.tasks.row(task.id)
    assert (row.status, row.conclusion, row.told, row.lease_owner) == (Status.COMPLETED, conclusion, True, "")
    assert words in said(github)
    assert "secret detail" not in said(github)
    assert [one.content for one in github.reactions(SHOP, ISSUE)] == ["eyes"]
    assert list(services.store.tasks.due(time.time())) == []


def test_a_question_waits_and_is_told(services: Services, task: Task, github: LocalGitHub) -> None:
    """The task waits for its answer, and the comment asks."""
    play(NeedsHuman("Which of the two?"))
    execute(services, task.id)
    row = services.store.tasks.row(task.id)
    assert (row.status, row.question, row.told, row.lease_owner) == (Status.WAITING, "Which of the two?", True, "")
    assert "Which of the two?" in said(github)


def test_a_pause_waits_and_is_told(services: Services, task: Task, github: LocalGitHub) -> None:
    """The task waits for a resume, and the comment says who paused it."""
    play(Paused("by @bob; `/opus resume` goes on."))
    execute(services, task.id)
    row = services.store.tasks.row(task.id)
    assert (row.status, row.question, row.told) == (Status.WAITING, "", True)
    assert "@bob" in said(github)


def test_a_worker_that_stops_leaves_the_task_to_the_next(services: Services, task: Task) -> None:
    """It is in the queue at once, and the hand-over counts as no crash."""
    play(HandOver("stop"), SUCCESS)
    execute(services, task.id)
    row = services.store.tasks.row(task.id)
    assert (row.status, row.crashes, row.lease_owner) == (Status.QUEUED, 0, "")
    assert list(services.store.tasks.due(time.time())) == [task.id]
    execute(services, task.id)
    assert services.store.tasks.row(task.id).conclusion == Conclusion.SUCCESS


def test_a_lost_task_is_left_without_a_word(services: Services, task: Task, github: LocalGitHub) -> None:
    """Whoever holds it now tells how it ends; this attempt changes nothing any more."""

    def lose(attempt: Attempt) -> Outcome:
        claim(services.store, task.id, time.time() + LEASE_SECONDS + 1, "another")
        raise LeaseLost(attempt.task.id)

    def lose_late(_attempt: Attempt) -> Outcome:
        claim(services.store, task.id, time.time() + LEASE_SECONDS + 1, "another")
        return SUCCESS

    for number, way in enumerate((lose, lose_late)):
        play(way)
        execute(services, task.id)
        row = services.store.tasks.row(task.id)
        assert (row.status, row.attempt, row.lease_owner) == (Status.IN_PROGRESS, 2 * number + 2, "another")
        assert github.comments(SHOP, ISSUE) == []
        due_now(services.store, task)


def test_an_absent_database_fails_no_task(services: Services, task: Task, github: LocalGitHub) -> None:
    """The attempt that met it gives the task back as soon as it can, and counts as no crash; the next one ends it."""

    def rename(old: str, new: str) -> None:
        with services.store.write() as connection:
            connection.execute(sa.text(f"ALTER TABLE {old} RENAME TO {new}"))

    def vanish(attempt: Attempt) -> Outcome:
        rename("tasks", "away")
        try:
            attempt.lease.check()
        finally:
            rename("away", "tasks")
        return SUCCESS

    play(vanish, SUCCESS)
    execute(services, task.id)
    row = services.store.tasks.row(task.id)
    assert (row.status, row.crashes, row.lease_owner) == (Status.QUEUED, 0, "")
    execute(services, task.id)
    assert services.store.tasks.row(task.id).conclusion == Conclusion.SUCCESS
    assert "The total is right now" in said(github)


def test_a_failing_sandbox_is_tried_again_a_few_times(services: Services, task: Task, github: LocalGitHub) -> None:
    """With a pause in between, and in the end the reason is told."""
    play(*[SandboxError("The engine does not answer.") for _ in range(CRASHES)])
    for turn in range(1, CRASHES):
        execute(services, task.id)
        row = services.store.tasks.row(task.id)
        assert (row.status, row.crashes) == (Status.QUEUED, turn)
        assert row.not_before > time.time()
        due_now(services.store, task)
    execute(services, task.id)
    assert services.store.tasks.row(task.id).conclusion == Conclusion.FAILURE
    assert "The engine does not answer" in said(github)


def test_a_task_whose_workers_die_is_given_up_in_words(services: Services, task: Task, github: LocalGitHub) -> None:
    """After so many attempts that died without a word it is not run again."""
    for turn in range(CRASHES):
        claim(services.store, task.id, time.time() + turn * (LEASE_SECONDS + 1), f"worker {turn}")
    due_now(services.store, task)
    execute(services, task.id)
    assert services.store.tasks.row(task.id).conclusion == Conclusion.FAILURE
    assert f"died {CRASHES} times" in said(github)


def test_githubs_outage_is_waited_for(services: Services, task: Task, github: LocalGitHub) -> None:
    """The task is put off as long as GitHub asks, and goes on afterwards; the outage fails it after hours only."""
    play(GitHubUnavailable("GitHub answered 502", 120.0), GitHubUnavailable("GitHub answered 502"), SUCCESS)
    execute(services, task.id)
    row = services.store.tasks.row(task.id)
    assert row.status == Status.QUEUED
    assert 100 < row.not_before - time.time() <= 120
    assert row.crashes == 0
    due_now(services.store, task)
    began(services.store, task, OUTAGE_SECONDS + 60, last=900)
    execute(services, task.id)
    assert services.store.tasks.row(task.id).conclusion == Conclusion.FAILURE
    assert "could not be reached for 3 hours" in said(github)


def test_an_outage_of_another_time_does_not_count(services: Services, task: Task) -> None:
    """When GitHub was there in between, hours begin anew."""
    play(GitHubUnavailable("away"), GitHubUnavailable("away"))
    execute(services, task.id)
    due_now(services.store, task)
    began(services.store, task, OUTAGE_SECONDS + 60, last=OUTAGE_SECONDS - 60)
    execute(services, task.id)
    assert services.store.tasks.row(task.id).status == Status.QUEUED


def began(store: Store, task: Task, ago: float, *, last: float) -> None:
    """Have an outage begun some seconds ago, and be noticed last some seconds ago."""
    now = time.time()
    held = claim(store, task.id, now)
    store.runs.finish_stage(task.id, held.task.attempt, "outage", {"first": now - ago, "last": now - last}, now)
    store.tasks.release(task.id, held.task.attempt)


def test_an_ending_is_told_again_until_it_reached_people(services: Services, task: Task, github: LocalGitHub) -> None:
    """A GitHub that is away puts the telling off, with growing pauses; the work is not done twice, nor the comment."""
    fault = github.faults.add("POST", r"/comments$", times=2, status=502)
    play(SUCCESS)
    pauses = []
    for _ in range(2):
        execute(services, task.id)
        row = services.store.tasks.row(task.id)
        assert (row.status, row.told, row.lease_owner) == (Status.COMPLETED, False, "")
        pauses.append(row.not_before - time.time())
        assert github.comments(SHOP, ISSUE) == []
        due_now(services.store, task)
    assert fault.hits == 2
    assert 0 < pauses[0] < pauses[1]
    execute(services, task.id)
    assert services.store.tasks.row(task.id).told
    assert "The total is right now" in said(github)
    execute(services, task.id)
    assert services.store.tasks.row(task.id).attempt == 3


def test_a_lost_answer_doubles_no_comment(services: Services, task: Task, github: LocalGitHub) -> None:
    """GitHub wrote the comment, and its answer was lost: the next telling finds it."""
    github.faults.add("POST", r"/comments$", drop=True, after=True)
    play(SUCCESS)
    execute(services, task.id)
    assert not services.store.tasks.row(task.id).told
    due_now(services.store, task)
    execute(services, task.id)
    assert services.store.tasks.row(task.id).told
    assert "The total is right now" in said(github)


def test_what_github_refuses_to_hear_is_not_told_for_ever(services: Services, task: Task, github: LocalGitHub) -> None:
    """On a deleted issue nobody can be told; the task is done all the same."""
    github.delete_issue(SHOP, ISSUE, by="alice")
    play(SUCCESS)
    execute(services, task.id)
    assert services.store.tasks.row(task.id).told


def test_a_deleted_comment_is_written_anew(services: Services, task: Task, github: LocalGitHub) -> None:
    """The ending is told in a new comment where somebody deleted the first one."""
    announce(services, task.id)
    [first] = github.comments(SHOP, ISSUE)
    with github.world.change():
        github.issue(SHOP, ISSUE).comments.clear()
    play(SUCCESS)
    execute(services, task.id)
    assert "The total is right now" in said(github)
    assert github.comments(SHOP, ISSUE)[0].id != first.id


def test_a_reaction_that_is_refused_keeps_no_words_back(services: Services, task: Task, github: LocalGitHub) -> None:
    """The comment says how it ended, whatever happened to the eyes."""
    github.faults.add("POST", r"/reactions$", times=None, status=403)
    play(SUCCESS)
    execute(services, task.id)
    assert "The total is right now" in said(github)


def test_secrets_are_in_no_comment(services: Services, task: Task, github: LocalGitHub) -> None:
    """What the installation keeps secret is taken out of whatever the model wrote."""
    secret = services.settings.github_webhook_secret
    play(Outcome(Conclusion.SUCCESS, f"I found {secret} in the log."))
    execute(services, task.id)
    assert "I found" in said(github)
    assert secret not in said(github)


def test_a_waiting_task_is_announced_and_left_in_the_queue(services: Services, task: Task, github: LocalGitHub) -> None:
    """Its comment says that it is queued; it runs later, in the same comment."""
    announce(services, task.id)
    row = services.store.tasks.row(task.id)
    assert (row.status, row.lease_owner) == (Status.QUEUED, "")
    assert "queued" in said(github).lower()
    assert list(services.store.tasks.unannounced(time.time())) == []
    play(SUCCESS)
    execute(services, task.id)
    assert "The total is right now" in said(github)


def test_a_task_that_somebody_holds_is_left_alone(services: Services, task: Task, github: LocalGitHub) -> None:
    """Neither carried out nor announced a second time."""
    claim(services.store, task.id, time.time(), "another")
    execute(services, task.id)
    announce(services, task.id)
    execute(services, "nobody")
    assert services.store.tasks.row(task.id).attempt == 1
    assert github.comments(SHOP, ISSUE) == []


def test_the_clock_wakes_what_was_left_behind(
    home: Any, github: LocalGitHub, store: Store, empty_valkey_url: str
) -> None:
    """Deliveries, tasks and chores that wait are in the queues soon, each once; it goes on without the database."""
    import threading  # noqa: PLC0415 - one test needs it

    from redis import Redis  # noqa: PLC0415 - likewise

    from config.settings import load  # noqa: PLC0415 - likewise
    from jobs.services import build  # noqa: PLC0415 - likewise

    store.deliveries.add(delivery())
    waiting = submit(store, request(ISSUE), time.time() - 60)
    services = build(
        load({**github.environment(), "OPUS67_HOME": str(home), "REDIS_URL": empty_valkey_url}, dotenv=None)
    )
    ticking = threading.Thread(target=clock.tick, args=(services,))
    ticking.start()
    with Redis.from_url(empty_valkey_url) as redis:

        def woken() -> set[str]:
            lists = [redis.lrange(f"rq:queue:{name}", 0, -1) for name in ("inbox", "tasks")]
            return {name.decode().rpartition("-")[0] for names in lists for name in names}

        expected = {"delivery-guid-0001", f"task-{waiting.id}", f"announce-{waiting.id}"}
        expected |= {chore.name for chore in clock.CHORES}
        until(lambda: woken() == expected, what="everything that waits")
        assert redis.llen("rq:queue:inbox") + redis.llen("rq:queue:tasks") == len(expected)
    services.stopping.set()
    ticking.join(10)
    assert not ticking.is_alive()

"""Tasks are submitted once, claimed under a lease, fenced by their attempt, and end in words."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from jobs.store import LEASE_SECONDS
from jobs.types import Conclusion, LeaseLost, Phase, PlanItem, Status, Step, Usage
from tests.store.asking import ALICE, BOB, NOW, SUCCESS, cancel, claim, pause, request, resume, running, submit

if TYPE_CHECKING:
    from collections.abc import Callable

    from jobs.store import Store
    from jobs.types import Task

LATER = NOW + LEASE_SECONDS + 1
STEP = Step(0, {"role": "assistant", "content": []}, None, Usage(), 0.0, "m", 1.0)


def test_a_task_is_stored_as_it_was_asked_for(store: Store) -> None:
    """All that a request says comes back, emoji, big numbers and fractions too."""
    task, asked = submit(store), request()
    for name in ("kind", "repository", "installation_id", "subject", "title", "text", "actor", "mode", "limits"):
        assert getattr(task, name) == getattr(asked, name)
    assert (task.status, task.phase, task.attempt, task.removed) == (Status.QUEUED, Phase.PREPARING, 0, asked.removed)
    assert store.tasks.get(task.id) == task
    assert store.tasks.get("nobody") is None


def test_a_second_request_joins_the_first(store: Store) -> None:
    """There is one active task per subject, whatever the case of the repository's name; an ended one is not joined."""
    first = submit(store)
    with store.write() as connection:
        task, created = store.tasks.submit(connection, request(repository="Octo/SHOP", actor=BOB), NOW + 1)
    assert (task.id, task.actor, created) == (first.id, ALICE, False)
    cancel(store, first.id)
    again = submit(store, now=NOW + 2)
    assert again.id != first.id
    assert [found.id for found in store.tasks.active("OCTO/shop", first.subject)] == [again.id]
    assert store.tasks.latest("octo/Shop", first.subject) == again
    assert [found.id for found in store.tasks.recent()] == [again.id, first.id]
    assert [found.id for found in store.tasks.recent(1)] == [again.id]


def test_a_transaction_that_fails_stores_nothing(store: Store) -> None:
    """What is said together is stored together or not at all."""

    def fail() -> None:
        with store.write() as connection:
            store.tasks.submit(connection, request(), NOW)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert store.tasks.recent() == []
    submit(store)


def test_a_claimed_task_is_nobody_elses(store: Store) -> None:
    """A claim gives the next attempt and holds until its lease runs out; a renewed one holds longer."""
    task = submit(store)
    first = claim(store, task.id)
    assert (first.task.status, first.task.attempt, first.crashes) == (Status.IN_PROGRESS, 1, 0)
    assert first.task.started_at == NOW
    assert store.tasks.claim(task.id, "two", NOW + LEASE_SECONDS) is None
    store.tasks.renew(task.id, 1, NOW + 10)
    assert store.tasks.claim(task.id, "two", LATER) is None
    second = claim(store, task.id, NOW + 10 + LEASE_SECONDS + 1, "two")
    assert (second.task.attempt, second.crashes, second.task.started_at) == (2, 1, NOW)
    assert store.tasks.claim("nobody", "two", NOW) is None


FENCED: dict[str, Callable[[Store, Task], object]] = {
    "renew": lambda store, task: store.tasks.renew(task.id, task.attempt, LATER),
    "check": lambda store, task: store.tasks.check(task.id, task.attempt),
    "progress": lambda store, task: store.tasks.progress(task.id, task.attempt, Phase.CODING, [PlanItem("x")]),
    "release": lambda store, task: store.tasks.release(task.id, task.attempt),
    "wait": lambda store, task: store.tasks.wait(task.id, task.attempt, worked=1.0),
    "complete": lambda store, task: store.tasks.complete(task.id, task.attempt, SUCCESS, worked=1.0, now=LATER),
    "told": lambda store, task: store.tasks.told(task.id, task.attempt),
    "tell_later": lambda store, task: store.tasks.tell_later(task.id, task.attempt, LATER),
    "finish_stage": lambda store, task: store.runs.finish_stage(task.id, task.attempt, "prepared", {}, LATER),
    "record": lambda store, task: store.runs.record(task.id, task.attempt, STEP, LATER),
    "save_checkpoint": lambda store, task: store.runs.save_checkpoint(task.id, task.attempt, b"bundle", LATER),
}


@pytest.mark.parametrize("name", FENCED)
def test_a_worker_that_lost_its_lease_writes_nothing(store: Store, name: str) -> None:
    """Whatever a paused worker does after another one took its task raises LeaseLost and changes nothing."""
    task = running(store)
    claim(store, task.id, LATER, "two")
    before = store.tasks.row(task.id)
    with pytest.raises(LeaseLost):
        FENCED[name](store, task)
    assert store.tasks.row(task.id) == before


@pytest.mark.parametrize("name", FENCED)
def test_a_worker_that_gave_its_task_back_writes_nothing(store: Store, name: str) -> None:
    """A released task is nobody's: its last attempt may not write either."""
    task = running(store)
    store.tasks.release(task.id, task.attempt)
    before = store.tasks.row(task.id)
    with pytest.raises(LeaseLost):
        FENCED[name](store, task)
    assert store.tasks.row(task.id) == before
    assert store.runs.steps(task.id) == []
    assert store.runs.stage_times(task.id) == {}
    assert store.runs.checkpoint(task.id) is None


def test_as_many_tasks_run_at_once_as_a_repository_and_an_actor_may(store: Store) -> None:
    """The third of an actor waits, the fourth of a repository too; other people and places go on; an end makes room."""
    asked = request(at_once=(3, 2))
    tasks = [submit(store, replace(asked, subject=replace(asked.subject, number=n)), NOW + n) for n in range(3)]
    first, second, third = (task.id for task in tasks)
    claim(store, first)
    claim(store, second)
    assert store.tasks.claim(third, "one", NOW) is None
    other = submit(store, request(10, actor=BOB, repository="OCTO/shop", at_once=(3, 2)))
    claim(store, other.id)
    fourth = submit(store, request(11, actor=BOB, at_once=(3, 2)))
    assert store.tasks.claim(fourth.id, "one", NOW) is None
    elsewhere = submit(store, request(1, actor=BOB, repository="octo/blog", at_once=(3, 2)))
    claim(store, elsewhere.id)
    store.tasks.complete(first, 1, SUCCESS, worked=1.0, now=NOW)
    assert claim(store, third).task.status is Status.IN_PROGRESS
    assert store.tasks.claim(fourth.id, "one", NOW) is None


def test_one_task_at_a_time_pushes_to_a_branch(store: Store) -> None:
    """A second one that goes on with the same branch waits for the end of the first, and is not the next to begin."""
    first = claim(store, submit(store).id).task
    wide = {"at_once": (9, 9), "onto": first.branch, "follows": first.id}
    second = submit(store, request(13, **wide), NOW + 1)
    elsewhere = submit(store, request(14, **wide, repository="octo/blog"), NOW + 2)
    assert store.tasks.claim(second.id, "two", NOW + 3) is None
    assert store.tasks.most_urgent(elsewhere.id, NOW + 3) == elsewhere.id
    claim(store, elsewhere.id, NOW + 3)
    store.tasks.complete(first.id, 1, SUCCESS, worked=1.0, now=NOW + 4)
    assert claim(store, second.id, NOW + 4).task.status is Status.IN_PROGRESS


def test_a_dead_workers_task_keeps_no_place(store: Store) -> None:
    """A task whose lease ran out does not count as running, and its next attempt needs no room."""
    dead = running(store, 1, at_once=(1, 1))
    waiting = submit(store, request(2, at_once=(1, 1)))
    assert store.tasks.claim(waiting.id, "two", NOW) is None
    claim(store, waiting.id, LATER)
    assert claim(store, dead.id, LATER).task.attempt == 2


def test_a_queued_task_is_told_of_without_being_started(store: Store) -> None:
    """``begin=False`` needs no room and leaves the task in the queue, in one pair of hands."""
    running(store, 1, at_once=(1, 1))
    task = submit(store, request(2, at_once=(1, 1)))
    taken = store.tasks.claim(task.id, "one", NOW, begin=False)
    assert taken is not None
    assert (taken.task.status, taken.task.started_at) == (Status.QUEUED, None)
    assert store.tasks.claim(task.id, "two", NOW, begin=False) is None
    store.tasks.release(task.id, taken.task.attempt)
    assert store.tasks.claim(task.id, "two", NOW, begin=False) is not None


def test_crashes_are_counted_and_handing_over_is_none(store: Store) -> None:
    """An attempt that dies holding its task counts; one that gives it back does not, unless it says that it crashed."""
    task = submit(store)
    claim(store, task.id)
    assert claim(store, task.id, LATER).crashes == 1
    store.tasks.release(task.id, 2, worked=3.0, note="The worker was restarted.")
    assert claim(store, task.id, LATER).crashes == 1
    store.tasks.release(task.id, 3, crashed=True, worked=4.0, not_before=LATER + 60)
    assert store.tasks.claim(task.id, "one", LATER + 59) is None
    assert claim(store, task.id, LATER + 60).crashes == 2
    assert store.tasks.row(task.id).worked_seconds == 7.0
    store.tasks.wait(task.id, 4, worked=0.0, question="Which?")
    store.tasks.told(task.id, 4)
    resume(store, task.id)
    assert claim(store, task.id, LATER + 200).crashes == 0


def test_an_idle_task_is_cancelled_at_once(store: Store) -> None:
    """A queued task ends with the words of the cancel, waits to be told, and is told once."""
    task = submit(store)
    assert cancel(store, task.id, "by @bob")
    assert not cancel(store, task.id)
    ended = store.tasks.get(task.id)
    assert ended is not None
    assert (ended.status, ended.conclusion, ended.summary) == (
        Status.COMPLETED,
        Conclusion.CANCELLED,
        "Cancelled: by @bob",
    )
    assert ended.completed_at == NOW
    assert list(store.tasks.due(NOW)) == [task.id]
    taken = claim(store, task.id)
    assert (taken.task.status, taken.told) == (Status.COMPLETED, False)
    store.tasks.told(task.id, taken.task.attempt)
    assert list(store.tasks.due(LATER)) == []
    assert store.tasks.claim(task.id, "one", LATER) is None


def test_a_running_task_hears_of_its_cancel(store: Store) -> None:
    """The worker that holds it is told the first words; a task whose worker died is taken up to be ended."""
    task = running(store)
    assert cancel(store, task.id, "by @bob")
    assert not cancel(store, task.id, "by @carol")
    assert store.tasks.renew(task.id, 1, NOW).cancel == "by @bob"
    assert store.tasks.check(task.id, 1).cancel == "by @bob"
    assert claim(store, task.id, LATER).task.cancel == "by @bob"


def test_a_cancel_is_not_lost_while_a_question_is_told(store: Store) -> None:
    """A task that waits for a person and was cancelled in its worker's hands is taken up again to be ended."""
    task = running(store)
    store.tasks.wait(task.id, 1, worked=1.0, question="Which?")
    assert cancel(store, task.id, "the issue was closed")
    store.tasks.told(task.id, 1)
    assert list(store.tasks.due(NOW)) == [task.id]
    taken = claim(store, task.id)
    assert (taken.task.status, taken.task.cancel) == (Status.IN_PROGRESS, "the issue was closed")


def test_a_cancelled_task_needs_no_room_to_end(store: Store) -> None:
    """A queued task that was cancelled while it was announced does not wait for its turn."""
    running(store, 1, at_once=(1, 1))
    task = submit(store, request(2, at_once=(1, 1)))
    assert store.tasks.claim(task.id, "one", NOW, begin=False) is not None
    assert cancel(store, task.id)
    store.tasks.release(task.id, 1)
    assert claim(store, task.id).task.cancel == "by @alice"


def test_a_pause_waits_for_a_resume(store: Store) -> None:
    """A queued task waits at once and is told of; a running one hears of it; an ended one cannot be paused."""
    queued, busy = submit(store, request(1)), running(store, 2)
    assert pause(store, queued.id)
    paused = store.tasks.row(queued.id)
    assert (paused.status, paused.note, paused.told) == (Status.WAITING, "by @alice", False)
    assert pause(store, busy.id)
    assert store.tasks.check(busy.id, 1).pause == "by @alice"
    store.tasks.wait(busy.id, 1, worked=2.0, note="Paused: by @alice")
    assert store.tasks.row(busy.id).pause == ""
    assert not pause(store, busy.id)
    assert resume(store, busy.id)
    assert not resume(store, busy.id)
    row = store.tasks.row(busy.id)
    assert (row.status, row.pause, row.question, row.note) == (Status.QUEUED, "", "", "")
    cancel(store, queued.id)
    assert not pause(store, queued.id)
    assert not resume(store, queued.id)


def test_a_question_is_told_until_it_reached_people(store: Store) -> None:
    """A waiting task is taken up just to tell its question, with growing pauses, and then left alone."""
    task = running(store)
    store.tasks.wait(task.id, 1, worked=2.0, question="Which?")
    store.tasks.tell_later(task.id, 1, NOW + 30)
    assert list(store.tasks.due(NOW + 29)) == []
    assert list(store.tasks.unannounced(NOW + 30)) == [task.id]
    taken = claim(store, task.id, NOW + 30)
    assert (taken.task.status, taken.task.question) == (Status.WAITING, "Which?")
    assert store.tasks.row(task.id).tell_attempts == 1
    store.tasks.told(task.id, 2)
    assert list(store.tasks.due(NOW + 99)) == list(store.tasks.unannounced(NOW + 99)) == []


def test_an_outcome_is_kept_whole(store: Store) -> None:
    """How a task ended is stored, makes room for another task on the subject, and is due until it was told."""
    task = running(store)
    store.tasks.progress(task.id, 1, Phase.TESTING, [PlanItem("Reproduce", "done"), PlanItem("Mend")])
    store.tasks.progress(task.id, 1, Phase.PUBLISHING)
    store.tasks.complete(task.id, 1, replace(SUCCESS, usage=Usage(1, 2, 3, 4)), worked=5.5, now=NOW + 9)
    row, ended = store.tasks.row(task.id), store.tasks.get(task.id)
    assert ended is not None
    assert (ended.conclusion, ended.summary, ended.phase) == (Conclusion.SUCCESS, SUCCESS.summary, Phase.PUBLISHING)
    assert type(SUCCESS).load(row.outcome) == replace(SUCCESS, usage=Usage(1, 2, 3, 4))
    assert [item["state"] for item in row.plan] == ["done", "pending"]
    assert (row.worked_seconds, row.active_key) == (5.5, None)
    assert list(store.tasks.due(LATER)) == [task.id]
    assert task.id in store.tasks.held(NOW)
    store.tasks.told(task.id, 1)
    assert task.id not in store.tasks.held(NOW)
    submit(store)


def test_any_words_end_a_task(store: Store) -> None:
    """A model may write a NUL or half a character; it is left out, and the ending is stored."""
    task = running(store)
    store.tasks.wait(task.id, 1, worked=1.0, question="Which\0 one\ud800?", note="\0")
    assert store.tasks.row(task.id).question == "Which one??"
    store.tasks.complete(task.id, 1, replace(SUCCESS, summary="Done\0.\udfff"), worked=1.0, now=NOW)
    row = store.tasks.row(task.id)
    assert (row.summary, row.conclusion) == ("Done.?", Conclusion.SUCCESS)
    assert type(SUCCESS).load(row.outcome).summary.startswith("Done")


def test_remarks_and_edits_are_remembered(store: Store) -> None:
    """A sentence for the living comment, and that the text was changed."""
    task = submit(store)
    with store.write() as connection:
        store.tasks.mark_edited(connection, task.id)
        store.tasks.remark(connection, task.id, "@bob joins.")
    row = store.tasks.row(task.id)
    assert (row.edited, row.note, row.text) == (True, "@bob joins.", "It is 0.31")

"""What holds for all tasks together: a pause of everything, a wished number of workers, and who comes first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from jobs.store import LEASE_SECONDS, MOST_WORKERS
from jobs.types import Approval, Status, UserError
from tests.store.asking import BOB, NOW, SUCCESS, cancel, claim, pause, request, resume, running, submit

if TYPE_CHECKING:
    from jobs.store import Store
    from jobs.types import Task

WORDS = "@carol asked for it"
WIDE = (50, 50)


def pause_all(store: Store, words: str = WORDS) -> list[str]:
    with store.write() as connection:
        return store.fleet.pause(connection, words, NOW)


def resume_all(store: Store) -> list[str]:
    with store.write() as connection:
        return store.fleet.resume(connection, NOW)


def scale(store: Store, workers: int | None) -> None:
    with store.write() as connection:
        store.fleet.scale(connection, workers, NOW)


def status(store: Store, task: Task) -> Status:
    return Status(store.tasks.row(task.id).status)


def test_a_pause_of_everything_holds_what_runs_and_what_waits_for_its_turn(store: Store) -> None:
    """Running tasks hear of it, queued ones wait at once; a resume lets exactly these go on."""
    assert store.fleet.paused() == ""
    busy, queued = running(store, 1), submit(store, request(2), NOW + 1)
    assert pause_all(store) == [busy.id, queued.id]
    assert store.fleet.paused() == WORDS
    assert store.tasks.check(busy.id, 1).pause == WORDS
    assert status(store, queued) is Status.WAITING
    store.tasks.wait(busy.id, 1, worked=1.0, note=f"Paused: {WORDS}")
    assert resume_all(store) == [busy.id, queued.id]
    assert store.fleet.paused() == ""
    assert {status(store, busy), status(store, queued)} == {Status.QUEUED}
    assert resume_all(store) == []


def test_what_waited_before_a_pause_of_everything_waits_after_it(store: Store) -> None:
    """A task that somebody else paused, that is being cancelled or that has a question is neither held nor resumed."""
    paused, asking, going = submit(store, request(1)), running(store, 2), running(store, 3, actor=BOB)
    pause(store, paused.id)
    store.tasks.wait(asking.id, 1, worked=1.0, question="Which?")
    pause(store, going.id)
    ending = running(store, 4, actor=BOB, repository="octo/blog")
    cancel(store, ending.id)
    assert pause_all(store) == []
    assert resume_all(store) == []
    assert store.tasks.check(going.id, 1).pause == "by @alice"
    assert store.tasks.row(asking.id).question == "Which?"
    assert status(store, paused) is Status.WAITING


def test_a_resume_of_everything_answers_no_question(store: Store) -> None:
    """What asked, planned or ended while everything was paused is left to people."""
    asking, planning, ended, alone = (running(store, number, at_once=WIDE) for number in range(1, 5))
    assert len(pause_all(store)) == 4
    store.tasks.wait(asking.id, 1, worked=1.0, question="Which?")
    store.tasks.wait(planning.id, 1, worked=1.0, question="1. Mend it", plan=True)
    store.tasks.complete(ended.id, 1, SUCCESS, worked=1.0, now=NOW)
    assert resume_all(store) == [alone.id]
    assert store.tasks.row(asking.id).question == "Which?"
    assert store.tasks.row(planning.id).approval == Approval.ASKED
    assert status(store, ended) is Status.COMPLETED
    assert store.tasks.check(alone.id, 1).pause == ""


def test_a_second_pause_of_everything_forgets_nobody(store: Store) -> None:
    """Whom the first one held is resumed too; the words are the newer ones."""
    first = submit(store, request(1))
    assert pause_all(store) == [first.id]
    second = submit(store, request(2))
    assert pause_all(store, "@dan too") == [second.id]
    assert store.fleet.paused() == "@dan too"
    assert resume_all(store) == [first.id, second.id]


def test_nothing_begins_while_everything_is_paused(store: Store) -> None:
    """A new task is accepted and told of, but stays in the queue until the end of the pause."""
    pause_all(store)
    task = submit(store)
    assert store.tasks.claim(task.id, "one", NOW) is None
    assert list(store.tasks.due(NOW)) == []
    assert list(store.tasks.unannounced(NOW + 60)) == [task.id]
    assert store.tasks.claim(task.id, "one", NOW, begin=False) is not None
    store.tasks.release(task.id, 1)
    assert store.tasks.late(NOW + 60) == 0
    resume_all(store)
    assert list(store.tasks.due(NOW)) == [task.id]
    assert store.tasks.late(NOW + 60) == 1
    assert claim(store, task.id).task.status is Status.IN_PROGRESS


def test_what_ends_may_end_while_everything_is_paused(store: Store) -> None:
    """A cancelled task, one whose worker died, and an ending that is not told yet are due as ever."""
    dead, asking = running(store, 1, at_once=WIDE), running(store, 2, at_once=WIDE)
    store.tasks.wait(asking.id, 1, worked=1.0, question="Which?")
    pause_all(store)
    later = NOW + LEASE_SECONDS + 1
    cancelled = submit(store, request(3))
    cancel(store, cancelled.id)
    assert set(store.tasks.due(later)) == {dead.id, asking.id, cancelled.id}
    assert claim(store, dead.id, later).task.attempt == 2
    assert store.tasks.check(dead.id, 2).pause == WORDS


def test_no_more_tasks_run_than_workers_are_wished_for(store: Store) -> None:
    """The wish counts over all repositories and people; without one the limits of each hold alone."""
    assert store.fleet.workers() is None
    tasks = [submit(store, request(number, repository=f"octo/{number}", at_once=WIDE)) for number in range(4)]
    scale(store, 1)
    assert store.fleet.workers() == 1
    claim(store, tasks[0].id)
    assert store.tasks.claim(tasks[1].id, "one", NOW) is None
    scale(store, 0)
    store.tasks.release(tasks[0].id, 1)
    assert store.tasks.claim(tasks[0].id, "one", NOW) is None
    assert store.tasks.late(NOW + 60) == 0
    scale(store, None)
    assert store.fleet.workers() is None
    for task in tasks:
        claim(store, task.id)


@pytest.mark.parametrize("workers", [-1, MOST_WORKERS + 1])
def test_a_number_of_workers_has_bounds(store: Store, workers: int) -> None:
    """Nobody can wish for fewer than none or for more than a machine can bear."""
    with pytest.raises(UserError, match=f"0 to {MOST_WORKERS}"):
        scale(store, workers)
    scale(store, MOST_WORKERS)
    assert store.fleet.workers() == MOST_WORKERS


def test_the_most_urgent_task_begins_first(store: Store) -> None:
    """Higher priority goes before age, age before the order of wake-ups; what runs or ended begins as it is."""
    old, young, urgent = (submit(store, request(number, at_once=WIDE), NOW + number) for number in range(3))
    with store.write() as connection:
        store.tasks.prioritise(connection, urgent.id, 1)
    assert store.tasks.most_urgent(young.id, NOW) == urgent.id
    claim(store, urgent.id)
    assert store.tasks.most_urgent(urgent.id, NOW) == urgent.id
    assert store.tasks.most_urgent(young.id, NOW) == old.id
    assert store.tasks.most_urgent(old.id, NOW) == old.id
    cancel(store, old.id)
    assert store.tasks.most_urgent(young.id, NOW) == young.id
    assert store.tasks.most_urgent(old.id, NOW) == old.id
    assert store.tasks.most_urgent("nobody", NOW) == "nobody"


def test_work_that_lost_its_worker_goes_before_all_that_has_not_begun(store: Store) -> None:
    """Whoever is woken first goes on with it, however much waits and however urgent that is; once somebody has it, not."""
    waits, urgent = (submit(store, request(number, at_once=WIDE), NOW) for number in (2, 3))
    lost = running(store, 1, at_once=WIDE)
    with store.write() as connection:
        store.tasks.prioritise(connection, urgent.id, 1)
    assert store.tasks.most_urgent(waits.id, NOW) == urgent.id
    assert store.tasks.bereave(["one"]) == [lost.id]
    assert store.tasks.most_urgent(waits.id, NOW) == lost.id
    claim(store, lost.id, owner="two")
    assert store.tasks.most_urgent(waits.id, NOW) == urgent.id
    assert store.tasks.most_urgent(waits.id, NOW + LEASE_SECONDS + 1) == lost.id
    assert store.tasks.most_urgent(waits.id, NOW + LEASE_SECONDS + 100) == urgent.id, "nobody could take it"


def test_an_urgent_task_that_may_not_begin_keeps_nobody_waiting(store: Store) -> None:
    """One whose repository is full, that was put off or that is held is passed over."""
    running(store, 1, at_once=(1, 1))
    full, later, held = (submit(store, request(number, at_once=(1, 9)), NOW + number) for number in range(2, 5))
    elsewhere = submit(store, request(9, repository="octo/blog", actor=BOB), NOW + 9)
    with store.write() as connection:
        for task in (full, later, held):
            store.tasks.prioritise(connection, task.id, 5)
    store.tasks.release(later.id, claim_only(store, later), not_before=NOW + 99)
    claim_only(store, held)
    assert store.tasks.most_urgent(elsewhere.id, NOW) == elsewhere.id
    assert store.tasks.most_urgent(full.id, NOW) == elsewhere.id
    pause_all(store)
    assert store.tasks.most_urgent(elsewhere.id, NOW) == elsewhere.id


def claim_only(store: Store, task: Task) -> int:
    """Take a task without beginning it, and return the attempt."""
    taken = store.tasks.claim(task.id, "one", NOW, begin=False)
    assert taken is not None
    return taken.task.attempt


def test_who_comes_first_is_told_by_priority(store: Store) -> None:
    """A task stands behind more urgent ones and older ones of the same priority, and behind what runs."""
    old, young = (submit(store, request(number), NOW + number) for number in range(2))
    assert store.tasks.ahead(young) == 1
    with store.write() as connection:
        store.tasks.prioritise(connection, young.id, 1)
    first, last = store.tasks.get(young.id), store.tasks.get(old.id)
    assert first is not None
    assert last is not None
    assert (store.tasks.ahead(first), store.tasks.ahead(last)) == (0, 1)


def test_a_task_resumed_alone_stays_in_the_queue_until_all_go_on(store: Store) -> None:
    """A person may take a task out of the pause of everything; it begins when that ends, and once."""
    task = submit(store)
    pause_all(store)
    assert resume(store, task.id)
    assert store.tasks.claim(task.id, "one", NOW) is None
    assert resume_all(store) == []
    claim(store, task.id)

"""A task may wait for an event without a worker: the event lets it go on, and a lost one does not hold it for ever."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from jobs.types import LeaseLost, Status
from tests.store.asking import NOW, claim, running, submit

if TYPE_CHECKING:
    from jobs.store import Store
    from jobs.types import Task

EVENT = "ci:octo/shop@0123456789abcdef"
FIVE_MINUTES = 300.0


def listening(store: Store, until: float = NOW + FIVE_MINUTES) -> Task:
    """Return a task that waits for the event."""
    task = running(store)
    store.tasks.listen(task.id, task.attempt, EVENT, "It waits for CI.")
    store.tasks.release(task.id, task.attempt, worked=1.0, not_before=until, note="It waits for CI.")
    found = store.tasks.get(task.id)
    assert found is not None
    return found


def hear(store: Store, event: str = EVENT, now: float = NOW + 1) -> list[str]:
    """Have an event come, and return which tasks go on."""
    with store.write() as connection:
        return list(store.tasks.heard(connection, event, now))


def test_who_waits_for_an_event_holds_no_worker(store: Store) -> None:
    """It is not due before its time, is not late, is ahead of nobody, and is no task that people are told to expect."""
    task = listening(store)
    assert (task.status, task.listens) == (Status.QUEUED, EVENT)
    assert store.tasks.listening() == 1
    assert store.tasks.due(NOW + 60) == []
    assert store.tasks.claim(task.id, "two", NOW + 60) is None
    assert store.tasks.late(NOW + 60) == 0
    assert task.id not in store.tasks.unannounced(NOW + 600)
    after = running(store, 13, NOW + 2)
    assert store.tasks.ahead(after) == 0


def test_the_event_lets_it_go_on_at_once(store: Store) -> None:
    """Only the tasks that wait for just this event go on; who takes one up finds that it waits for nothing."""
    task = listening(store)
    assert hear(store, "ci:octo/shop@other") == []
    assert hear(store) == [task.id]
    assert store.tasks.due(NOW + 2) == [task.id]
    assert claim(store, task.id, NOW + 2).task.listens == ""


def test_a_lost_event_holds_nothing_for_ever(store: Store) -> None:
    """After its time the task is due although nobody told of the event."""
    task = listening(store)
    assert store.tasks.due(NOW + FIVE_MINUTES + 1) == [task.id]


def test_an_event_that_came_too_early_is_not_missed(store: Store) -> None:
    """Who looked before the event and waits only after it learns that it came; one from before the look is old."""
    submit(store)
    assert not store.tasks.heard_since(EVENT, NOW)
    assert hear(store, now=NOW + 5) == []
    assert store.tasks.heard_since(EVENT, NOW + 4)
    assert not store.tasks.heard_since(EVENT, NOW + 6)


def test_only_who_holds_a_task_lets_it_wait(store: Store) -> None:
    """The fencing token holds here, too."""
    task = running(store)
    with pytest.raises(LeaseLost):
        store.tasks.listen(task.id, task.attempt + 1, EVENT, "")


def test_another_round_keeps_the_steps_and_drops_the_products(store: Store) -> None:
    """What a round before made is gone, so that it is made anew; what it cost and said stays."""
    task = running(store)
    for name in ("prepared", "worked", "diagnosed"):
        store.runs.finish_stage(task.id, task.attempt, name, {"from": "round 1"}, NOW)
    store.runs.save_checkpoint(task.id, task.attempt, b"bundle", NOW)
    store.runs.begin_round(task.id, task.attempt, ["prepared", "worked"], {"steps": 7, "number": 2}, NOW)
    assert store.runs.stage(task.id, "prepared") is None
    assert store.runs.stage(task.id, "worked") is None
    assert store.runs.stage(task.id, "diagnosed") == {"from": "round 1"}
    assert store.runs.stage(task.id, "round") == {"steps": 7, "number": 2}
    assert store.runs.checkpoint(task.id) is None

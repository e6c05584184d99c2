"""What a run leaves behind comes back as it was, once, and is counted right."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from jobs.types import Actor, Kind, LeaseLost, Step, Subject, Usage
from tests.store.asking import ALICE, BOB, NOW, claim, request, running, submit

if TYPE_CHECKING:
    from jobs.store import Store

REPLY = {"role": "assistant", "content": [{"type": "text", "text": "I\u2019ll look \N{PILE OF POO} \x00"}]}
RESULTS = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "1", "content": "\x1b[31mred\ud800"}]}
STEP = Step(0, REPLY, None, Usage(10, 20, 30, 40), 0.25, "claude-opus-5-5", 4.5)


def say(store: Store, task_id: str, key: str, text: str) -> bool:
    with store.write() as connection:
        return store.runs.say(connection, task_id, key, BOB, text, NOW)


def test_stages_are_kept(store: Store) -> None:
    """A stage's product is any JSON; the newest counts; one that has not ended has none."""
    task = running(store)
    assert store.runs.stage(task.id, "prepared") is None
    store.runs.finish_stage(task.id, 1, "prepared", {"base": "abc", "checks": ["x"]}, NOW)
    store.runs.finish_stage(task.id, 1, "prepared", {"base": "def"}, NOW + 1)
    assert store.runs.stage(task.id, "prepared") == {"base": "def"}
    assert store.runs.stage_times(task.id) == {"prepared": NOW + 1}


def test_steps_are_kept_in_their_order(store: Store) -> None:
    """A step is stored before its tools run and again with their results, control characters and all."""
    task = running(store)
    second = replace(STEP, index=1, reply=RESULTS)
    store.runs.record(task.id, 1, second, NOW)
    store.runs.record(task.id, 1, STEP, NOW)
    store.runs.record(task.id, 1, replace(STEP, results=RESULTS), NOW + 1)
    assert store.runs.steps(task.id) == [replace(STEP, results=RESULTS), second]
    assert store.runs.steps("nobody") == []


def test_words_to_a_task_are_heard_once(store: Store) -> None:
    """A message is stored once per key, delivered in the order of speaking, and marked with the step that heard it."""
    task = running(store)
    assert say(store, task.id, "5:0", "Keep the alias.")
    assert not say(store, task.id, "5:0", "Keep the alias.")
    assert say(store, task.id, "5:1", "And the docs.")
    heard = store.runs.unheard(task.id)
    assert [(speaker, text) for _, speaker, text in heard] == [("bob", "Keep the alias."), ("bob", "And the docs.")]
    store.runs.record(task.id, 1, STEP, NOW, delivered=[heard[0][0]])
    assert store.runs.unheard(task.id) == heard[1:]


def test_what_was_paid_is_counted(store: Store) -> None:
    """Steps and other model calls count together, per task, per repository and day, and in all."""
    task, other = running(store), running(store, 13, actor=BOB, repository="octo/blog")
    assert store.runs.totals(task.id) == (Usage(), 0.0, ())
    store.runs.record(task.id, 1, STEP, NOW)
    store.runs.charge(task.id, "review", Usage(1, 1, 1, 1), 0.5, "claude-haiku-5-5", NOW + 10)
    store.runs.charge(other.id, "review", Usage(), 8.0, "claude-haiku-5-5", NOW)
    assert store.runs.totals(task.id) == (Usage(11, 21, 31, 41), 0.75, ("claude-opus-5-5", "claude-haiku-5-5"))
    with store.database.read() as connection:
        assert store.tasks.spent(connection, "Octo/Shop", NOW) == 0.75
        assert store.tasks.spent(connection, "octo/shop", NOW + 5) == 0.5
        assert store.tasks.spent(connection, "octo/none", NOW) == 0.0
    assert store.tasks.spent_in_all() == 8.75


def test_the_newest_checkpoint_is_kept(store: Store) -> None:
    """A git bundle is bytes, and replaced by the next one."""
    task = running(store)
    assert store.runs.checkpoint(task.id) is None
    store.runs.save_checkpoint(task.id, 1, b"\x00old", NOW)
    store.runs.save_checkpoint(task.id, 1, b"\x00\xffnew" * 100_000, NOW)
    assert store.runs.checkpoint(task.id) == b"\x00\xffnew" * 100_000


def test_tasks_are_found_where_they_wait(store: Store) -> None:
    """Counts, the place in the queue, what was not announced yet, and what an installation still has open."""
    first = submit(store, request(1), NOW)
    second = submit(store, request(2, repository="Octo/Blog", installation_id=7, actor=BOB), NOW + 1)
    claim(store, submit(store, request(3), NOW + 2).id, NOW + 3)
    assert store.tasks.counts() == {"queued": 2, "in_progress": 1}
    assert (store.tasks.ahead(first), store.tasks.ahead(second)) == (1, 2)
    assert set(store.tasks.unannounced(NOW + 3.5)) == {first.id}
    assert [task.id for task in store.tasks.open_in(installation_id=7)] == [second.id]
    assert [task.id for task in store.tasks.open_in(installation_id=7, repositories=["octo/blog"])] == [second.id]
    assert store.tasks.open_in(installation_id=7, repositories=["octo/shop"]) == []
    assert store.tasks.active("octo/shop", Subject("issue", 2)) == []
    assert store.tasks.completed_since(NOW) == 0
    assert first.actor == ALICE


def test_people_who_spoke_are_known_by_their_logins(store: Store) -> None:
    """Each once, in the order in which they spoke; bots and people without a login are left out."""
    task = running(store)
    assert store.runs.speakers(task.id) == ()
    speakers = [BOB, ALICE, Actor("slack", "U1"), Actor("github", "9", "robot", is_bot=True), replace(BOB, id="other")]
    with store.write() as connection:
        for number, actor in enumerate(speakers):
            store.runs.say(connection, task.id, f"said-{number}", actor, "words", NOW)
    assert store.runs.speakers(task.id) == ("bob", "alice")


def test_work_of_no_issue_is_not_announced(store: Store) -> None:
    """There is no place on GitHub to tell of it while it waits for its turn."""
    submit(store, request(kind=Kind.BACKGROUND, subject=Subject("bg")))
    on_issue = submit(store, request(5))
    assert list(store.tasks.unannounced(NOW + 30)) == [on_issue.id]


def test_a_task_may_leave_the_branch_of_the_one_it_follows(store: Store) -> None:
    """Then it is on a branch of its own, and says so; only who holds it may say that."""
    task = running(store, kind=Kind.BACKGROUND, subject=Subject("pull", 3), follows="abcdef", onto="opus/bg-abcdef")
    assert task.branch == "opus/bg-abcdef"
    store.tasks.leave_branch(task.id, task.attempt, "It was merged.")
    stored = store.tasks.get(task.id)
    assert stored is not None
    assert (stored.branch, store.tasks.row(task.id).note) == (f"opus/pull-3-{task.id}", "It was merged.")
    with pytest.raises(LeaseLost):
        store.tasks.leave_branch(task.id, task.attempt + 1, "")

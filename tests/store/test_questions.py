"""What people ask about tasks and money: by the beginning of an id, in lists, who works, and what was spent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.store import Spent
from jobs.types import Actor, Phase, Step, Usage
from tests.store.asking import ALICE, BOB, NOW, SUCCESS, claim, request, running, submit

if TYPE_CHECKING:
    from jobs.store import Store
    from jobs.types import Task

CAROL = Actor("slack", "U123")
WIDE = (50, 50)


def paid(store: Store, task: Task, cost: float, model: str = "opus", at: float = NOW, number: int = 0) -> None:
    """Store a step of 10 tokens."""
    step = Step(number, {"role": "assistant", "content": []}, None, Usage(1, 2, 3, 4), cost, model, 1.0)
    store.runs.record(task.id, task.attempt, step, at)


def test_a_task_is_found_by_the_beginning_of_its_id(store: Store) -> None:
    """Four characters are enough, in any case and with blanks around; what is no id finds nothing."""
    task = submit(store)
    for words in (task.id, task.id[:4], f" {task.id[:5].upper()} "):
        found = store.tasks.find(words)
        assert found is not None
        assert found.id == task.id
    for words in (task.id[:3], "", f"{task.id}0", "____", "%%%%%%", f"{task.id[:4]}%", "'; --"):
        assert store.tasks.find(words) is None


def test_the_beginning_of_two_ids_finds_neither(store: Store) -> None:
    """Nobody acts on a task by chance."""
    ids = {submit(store, request(number, at_once=WIDE)).id for number in range(700)}
    beginnings = [name[:4] for name in ids]
    shared = next((name for name in beginnings if beginnings.count(name) > 1), "")
    assert not shared or store.tasks.find(shared) is None
    alone = next(name for name in ids if beginnings.count(name[:4]) == 1)
    assert store.tasks.find(alone[:4]) is not None


def test_tasks_are_listed_by_repository_newest_first(store: Store) -> None:
    """Of some repositories or of all, active ones alone where asked, as many as asked."""
    first, second = submit(store, request(1)), submit(store, request(2), NOW + 1)
    blog = submit(store, request(3, repository="octo/blog"), NOW + 2)
    claim(store, first.id)
    store.tasks.complete(first.id, 1, SUCCESS, worked=1.0, now=NOW)

    def ids(repositories: list[str] | None = None, *, only_active: bool = False, limit: int = 50) -> list[str]:
        return [task.id for task in store.tasks.listed(repositories, only_active=only_active, limit=limit)]

    assert ids() == [blog.id, second.id, first.id]
    assert ids(["OCTO/Shop"]) == [second.id, first.id]
    assert ids(["octo/shop", "octo/blog"], only_active=True) == [blog.id, second.id]
    assert ids(limit=1) == [blog.id]
    assert ids([]) == []


def test_who_works_is_told_with_what_it_costs(store: Store) -> None:
    """Each running task with its worker, phase, attempt, last model, steps, dollars and beginning."""
    fresh, task = running(store, 1, NOW, model="haiku"), running(store, 2, NOW + 1)
    submit(store, request(3))
    store.tasks.progress(task.id, 1, Phase.CODING)
    paid(store, task, 0.25, "sonnet")
    paid(store, task, 0.5, "opus", number=1)
    store.runs.charge(task.id, "review", Usage(), 0.125, "opus", NOW)
    first, second = store.tasks.agents()
    assert (first.task.id, first.model, first.steps, first.cost) == (fresh.id, "haiku", 0, 0.0)
    assert (second.task.phase, second.task.attempt, second.owner) == (Phase.CODING, 1, "one")
    assert (second.model, second.steps, second.cost, second.started) == ("opus", 2, 0.875, NOW + 1)


def test_what_was_spent_adds_up(store: Store) -> None:
    """By repository, person or model, dearest first, since a time, of some repositories, or all in one."""
    alice = running(store, 1, actor=ALICE, at_once=WIDE)
    same = running(store, 2, actor=Actor("slack", "U1", "ALICE"), repository="Octo/Shop", at_once=WIDE)
    bob = running(store, 3, actor=BOB, repository="octo/blog", at_once=WIDE)
    carol = running(store, 4, actor=CAROL, repository="octo/blog", at_once=WIDE)
    paid(store, alice, 1.0, "opus")
    paid(store, alice, 64.0, "opus", NOW - 1, 1)
    paid(store, same, 0.5, "haiku")
    paid(store, bob, 4.0, "opus")
    paid(store, carol, 0.25, "haiku")
    store.runs.charge(alice.id, "review", Usage(5, 5), 0.25, "haiku", NOW)
    spent = store.costs.spent
    assert spent(NOW) == [Spent("", 6.0, 50, 4)]
    assert [(one.name.lower(), *one[1:]) for one in spent(NOW, "repo")] == [
        ("octo/blog", 4.25, 20, 2),
        ("octo/shop", 1.75, 30, 2),
    ]
    assert [(one.name.lower(), *one[1:]) for one in spent(NOW, "person")] == [
        ("bob", 4.0, 10, 1),
        ("alice", 1.75, 30, 2),
        ("slack:u123", 0.25, 10, 1),
    ]
    assert spent(NOW, "person")[2].name == "slack:U123"
    assert spent(NOW, "model") == [("opus", 5.0, 20, 2), ("haiku", 1.0, 30, 3)]
    assert spent(NOW, "", ["OCTO/blog"]) == [("", 4.25, 20, 2)]
    assert spent(NOW - 1, "model", ["octo/shop"])[0] == ("opus", 65.0, 20, 1)
    assert spent(NOW + 1) == [("", 0.0, 0, 0)]
    assert spent(NOW + 1, "repo") == spent(NOW, "repo", []) == []

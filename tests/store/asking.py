"""Requests as people make them, and the way from a request to a task in somebody's hands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jobs.types import Actor, Conclusion, Delivery, Kind, Limits, Mode, Outcome, Subject, TaskRequest

if TYPE_CHECKING:
    from jobs.store import Claim, Store
    from jobs.types import Task

NOW = 1_800_000_000.0
ALICE = Actor("github", "11", "alice")
BOB = Actor("github", "12", "bob")
SUCCESS = Outcome(Conclusion.SUCCESS, "The total is right now.")


def request(number: int = 12, **changes: Any) -> TaskRequest:
    """Return a request of alice's about an issue of octo/shop, with changes."""
    values: dict[str, Any] = {
        "kind": Kind.RESOLVE_ISSUE,
        "repository": "octo/shop",
        "installation_id": 2**40,
        "subject": Subject("issue", number),
        "title": "Total is wrong \N{PILE OF POO}",
        "text": "It is 0.31",
        "actor": ALICE,
        "mode": Mode.CONSERVATIVE,
        "limits": Limits(1.5, 1000, 20, 7.5),
        "delivery": "d-1",
        "removed": ("1 HTML comment",),
    }
    return TaskRequest(**{**values, **changes})


def submit(store: Store, asked: TaskRequest | None = None, now: float = NOW) -> Task:
    """Store a request as a new task."""
    with store.write() as connection:
        task, created = store.tasks.submit(connection, asked or request(), now)
    assert created
    return task


def claim(store: Store, task_id: str, now: float = NOW, owner: str = "one") -> Claim:
    """Take a task that is to be had."""
    taken = store.tasks.claim(task_id, owner, now)
    assert taken is not None
    return taken


def running(store: Store, number: int = 12, now: float = NOW, **changes: Any) -> Task:
    """Return a task in somebody's hands."""
    return claim(store, submit(store, request(number, **changes), now).id, now).task


def cancel(store: Store, task_id: str, words: str = "by @alice", now: float = NOW) -> bool:
    """Ask for the end of a task."""
    with store.write() as connection:
        return store.tasks.cancel(connection, task_id, words, now)


def pause(store: Store, task_id: str, now: float = NOW) -> bool:
    """Ask a task to wait."""
    with store.write() as connection:
        return store.tasks.pause(connection, task_id, "by @alice", now)


def resume(store: Store, task_id: str) -> bool:
    """Let a waiting task go on."""
    with store.write() as connection:
        return store.tasks.resume(connection, task_id)


def delivery(guid: str = "guid-0001", body: bytes = b"{}", received_at: float = NOW) -> Delivery:
    """Return a delivery of GitHub's."""
    return Delivery(guid, "github", "issues", body, received_at)

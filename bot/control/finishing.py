"""Merging a task's pull request: what GitHub's rules would refuse a person is refused here in words."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from jobs import merging
from jobs.answer.parts import Answer, Link, Say, refused
from jobs.notify import PULL_REQUEST, merged_key, show_again
from jobs.types import Status

if TYPE_CHECKING:
    from bot.control.order import Order


def merge(order: Order) -> Answer:
    """Mark the pull request as ready and merge it, if everything allows it."""
    task, here = order.task, order.here
    if task is None or here is None:
        return refused("There is no such task. `/opus bg status` lists what runs.")
    if here.mistake:
        return refused(here.mistake, task_id=task.id)
    if task.status is not Status.COMPLETED:
        return refused(
            f"Task `{task.id}` is still at work. `/opus bg status {task.id}` tells how far.", task_id=task.id
        )
    place = order.services.store.records.place(task.id, PULL_REQUEST)
    number = _number(place.url) if place else 0
    if place is None or not number:
        return refused(f"Task `{task.id}` has no pull request.", task_id=task.id)
    done = merging.merge(order.actions.repository, number, here.config, here.facts)
    if not done.allowed:
        words = f"It is not merged: {done.reason}. {done.cure}".strip()
        return Answer((Say(words), Link("Pull request", place.url)), ok=False, task_id=task.id, private=True)
    store, now = order.services.store, time.time()
    order.actions.change(lambda connection: store.records.once(connection, merged_key(task.id), now, done.reason))
    order.actions.follow_ups.append(lambda: show_again(order.services, order.actions.repository, task.id))
    order.actions.change(lambda connection: store.showing.unsettle(connection, task.id))
    data = {"merged": True, "pull_request": place.url, "at": now}
    return Answer((Say(f"Merged: {done.reason}."), Link("Pull request", place.url)), task_id=task.id, data=data)


def _number(url: str) -> int:
    last = urlsplit(url).path.rstrip("/").rpartition("/")[2]
    return int(last) if last.isdigit() else 0

"""The whole fleet: what runs and waits, what each agent does, and its operators' switches."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from bot.control.looking import scope, seen_repositories, sees_nothing
from bot.control.order import Order, person
from jobs.answer.parts import Answer, Listing, Part, Say, refused, said
from jobs.answer.words import count, duration, money
from jobs.breaker import told
from jobs.store.fleet import MOST_WORKERS
from jobs.types import Status

if TYPE_CHECKING:
    import sqlalchemy as sa

    from jobs.store.task_questions import Agent


def status(order: Order) -> Answer:
    """Tell what runs, waits, ended today and was spent."""
    store, seen = order.services.store, seen_repositories(order)
    if nothing := sees_nothing(order, seen):
        return nothing
    active = store.tasks.listed(seen, only_active=True, limit=10_000)
    number = {state: sum(task.status is state for task in active) for state in Status}
    listening = sum(task.status is Status.QUEUED and bool(task.listens) for task in active)
    number[Status.QUEUED] -= listening
    midnight = time.time() - time.time() % 86_400
    ended = [task for task in store.tasks.listed(seen, limit=1_000) if (task.completed_at or 0) >= midnight]
    spent = sum(row.dollars for row in store.costs.spent(midnight, "", seen))
    workers = store.fleet.workers()
    rows = (
        ("working", str(number[Status.IN_PROGRESS])),
        ("queued", str(number[Status.QUEUED])),
        ("waiting for CI", str(listening)),
        ("waiting for a person", str(number[Status.WAITING])),
        ("ended today (UTC)", str(len(ended))),
        ("spent today (UTC)", money(spent)),
        ("tasks at once", str(order.services.settings.workers if workers is None else workers)),
    )
    parts: tuple[Part, ...] = (*scope(order), Listing(("mission", "now"), rows))
    away = [told(name, circuit) for name, circuit in order.services.breaker.open().items()]
    if away:
        parts = (Say("Work that needs these waits: " + "; ".join(away) + "."), *parts)
    paused = store.fleet.paused()
    if paused:
        parts = (Say(f"Everything is paused: {paused}"), *parts)
    data = {state.value: number[state] for state in (Status.IN_PROGRESS, Status.QUEUED, Status.WAITING)}
    data |= {
        "listening": listening,
        "ended_today": len(ended),
        "workers": order.services.settings.workers if workers is None else workers,
    }
    return Answer(parts, data={**data, "spent_today": round(spent, 6), "paused": paused, "away": away})


def agents(order: Order) -> Answer:
    """Tell what each agent is doing."""
    seen = seen_repositories(order)
    if nothing := sees_nothing(order, seen):
        return nothing
    allowed = None if seen is None else {name.lower() for name in seen}
    found = [
        agent
        for agent in order.services.store.tasks.agents()
        if allowed is None or agent.task.repository.lower() in allowed
    ]
    if not found:
        return said("No agent works now. `/opus bg <task>` gives one something to do.", agents=[])
    now = time.time()
    rows = tuple(_row(agent, now) for agent in found)
    names = ("task", "phase", "step", "model", "cost", "since", "where", "what")
    data = [dict(zip(names, row, strict=True)) for row in rows]
    return Answer((Listing(names, rows),), data={"agents": data})


def _row(agent: Agent, now: float) -> tuple[str, ...]:
    task = agent.task
    where, what = f"{task.repository} {task.subject}", " ".join(task.title.split())[:60]
    since = duration(now - agent.started)
    return (task.id, task.phase.value, str(agent.steps), agent.model, money(agent.cost), since, where, what)


def pause_all(order: Order) -> Answer:
    """Have everything wait."""
    fleet, now = order.services.store.fleet, time.time()
    words = f"by {person(order.actor)}; `/opus mission resume all` goes on."
    asked: list[str] = []

    def change(connection: sa.Connection) -> None:
        asked.extend(fleet.pause(connection, words, now))

    order.actions.change(change)
    order.actions.follow_ups.append(lambda: _wake(order, asked))
    active = order.services.store.tasks.listed(only_active=True, limit=10_000)
    running = count(sum(task.status is Status.IN_PROGRESS for task in active), "task")
    return said(f"Everything pauses: {running} after the current step, and nothing new begins.")


def resume_all(order: Order) -> Answer:
    """Have everything go on."""
    fleet, now = order.services.store.fleet, time.time()
    going: list[str] = []

    def change(connection: sa.Connection) -> None:
        going.extend(fleet.resume(connection, now))

    order.actions.change(change)
    order.actions.follow_ups.append(lambda: _wake(order, going))
    if not fleet.paused():
        return said("Nothing was paused as a whole. `/opus resume <id>` lets one task go on.")
    return said("Everything goes on.")


def _wake(order: Order, tasks: list[str]) -> None:
    for task_id in tasks:
        order.services.waker.task(task_id)


def scale(order: Order) -> Answer:
    """Choose how many tasks may run at once."""
    fleet, now, wanted = order.services.store.fleet, time.time(), int(order.command.text)
    if wanted > MOST_WORKERS:
        return refused(f"There can be at most {MOST_WORKERS} at once: `/opus mission scale {MOST_WORKERS}`.")
    order.actions.change(lambda connection: fleet.scale(connection, wanted, now))
    words = f"From now on {count(wanted, 'task')} may run at once."
    return said(
        words if wanted else "Nothing begins any more, and what runs is handed back to the queue with its work.",
        workers=wanted,
    )

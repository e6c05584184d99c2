"""What people can see: how far tasks are, what agents do, why something was done, what it cost, who they are."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

from bot.commands import ALIASES, ENTRIES, TABLE, Who, help_lines
from bot.control import rights
from bot.control.order import GITHUB, Order
from bot.starting import decision_key
from jobs.answer.parts import Answer, Diff, Link, Listing, Part, Quote, Say, refused, said
from jobs.answer.words import duration, headline, money, thousands
from jobs.notify import view_of
from jobs.types import Conclusion, Status, Subject

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jobs.answer.view import TaskView
    from jobs.types import Task

MOST_LISTED = 20
LOOKING = frozenset(entry.name for entry in TABLE if entry.who in {Who.LOOK, Who.ANYONE})
"""What changes nothing is recorded too, but would bury the reasons that people look for."""
DIFF_LIMIT = 12_000
NOTHING = "Nothing runs. `/opus bg <task>` starts something."
SECONDS = {"day": 86_400.0, "week": 7 * 86_400.0, "month": 30 * 86_400.0}
_LINK = re.compile(r"https?://[^/\s]+/([\w.-]+/[\w.-]+)/(issues|pull)/(\d{1,9})\b.*", re.ASCII)
_PAGE = re.compile(r".*/tasks/([0-9a-f]{6,12})\b.*")


def help_about(order: Order) -> Answer:
    """Tell what there is to say, or more about one command."""
    words = " ".join(order.command.text.lower().split()).removeprefix("/opus ")
    name = ALIASES.get(words, words)
    if name in ENTRIES:
        return Answer(tuple(Say(line) for line in help_lines(ENTRIES[name])), data={"usage": ENTRIES[name].usage})
    rows = tuple((f"/opus {entry.usage}", entry.help) for entry in TABLE)
    parts: tuple[Part, ...] = (Listing(("command", "does"), rows),)
    if words:
        parts = (Say(f"There is no command `{words[:40].replace('`', '')}`."), *parts)
    return Answer(parts, ok=not words, data={"commands": {entry.name: entry.help for entry in TABLE}})


def status(order: Order) -> Answer:
    """Tell how far one task is, or list what runs."""
    if order.task is not None:
        view = view_of(order.services, order.task.id)
        done = f"{view.percent} % of the plan, " if view.plan else ""
        words = f"Task `{order.task.id}`: {headline(view).words}, {done}{money(view.cost)}."
        return Answer((Say(words), *_details(view)), task_id=order.task.id, data=summary(view))
    seen = seen_repositories(order)
    shown = _shown_here(order) if nothing_for(order, seen) else _listed(order, seen)
    if not shown and (nothing := sees_nothing(order, seen)):
        return nothing
    if not shown:
        return said(NOTHING, tasks=[])
    return Answer((_listing(order, shown),), data={"tasks": [_short(order, task) for task in shown]})


def mission(order: Order) -> Answer:
    """Tell one task with its plan."""
    if order.task is None:
        return refused("There is no such task. `/opus bg status` lists what runs.")
    view, now = view_of(order.services, order.task.id), time.time()
    task = order.task
    facts = (
        ("asked for", _quiet(task.title)),
        ("state", headline(view).words),
        ("where", f"{task.repository} {task.subject}"),
        ("kind", task.kind.value),
        ("phase", task.phase.value),
        ("attempt", str(task.attempt)),
        ("steps", str(len(order.services.store.runs.steps(task.id)))),
        ("cost", f"{money(view.cost)} of {money(task.limits.dollars)}"),
        ("worked", duration(view.elapsed_seconds)),
        ("age", duration(now - task.created_at)),
    )
    return Answer((Listing(("what", "now"), facts), *_details(view)), task_id=task.id, data=summary(view))


def _details(view: TaskView) -> list[Part]:
    parts: list[Part] = []
    if view.plan:
        mark = {"done": "\u2713", "in_progress": "\u2192"}
        rows = tuple((mark.get(item.state, ""), item.text) for item in view.plan)
        parts.append(Listing(("", "plan"), rows))
    if view.task.status is Status.WAITING and view.task.question:
        parts.append(Quote(view.task.question, "It waits for you"))
        parts.append(Say(headline(view).next))
    if view.pull_request:
        parts.append(Link("Pull request", view.pull_request))
    if view.page_url:
        parts.append(Link("Every step", view.page_url))
    return parts


def summary(view: TaskView) -> dict[str, Any]:
    """Return a task for programs."""
    task = view.task
    return {
        "id": task.id,
        "kind": task.kind.value,
        "repository": task.repository,
        "subject": str(task.subject),
        "title": task.title,
        "status": task.status.value,
        "conclusion": task.conclusion.value if task.conclusion else None,
        "phase": task.phase.value,
        "approval": task.approval.value,
        "question": task.question,
        "percent": view.percent,
        "plan": [{"text": item.text, "state": item.state} for item in view.plan],
        "dollars": round(view.cost, 6),
        "limit_dollars": task.limits.dollars,
        "seconds": round(view.elapsed_seconds, 1),
        "headline": headline(view).words,
        "summary": (view.outcome.summary if view.outcome else "") or task.summary,
        "pull_request": view.pull_request,
        "branch": task.branch,
        "page": view.page_url,
        "note": view.note,
    }


def _short(order: Order, task: Task) -> dict[str, Any]:
    return summary(view_of(order.services, task.id))


def _listed(order: Order, seen: Sequence[str] | None) -> list[Task]:
    """Return what runs, and behind it what ended within a day."""
    tasks, since = order.services.store.tasks, time.time() - SECONDS["day"]
    active = tasks.listed(seen, only_active=True, limit=MOST_LISTED)
    recent = [task for task in tasks.listed(seen, limit=MOST_LISTED) if (task.completed_at or 0) > since]
    return [*active, *recent][:MOST_LISTED]


def _shown_here(order: Order) -> list[Task]:
    """Return the tasks whose messages stand in this channel: who is in it sees them anyway."""
    store, place = order.services.store, order.place
    ids = [one.task_id for one in store.showing.in_channel(place.surface, place.channel)] if place.channel else []
    found = [task for task_id in dict.fromkeys(ids) if (task := store.tasks.get(task_id)) is not None]
    return sorted(found, key=lambda task: -task.created_at)[:MOST_LISTED]


def _listing(order: Order, tasks: Sequence[Task]) -> Listing:
    rows = []
    for task in tasks:
        view = view_of(order.services, task.id)
        place = f"{task.repository} {task.subject}"
        rows.append((task.id, headline(view).words, money(view.cost), place, _quiet(task.title)))
    return Listing(("task", "state", "cost", "where", "what"), tuple(rows))


def _quiet(text: str) -> str:
    return " ".join(text.split())[:80]


def seen_repositories(order: Order) -> Sequence[str] | None:
    """Return the repositories whose tasks may be told here; None for all."""
    if rights.is_operator(order.actor):
        return None
    known = list(order.services.store.records.repositories())
    if order.place.surface == GITHUB:
        return [order.place.repository]
    return rights.visible(order.actions, order.place, known)


def nothing_for(order: Order, seen: Sequence[str] | None) -> bool:
    """Tell whether somebody may see no repository because we do not know who they are."""
    return seen is not None and not seen and not order.actor.login


def sees_nothing(order: Order, seen: Sequence[str] | None) -> Answer | None:
    """Return what to say to somebody whom we do not know: an empty list would read as if nothing ran."""
    if not nothing_for(order, seen):
        return None
    return refused("You see nothing here until I know who you are on GitHub. `/opus link` tells me, once.")


def scope(order: Order) -> tuple[Part, ...]:
    """Return a sentence about what a list is of, where that is one repository."""
    place = order.place
    one = place.repository if place.surface == GITHUB or place.bound else ""
    return (Say(f"In `{one}`:"),) if one else ()


def review(order: Order) -> Answer:
    """Tell what a task has done: its words, the harness's checks, the diff."""
    task = order.task
    if task is None:
        return refused("There is no such task. `/opus bg status` lists what runs.")
    view = view_of(order.services, task.id)
    parts: list[Part] = [Say(f"Task `{task.id}`: {headline(view).words}.")]
    outcome = view.outcome
    if outcome is None:
        hint = "Its work can be reviewed when it has ended." if task.status is not Status.COMPLETED else ""
        return Answer((*parts, *([Say(hint)] if hint else []), *_details(view)), task_id=task.id, data=summary(view))
    parts.append(Quote(outcome.summary, "What was done"))
    if outcome.draft_reason:
        parts.append(Quote(outcome.draft_reason, "What is missing"))
    if outcome.evidence:
        rows = tuple((check.command, str(check.exit_code), duration(check.seconds)) for check in outcome.evidence)
        parts.append(Listing(("check", "exit code", "took"), rows))
    if outcome.review:
        parts.append(Quote(outcome.review, "The reviewing model"))
    if outcome.patch is not None:
        files = tuple((file.path, f"+{file.additions}", f"-{file.deletions}") for file in outcome.patch.files[:30])
        parts.append(Listing(("file", "added", "deleted"), files))
        parts.append(Diff(outcome.patch.diff[:DIFF_LIMIT]))
    if view.pull_request:
        parts.append(Link("Pull request", view.pull_request))
    good = outcome.conclusion in {Conclusion.SUCCESS, Conclusion.NEUTRAL}
    if view.merged:
        parts.append(Say(f"Merged: {view.merged}."))
    elif view.pull_request and good:
        parts.append(Say(f"`/opus bg merge {task.id}` marks it as ready and merges it, if GitHub's rules allow it."))
    return Answer(tuple(parts), task_id=task.id, data=summary(view))


def why(order: Order) -> Answer:
    """Tell what was decided about a task, an issue or a pull request, and the reason."""
    records, key, task_id = order.services.store.records, "", order.task.id if order.task else ""
    if order.task is not None:
        key = f"{order.task.repository.lower()} {order.task.subject}" if order.task.subject.number else ""
    elif order.subject.number:
        key = decision_key(order.actions, order.subject)
    else:
        return refused("Of what? `/opus why 7f3c9a` takes the id of a task, or the link of an issue or pull request.")
    rows = [row for row in records.decisions(key, 100, task_id=task_id) if row[2] not in LOOKING][:MOST_LISTED]
    if not rows:
        return said("Nothing was decided here yet.", decisions=[])
    shown = tuple(
        (time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(at)), who, what, "allowed" if allowed else "refused", reason)
        for at, who, what, allowed, reason in rows
    )
    names = ("when (UTC)", "who", "what", "decision", "reason")
    data = [dict(zip(("at", "who", "what", "decision", "reason"), row, strict=True)) for row in shown]
    return Answer((Listing(names, shown),), task_id=task_id, data={"decisions": data})


def meant(order_text: str) -> tuple[str, tuple[str, Subject] | None]:
    """Return the task id or the repository and subject that a word or link names."""
    if match := _LINK.fullmatch(order_text):
        kind = "pull" if match[2] == "pull" else "issue"
        return "", (match[1], Subject(kind, int(match[3])))
    if match := _PAGE.fullmatch(order_text):
        return match[1], None
    return order_text.strip("`#").lower(), None


def cost(order: Order) -> Answer:
    """Tell what was spent."""
    words = order.command.text.split()
    period = next((word for word in words if word in SECONDS), "month")
    by, seen = words[-1] if "by" in words else "", seen_repositories(order)
    if nothing := sees_nothing(order, seen):
        return nothing
    rows = order.services.store.costs.spent(time.time() - SECONDS[period], by, seen)
    data = [{**row._asdict(), "dollars": round(row.dollars, 6)} for row in rows]
    if not rows or not any(row.tasks for row in rows):
        return said(f"Nothing was spent in the last {period}.", period=period, by=by, spent=[])
    shown = tuple((row.name or "all", money(row.dollars), thousands(row.tokens), str(row.tasks)) for row in rows)
    listing = Listing((by or f"last {period}", "spent", "tokens", "tasks"), shown)
    return Answer((*scope(order), listing), data={"period": period, "by": by, "spent": data})

"""Deliveries come in any order, some of them twice: what comes of them is what GitHub holds in the end."""

from __future__ import annotations

import random
import shutil
from dataclasses import dataclass
from itertools import permutations
from typing import TYPE_CHECKING

import pytest

from bot.triggers import wanted
from jobs.services import Services
from jobs.store import Store
from jobs.types import Kind, Status
from tests.bot.conftest import SHOP
from tests.bot.ears import Ears

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from jobs.testing.github import LocalGitHub
    from jobs.types import Task

LABEL, OTHER = "assign-to-opus", "opus-agent"
SEED = 67
MOST_ORDERS = 4
"""Of each history; the first is the one in which GitHub told it."""
REVIEWS = "reviews: {automatic: true}\n"


@dataclass(frozen=True)
class History:
    """What happens on GitHub, and what there is to be at the end: tasks under way, by kind and who asked for them."""

    happen: Callable[[LocalGitHub], object]
    tasks: tuple[str, ...] = ()
    every: tuple[str, ...] | None = None
    """All tasks there ever were, where that must be the same in every order, too."""
    covered: bool = True


def labels(*steps: str) -> Callable[[LocalGitHub], None]:
    """Return a history of issue 1: ``+label`` and ``-label``, ``closed`` and ``reopened``, by alice or who is named."""

    def happen(local: LocalGitHub) -> None:
        for step in steps:
            what, _, by = step.partition(" by ")
            by = by or "alice"
            if what[0] == "+":
                local.label_issue(SHOP, 1, what[1:], by=by)
            elif what[0] == "-":
                local.unlabel_issue(SHOP, 1, what[1:], by=by)
            elif what == "closed":
                local.close_issue(SHOP, 1, by=by)
            else:
                local.reopen_issue(SHOP, 1, by=by)

    return happen


def pull(*steps: str) -> Callable[[LocalGitHub], None]:
    """Return a history of a pull request of carol's: pushed to, merged, closed, reopened."""

    def happen(local: LocalGitHub) -> None:
        local.commit_file(SHOP, "topic", "a.py", "a\n", by="carol")
        number = local.open_pull_request(SHOP, "topic", "A", by="carol").number
        for step in steps:
            if step == "pushed":
                local.commit_file(SHOP, "topic", "b.py", "b\n", by="carol")
            elif step == "merged":
                local.merge_pull_request(SHOP, number, by="carol")
            elif step == "closed":
                local.close_pull_request(SHOP, number, by="carol")

    return happen


def runs(*conclusions: str) -> Callable[[LocalGitHub], None]:
    """Return a history of the default branch: a commit and its CI's end, for each conclusion."""

    def happen(local: LocalGitHub) -> None:
        for number, conclusion in enumerate(conclusions):
            local.commit_file(SHOP, "main", f"{number}.py", "x\n", by="alice")
            local.run_workflow(SHOP, "main", conclusion=conclusion, by="alice")

    return happen


def words(local: LocalGitHub) -> None:
    """Write a comment, add to it, and delete it: what was said was said, each once."""
    said = local.comment(SHOP, 1, "/opus bg add a test", by="alice")
    local.edit_comment(SHOP, said.id, "/opus bg add a test\n\n/opus bg add a page", by="alice")
    local.delete_comment(SHOP, said.id, by="alice")


def moved(*steps: str) -> Callable[[LocalGitHub], None]:
    """Return a history of the App's installation on octo."""

    def happen(local: LocalGitHub) -> None:
        for step in steps:
            if step in {"add_repositories", "remove_repositories"}:
                getattr(local, step)("octo", [SHOP])
            elif step == "install":
                local.install("octo", names=[SHOP])
            else:
                getattr(local, step)("octo")

    return happen


ISSUE, BACKGROUND, REVIEW, CI = (
    f"{kind} alice" for kind in (Kind.RESOLVE_ISSUE, Kind.BACKGROUND, Kind.REVIEW_PULL_REQUEST, Kind.FIX_CI)
)
HISTORIES = {
    "on": History(labels(f"+{LABEL}"), (ISSUE,), (ISSUE,)),
    "on and off": History(labels(f"+{LABEL}", f"-{LABEL}"), (), ()),
    "on, off, on": History(labels(f"+{LABEL}", f"-{LABEL}", f"+{LABEL}"), (ISSUE,)),
    "on, closed": History(labels(f"+{LABEL}", "closed by bob"), (), ()),
    "on, closed, reopened": History(labels(f"+{LABEL}", "closed by bob", "reopened by bob"), (ISSUE,), (ISSUE,)),
    "on, reopened, closed": History(labels(f"+{LABEL}", "closed", "reopened", "closed by bob"), (), ()),
    "two on, one off": History(labels(f"+{LABEL}", f"+{OTHER}", f"-{LABEL}"), (ISSUE,), (ISSUE,)),
    "by a stranger, then by alice": History(
        labels(f"+{LABEL} by mallory", f"-{LABEL} by bob", f"+{LABEL}"), (ISSUE,), (ISSUE,)
    ),
    "by a stranger": History(labels(f"+{LABEL} by mallory"), (), ()),
    "a pull request, pushed to": History(pull("pushed"), (REVIEW.replace("alice", "carol"),)),
    "a pull request, pushed to, merged": History(pull("pushed", "merged"), (), ()),
    "a pull request, closed": History(pull("closed"), (), ()),
    "red, then green": History(runs("failure", "success"), (), ()),
    "green, then red": History(runs("success", "failure"), (CI,), (CI,)),
    "red, then red": History(runs("failure", "failure"), (CI,), (CI,)),
    "words": History(words, (BACKGROUND, BACKGROUND), (BACKGROUND, BACKGROUND)),
    "taken out and put in": History(moved("remove_repositories", "add_repositories")),
    "put in and taken out": History(
        moved("remove_repositories", "add_repositories", "remove_repositories"), covered=False
    ),
    "suspended and not": History(moved("suspend", "unsuspend")),
    "not suspended and suspended": History(moved("suspend", "unsuspend", "suspend"), covered=False),
    "uninstalled": History(moved("suspend", "unsuspend", "uninstall"), covered=False),
    "uninstalled and installed": History(moved("uninstall", "install")),
}


def orders(count: int) -> list[tuple[int, ...]]:
    """Return the order in which things happened, and some others: all of a few, a sample of many."""
    every = list(permutations(range(count))) if count < 6 else []
    drawn = random.Random(SEED)  # noqa: S311 - which orders are tried guards nothing
    others = every[1:] or [tuple(drawn.sample(range(count), count)) for _ in range(MOST_ORDERS)]
    return [tuple(range(count)), *drawn.sample(others, min(MOST_ORDERS - 1, len(others)))]


def fresh(services: Services, empty: Path, number: int) -> Services:
    """Return services over a store in which nothing has happened, with the same GitHub."""
    file = empty.with_name(f"order-{number}.sqlite3")
    shutil.copy(empty, file)
    made = Services(services.settings, Store(f"sqlite:///{file}"))
    made.github = services.github
    return made


def told(tasks: list[Task]) -> tuple[str, ...]:
    """Return the kinds of tasks and who asked for them."""
    return tuple(sorted(f"{task.kind} {task.actor.login}" for task in tasks))


@pytest.mark.parametrize("name", HISTORIES)
def test_any_order_ends_in_githubs_state(ears: Ears, name: str, home: Path) -> None:
    """All deliveries of a history come late, in another order, the first of them twice."""
    history, local = HISTORIES[name], ears.local
    local.set_permission(SHOP, "carol", "write")
    if "pull" in name:
        ears.rules(REVIEWS)
    ears.taken = len(local.deliveries)
    history.happen(local)
    sent = [one for one in local.deliveries[ears.taken :] if wanted(one.event, one.action)]
    assert sent
    empty = home / "empty.sqlite3"
    ears.services.store.database.engine.dispose()
    shutil.copy(home / "opus67.sqlite3", empty)
    for number, order in enumerate(orders(len(sent))):
        services = fresh(ears.services, empty, number)
        try:
            heard = Ears(services, local)
            for index in (*order, order[0]):
                heard.take(sent[index].guid, sent[index].event, sent[index].body)
            heard.later()
            tasks = list(services.store.tasks.recent())
            under_way = told([task for task in tasks if task.status is not Status.COMPLETED and not task.cancel])
            assert under_way == tuple(sorted(history.tasks)), order
            assert history.every is None or told(tasks) == tuple(sorted(history.every)), order
            if "put" in name or "install" in name or "suspend" in name:
                covered = [SHOP] if history.covered else []
                assert [repository for repository, _ in services.store.records.repositories()] == covered, order
        finally:
            services.store.close()

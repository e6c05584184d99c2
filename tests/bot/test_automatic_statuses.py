"""A red commit status starts the mending and wakes who waits, as a check suite of another App does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from jobs.types import Actor, Kind, Subject
from tests.bot.conftest import SHOP

if TYPE_CHECKING:
    from tests.bot.ears import Ears

CONTEXT = "ci/jenkins"


@pytest.mark.parametrize("state", ["failure", "error"])
def test_a_red_status_of_the_default_branch_starts_one_task(ears: Ears, state: str) -> None:
    """In the name of who set it; it is set many times, and seen to once for each commit and context."""
    ears.local.set_permission(SHOP, "builder", "write")
    for _ in range(2):
        ears.local.set_status(SHOP, "main", CONTEXT, state, "3 tests failed", "https://ci.example.com/7", by="builder")
    ears.listen()
    [task] = ears.tasks()
    assert (task.kind, task.title) == (Kind.FIX_CI, f"CI is red on main: {CONTEXT}")
    about = {name: task.about[name] for name in ("source", "sha", "run", "suite", "workflow", "place")}
    sha = ears.head("main")
    assert about == {
        "source": "checks",
        "sha": sha,
        "run": 0,
        "suite": 0,
        "workflow": CONTEXT,
        "place": "default",
    }
    assert task.actor.login == "builder"
    ears.end(task)
    ears.local.set_status(SHOP, "main", CONTEXT, state, by="builder")
    ears.listen()
    assert len(ears.tasks()) == 1
    ears.local.set_status(SHOP, "main", "ci/other", state, by="builder")
    ears.listen()
    assert len(ears.tasks()) == 2


@pytest.mark.parametrize("state", ["success", "failure", "pending"])
def test_a_status_wakes_who_waits_for_its_commit(ears: Ears, state: str) -> None:
    """Green or red; one that is pending is no end."""
    waiting = ears.store(kind=Kind.FIX_CI, subject=Subject("ci"), title="CI is red", about={"branch": "main"})
    ears.wait_for(waiting, ears.head("main"))
    ears.local.set_status(SHOP, "main", CONTEXT, state)
    ears.listen()
    assert ears.is_awake(waiting) is (state != "pending")
    assert [task.id for task in ears.tasks()] == [waiting.id]


def test_a_status_of_our_pull_request(ears: Ears) -> None:
    """It is mended on its branch, in the name of who asked for that work, whoever set the status."""
    number, owner = ears.own_pull()
    ears.local.set_status(SHOP, owner.branch, CONTEXT, "failure", by="builder")
    ears.listen()
    [task] = ears.tasks()
    assert (task.about["place"], task.about["pull"], task.onto) == ("own", number, owner.branch)
    assert task.actor.login == "alice"


def test_our_own_statuses_are_ignored(ears: Ears) -> None:
    """What the bot itself said of a commit starts nothing."""
    ears.local.set_status(SHOP, "main", CONTEXT, "failure", by=f"{ears.local.slug}[bot]")
    ears.listen()
    assert not ears.tasks()
    assert not ears.reasons("ci")


def test_a_status_of_somebody_elses_pull_request_counts_by_its_author(ears: Ears) -> None:
    """A service may write everywhere; what a stranger proposes is not worked on for that."""
    ears.rules("ci: {others: true}")
    ears.local.set_permission(SHOP, "builder", "write")
    for name, by in (("bobs", "bob"), ("alices", "alice")):
        ears.local.commit_file(SHOP, name, f"{name}.py", "a\n", by=by)
        ears.local.open_pull_request(SHOP, name, name, by=by)
        ears.local.set_status(SHOP, name, CONTEXT, "failure", by="builder")
    ears.listen()
    [task] = ears.tasks()
    assert (task.about["branch"], task.about["place"], task.actor.login) == ("alices", "other", "alice")


def test_what_is_ignored_by_name(ears: Ears) -> None:
    """`ci.ignore` names contexts, too; a commit that is nobody's newest is left alone."""
    ears.rules(f"ci: {{ignore: [{CONTEXT.upper()}]}}")
    ears.local.set_status(SHOP, "main", CONTEXT, "failure")
    ears.listen()
    older = ears.head("main")
    ears.local.commit_file(SHOP, "main", "b.py", "b\n", by="alice")
    ears.local.set_status(SHOP, older, "ci/other", "failure")
    ears.listen()
    assert not ears.tasks()
    [(_, allowed, reason)] = ears.reasons("ci")
    assert (allowed, reason) == (False, "the workflow is named in `ci.ignore`")


def test_a_bot_that_nobody_allowed_sets_it_for_the_repository(ears: Ears) -> None:
    """The default branch is mended in the repository's own name then."""
    ears.local.set_status(SHOP, "main", CONTEXT, "failure", by="circle[bot]")
    ears.listen()
    [task] = ears.tasks()
    assert task.actor == Actor("repository", SHOP)

"""What no event told of is found by comparing with GitHub: red heads and conflicts, once, and not too old."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.housekeeping.comparing import reconcile
from jobs.types import Actor, Kind, Subject
from tests.bot.conftest import SHOP

if TYPE_CHECKING:
    from tests.bot.ears import Ears


def test_a_red_default_branch_that_nobody_told_of(ears: Ears) -> None:
    """In the name of who started the run, once, also when the task has ended since."""
    ears.local.run_workflow(SHOP, "main", name="Lint", conclusion="success", by="alice")
    run = ears.local.run_workflow(SHOP, "main", by="alice")
    ears.forget()
    reconcile(ears.services)
    [task] = ears.tasks()
    assert (task.kind, task.actor.login, task.about["run"], task.about["place"]) == (
        Kind.FIX_CI,
        "alice",
        run.id,
        "default",
    )
    reconcile(ears.services)
    ears.end(task)
    reconcile(ears.services)
    assert len(ears.tasks()) == 1


def test_what_was_told_is_not_missed(ears: Ears) -> None:
    """A task that came of an event, and what was refused, are not looked for again."""
    ears.local.run_workflow(SHOP, "main", by="alice")
    _, owner = ears.own_pull(actor=Actor("github", "12", "dora"))
    ears.taken = 0
    ears.listen()
    ears.local.run_workflow(SHOP, owner.branch)
    ears.listen()
    [task] = ears.tasks()
    ears.end(task)
    before = ears.reasons("pull-2")
    reconcile(ears.services)
    assert len(ears.tasks()) == 1
    assert ears.reasons("pull-2") == before


def test_only_the_newest_run_of_a_workflow_counts(ears: Ears) -> None:
    """What was red before and is green now, or is red at an older commit, is no news."""
    ears.local.run_workflow(SHOP, "main", by="alice")
    ears.local.run_workflow(SHOP, "main", conclusion="success", by="alice")
    ears.local.run_workflow(SHOP, "main", name="Lint", by="alice")
    ears.local.commit_file(SHOP, "main", "b.py", "b\n", by="alice")
    ears.forget()
    reconcile(ears.services)
    assert not ears.tasks()


def test_our_own_pull_requests_are_looked_at(ears: Ears) -> None:
    """A red head and a conflict with the base each get their task; where somebody works already, neither does."""
    red, owner = ears.own_pull({"a.py": "a\n"})
    torn, _ = ears.own_pull({"README.md": "# Our shop\n"})
    busy, other = ears.own_pull({"b.py": "b\n"})
    for one in (owner, other):
        ears.local.run_workflow(SHOP, one.branch)
    ears.store(kind=Kind.BACKGROUND, subject=Subject("pull", busy), title="More", follows=other.id, onto=other.branch)
    ears.local.commit_file(SHOP, "main", "README.md", "# Their shop\n", by="carol")
    ears.forget()
    for _ in range(2):
        reconcile(ears.services)
    found = {(task.kind, task.subject.number) for task in ears.tasks()}
    assert found == {(Kind.FIX_CI, red), (Kind.RESOLVE_CONFLICTS, torn), (Kind.BACKGROUND, busy)}
    assert len(ears.tasks()) == 3


def test_switches_hold_here_too(ears: Ears) -> None:
    """What is switched off is not looked for."""
    ears.rules("ci: {default_branch: false, own: false}\nconflicts: false\nreviews: {address: false}\n")
    _, owner = ears.own_pull()
    ears.local.run_workflow(SHOP, "main", by="alice")
    ears.local.run_workflow(SHOP, owner.branch)
    ears.forget()
    before = len(ears.local.requests)
    reconcile(ears.services)
    asked = [one.path for one in ears.local.requests[before:]]
    assert not [path for path in asked if "/actions/" in path or "/pulls" in path]
    assert not ears.tasks()

"""Rights that end between the request and the push: nothing is paid for any more, nothing is pushed, and people read why."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from jobs.types import Actor, Conclusion, Kind, Subject
from tests.jobs.workshop import WORKSHOP, Workshop, finish, write

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.bubblewrap

RULES = ".github/opus67.yml"
CHECKS = "checks: [python3 -c 'import greeting']\n"


def person(workshop: Workshop, login: str) -> Actor:
    """Return somebody as GitHub's events name them."""
    return Actor("github", str(workshop.github.add_user(login).id), login)


def as_writer(workshop: Workshop) -> Actor:
    """Return alice, who may write."""
    return person(workshop, "alice")


def as_member(workshop: Workshop) -> Actor:
    """Return dora, who is in the allowed team."""
    workshop.github.commit_file(WORKSHOP, "main", RULES, f"{CHECKS}allow: {{teams: [octo/reviewers]}}\n", by="olga")
    workshop.github.set_team("octo", "reviewers", ["dora"])
    return person(workshop, "dora")


def as_bot(workshop: Workshop) -> Actor:
    """Return a bot whose App is allowed."""
    app = workshop.github.foreign_suite(WORKSHOP, "main", "linter", [("lint", "success", {}, ())]).app
    workshop.github.commit_file(WORKSHOP, "main", RULES, f"{CHECKS}allow: {{bots: [{app.id}]}}\n", by="olga")
    return replace(person(workshop, "linter[bot]"), is_bot=True)


def lowered(workshop: Workshop) -> None:
    """Alice may only read from now on."""
    workshop.github.set_permission(WORKSHOP, "alice", "read")


def removed(workshop: Workshop) -> None:
    """Alice is no collaborator any more."""
    workshop.github.set_permission(WORKSHOP, "alice", "none")


def renamed(workshop: Workshop) -> None:
    """Alice has another name, and somebody else who may write has hers."""
    workshop.github.rename_user("alice", "alicia")
    workshop.github.set_permission(WORKSHOP, "alice", "admin")


def left_the_team(workshop: Workshop) -> None:
    """Dora is not in the team any more."""
    workshop.github.set_team("octo", "reviewers", ["erin"])


def untold(workshop: Workshop) -> None:
    """GitHub does not tell the App what anybody may do."""
    workshop.github.faults.add("GET", r"/collaborators/[^/]+/permission$", status=403, times=None)


ENDS: dict[str, tuple[Callable[[Workshop], Actor], Callable[[Workshop], None], str]] = {
    "may only read by now": (as_writer, lowered, "@alice has only read"),
    "is no collaborator by now": (as_writer, removed, "@alice has none"),
    "has a name that is somebody else's by now": (as_writer, renamed, "belongs to another GitHub account"),
    "left the allowed team": (as_member, left_the_team, "@dora has none"),
    "cannot be asked about": (as_writer, untold, "GitHub did not tell"),
}


def asked(workshop: Workshop, actor: Actor) -> Any:
    """Return a task on the issue that somebody asked for."""
    return workshop.task(Kind.RESOLVE_ISSUE, subject=Subject("issue", 1), actor=actor)


def is_untouched(workshop: Workshop) -> bool:
    """Tell whether nothing of ours was pushed or opened."""
    branches = [name for name in workshop.github.branches(WORKSHOP) if name.startswith("opus/")]
    return not branches and not workshop.github.pull_requests(WORKSHOP)


@pytest.mark.parametrize("end", ENDS)
def test_who_lost_the_right_before_the_run_pays_for_nothing(workshop: Workshop, end: str) -> None:
    """No model is asked, nothing is pushed, and the comment says who lacks what."""
    make, withdraw, words = ENDS[end]
    task = asked(workshop, make(workshop))
    withdraw(workshop)
    row = workshop.run(task)
    assert row.conclusion == Conclusion.CANCELLED
    assert words in row.summary
    assert workshop.model.requests == []
    assert is_untouched(workshop)
    [comment] = workshop.github.comments(WORKSHOP, 1)
    assert "Cancelled" in comment.body


@pytest.mark.parametrize("end", ["may only read by now", "left the allowed team"])
def test_who_loses_the_right_during_the_run_has_nothing_pushed(workshop: Workshop, end: str) -> None:
    """It is asked once more before the push: neither a pull request nor a branch with the work appears."""
    make, withdraw, words = ENDS[end]

    def leave(_asked: dict[str, Any]) -> Any:
        withdraw(workshop)
        return finish()

    workshop.plays(work=[write(), leave])
    row = workshop.run(asked(workshop, make(workshop)))
    assert (row.conclusion, words in row.summary) == (Conclusion.CANCELLED, True)
    assert is_untouched(workshop)


def test_a_bot_that_is_allowed_no_more(workshop: Workshop) -> None:
    """The number is taken out of the repository's file before its task begins."""
    task = asked(workshop, as_bot(workshop))
    workshop.github.commit_file(WORKSHOP, "main", RULES, CHECKS, by="olga")
    row = workshop.run(task)
    assert (row.conclusion, workshop.model.requests) == (Conclusion.CANCELLED, [])
    assert "not named in `allow.bots`" in row.summary


def suspended(workshop: Workshop) -> None:
    """The owner suspends the App, and the event about it is lost."""
    workshop.github.suspend()


def uninstalled(workshop: Workshop) -> None:
    """The owner takes the App off, and the event about it is lost."""
    workshop.github.uninstall()


def taken_out(workshop: Workshop) -> None:
    """The owner takes the repository from the installation, and the event about it is lost."""
    workshop.github.remove_repositories("octo", [WORKSHOP])


def archived(workshop: Workshop) -> None:
    """The owner archives the repository: it takes nothing any more."""
    workshop.github.faults.add("GET", r"/info/refs$", status=403, times=None)
    workshop.github.faults.add("POST", r"/pulls$", status=403, times=None)


@pytest.mark.parametrize("gone", [suspended, uninstalled, taken_out, archived], ids=lambda one: str(one.__name__))
def test_what_the_app_may_not_touch_any_more_is_left_alone(
    workshop: Workshop, gone: Callable[[Workshop], None]
) -> None:
    """The owner's word holds in the middle of a run: it ends in words and nothing is pushed or opened."""

    def leave(_asked: dict[str, Any]) -> Any:
        gone(workshop)
        return finish()

    workshop.plays(work=[write(), leave])
    row = workshop.run(asked(workshop, as_writer(workshop)))
    assert row.conclusion in {Conclusion.FAILURE, Conclusion.ACTION_REQUIRED, Conclusion.CANCELLED}
    assert row.summary
    assert "internal error" not in row.summary
    assert is_untouched(workshop)

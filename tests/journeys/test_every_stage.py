"""A worker is killed in every stage of a run, and others go on: each effect is there once, and no step is paid twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from jobs.notify import PULL_REQUEST
from jobs.testing.models import call
from jobs.types import Conclusion, Kind, Status, Subject
from tests.jobs.conftest import github, private_key, store, workshop  # noqa: F401 - fixtures
from tests.jobs.workshop import FIXED, WORKSHOP, finish, write
from tests.journeys.careful import Meter, careful
from tests.journeys.mortal import Moment, Mortals

if TYPE_CHECKING:
    from collections.abc import Callable

    from jobs.types import Task
    from tests.jobs.workshop import Workshop

pytestmark = pytest.mark.bubblewrap

GIT, MINTED = f"^/{WORKSHOP}.git/", "/access_tokens$"
MOMENTS = {
    "the token of the API is minted": Moment("POST", MINTED, '"checks":"write"'),
    "the token to read is minted": Moment("POST", MINTED, '"contents":"read"'),
    "the token to push is minted": Moment("POST", MINTED, '"contents":"write","metadata"'),
    "the newest commit is asked for": Moment("POST", f"{GIT}git-upload-pack$", "ls-refs"),
    "the mirror is fetched": Moment("POST", f"{GIT}git-upload-pack$", "fetch"),
    "the reaction": Moment("POST", "/issues/1/reactions$"),
    "the comment is made": Moment("POST", "/issues/1/comments$"),
    "the comment is edited": Moment("PATCH", "/issues/comments/"),
    "the check run is made": Moment("POST", "/check-runs$"),
    "the check run is edited": Moment("PATCH", "/check-runs/"),
    "the push begins": Moment("GET", f"{GIT}info/refs$", "git-receive-pack"),
    "the branch is pushed": Moment("POST", f"{GIT}git-receive-pack$"),
    "the pull request is opened": Moment("POST", "/pulls$"),
    "the ending is told": Moment("PATCH", "/issues/comments/", "Done"),
    "a token is revoked": Moment("DELETE", "/installation/token$"),
}
"""What a run does outside."""
STEPS = ("step 0", "step 1", "step 2", "review")
"""What a run asks a model."""
SLOW = "setup: [sleep 0.2171]\nchecks: [sleep 0.2172, python3 -c 'import greeting']\n"
COMMANDS = {"the set-up runs": "0.2171", "the checks run": "0.2172", "a tool runs": "0.2173"}


@pytest.fixture
def mortals(workshop: Workshop) -> Mortals:  # noqa: F811 - a fixture
    """Return workers that can be killed, and a model that greets by name."""
    made = Mortals(workshop)
    look = call("bash", command="sleep 0.2173")
    workshop.cast.roles = {"work": careful(write(), look, finish())}
    return made


@pytest.fixture
def task(workshop: Workshop) -> Task:  # noqa: F811 - a fixture
    """Return a task about an issue."""
    return workshop.task(Kind.RESOLVE_ISSUE, subject=Subject("issue", 1))


def seen_from_outside(mortals: Mortals, task: Task) -> dict[str, Callable[[], object]]:
    """Return what can be seen of a run that asks nobody outside at that moment."""
    services = mortals.workshop.services
    home, runs, tasks = services.settings.home, services.store.runs, services.store.tasks

    def told() -> bool:
        row = tasks.row(task.id)
        return bool(row.status == Status.COMPLETED and not row.told)

    moments: dict[str, Callable[[], object]] = {
        "the mirror is half made": lambda: any((home / "mirrors" / ".new").glob("*/*")),
        "the base is stored": lambda: runs.stage(task.id, "prepared"),
        "a step is stored": lambda: runs.steps(task.id),
        "the work is kept": lambda: runs.checkpoint(task.id),
        "the work is in quarantine": lambda: any((home / "quarantine").glob("*/*")),
        "the verdict is stored": lambda: runs.stage(task.id, "verdict"),
        "the outcome is stored": lambda: runs.stage(task.id, "worked"),
        "the pull request is known": lambda: services.store.records.place(task.id, PULL_REQUEST),
        "the end is stored and not told": told,
    }
    return moments | {name: lambda long=long: mortals.runs("sleep", long) for name, long in COMMANDS.items()}  # type: ignore[misc]


@pytest.mark.parametrize("after", [False, True], ids=["before it is made", "behind it, with its answer lost"])
def test_workers_die_at_every_request(mortals: Mortals, task: Task, after: bool) -> None:
    """One after the other dies at each request that a run makes; people see one run, and each reply is paid once."""
    meter = Meter.on(mortals, task.id, () if after else STEPS)
    for name, moment in MOMENTS.items():
        mortals.dies_at(name, moment, after=after)
    row = mortals.run(task, lambda: assert_alone(mortals, task))
    assert sorted(mortals.died) == sorted([*MOMENTS, *(() if after else STEPS)])
    assert_ended_well(mortals, task, row, meter)


def test_workers_die_between_requests(mortals: Mortals, task: Task) -> None:
    """One after the other dies in what a run does by itself: git, the sandbox, the checks, each stage's product."""
    mortals.workshop.github.commit_file(WORKSHOP, "main", ".github/opus67.yml", SLOW, by="alice")
    meter = Meter.on(mortals, task.id)
    seen = seen_from_outside(mortals, task)
    with mortals.dying_when(seen):
        row = mortals.run(task, lambda: assert_alone(mortals, task))
    assert sorted(mortals.died) == sorted(seen)
    assert_ended_well(mortals, task, row, meter)


def assert_alone(mortals: Mortals, task: Task) -> None:
    """Check that nothing is there twice."""
    github, where = mortals.workshop.github, f"after the death where {mortals.died[-1:]}"  # noqa: F811 - not the fixture
    assert len(github.comments(WORKSHOP, 1)) <= 1, where
    assert len(github.reactions(WORKSHOP, 1)) <= 1, where
    assert len(github.pull_requests(WORKSHOP)) <= 1, where
    assert set(github.branches(WORKSHOP)) <= {"main", task.branch}, where
    shas = [run.head_sha for run in github.check_runs(WORKSHOP)]
    assert len(shas) == len(set(shas)) <= 2, where
    assert len([push for push in github.pushes if push.ref != "refs/heads/main"]) <= 1, where


def assert_ended_well(mortals: Mortals, task: Task, row: Any, meter: Meter) -> None:
    """Check that all is there that a run leaves, and that nothing was paid twice."""
    shop, github = mortals.workshop, mortals.workshop.github  # noqa: F811 - not the fixture
    assert row.conclusion == Conclusion.SUCCESS, f"{row.summary}\n{mortals.log}"
    assert shop.file("greeting.py", task.branch) == FIXED
    assert [reaction.content for reaction in github.reactions(WORKSHOP, 1)] == ["eyes"]
    [comment], [pull] = github.comments(WORKSHOP, 1), github.pull_requests(WORKSHOP)
    assert "Done" in comment.body
    assert pull.pull is not None
    assert (pull.pull.draft, row.outcome["pull_request"].endswith(f"/{pull.number}")) == (True, True)
    assert [(run.status, run.conclusion) for run in github.check_runs(WORKSHOP)] == [
        ("completed", "neutral"),
        ("completed", "success"),
    ]
    assert meter.paid_twice == []
    assert row.outcome["steps"] == len(shop.services.store.runs.steps(task.id))
    assert github.violations == []

"""People with a fork, who may write nothing, meddle with what the bot believes of CI."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from jobs.testing.github import Job
from jobs.types import Mode, Status
from tests.hostile.red import till
from tests.jobs.fix_ci.test_for_nothing import log
from tests.jobs.fix_ci.till import RIGHT, TILL, WRONG

if TYPE_CHECKING:
    from jobs.testing.github.records import Issue
    from tests.jobs.fix_ci.till import Till

__all__ = ["till"]

pytestmark = pytest.mark.bubblewrap


RED = [Job("test", "failure", log=log("FAILED tests/test_till.py::test_total - assert 0.31 == 0.3"))]
GREEN = [Job("test", "success")]


@pytest.fixture
def pull(till: Till) -> Issue:
    """Return a pull request of the repository itself, whose checks run on pull requests alone and are red."""
    till.github.set_ci(TILL, None)
    till.github.commit_file(TILL, "opus/ci-mine", "till.py", WRONG, by="alice")
    opened = till.github.open_pull_request(TILL, "opus/ci-mine", "Mine", by="alice")
    till.github.run_workflow(TILL, pull=opened.number, jobs=RED, name="checks")
    return opened


def looked_at(till: Till, pull: Issue) -> Any:
    """Have the red head of the pull request looked at, and return the task's row."""
    assert pull.pull is not None
    values: dict[str, Any] = {"place": "own", "branch": "opus/ci-mine", "pull": pull.number, "mode": Mode.CONSERVATIVE}
    return till.go(till.task(pull.pull.head_sha, **values))


def ran_in(till: Till, fork: str, pull: Issue, **ended: Any) -> None:
    """Have a run of the pull request's red commit come about in a stranger's fork."""
    assert pull.pull is not None
    told = {"name": "checks", "event": "pull_request", "by": "mallory", **ended}
    till.github.run_workflow(TILL, pull.pull.head_sha, fork=fork, branch="mine", **told)


@pytest.mark.parametrize("conclusion", ["success", "action_required", ""])
def test_a_run_of_a_fork_does_not_make_a_red_commit_green(till: Till, pull: Issue, conclusion: str) -> None:
    """Mallory opens a pull request with the red commit from a fork, whose run is green, or waits for an approval."""
    fork = till.github.fork(TILL, by="mallory")
    jobs = GREEN if conclusion == "success" else ()
    ran_in(till, fork, pull, conclusion=conclusion, jobs=jobs)
    assert looked_at(till, pull).status == Status.WAITING


def test_a_green_fork_blames_nobody(till: Till) -> None:
    """Mallory's pull request from a branch called main is green; the commits since then are not those to blame."""
    till.github.set_ci(TILL, None)
    good = till.github.commit_file(TILL, "main", "a.md", "a\n", by="alice")
    till.github.run_workflow(TILL, good, branch="main", conclusion="success", name="checks", jobs=GREEN)
    bad = till.github.commit_file(TILL, "main", "till.py", WRONG, by="bob")
    fork = till.github.fork(TILL, by="mallory")
    till.github.commit_file(fork, "main", "till.py", RIGHT, by="mallory")
    number = till.github.open_pull_request(TILL, "main", "Mend", by="mallory", fork=fork).number
    till.github.run_workflow(TILL, pull=number, conclusion="success", name="checks", jobs=GREEN)
    sha = till.github.commit_file(TILL, "main", "b.md", "b\n", by="alice")
    till.github.run_workflow(TILL, sha, branch="main", name="checks", jobs=RED)
    task = till.task(sha, mode=Mode.CONSERVATIVE)
    till.go(task)
    found = till.diagnosis(task)
    assert found.green == good
    assert found.changes == 2
    assert found.culprit is None or found.culprit.sha == bad


def test_green_in_a_fork_is_not_green_before(till: Till, pull: Issue) -> None:
    """A green run of the commit in a fork, before ours, does not make the failure one that comes and goes."""
    fork = till.github.fork(TILL, by="mallory")
    ran_in(till, fork, pull, conclusion="success", jobs=GREEN)
    till.github.run_workflow(TILL, pull=pull.number, jobs=RED, name="checks")
    assert looked_at(till, pull).status == Status.WAITING

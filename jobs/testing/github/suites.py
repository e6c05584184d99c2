"""Check suites: those that were made as such, and those that the check runs of an App on a commit amount to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.testing.github import git
from jobs.testing.github.workflows import CheckSuite, worst

if TYPE_CHECKING:
    from jobs.testing.github.records import CheckRun, Repository


def find(repository: Repository, suite_id: int) -> CheckSuite | None:
    """Return a suite; None where there is none."""
    made = repository.actions.suites.get(suite_id)
    if made is not None:
        return made
    runs = runs_of(repository, suite_id, every=True)
    return _amount(repository, runs) if runs else None


def runs_of(repository: Repository, suite_id: int, *, every: bool = False) -> list[CheckRun]:
    """Return the check runs of a suite, the newest of each name unless ``every`` is asked for."""
    found = [one for one in repository.check_runs.values() if one.suite_id == suite_id]
    return found if every else list({one.name: one for one in found}.values())


def on_commit(repository: Repository, sha: str) -> list[CheckSuite]:
    """Return the suites of a commit, oldest first."""
    ids = {one.suite_id: None for one in repository.check_runs.values() if one.head_sha == sha}
    ids |= {one.id: None for one in repository.actions.suites.values() if one.head_sha == sha}
    return [suite for one in sorted(ids) if (suite := find(repository, one)) is not None]


def branch_of(repository: Repository, sha: str) -> str:
    """Return the branch that stands at a commit, the one of a pull request first; empty where none does."""
    for issue in repository.pulls:
        if issue.pull and issue.pull.head_sha == sha:
            return issue.pull.head
    found = git.refs(repository.path, "refs/heads/")
    return next((ref.removeprefix("refs/heads/") for ref, at in found.items() if at == sha), "")


def _amount(repository: Repository, runs: list[CheckRun]) -> CheckSuite:
    newest = list({one.name: one for one in runs}.values())
    first, done = runs[0], all(one.status == "completed" for one in newest)
    return CheckSuite(
        id=first.suite_id,
        app=first.app,
        head_sha=first.head_sha,
        head_branch=branch_of(repository, first.head_sha),
        created_at=first.started_at,
        updated_at=max(one.completed_at or one.started_at for one in newest),
        status="completed" if done else "in_progress",
        conclusion=worst(one.conclusion or "" for one in newest) if done else "",
    )

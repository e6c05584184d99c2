"""What commits lie between two commits of a mirror, and whether one holds the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.types import UserError
from jobs.workspace.git import GitFailed
from jobs.workspace.mirror import COMMIT

if TYPE_CHECKING:
    from jobs.workspace.mirror import Mirror


def contains(mirror: Mirror, repository: str, commit: str, ancestor: str) -> bool:
    """Tell whether everything up to ``ancestor`` is part of ``commit``; the mirror must hold both."""
    _must_be_commits(commit, ancestor)
    try:
        arguments = ("merge-base", "--is-ancestor", ancestor, commit)
        return mirror.git.run(mirror.path(repository), *arguments, accept=(0, 1)).exit_code == 0
    except GitFailed as failure:
        raise _unreadable(repository, failure) from failure


def titles(mirror: Mirror, repository: str, commit: str, *, without: str, most: int = 30) -> list[str]:
    """Return the first lines of the newest commits of ``commit`` that are not part of ``without``, merges left out."""
    _must_be_commits(commit, without)
    arguments = ("log", "--no-merges", "--no-show-signature", f"--max-count={most}", "--format=%s")
    try:
        found = mirror.git.text(mirror.path(repository), *arguments, f"{without}..{commit}", "--")
    except GitFailed as failure:
        raise _unreadable(repository, failure) from failure
    return [line for line in found.splitlines() if line.strip()]


def _must_be_commits(*names: str) -> None:
    if not all(COMMIT.fullmatch(name) for name in names):
        raise ValueError("a commit is named by its 40 hexadecimal digits")


def _unreadable(repository: str, failure: GitFailed) -> UserError:
    return UserError(f"The history of {repository} on this machine cannot be read ({failure}). Run the task again.")

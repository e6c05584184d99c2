"""Where a commit stands on GitHub now: on the default branch, or at the head of whose pull request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.automatic.work import owner_of
from jobs.github.values import GitHubRefused
from jobs.kinds.fix_ci.deciding import Place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bot.acting import Actions
    from bot.events import Run
    from config.repository import RepositoryConfig
    from jobs.github import PullRequestState
    from jobs.types import Task

NOT_FOUND = 404


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a commit stands; ``owner`` is the task whose pull request it is, where that is ours.

    ``author`` is the login of who opened the pull request.
    """

    place: Place
    branch: str
    pull: int = 0
    owner: Task | None = None
    author: str = ""


def find(actions: Actions, run: Run, config: RepositoryConfig) -> Spot | None:
    """Return where the commit of a run stands; None where it is the newest of nothing that concerns us.

    A fork's branch may have any name, that of our default branch too: only a run of this repository is one of ours.
    """
    here, repository = actions.event.repository.lower(), actions.repository
    ours = bool(run.branch) and run.head_repository.lower() in {"", here} and run.event != "pull_request"
    if ours and run.branch in {repository.default_branch(), config.base_branch}:
        return Spot(Place.DEFAULT, run.branch) if repository.branch_sha(run.branch) == run.sha else None
    return next((spot_of(actions, state) for state in _pulls(actions, run) if state.head == run.sha), None)


def spot_of(actions: Actions, state: PullRequestState) -> Spot:
    """Return whose pull request it is."""
    if state.head_repository.lower() != actions.event.repository.lower():
        return Spot(Place.FORK, state.branch, state.number, author=state.author)
    owner = owner_of(actions, state.number)
    return Spot(Place.OTHER if owner is None else Place.OWN, state.branch, state.number, owner, state.author)


def _pulls(actions: Actions, run: Run) -> Iterator[PullRequestState]:
    """Yield the open pull requests that a run may be about: those that were told, else those from its branch."""
    for number in run.pulls:
        state = pull_request(actions, number)
        if state is not None and state.state == "open":
            yield state
    if run.branch and not run.pulls:
        owner = (run.head_repository or actions.event.repository).partition("/")[0]
        yield from actions.repository.open_pull_requests(head=f"{owner}:{run.branch}")
    if not run.branch and not run.pulls:
        yield from (state for state in actions.repository.pulls_of_commit(run.sha) if state.state == "open")


def pull_request(actions: Actions, number: int, *, settle: float = 0.0) -> PullRequestState | None:
    """Return a pull request as it stands now, or None where there is none."""
    try:
        return actions.repository.pull_request(number, settle=settle)
    except GitHubRefused as refused:
        if refused.status == NOT_FOUND:
            return None
        raise

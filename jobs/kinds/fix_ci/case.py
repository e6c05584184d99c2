"""What a task is about: the red commit and its branch, as the event told them, and whether it is still so on GitHub."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Self

from config import repository as repository_file
from jobs.kinds.base import rules_in
from jobs.kinds.fix_ci.deciding import Place
from jobs.types import Conclusion, Kind, Outcome, UserError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from config.repository import RepositoryConfig
    from jobs.execute import Attempt

SHOWN = 10
"""Digits of a commit that people read."""


@dataclass(frozen=True, slots=True)
class Case:
    """The red commit; ``source`` is actions, checks (another App's suite) or report (a CI of the operator's own)."""

    sha: str
    branch: str
    place: Place
    source: str = "actions"
    pull: int = 0
    run: int = 0
    suite: int = 0
    report: str = ""
    workflow: str = ""
    asked: bool = False

    @classmethod
    def of(cls, about: Mapping[str, Any]) -> Self:
        """Read what the trigger stored; raises UserError where it names no commit."""
        sha, branch = str(about.get("sha") or ""), str(about.get("branch") or "")
        if not sha or not branch:
            raise UserError("This task names no CI run. `/opus fix` on a pull request starts one that does.")
        return cls(
            sha=sha,
            branch=branch,
            place=Place(about.get("place") or Place.OTHER),
            source=str(about.get("source") or "actions"),
            pull=int(about.get("pull") or 0),
            run=int(about.get("run") or 0),
            suite=int(about.get("suite") or 0),
            report=str(about.get("report") or ""),
            workflow=str(about.get("workflow") or ""),
            asked=bool(about.get("asked")),
        )

    def dump(self) -> dict[str, Any]:
        """Return what ``of`` reads, for the request of a task."""
        return asdict(self)

    @property
    def title(self) -> str:
        """The title of a task about it; the workflow's name is a stranger's word."""
        where = f"#{self.pull}" if self.pull else self.branch
        return f"CI is red on {where}{f': {self.workflow}' if self.workflow else ''}"

    def key(self, repository: str) -> str:
        """Return what a task about it is alone with: the branch, or the pull request of a fork."""
        lane = f"fork:{self.pull}" if self.place is Place.FORK else self.branch
        return f"{Kind.FIX_CI}:{repository.lower()}|{lane}"

    @property
    def scope(self) -> str:
        """The branch or the pull request over which mends are counted."""
        return f"#{self.pull}" if self.pull else self.branch


def event_of(repository: str, sha: str) -> str:
    """Return the name of the event that CI of a commit has ended, for which tasks listen."""
    return f"ci:{repository.lower()}@{sha}"


def seen_key(repository: str, sha: str) -> str:
    """Return the key under which it is kept that a red commit was seen to, whoever met it first."""
    return f"ci-seen:{repository.lower()}@{sha}"


def rules_of(attempt: Attempt) -> RepositoryConfig:
    """Return the repository's rules as its default branch has them now."""
    written = attempt.repository.read_file(repository_file.PATH) or b""
    return rules_in(written)


def overtaken(attempt: Attempt, case: Case) -> Outcome | None:
    """Return the ending where the branch is not at the commit any more: what is newer has a run of its own."""
    if case.pull:
        state = attempt.repository.pull_request(case.pull)
        if state.state != "open":
            return Outcome(Conclusion.SKIPPED, f"Pull request #{case.pull} is {state.state}, so its CI is left alone.")
        head: str | None = state.head
    else:
        head = attempt.repository.branch_sha(case.branch)
    if head == case.sha:
        return None
    if head is None:
        return Outcome(Conclusion.SKIPPED, f"The branch `{case.branch}` is gone, so its CI is left alone.")
    words = (
        f"`{case.branch}` has moved on from `{case.sha[:SHOWN]}` to `{head[:SHOWN]}`. The newer commit has a CI run of "
        "its own; if that is red, it is looked at by itself."
    )
    return Outcome(Conclusion.SKIPPED, words)

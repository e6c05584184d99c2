"""What maintainers and other Apps do around merging: protect branches, choose methods, report checks and statuses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.testing.github import git, happenings, running
from jobs.testing.github.records import CheckRun, CommitStatus, Protection

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jobs.testing.github.world import World


class Guards:
    """The doors for what decides whether something can be merged; ``sha`` may be a branch's name."""

    world: World

    def protect(
        self,
        repository: str,
        branch: str,
        *,
        checks: Sequence[str] = (),
        approvals: int = 0,
        up_to_date: bool = False,
    ) -> None:
        """Demand checks, approvals and a head that is up to date before something is merged into a branch."""
        with self.world.change():
            home = self.world.repository(repository)
            home.protections[branch] = Protection(tuple(checks), approvals, up_to_date)

    def unprotect(self, repository: str, branch: str) -> None:
        """Demand nothing of a branch any more."""
        with self.world.change():
            self.world.repository(repository).protections.pop(branch, None)

    def set_merge_methods(self, repository: str, *methods: str) -> None:
        """Say how pull requests may be merged: merge, squash, rebase."""
        with self.world.change():
            self.world.repository(repository).merge_methods = methods

    def report_check(self, repository: str, sha: str, name: str, conclusion: str = "success") -> CheckRun:
        """Have another App report a check on a commit; one without a conclusion is still running."""
        with self.world.change():
            home, now = self.world.repository(repository), self.world.now()
            commit = git.resolve(home.path, f"refs/heads/{sha}") or sha
            made = CheckRun(
                id=self.world.new_id(),
                app=running.actions_app(self.world),
                suite_id=self.world.new_id(),
                name=name,
                head_sha=commit,
                status="completed" if conclusion else "in_progress",
                conclusion=conclusion or None,
                external_id="",
                details_url="",
                started_at=now,
                completed_at=now if conclusion else "",
                output={},
                actions=[],
            )
            home.check_runs[made.id] = made
            return made

    def set_status(
        self,
        repository: str,
        sha: str,
        context: str,
        state: str = "success",
        description: str | None = None,
        target_url: str | None = None,
        *,
        by: str = "",
    ) -> CommitStatus:
        """Set a commit status, the older kind of check: success, failure, error or pending; by the owner, else."""
        with self.world.change():
            home = self.world.repository(repository)
            commit = git.resolve(home.path, f"refs/heads/{sha}") or sha
            who, now = self.world.account(by) if by else home.owner, self.world.now()
            made = CommitStatus(self.world.new_id(), commit, state, context, description, target_url, who, now)
            happenings.set_status(self.world, home, made)
            return made

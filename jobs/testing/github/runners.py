"""The doors to Actions and to the checks of other Apps: runs that somebody tells, and a CI that reacts by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.testing.github import git, running, suites
from jobs.testing.github.records import CheckRun
from jobs.testing.github.shapes import pulls
from jobs.testing.github.workflows import CheckSuite, CiResult, Job, WorkflowRun, worst

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from jobs.testing.github.engine import Ci, Engine
    from jobs.testing.github.records import JSON, Repository
    from jobs.testing.github.workflows import Files
    from jobs.testing.github.world import World

    ForeignCheck = tuple[str, str, JSON, Sequence[JSON]]

HEADS = "refs/heads/"


class Runners:
    """The doors through which runs come about; a repository has no CI unless one is set."""

    world: World
    _engine: Engine

    def run_workflow(
        self,
        repository: str,
        branch_or_sha: str = "",
        *,
        name: str = "CI",
        conclusion: str = "failure",
        jobs: Sequence[Job] = (),
        artifacts: Mapping[str, Files] | None = None,
        event: str = "push",
        by: str = "",
        pull: int = 0,
        fork: str = "",
        branch: str = "",
    ) -> WorkflowRun:
        """Have a workflow run; without a conclusion it is in progress, and ``finish_run`` ends it.

        ``pull`` is the pull request whose head it runs, ``branch`` the branch where a commit is given, ``fork`` the
        full name of the repository that the branch is in. Without jobs there is one called ``test``.
        """
        with self.world.change():
            home = self.world.repository(repository)
            source, branch, sha = self._head(home, branch_or_sha, branch, pull, fork)
            by_whom = self.world.account(by or home.owner.login)
            told = list(jobs) or ([] if conclusion == "startup_failure" else [Job("test", conclusion)])
            kind = "pull_request" if pull and event == "push" else event
            run = running.start(
                self.world, home, name=name, sha=sha, branch=branch, event=kind, by=by_whom, jobs=told, source=source
            )
            running.begin(self.world, run)
            if conclusion:
                running.complete(self.world, run, CiResult(told, artifacts or {}, conclusion))
            return run

    def finish_run(
        self,
        run: WorkflowRun,
        conclusion: str = "",
        *,
        jobs: Sequence[Job] = (),
        artifacts: Mapping[str, Files] | None = None,
    ) -> None:
        """End a run that is queued or in progress; without jobs all of those that are not done end alike."""
        with self.world.change():
            if run.status == "completed":
                raise ValueError(f"run {run.id} has ended already")
            if run.status == "queued":
                running.begin(self.world, run)
            open_jobs = [one.name for one in run.jobs if one.status != "completed"]
            told = list(jobs) or [Job(name, conclusion or "success") for name in open_jobs]
            running.complete(self.world, run, CiResult(told, artifacts or {}, conclusion))

    def rerun(self, run: WorkflowRun, *, by: str, failed_only: bool = False) -> None:
        """Click "Re-run all jobs", or "Re-run failed jobs"; raises ``Refused`` where GitHub would not."""
        with self.world.change():
            names = running.failed_jobs(run) if failed_only else None
            running.again(self.world, run, self.world.account(by), names)

    def expire_run(self, run: WorkflowRun) -> None:
        """Let the logs and the artifacts of a run be gone, as after 90 days."""
        with self.world.change():
            run.expired = True

    def workflow_runs(self, repository: str) -> list[WorkflowRun]:
        """Return the runs of a repository, oldest first."""
        with self.world.lock:
            return list(self.world.repository(repository).actions.runs.values())

    def set_ci(
        self, repository: str, function: Ci | None, *, name: str = "CI", jobs: Sequence[str] = ("test",)
    ) -> None:
        """Have a workflow run on every push to a branch, on pull requests from forks, and when it is asked again.

        ``function`` gets the bare repository's path, the commit, the branch and the attempt, in a thread of its own.
        ``jobs`` are the names that are known before it answers. None takes the workflow away.
        """
        self.world.repository(repository)
        self._engine.set(repository, name, function, jobs)

    def foreign_suite(
        self, repository: str, sha: str, app_slug: str, checks: Sequence[ForeignCheck], *, branch: str = ""
    ) -> CheckSuite:
        """Have another App report a whole check suite; ``sha`` may be a branch's name.

        Each check is (name, conclusion, output, annotations); the output has title, summary and text, as the checks
        API takes it, and ``details_url`` beside them where there is one.
        """
        with self.world.change():
            home, now = self.world.repository(repository), self.world.now()
            commit = git.resolve(home.path, f"{HEADS}{sha}") or sha
            app, place = running.foreign_app(self.world, app_slug), branch or suites.branch_of(home, commit)
            result = worst(conclusion for _, conclusion, _, _ in checks)
            made = CheckSuite(self.world.new_id(), app, commit, place, now, now, "completed", result)
            home.actions.suites[made.id] = made
            for check in checks:
                run = self._foreign_check(made, check)
                home.check_runs[run.id] = run
                running.tell_check(self.world, home, run, "completed")
            running.tell_suite(self.world, home, made, "completed", app.bot)
            return made

    def _foreign_check(self, suite: CheckSuite, check: ForeignCheck) -> CheckRun:
        name, conclusion, output, annotations = check
        now = suite.created_at
        return CheckRun(
            id=self.world.new_id(),
            app=suite.app,
            suite_id=suite.id,
            name=name,
            head_sha=suite.head_sha,
            status="completed",
            conclusion=conclusion,
            external_id="",
            details_url=str(output.get("details_url", "")),
            started_at=now,
            completed_at=now,
            output={**output, "annotations": list(annotations)},
            actions=[],
        )

    def _head(
        self, home: Repository, given: str, branch: str, number: int, fork: str
    ) -> tuple[Repository | None, str, str]:
        """Return the fork, the branch and the commit that a run is about."""
        source = self.world.repository(fork) if fork else None
        if number:
            pull = pulls.must(home.issues[number])
            sha = git.resolve(home.path, given) if given else pull.head_sha
            return source or pull.fork, pull.head, sha or pull.head_sha
        name = given or home.default_branch
        tip = git.resolve(source.path if source else home.path, f"{HEADS}{name}")
        if tip is not None:
            return source, name, tip
        commit = git.resolve(home.path, name)
        if commit is None:
            raise LookupError(f"{home.full_name} has no branch and no commit {name}")
        return source, branch or suites.branch_of(home, commit) or home.default_branch, commit

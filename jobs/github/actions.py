"""Workflow runs, their jobs, logs and artifacts; check suites; and what changed between two commits."""

from __future__ import annotations

from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from jobs.github import transport
from jobs.github.actions_values import Annotation, Artifact, JobStep, SuiteCheck, WorkflowJob, WorkflowRun
from jobs.github.calls import Calls
from jobs.github.downloads import download
from jobs.github.pull_requests import as_state
from jobs.github.values import GitHubRefused
from jobs.types import Change, GitHubUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from jobs.github.values import PullRequestState

PASSING = frozenset({"success", "neutral", "skipped", ""})
FORBIDDEN = 403
TOO_LARGE = 413
MOST_LOG = 256 * 1024 * 1024
MOST_ANNOTATIONS = 100
MOST_FILES_OF = 20
"""Of how many commits the files are read, which costs a call each."""
MOST_PULLS = 100


class Actions(Calls):
    """The calls about runs of GitHub Actions and about the checks of other Apps."""

    def workflow_run(self, run_id: int) -> WorkflowRun:
        """Return a run as it stands now; raises GitHubRefused where there is none."""
        return _run(self.read(f"{self._base}/actions/runs/{run_id}"))

    def workflow_runs(
        self,
        *,
        branch: str = "",
        sha: str = "",
        workflow_id: int = 0,
        status: str = "",
        event: str = "",
        most: int = 50,
    ) -> Iterator[WorkflowRun]:
        """Yield runs, newest first; ``status`` may be a status or a conclusion."""
        place = f"workflows/{workflow_id}/runs" if workflow_id else "runs"
        wanted = {"branch": branch, "head_sha": sha, "status": status, "event": event}
        filters = {name: value for name, value in wanted.items() if value}
        found = transport.pages(self._kit, f"{self._base}/actions/{place}", key="workflow_runs", most=most, **filters)
        return map(_run, islice(found, most))

    def jobs_of(self, run_id: int, attempt: int = 0) -> tuple[WorkflowJob, ...]:
        """Return the jobs of an attempt, of the newest one where none is named."""
        place = f"attempts/{attempt}/jobs" if attempt else "jobs"
        return tuple(map(_job, transport.pages(self._kit, f"{self._base}/actions/runs/{run_id}/{place}", key="jobs")))

    def job_log(self, job_id: int, *, most: int = MOST_LOG) -> Iterator[bytes]:
        """Yield a job's log in pieces as they come, ``most`` bytes at the most; nothing where there is none any more.

        A log that ends early is taken up where it broke; it is never held as a whole. GitHub is asked at the first
        piece, and errors are raised then.
        """
        return download(self._kit, f"{self._base}/actions/jobs/{job_id}/logs", most=most)

    def artifacts_of(self, run_id: int) -> tuple[Artifact, ...]:
        """Return what a run left, of all attempts."""
        path = f"{self._base}/actions/runs/{run_id}/artifacts"
        return tuple(map(_artifact, transport.pages(self._kit, path, key="artifacts")))

    def artifact(self, artifact_id: int, *, limit: int) -> bytes:
        """Return an artifact's zip archive, empty where it is gone; raises GitHubRefused over ``limit`` bytes."""
        path = f"{self._base}/actions/artifacts/{artifact_id}/zip"
        archive = b"".join(download(self._kit, path, most=limit + 1))
        if len(archive) > limit:
            raise GitHubRefused(TOO_LARGE, f"Artifact {artifact_id} is larger than {limit} bytes; make it smaller.")
        return archive

    def rerun_failed(self, run_id: int, attempt: int = 0) -> None:
        """Have the failed jobs of a run, and what depends on them, run again.

        ``attempt`` is the one that failed: where there is a later one already nothing is done, so that a lost answer
        changes nothing. Raises GitHubRefused in GitHub's words where it cannot be run again.
        """
        if attempt and self.workflow_run(run_id).attempt > attempt:
            return
        try:
            self._call("POST", f"{self._base}/actions/runs/{run_id}/rerun-failed-jobs")
        except (GitHubUnavailable, GitHubRefused) as error:
            if attempt and self.workflow_run(run_id).attempt > attempt:
                return
            if isinstance(error, GitHubRefused) and error.status == FORBIDDEN and "integration" not in error.reason:
                words = f"GitHub does not run the failed jobs of run {run_id} again: {error.reason}"
                raise GitHubRefused(FORBIDDEN, words, error.reason) from None
            raise

    def suite_checks(self, suite_id: int) -> tuple[SuiteCheck, ...]:
        """Return the newest check runs of a suite with what they say."""
        path = f"{self._base}/check-suites/{suite_id}/check-runs"
        return tuple(map(self._suite_check, transport.pages(self._kit, path, key="check_runs")))

    def checks_at(self, sha: str) -> tuple[SuiteCheck, ...]:
        """Return the newest check runs of all Apps at a commit with what they say."""
        path = f"{self._base}/commits/{sha}/check-runs"
        return tuple(map(self._suite_check, transport.pages(self._kit, path, key="check_runs")))

    def changes_between(self, base: str, head: str, most: int = 50) -> tuple[Change, ...]:
        """Return the commits that ``head`` has and ``base`` has not, oldest first: the newest ``most`` of them.

        There are never more than 250, and files are told of the newest 20. Nothing is returned where a commit is gone.
        """
        # Without paging GitHub tells the newest 250: https://docs.github.com/rest/commits/commits#compare-two-commits
        found = self._find(f"{self._base}/compare/{quote(base, safe='')}...{quote(head, safe='')}") or {"commits": []}
        commits = found["commits"][-most:]
        bare = len(commits) - MOST_FILES_OF
        return tuple(_change(one, () if place < bare else self._files(one)) for place, one in enumerate(commits))

    def pulls_of_commit(self, sha: str) -> tuple[PullRequestState, ...]:
        """Return the pull requests that brought a commit, or that have it still open; what is mergeable is not told."""
        found = transport.pages(self._kit, f"{self._base}/commits/{sha}/pulls", most=MOST_PULLS)
        return tuple(map(as_state, found))

    def _files(self, commit: Mapping[str, Any]) -> tuple[str, ...]:
        found = self._find(f"{self._base}/commits/{commit['sha']}") or {}
        return tuple(str(one["filename"]) for one in found.get("files") or ())

    def _suite_check(self, found: Mapping[str, Any]) -> SuiteCheck:
        output, conclusion = found.get("output") or {}, found.get("conclusion") or ""
        noted = output.get("annotations_count") and conclusion not in PASSING
        return SuiteCheck(
            id=found["id"],
            name=str(found["name"]),
            app=str((found.get("app") or {}).get("slug") or ""),
            status=str(found["status"]),
            conclusion=conclusion,
            title=output.get("title") or "",
            url=found.get("html_url") or "",
            details_url=found.get("details_url") or "",
            summary=output.get("summary") or "",
            text=output.get("text") or "",
            annotations=self._annotations(found["id"]) if noted else (),
        )

    def _annotations(self, check_run_id: int) -> tuple[Annotation, ...]:
        path = f"{self._base}/check-runs/{check_run_id}/annotations"
        return tuple(map(_annotation, transport.pages(self._kit, path, most=MOST_ANNOTATIONS)))


def _run(found: Mapping[str, Any]) -> WorkflowRun:
    return WorkflowRun(
        id=found["id"],
        name=found.get("name") or "",
        workflow_id=found["workflow_id"],
        path=found.get("path") or "",
        branch=found.get("head_branch") or "",
        sha=found["head_sha"],
        event=found["event"],
        status=found.get("status") or "",
        conclusion=found.get("conclusion") or "",
        attempt=found.get("run_attempt") or 1,
        actor=_login(found.get("actor")),
        triggering_actor=_login(found.get("triggering_actor")),
        head_repository=(found.get("head_repository") or {}).get("full_name") or "",
        pulls=tuple(one["number"] for one in found.get("pull_requests") or ()),
        url=found["html_url"],
        suite_id=found.get("check_suite_id") or 0,
        created_at=_seconds(found["created_at"]),
        updated_at=_seconds(found["updated_at"]),
    )


def _job(found: Mapping[str, Any]) -> WorkflowJob:
    return WorkflowJob(
        id=found["id"],
        run_id=found["run_id"],
        attempt=found.get("run_attempt") or 1,
        name=found["name"],
        status=found["status"],
        conclusion=found.get("conclusion") or "",
        url=found.get("html_url") or "",
        steps=tuple(
            JobStep(one["number"], one["name"], one["status"], one.get("conclusion") or "")
            for one in found.get("steps") or ()
        ),
        labels=tuple(found.get("labels") or ()),
        started_at=_seconds(found.get("started_at")),
        completed_at=_seconds(found.get("completed_at")),
    )


def _artifact(found: Mapping[str, Any]) -> Artifact:
    return Artifact(found["id"], found["name"], found["size_in_bytes"], bool(found["expired"]))


def _annotation(found: Mapping[str, Any]) -> Annotation:
    level, line = str(found.get("annotation_level") or ""), int(found.get("start_line") or 0)
    return Annotation(found["path"], line, level, found.get("message") or "", found.get("title") or "")


def _change(found: Mapping[str, Any], files: tuple[str, ...]) -> Change:
    title = str(found["commit"]["message"]).partition("\n")[0]
    return Change(found["sha"], _login(found.get("author")), title, files)


def _login(user: Mapping[str, Any] | None) -> str:
    return str((user or {}).get("login") or "")


def _seconds(time: str | None) -> float:
    return datetime.fromisoformat(time).timestamp() if time else 0.0

"""What the local GitHub keeps of Actions: workflows, runs with their attempts, jobs, logs, artifacts, check suites."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jobs.testing.github.records import JSON, Account, App, Repository

Log = bytes | Path | Iterable[bytes]
"""The text of a log; what is neither bytes nor a file is gone through once for each download."""
Files = Mapping[str, bytes]

WORST_FIRST = ("startup_failure", "failure", "timed_out", "cancelled", "action_required", "success", "neutral")
RED = frozenset({"failure", "timed_out", "cancelled", "startup_failure", "action_required"})
MOST_ATTEMPTS = 50
"""How often a run may be run again. https://docs.github.com/actions/how-tos/manage-workflow-runs/re-run-workflows-and-jobs"""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a job, and how it ended."""

    name: str
    conclusion: str = "success"


@dataclass(frozen=True, slots=True)
class Job:
    """One job, as people tell it: an empty conclusion is still running.

    Without steps it has those that most jobs have, without a log one that tells of them. Annotations are as the checks
    API takes them: path, start_line, end_line, annotation_level, message, and title where there is one.
    """

    name: str
    conclusion: str = "success"
    log: Log | None = None
    steps: Sequence[Step] = ()
    annotations: Sequence[JSON] = ()
    labels: Sequence[str] = ("ubuntu-latest",)


@dataclass(frozen=True, slots=True)
class CiResult:
    """What a CI that reacts by itself found; without a conclusion the jobs tell it."""

    jobs: Sequence[Job]
    artifacts: Mapping[str, Files] = field(default_factory=dict)
    conclusion: str = ""


@dataclass(slots=True, eq=False)
class Workflow:
    """A workflow file."""

    id: int
    name: str
    path: str
    created_at: str


@dataclass(slots=True, eq=False)
class CheckSuite:
    """The check runs of one App for one push; ``before`` is the commit before it."""

    id: int
    app: App
    head_sha: str
    head_branch: str
    created_at: str
    updated_at: str
    status: str = "queued"
    conclusion: str = ""
    before: str = ""


@dataclass(slots=True, eq=False)
class WorkflowJob:
    """One job of one attempt; its id is that of its check run. Times are empty where they have not come."""

    id: int
    attempt: int
    told: Job
    status: str
    created_at: str
    started_at: str = ""
    completed_at: str = ""

    @property
    def name(self) -> str:
        """Its name, by which it is found again in another attempt."""
        return self.told.name

    @property
    def conclusion(self) -> str:
        """How it ended; empty before."""
        return self.told.conclusion if self.status == "completed" else ""


@dataclass(slots=True, eq=False)
class Attempt:
    """One go at a run."""

    number: int
    by: Account
    started_at: str
    updated_at: str
    status: str = "queued"
    conclusion: str = ""
    jobs: list[WorkflowJob] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Artifact:
    """Files that a run left."""

    id: int
    name: str
    files: Files
    created_at: str


@dataclass(slots=True, eq=False)
class WorkflowRun:
    """One run of a workflow, with all its attempts; ``head_repository`` is another one where a fork was pushed to."""

    id: int
    number: int
    workflow: Workflow
    repository: Repository
    head_repository: Repository
    head_branch: str
    head_sha: str
    event: str
    actor: Account
    suite: CheckSuite
    title: str
    created_at: str
    attempts: list[Attempt] = field(default_factory=list)
    artifacts: list[Artifact] = field(default_factory=list)
    expired: bool = False

    @property
    def latest(self) -> Attempt:
        """The newest attempt."""
        return self.attempts[-1]

    @property
    def status(self) -> str:
        """The status of the newest attempt."""
        return self.latest.status

    @property
    def conclusion(self) -> str:
        """How the newest attempt ended; empty before."""
        return self.latest.conclusion

    @property
    def jobs(self) -> list[WorkflowJob]:
        """The jobs of the newest attempt."""
        return self.latest.jobs


@dataclass(slots=True, eq=False)
class Actions:
    """All that one repository has of Actions."""

    workflows: dict[int, Workflow] = field(default_factory=dict)
    runs: dict[int, WorkflowRun] = field(default_factory=dict)
    suites: dict[int, CheckSuite] = field(default_factory=dict)


def worst(conclusions: Iterable[str]) -> str:
    """Return what several conclusions amount to, as GitHub reckons it."""
    found = set(conclusions)
    return next((one for one in WORST_FIRST if one in found), "skipped" if found else "success")

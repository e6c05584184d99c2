"""What GitHub tells of workflow runs and check suites, cut to the fields that are read; texts are data of strangers."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class WorkflowRun:
    """One run of a workflow as it stands now; ``conclusion`` is empty while it is not completed.

    ``path`` is the workflow's file, ``head_repository`` the full name of where the branch is, empty where that is
    gone. ``pulls`` are the open pull requests of this repository with that head; a fork's run has none. ``actor``
    started the first attempt, ``triggering_actor`` this one. Times are seconds since the epoch.
    """

    id: int
    name: str
    workflow_id: int
    path: str
    branch: str
    sha: str
    event: str
    status: str
    conclusion: str
    attempt: int
    actor: str
    triggering_actor: str
    head_repository: str
    pulls: tuple[int, ...]
    url: str
    suite_id: int
    created_at: float
    updated_at: float


@dataclass(frozen=True, slots=True)
class JobStep:
    """One step of a job; ``conclusion`` is empty while it is not completed."""

    number: int
    name: str
    status: str
    conclusion: str


@dataclass(frozen=True, slots=True)
class WorkflowJob:
    """One job of one attempt of a run; its id is also that of its check run. A time is 0 where it has not come."""

    id: int
    run_id: int
    attempt: int
    name: str
    status: str
    conclusion: str
    url: str
    steps: tuple[JobStep, ...]
    labels: tuple[str, ...]
    started_at: float
    completed_at: float


@dataclass(frozen=True, slots=True)
class Artifact:
    """Files that a run left, as an archive of ``size`` bytes; an expired one cannot be had any more."""

    id: int
    name: str
    size: int
    expired: bool


@dataclass(frozen=True, slots=True)
class Annotation:
    """What a check notes on a line; ``level`` is notice, warning or failure.

    GitHub Actions notes on ``.github`` what belongs to no file.
    """

    path: str
    start_line: int
    level: str
    message: str
    title: str


@dataclass(frozen=True, slots=True)
class SuiteCheck:
    """One check run of a suite; annotations are read of those that did not pass only. ``app`` is a slug."""

    id: int
    name: str
    app: str
    status: str
    conclusion: str
    title: str
    url: str
    details_url: str
    summary: str = field(repr=False)
    text: str = field(repr=False)
    annotations: tuple[Annotation, ...] = ()

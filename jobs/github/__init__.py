"""The App on GitHub: calls as the App, and each repository through its installation."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from jobs.github.actions_values import Annotation, Artifact, JobStep, SuiteCheck, WorkflowJob, WorkflowRun
from jobs.github.patches import DiffLines
from jobs.github.review_values import LineRemark, SubmittedReview, Thread, ThreadComment
from jobs.github.values import (
    CheckRun,
    CheckState,
    Comment,
    CommitStatus,
    Demands,
    GitHubRefused,
    Issue,
    PullRequest,
    PullRequestState,
    Reviews,
    Token,
)

if TYPE_CHECKING:
    from jobs.github.client import GitHub
    from jobs.github.repository import Repository

__all__ = [
    "Annotation",
    "Artifact",
    "CheckRun",
    "CheckState",
    "Comment",
    "CommitStatus",
    "Demands",
    "DiffLines",
    "GitHub",
    "GitHubRefused",
    "Issue",
    "JobStep",
    "LineRemark",
    "PullRequest",
    "PullRequestState",
    "Repository",
    "Reviews",
    "SubmittedReview",
    "SuiteCheck",
    "Thread",
    "ThreadComment",
    "Token",
    "WorkflowJob",
    "WorkflowRun",
]

_CLIENTS = {"GitHub": "jobs.github.client", "Repository": "jobs.github.repository"}
"""Where the library behind them is imported, which takes 0.2 s: whoever wants to know a value does without it."""


def __getattr__(name: str) -> Any:
    """Return a client, imported when it is first asked for."""
    if name not in _CLIENTS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_CLIENTS[name]), name)

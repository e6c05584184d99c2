"""The App on GitHub: calls as the App, and each repository through its installation."""

from jobs.github.actions_values import Annotation, Artifact, JobStep, SuiteCheck, WorkflowJob, WorkflowRun
from jobs.github.client import GitHub
from jobs.github.patches import DiffLines
from jobs.github.repository import Repository
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

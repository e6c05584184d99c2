"""The App on GitHub: calls as the App, and each repository through its installation."""

from jobs.github.client import GitHub
from jobs.github.repository import Repository
from jobs.github.values import (
    CheckRun,
    CheckState,
    Comment,
    Demands,
    GitHubRefused,
    Issue,
    PullRequest,
    PullRequestState,
    Reviews,
    Token,
)

__all__ = [
    "CheckRun",
    "CheckState",
    "Comment",
    "Demands",
    "GitHub",
    "GitHubRefused",
    "Issue",
    "PullRequest",
    "PullRequestState",
    "Repository",
    "Reviews",
    "Token",
]

"""The App on GitHub: calls as the App, and each repository through its installation."""

from jobs.github.client import GitHub
from jobs.github.repository import Repository
from jobs.github.values import CheckRun, Comment, GitHubRefused, Issue, PullRequest, Token

__all__ = ["CheckRun", "Comment", "GitHub", "GitHubRefused", "Issue", "PullRequest", "Repository", "Token"]

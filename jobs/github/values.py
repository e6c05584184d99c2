"""What GitHub tells us, cut to the fields that are read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from jobs.types import UserError


class GitHubRefused(UserError):
    """GitHub answered with a refusal that trying again does not change.

    ``status`` is the HTTP status, ``reason`` are GitHub's own words without ours.
    """

    def __init__(self, status: int, message: str, reason: str = "") -> None:
        super().__init__(message)
        self.status, self.reason = status, reason


@dataclass(frozen=True, slots=True)
class Issue:
    """An issue as it stands now. ``labels`` are names."""

    number: int
    title: str
    body: str
    state: str
    labels: tuple[str, ...]
    is_pull_request: bool
    repository: str = ""
    """Where it is now: GitHub leads from where it was to there."""
    updated_at: float = 0.0
    """When it was changed last, in seconds since the epoch."""


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment on an issue or pull request."""

    id: int
    url: str
    body: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class CheckRun:
    """A check run of ours."""

    id: int
    url: str


@dataclass(frozen=True, slots=True)
class PullRequest:
    """A pull request; ``head`` is the commit that it ends in."""

    number: int
    url: str
    state: str
    draft: bool
    head: str
    base: str
    body: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class PullRequestState:
    """A pull request as it stands now; ``head`` is the commit that it ends in, ``branch`` and ``base`` are branches.

    ``state`` is open, closed or merged. ``mergeable`` is None while GitHub has not found out; ``mergeable_state`` is
    GitHub's word: clean, has_hooks, unstable, blocked, behind, dirty, draft or unknown.
    """

    number: int
    url: str
    title: str
    author: str
    state: str
    draft: bool
    head: str
    branch: str
    base: str
    mergeable: bool | None = None
    mergeable_state: str = "unknown"
    head_repository: str = ""
    """Where the branch is; empty where that repository is gone."""
    merge_commit: str = ""
    node_id: str = ""
    created_at: float = 0.0
    """In seconds since the epoch, as is ``updated_at``."""
    updated_at: float = 0.0
    """When anything happened to it last: a push, a comment, a review."""


class CheckState(NamedTuple):
    """A check run or a status on a commit, in the words of check runs; no conclusion while it is not completed."""

    name: str
    status: str
    conclusion: str


@dataclass(frozen=True, slots=True)
class CommitStatus:
    """What a service says of a commit, the older kind of check; ``state`` is success, failure, error or pending.

    ``url`` is where it says more; description and address are data of strangers.
    """

    context: str
    state: str
    description: str
    url: str


@dataclass(frozen=True, slots=True)
class Reviews:
    """Who approves a pull request, and who asks for changes, by login."""

    approved_by: tuple[str, ...] = ()
    changes_requested_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Demands:
    """What a branch demands before something is merged into it: checks by name, and a number of approvals."""

    checks: tuple[str, ...] = ()
    approvals: int = 0


@dataclass(frozen=True, slots=True)
class Token:
    """An installation token for one run; ``expires_at`` is GitHub's ISO time."""

    value: str = field(repr=False)
    expires_at: str

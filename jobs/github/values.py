"""What GitHub tells us, cut to the fields that are read."""

from __future__ import annotations

from dataclasses import dataclass, field

from jobs.types import UserError


class GitHubRefused(UserError):
    """GitHub answered with a refusal that trying again does not change; ``status`` is the HTTP status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Issue:
    """An issue as it stands now. ``labels`` are names."""

    number: int
    title: str
    body: str
    state: str
    labels: tuple[str, ...]
    is_pull_request: bool


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
class Token:
    """An installation token for one run; ``expires_at`` is GitHub's ISO time."""

    value: str = field(repr=False)
    expires_at: str

"""What the local GitHub keeps: accounts, repositories, issues, pull requests, checks, installations."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from jobs.testing.github.workflows import Actions

if TYPE_CHECKING:
    from pathlib import Path

    from jobs.testing.github.review_records import Review, Thread

JSON = dict[str, Any]


@dataclass(slots=True, eq=False)
class Account:
    """A person, an organisation or a bot."""

    id: int
    login: str
    type: str = "User"
    name: str = ""


@dataclass(slots=True, eq=False)
class App:
    """A GitHub App; ``private_key`` is its PEM, ``webhook_url`` may be empty: then nothing is delivered."""

    id: int
    slug: str
    name: str
    owner: Account
    bot: Account
    private_key: str
    client_id: str
    client_secret: str
    webhook_url: str
    webhook_secret: str
    permissions: dict[str, str]
    events: tuple[str, ...]
    created_at: str
    external_url: str = ""
    description: str = ""


@dataclass(slots=True, eq=False)
class Installation:
    """An App on an account; ``repositories`` holds the full names that it was given."""

    id: int
    app: App
    account: Account
    created_at: str
    permissions: dict[str, str]
    repositories: set[str] = field(default_factory=set)
    repository_selection: str = "selected"
    suspended_at: str = ""
    suspended_by: Account | None = None


@dataclass(slots=True, eq=False)
class Token:
    """An installation token; ``repositories`` is None where it reaches all that its installation reaches."""

    value: str
    installation: Installation
    permissions: dict[str, str]
    repositories: frozenset[str] | None
    expires_at: float
    revoked: bool = False

    def reaches(self, full_name: str) -> bool:
        """Tell whether this token covers the repository."""
        return full_name in self.installation.repositories and (
            self.repositories is None or full_name in self.repositories
        )

    def grants(self, permission: str, level: str) -> bool:
        """Tell whether this token carries ``permission`` at ``level`` or above."""
        ranks = ("", "read", "write", "admin")
        return ranks.index(self.permissions.get(permission, "")) >= ranks.index(level)


@dataclass(slots=True, eq=False)
class Device:
    """A device flow under way: what the program shows, and what the person decided, when they did."""

    code: str
    user_code: str
    client_id: str
    interval: float
    expires_at: float
    asked_at: float = 0.0
    account: Account | None = None
    denied: bool = False


@dataclass(slots=True, eq=False)
class UserToken:
    """The token of a person, for an App that they let act for them."""

    value: str
    account: Account
    client_id: str
    expires_at: float
    revoked: bool = False


@dataclass(frozen=True, slots=True)
class Protection:
    """What a branch demands of what is merged into it."""

    checks: tuple[str, ...] = ()
    approvals: int = 0
    up_to_date: bool = False


@dataclass(slots=True, eq=False)
class Label:
    """A label of a repository."""

    id: int
    name: str
    color: str = "ededed"
    description: str | None = None


@dataclass(slots=True, eq=False)
class Reaction:
    """A reaction of somebody to an issue or a comment."""

    id: int
    user: Account
    content: str
    created_at: str


@dataclass(slots=True, eq=False)
class Comment:
    """A comment on an issue or a pull request; ``app`` is set where an App wrote it."""

    id: int
    issue: Issue
    body: str
    author: Account
    app: App | None
    created_at: str
    updated_at: str
    reactions: list[Reaction] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Pull:
    """What a pull request has beyond an issue; the branch names are without ``refs/heads/``.

    ``fork`` is the repository that the head is a branch of, where that is another one.
    """

    id: int
    head: str
    head_sha: str
    base: str
    base_sha: str
    draft: bool
    merged_at: str = ""
    merged_by: Account | None = None
    merge_commit_sha: str = ""
    fork: Repository | None = None
    reviews: list[Review] = field(default_factory=list)
    threads: list[Thread] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class LabelEvent:
    """A label was put on an issue, or taken off; ``event`` is labeled or unlabeled."""

    id: int
    event: str
    label: Label
    actor: Account
    created_at: str


@dataclass(slots=True, eq=False)
class Issue:
    """An issue, or a pull request where ``pull`` is set."""

    id: int
    number: int
    repository: Repository
    title: str
    body: str
    author: Account
    app: App | None
    created_at: str
    updated_at: str
    state: str = "open"
    state_reason: str | None = None
    closed_at: str = ""
    closed_by: Account | None = None
    locked: bool = False
    labels: list[Label] = field(default_factory=list)
    assignees: list[Account] = field(default_factory=list)
    comments: list[Comment] = field(default_factory=list)
    reactions: list[Reaction] = field(default_factory=list)
    events: list[LabelEvent] = field(default_factory=list)
    pull: Pull | None = None

    @property
    def label_names(self) -> list[str]:
        """The names of its labels, in the order in which they were added."""
        return [label.name for label in self.labels]


@dataclass(slots=True, eq=False)
class CheckRun:
    """A check run; ``output`` has title, summary, text and annotations, ``actions`` are its buttons."""

    id: int
    app: App
    suite_id: int
    name: str
    head_sha: str
    status: str
    conclusion: str | None
    external_id: str
    details_url: str
    started_at: str
    completed_at: str
    output: JSON
    actions: list[JSON]


@dataclass(slots=True, eq=False)
class CommitStatus:
    """A commit status, the older kind of check."""

    id: int
    sha: str
    state: str
    context: str
    description: str | None
    target_url: str | None
    creator: Account
    created_at: str


@dataclass(slots=True, eq=False)
class Repository:
    """A repository and all that belongs to it; ``path`` is its bare git directory."""

    id: int
    owner: Account
    name: str
    private: bool
    default_branch: str
    path: Path
    created_at: str
    pushed_at: str
    description: str | None = None
    labels: dict[str, Label] = field(default_factory=dict)
    issues: dict[int, Issue] = field(default_factory=dict)
    next_number: int = 1
    check_runs: dict[int, CheckRun] = field(default_factory=dict)
    statuses: list[CommitStatus] = field(default_factory=list)
    permissions: dict[str, str] = field(default_factory=dict)
    protections: dict[str, Protection] = field(default_factory=dict)
    merge_methods: tuple[str, ...] = ("merge", "squash", "rebase")
    actions: Actions = field(default_factory=Actions)
    parent: Repository | None = None

    @property
    def full_name(self) -> str:
        """``owner/name``."""
        return f"{self.owner.login}/{self.name}"

    @property
    def pulls(self) -> list[Issue]:
        """Its pull requests, oldest first."""
        return [issue for issue in self.issues.values() if issue.pull is not None]


@dataclass(frozen=True, slots=True)
class Push:
    """One ref that a push moved; ``old`` or ``new`` is all zeros where the ref was made or deleted."""

    repository: str
    ref: str
    old: str
    new: str
    by: str
    token: str


@dataclass(frozen=True, slots=True)
class Violation:
    """Something that an App asked for and was not allowed to have."""

    method: str
    path: str
    needed: str
    had: dict[str, str]

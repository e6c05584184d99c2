"""The whole state of a local GitHub behind one lock, and the few verbs that everything else is made of."""

from __future__ import annotations

import itertools
import secrets
import time
from typing import TYPE_CHECKING, Any

from jobs.testing.changing import Changing
from jobs.testing.github.records import (
    Account,
    App,
    Comment,
    Device,
    Installation,
    Issue,
    Label,
    Push,
    Repository,
    Token,
    UserToken,
    Violation,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from jobs.testing.exchanges import Exchange
    from jobs.testing.github.storage import Stored

DEFAULT_PERMISSIONS = {
    "metadata": "read",
    "contents": "write",
    "issues": "write",
    "pull_requests": "write",
    "checks": "write",
    "actions": "write",
    "statuses": "read",
    "members": "read",
}
DEFAULT_EVENTS = (
    "issues",
    "issue_comment",
    "check_run",
    "pull_request",
    "pull_request_review",
    "pull_request_review_comment",
    "pull_request_review_thread",
    "push",
    "workflow_run",
    "check_suite",
    "status",
)


def stamp(seconds: float) -> str:
    """Write a time as GitHub does."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


class World(Changing):
    """Accounts, Apps, installations, repositories and the record of what happened; hold ``lock`` to touch any of it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.url = ""
        super().__init__()
        self.accounts: dict[str, Account] = {}
        self.apps: dict[int, App] = {}
        self.installations: dict[int, Installation] = {}
        self.tokens: dict[str, Token] = {}
        self.repositories: dict[str, Repository] = {}
        self.teams: dict[tuple[str, str], dict[str, str]] = {}
        self.manifests: dict[str, App] = {}
        self.devices: dict[str, Device] = {}
        self.user_tokens: dict[str, UserToken] = {}
        self.device_flow, self.device_interval = True, 5.0
        self.exchanges: list[Exchange] = []
        self.violations: list[Violation] = []
        self.pushes: list[Push] = []
        self.announce: Callable[[Installation, str, str, Mapping[str, object], Repository | None], None] = _silence
        self.listeners: list[Callable[[Repository, str, str, Mapping[str, Any]], None]] = []
        self.storage: dict[str, Stored] = {}
        self._ids = itertools.count(1001)

    def new_id(self) -> int:
        """Return an id that nothing has yet."""
        return next(self._ids)

    def now(self) -> str:
        """Return the time, as GitHub writes it."""
        return stamp(time.time())

    def account(self, login: str, kind: str = "User") -> Account:
        """Return the account called ``login``, made as ``kind`` where there is none yet."""
        found = self.accounts.get(login.lower())
        if found is None:
            found = self.accounts[login.lower()] = Account(self.new_id(), login, kind, login.capitalize())
        return found

    def repository(self, full_name: str) -> Repository:
        """Return a repository; raises ``LookupError`` where there is none."""
        try:
            return self.repositories[full_name.lower()]
        except KeyError:
            raise LookupError(f"there is no repository {full_name}") from None

    def installation_on(self, repository: Repository, app: App | None = None) -> Installation | None:
        """Return the installation that has this repository."""
        for installation in self.installations.values():
            if repository.full_name in installation.repositories and app in {None, installation.app}:
                return installation
        return None

    def label(self, repository: Repository, name: str) -> Label:
        """Return the repository's label called ``name``, made where there is none yet, as GitHub does."""
        found = repository.labels.get(name.lower())
        if found is None:
            found = repository.labels[name.lower()] = Label(self.new_id(), name)
        return found

    def issue(self, full_name: str, number: int) -> Issue:
        """Return an issue or a pull request; raises ``LookupError`` where there is none."""
        found = self.repository(full_name).issues.get(number)
        if found is None:
            raise LookupError(f"{full_name} has no issue {number}")
        return found

    def comment(self, repository: Repository, comment_id: int) -> Comment:
        """Return a comment; raises ``LookupError`` where there is none."""
        for issue in repository.issues.values():
            for comment in issue.comments:
                if comment.id == comment_id:
                    return comment
        raise LookupError(f"there is no comment {comment_id}")

    def new_issue(self, repository: Repository, title: str, body: str, author: Account, app: App | None) -> Issue:
        """Open an issue and number it."""
        now = self.now()
        issue = Issue(self.new_id(), repository.next_number, repository, title, body, author, app, now, now)
        repository.next_number += 1
        repository.issues[issue.number] = issue
        return issue

    def new_comment(self, issue: Issue, body: str, author: Account, app: App | None) -> Comment:
        """Write a comment under an issue."""
        now = self.now()
        comment = Comment(self.new_id(), issue, body, author, app, now, now)
        issue.comments.append(comment)
        issue.updated_at = now
        return comment

    def permission(self, repository: Repository, login: str) -> str:
        """Return the role of ``login``: admin, maintain, write, triage, read or none."""
        if login.lower() == repository.owner.login.lower():
            return "admin"
        return repository.permissions.get(login.lower(), "none" if repository.private else "read")

    def new_token(
        self,
        installation: Installation,
        permissions: Mapping[str, str],
        repositories: frozenset[str] | None,
        seconds: float,
    ) -> Token:
        """Mint an installation token in GitHub's form of 2026: ``ghs_``, the App's id, and something like a JWT."""
        parts = ".".join(secrets.token_urlsafe(length) for length in (24, 150, 32))
        value = f"ghs_{installation.app.id}_{parts}"
        token = Token(value, installation, dict(permissions), repositories, time.time() + seconds)
        self.tokens[value] = token
        return token

    def event(self, repository: Repository, event: str, action: str, payload: Mapping[str, object]) -> None:
        """Tell every App that has this repository what happened, and those in here who listen."""
        for installation in self.installations.values():
            if repository.full_name in installation.repositories and not installation.suspended_at:
                self.announce(installation, event, action, payload, repository)
        for listener in self.listeners:
            listener(repository, event, action, payload)


def _silence(*_: object) -> None:
    """Tell nobody: no sender of webhooks was set."""

"""What happens to issues, pull requests and checks, whoever does it, and the event that each App is told."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from jobs.testing.github import running, suites
from jobs.testing.github.records import LabelEvent
from jobs.testing.github.shapes import accounts, checks, issues, pulls

if TYPE_CHECKING:
    from jobs.testing.github.records import Account, CheckRun, Comment, CommitStatus, Issue, Repository
    from jobs.testing.github.world import World

CLOSING = re.compile(r"\b(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?):?\s+#(\d+)\b", re.IGNORECASE)


def issue(world: World, record: Issue, action: str, by: Account, **more: Any) -> None:
    """Tell that something happened to an issue, or to the pull request that it is."""
    if record.pull is not None:
        pull_request(world, record, action, by, **more)
        return
    payload = {"issue": issues.issue(world, record), "sender": accounts.user(world, by), **more}
    world.event(record.repository, "issues", action, payload)


def pull_request(world: World, record: Issue, action: str, by: Account, **more: Any) -> None:
    """Tell that something happened to a pull request."""
    payload = {
        "number": record.number,
        "pull_request": pulls.full(world, record),
        "sender": accounts.user(world, by),
        **more,
    }
    world.event(record.repository, "pull_request", action, payload)


def comment(world: World, record: Comment, action: str, by: Account, **more: Any) -> None:
    """Tell that something happened to a comment."""
    payload = {
        "issue": issues.issue(world, record.issue),
        "comment": issues.comment(world, record),
        "sender": accounts.user(world, by),
        **more,
    }
    world.event(record.issue.repository, "issue_comment", action, payload)


def check_run(world: World, repository: Repository, record: CheckRun, action: str, by: Account, **more: Any) -> None:
    """Tell that something happened to a check run, to the App that made it, and when that completes its suite."""
    installation = world.installation_on(repository, record.app)
    if installation is None or installation.suspended_at:
        return
    payload = {
        "check_run": checks.check_run_event(world, repository, record),
        "sender": accounts.user(world, by),
        **more,
    }
    world.announce(installation, "check_run", action, payload, repository)
    suite = suites.find(repository, record.suite_id)
    if action == "completed" and suite is not None and suite.status == "completed":
        running.tell_suite(world, repository, suite, "completed", by)


def set_status(world: World, repository: Repository, record: CommitStatus) -> None:
    """Set a commit status, and tell every App that may read it."""
    repository.statuses.append(record)
    payload = {**checks.status_event(world, repository, record), "sender": accounts.user(world, record.creator)}
    running.tell(world, repository, "statuses", "status", "", payload)


def add_label(world: World, record: Issue, name: str, by: Account) -> None:
    """Put a label on an issue; nothing happens where it is there already."""
    if name.lower() in {there.lower() for there in record.label_names}:
        return
    label = world.label(record.repository, name)
    record.labels.append(label)
    record.updated_at = world.now()
    record.events.append(LabelEvent(world.new_id(), "labeled", label, by, record.updated_at))
    issue(world, record, "labeled", by, label=issues.label(world, record.repository, label))


def remove_label(world: World, record: Issue, name: str, by: Account) -> bool:
    """Take a label off an issue and tell whether it was there."""
    label = next((one for one in record.labels if one.name.lower() == name.lower()), None)
    if label is None:
        return False
    record.labels.remove(label)
    record.updated_at = world.now()
    record.events.append(LabelEvent(world.new_id(), "unlabeled", label, by, record.updated_at))
    issue(world, record, "unlabeled", by, label=issues.label(world, record.repository, label))
    return True


def set_state(world: World, record: Issue, state: str, reason: str | None, by: Account) -> None:
    """Close or reopen an issue or a pull request."""
    now = world.now()
    closes = state == "closed"
    record.state, record.updated_at = state, now
    record.closed_at, record.closed_by = (now, by) if closes else ("", None)
    if record.pull is None:
        record.state_reason = (reason or "completed") if closes else "reopened"
    issue(world, record, "closed" if closes else "reopened", by)


def set_draft(world: World, record: Issue, by: Account, *, draft: bool) -> None:
    """Make a pull request a draft, or ready."""
    pulls.must(record).draft, record.updated_at = draft, world.now()
    pull_request(world, record, "converted_to_draft" if draft else "ready_for_review", by)


def close_what_is_fixed(world: World, record: Issue, by: Account) -> None:
    """Close the issues that a merged pull request's body names as fixed."""
    for number in CLOSING.findall(record.body):
        fixed = record.repository.issues.get(int(number))
        if fixed is not None and fixed.state == "open":
            set_state(world, fixed, "closed", "completed", by)

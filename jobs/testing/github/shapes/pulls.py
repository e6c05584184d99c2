"""Shapes of pull requests and their reviews."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.testing.github import git, protection
from jobs.testing.github.shapes.accounts import user
from jobs.testing.github.shapes.issues import association, label, pull_links
from jobs.testing.github.shapes.repositories import api_url, repository

if TYPE_CHECKING:
    from jobs.testing.github.records import JSON, Issue, Pull, Repository
    from jobs.testing.github.review_records import Review
    from jobs.testing.github.world import World


def simple(world: World, record: Issue) -> JSON:
    """Return a pull request as it stands in lists."""
    pull = must(record)
    home = record.repository
    api, url = api_url(world, home), f"{api_url(world, home)}/pulls/{record.number}"
    issue_url = f"{api}/issues/{record.number}"
    links = pull_links(world, record)
    assignees = [user(world, one) for one in record.assignees]
    return {
        "url": url,
        "id": pull.id,
        "node_id": f"PR_{pull.id}",
        "html_url": links["html_url"],
        "diff_url": links["diff_url"],
        "patch_url": links["patch_url"],
        "issue_url": issue_url,
        "number": record.number,
        "state": record.state,
        "locked": record.locked,
        "title": record.title,
        "user": user(world, record.author),
        "body": record.body or None,
        "created_at": record.created_at,
        "updated_at": record.updated_at,
        "closed_at": record.closed_at or None,
        "merged_at": pull.merged_at or None,
        "merge_commit_sha": pull.merge_commit_sha or None,
        "assignee": assignees[0] if assignees else None,
        "assignees": assignees,
        "requested_reviewers": [],
        "requested_teams": [],
        "labels": [label(world, home, one) for one in record.labels],
        "milestone": None,
        "draft": pull.draft,
        "commits_url": f"{url}/commits",
        "review_comments_url": f"{url}/comments",
        "review_comment_url": f"{api}/pulls/comments{{/number}}",
        "comments_url": f"{issue_url}/comments",
        "statuses_url": f"{api}/statuses/{pull.head_sha}",
        "head": _side(world, pull.fork or home, pull.head, pull.head_sha),
        "base": _side(world, home, pull.base, pull.base_sha),
        "_links": {
            "self": {"href": url},
            "html": {"href": links["html_url"]},
            "issue": {"href": issue_url},
            "comments": {"href": f"{issue_url}/comments"},
            "review_comments": {"href": f"{url}/comments"},
            "review_comment": {"href": f"{api}/pulls/comments{{/number}}"},
            "commits": {"href": f"{url}/commits"},
            "statuses": {"href": f"{api}/statuses/{pull.head_sha}"},
        },
        "author_association": association(world, home, record.author),
        "auto_merge": None,
        "active_lock_reason": None,
    }


def full(world: World, record: Issue) -> JSON:
    """Return a pull request with what only git knows: its size, and whether it can be merged."""
    pull, path = must(record), record.repository.path
    changes = git.diff(path, git.merge_base(path, pull.base_sha, pull.head_sha) or pull.base_sha, pull.head_sha)
    base = git.resolve(path, f"refs/heads/{pull.base}") or pull.base_sha
    is_open = record.state == "open"
    clash = is_open and git.conflicts(path, base, pull.head_sha)
    return simple(world, record) | {
        "merged": bool(pull.merged_at),
        "mergeable": not clash if is_open else None,
        "rebaseable": not clash if is_open else None,
        "mergeable_state": _state(record, clash=clash),
        "merged_by": user(world, pull.merged_by) if pull.merged_by else None,
        "comments": len(record.comments),
        "review_comments": sum(len(thread.comments) for thread in pull.threads),
        "maintainer_can_modify": False,
        "commits": git.count(path, f"{pull.base_sha}..{pull.head_sha}"),
        "additions": sum(change.additions for change in changes),
        "deletions": sum(change.deletions for change in changes),
        "changed_files": len(changes),
    }


def review(world: World, record: Issue, given: Review) -> JSON:
    """Return a review of a pull request."""
    links = pull_links(world, record)
    page = f"{links['html_url']}#pullrequestreview-{given.id}"
    submitted = {"submitted_at": given.submitted_at} if given.submitted_at else {}
    return {
        "id": given.id,
        "node_id": f"PRR_{given.id}",
        "user": user(world, given.author),
        "body": given.body,
        "state": given.state,
        "html_url": page,
        "pull_request_url": links["url"],
        "author_association": association(world, record.repository, given.author),
        "_links": {"html": {"href": page}, "pull_request": {"href": links["url"]}},
        **submitted,
        "commit_id": given.commit_id,
    }


def head_owner(record: Issue) -> str:
    """Return the login of whom the head's repository belongs to."""
    return (must(record).fork or record.repository).owner.login


def must(record: Issue) -> Pull:
    """Return the pull request's own part; raises ``LookupError`` for a plain issue."""
    if record.pull is None:
        raise LookupError(f"issue {record.number} of {record.repository.full_name} is no pull request")
    return record.pull


def _side(world: World, home: Repository, branch: str, sha: str) -> JSON:
    return {
        "label": f"{home.owner.login}:{branch}",
        "ref": branch,
        "sha": sha,
        "user": user(world, home.owner),
        "repo": repository(world, home),
    }


def _state(record: Issue, *, clash: bool) -> str:
    if record.state != "open":
        return "unknown"
    return "dirty" if clash else protection.state(record.repository, must(record))

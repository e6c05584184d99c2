"""Shapes of issues, labels, comments and reactions."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from jobs.testing.github.shapes.accounts import app, user
from jobs.testing.github.shapes.repositories import api_url, html_url

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jobs.testing.github.records import JSON, Account, Comment, Issue, Label, LabelEvent, Reaction, Repository
    from jobs.testing.github.world import World

CONTENTS = ("+1", "-1", "laugh", "hooray", "confused", "heart", "rocket", "eyes")


def association(world: World, repository: Repository, author: Account) -> str:
    """Return how an author stands to a repository, in GitHub's word."""
    if author is repository.owner:
        return "OWNER"
    if world.permission(repository, author.login) in {"admin", "maintain", "write", "triage"}:
        return "MEMBER" if repository.owner.type == "Organization" else "COLLABORATOR"
    return "NONE"


def label(world: World, repository: Repository, record: Label) -> JSON:
    """Return a label."""
    return {
        "id": record.id,
        "node_id": f"LA_{record.id}",
        "url": f"{api_url(world, repository)}/labels/{quote(record.name)}",
        "name": record.name,
        "color": record.color,
        "default": False,
        "description": record.description,
    }


def label_event(world: World, repository: Repository, record: LabelEvent) -> JSON:
    """Return one entry of an issue's events."""
    return {
        "id": record.id,
        "node_id": f"LE_{record.id}",
        "url": f"{api_url(world, repository)}/issues/events/{record.id}",
        "actor": user(world, record.actor),
        "event": record.event,
        "commit_id": None,
        "commit_url": None,
        "created_at": record.created_at,
        "performed_via_github_app": None,
        "label": {"name": record.label.name, "color": record.label.color},
    }


def reaction(world: World, record: Reaction) -> JSON:
    """Return one reaction."""
    return {
        "id": record.id,
        "node_id": f"REA_{record.id}",
        "user": user(world, record.user),
        "content": record.content,
        "created_at": record.created_at,
    }


def rollup(url: str, reactions: Sequence[Reaction]) -> JSON:
    """Return the counts of reactions."""
    counts = {content: sum(one.content == content for one in reactions) for content in CONTENTS}
    return {"url": f"{url}/reactions", "total_count": len(reactions), **counts}


def issue(world: World, record: Issue) -> JSON:
    """Return an issue; a pull request is one too."""
    repository = record.repository
    url = f"{api_url(world, repository)}/issues/{record.number}"
    kind = "pull" if record.pull else "issues"
    assignees = [user(world, one) for one in record.assignees]
    shape: JSON = {
        "url": url,
        "repository_url": api_url(world, repository),
        "labels_url": f"{url}/labels{{/name}}",
        "comments_url": f"{url}/comments",
        "events_url": f"{url}/events",
        "html_url": f"{html_url(world, repository)}/{kind}/{record.number}",
        "id": record.id,
        "node_id": f"I_{record.id}",
        "number": record.number,
        "title": record.title,
        "user": user(world, record.author),
        "labels": [label(world, repository, one) for one in record.labels],
        "state": record.state,
        "locked": record.locked,
        "assignee": assignees[0] if assignees else None,
        "assignees": assignees,
        "milestone": None,
        "comments": len(record.comments),
        "created_at": record.created_at,
        "updated_at": record.updated_at,
        "closed_at": record.closed_at or None,
        "author_association": association(world, repository, record.author),
        "active_lock_reason": None,
        "body": record.body or None,
        "reactions": rollup(url, record.reactions),
        "timeline_url": f"{url}/timeline",
        "performed_via_github_app": app(world, record.app) if record.app else None,
        "state_reason": record.state_reason,
    }
    if record.pull:
        shape["draft"] = record.pull.draft
        shape["pull_request"] = pull_links(world, record)
    return shape


def pull_links(world: World, record: Issue) -> JSON:
    """Return the part by which an issue says that it is a pull request."""
    page = f"{html_url(world, record.repository)}/pull/{record.number}"
    return {
        "url": f"{api_url(world, record.repository)}/pulls/{record.number}",
        "html_url": page,
        "diff_url": f"{page}.diff",
        "patch_url": f"{page}.patch",
        "merged_at": (record.pull.merged_at or None) if record.pull else None,
    }


def comment(world: World, record: Comment) -> JSON:
    """Return a comment on an issue."""
    repository = record.issue.repository
    url = f"{api_url(world, repository)}/issues/comments/{record.id}"
    kind = "pull" if record.issue.pull else "issues"
    return {
        "url": url,
        "html_url": f"{html_url(world, repository)}/{kind}/{record.issue.number}#issuecomment-{record.id}",
        "issue_url": f"{api_url(world, repository)}/issues/{record.issue.number}",
        "id": record.id,
        "node_id": f"IC_{record.id}",
        "user": user(world, record.author),
        "created_at": record.created_at,
        "updated_at": record.updated_at,
        "author_association": association(world, repository, record.author),
        "body": record.body,
        "reactions": rollup(url, record.reactions),
        "performed_via_github_app": app(world, record.app) if record.app else None,
    }

"""Shapes of check runs and commit statuses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.testing.github import git, suites
from jobs.testing.github.shapes.accounts import app, user
from jobs.testing.github.shapes.repositories import api_url, commit, html_url

if TYPE_CHECKING:
    from jobs.testing.github.records import JSON, CheckRun, CommitStatus, Repository
    from jobs.testing.github.world import World

MOST_BRANCHES = 10


def check_run(world: World, repository: Repository, record: CheckRun) -> JSON:
    """Return a check run; its buttons are not part of the shape, as on GitHub."""
    url = f"{api_url(world, repository)}/check-runs/{record.id}"
    page = f"{html_url(world, repository)}/runs/{record.id}"
    return {
        "id": record.id,
        "name": record.name,
        "node_id": f"CR_{record.id}",
        "head_sha": record.head_sha,
        "external_id": record.external_id,
        "url": url,
        "html_url": page,
        "details_url": record.details_url or page,
        "status": record.status,
        "conclusion": record.conclusion,
        "started_at": record.started_at,
        "completed_at": record.completed_at or None,
        "output": {
            "title": record.output.get("title"),
            "summary": record.output.get("summary"),
            "text": record.output.get("text"),
            "annotations_count": len(record.output.get("annotations", [])),
            "annotations_url": f"{url}/annotations",
        },
        "check_suite": {"id": record.suite_id},
        "app": app(world, record.app),
        "pull_requests": pull_stubs(world, repository, record.head_sha),
    }


def check_run_event(world: World, repository: Repository, record: CheckRun) -> JSON:
    """Return a check run as webhooks carry it, with its suite."""
    shape = check_run(world, repository, record)
    suite = suites.find(repository, record.suite_id)
    shape["check_suite"] = {
        "id": record.suite_id,
        "node_id": f"CS_{record.suite_id}",
        "head_branch": (suite.head_branch or None) if suite else None,
        "head_sha": record.head_sha,
        "status": suite.status if suite else record.status,
        "conclusion": ((suite.conclusion or None) if suite else record.conclusion),
        "url": f"{api_url(world, repository)}/check-suites/{record.suite_id}",
        "before": None,
        "after": None,
        "pull_requests": shape["pull_requests"],
        "app": shape["app"],
        "created_at": record.started_at,
        "updated_at": record.completed_at or record.started_at,
    }
    return shape


def status(world: World, repository: Repository, record: CommitStatus) -> JSON:
    """Return a commit status."""
    return {
        "url": f"{api_url(world, repository)}/statuses/{record.sha}",
        "avatar_url": f"{world.url}/avatars/u/{record.creator.id}?v=4",
        "id": record.id,
        "node_id": f"SC_{record.id}",
        "state": record.state,
        "description": record.description,
        "target_url": record.target_url,
        "context": record.context,
        "created_at": record.created_at,
        "updated_at": record.created_at,
        "creator": user(world, record.creator),
    }


def status_event(world: World, repository: Repository, record: CommitStatus) -> JSON:
    """Return a commit status as webhooks carry it: with its commit, and the branches that contain that."""
    shape, made = status(world, repository, record), git.commits(repository.path, record.sha, limit=1)[0]
    kept = ("id", "avatar_url", "state", "description", "target_url", "context", "created_at", "updated_at")
    heads = git.refs(repository.path, "refs/heads/")
    names = {ref.removeprefix("refs/heads/"): at for ref, at in heads.items()}
    url = api_url(world, repository)
    return {name: shape[name] for name in kept} | {
        "sha": record.sha,
        "name": repository.full_name,
        "commit": commit(world, repository, made),
        "branches": [
            {
                "name": name,
                "commit": {"sha": at, "url": f"{url}/commits/{at}"},
                "protected": name in repository.protections,
            }
            for name, at in names.items()
            if git.merge_base(repository.path, record.sha, at) == record.sha
        ][:MOST_BRANCHES],
    }


def pull_stubs(world: World, repository: Repository, sha: str) -> list[JSON]:
    """Return the open pull requests whose head is a commit, in short; those from forks are not told here."""
    url = api_url(world, repository)
    place = {"id": repository.id, "url": url, "name": repository.name}
    return [
        {
            "url": f"{url}/pulls/{issue.number}",
            "id": issue.pull.id,
            "number": issue.number,
            "head": {"ref": issue.pull.head, "sha": issue.pull.head_sha, "repo": place},
            "base": {"ref": issue.pull.base, "sha": issue.pull.base_sha, "repo": place},
        }
        for issue in repository.pulls
        if issue.pull and issue.pull.head_sha == sha and issue.pull.fork is None and issue.state == "open"
    ]

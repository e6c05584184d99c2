"""Shapes of Actions: workflows, runs and their attempts, jobs, artifacts; and of check suites and annotations."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING
from urllib.parse import quote

from jobs.testing.github import git, storage, suites
from jobs.testing.github.shapes.accounts import app, user
from jobs.testing.github.shapes.checks import pull_stubs
from jobs.testing.github.shapes.repositories import api_url, html_url, minimal

if TYPE_CHECKING:
    from jobs.testing.github.records import JSON, CheckRun, Repository
    from jobs.testing.github.workflows import Artifact, Attempt, CheckSuite, Workflow, WorkflowJob, WorkflowRun
    from jobs.testing.github.world import World

DAYS_KEPT = "2099-12-31T00:00:00Z"


def workflow(world: World, repository: Repository, record: Workflow) -> JSON:
    """Return a workflow."""
    page = html_url(world, repository)
    return {
        "id": record.id,
        "node_id": f"W_{record.id}",
        "name": record.name,
        "path": record.path,
        "state": "active",
        "created_at": record.created_at,
        "updated_at": record.created_at,
        "url": f"{api_url(world, repository)}/actions/workflows/{record.id}",
        "html_url": f"{page}/blob/{repository.default_branch}/{record.path}",
        "badge_url": f"{page}/workflows/{quote(record.name)}/badge.svg",
    }


def workflow_run(world: World, run: WorkflowRun, attempt: Attempt | None = None) -> JSON:
    """Return a run as it is in its newest attempt, or was in another."""
    home, shown = run.repository, attempt or run.latest
    url = f"{api_url(world, home)}/actions/runs/{run.id}"
    return {
        "id": run.id,
        "name": run.workflow.name,
        "node_id": f"WFR_{run.id}",
        "head_branch": run.head_branch,
        "head_sha": run.head_sha,
        "path": run.workflow.path,
        "display_title": run.title,
        "run_number": run.number,
        "event": run.event,
        "status": shown.status,
        "conclusion": shown.conclusion or None,
        "workflow_id": run.workflow.id,
        "check_suite_id": run.suite.id,
        "check_suite_node_id": f"CS_{run.suite.id}",
        "pull_requests": _pulls_of(world, run),
        "created_at": run.created_at,
        "updated_at": shown.updated_at,
        "actor": user(world, run.actor),
        "run_attempt": shown.number,
        "referenced_workflows": [],
        "run_started_at": shown.started_at,
        "triggering_actor": user(world, shown.by),
        "head_commit": simple_commit(home, run.head_sha),
        "repository": minimal(world, home),
        "head_repository": minimal(world, run.head_repository),
        **_run_links(world, run, shown, url),
    }


def job_page(world: World, run: WorkflowRun, record: WorkflowJob) -> str:
    """Return the page of a job for people."""
    return f"{html_url(world, run.repository)}/actions/runs/{run.id}/job/{record.id}"


def job(world: World, run: WorkflowRun, record: WorkflowJob) -> JSON:
    """Return a job with its steps."""
    api = api_url(world, run.repository)
    begun = record.status != "queued"
    return {
        "id": record.id,
        "run_id": run.id,
        "workflow_name": run.workflow.name,
        "head_branch": run.head_branch,
        "run_url": f"{api}/actions/runs/{run.id}",
        "run_attempt": record.attempt,
        "node_id": f"CR_{record.id}",
        "head_sha": run.head_sha,
        "url": f"{api}/actions/jobs/{record.id}",
        "html_url": job_page(world, run, record),
        "status": record.status,
        "conclusion": record.conclusion or None,
        "created_at": record.created_at,
        "started_at": record.started_at or record.created_at,
        "completed_at": record.completed_at or None,
        "name": record.name,
        "steps": _steps(record),
        "check_run_url": f"{api}/check-runs/{record.id}",
        "labels": list(record.told.labels),
        "runner_id": record.id % 1000 if begun else None,
        "runner_name": f"GitHub Actions {record.id}" if begun else None,
        "runner_group_id": 0 if begun else None,
        "runner_group_name": "GitHub Actions" if begun else None,
    }


def artifact(world: World, run: WorkflowRun, record: Artifact) -> JSON:
    """Return an artifact, without its files."""
    url = f"{api_url(world, run.repository)}/actions/artifacts/{record.id}"
    packed = storage.archive(record.files)
    return {
        "id": record.id,
        "node_id": f"AR_{record.id}",
        "name": record.name,
        "size_in_bytes": len(packed),
        "url": url,
        "archive_download_url": f"{url}/zip",
        "expired": run.expired,
        "digest": f"sha256:{hashlib.sha256(packed).hexdigest()}",
        "created_at": record.created_at,
        "updated_at": record.created_at,
        "expires_at": record.created_at if run.expired else DAYS_KEPT,
        "workflow_run": {
            "id": run.id,
            "repository_id": run.repository.id,
            "head_repository_id": run.head_repository.id,
            "head_branch": run.head_branch,
            "head_sha": run.head_sha,
        },
    }


def check_suite_event(world: World, repository: Repository, record: CheckSuite) -> JSON:
    """Return a check suite as webhooks carry it."""
    url = f"{api_url(world, repository)}/check-suites/{record.id}"
    return {
        "id": record.id,
        "node_id": f"CS_{record.id}",
        "head_branch": record.head_branch or None,
        "head_sha": record.head_sha,
        "status": record.status,
        "conclusion": record.conclusion or None,
        "url": url,
        "before": record.before or None,
        "after": record.head_sha,
        "pull_requests": pull_stubs(world, repository, record.head_sha),
        "app": app(world, record.app),
        "created_at": record.created_at,
        "updated_at": record.updated_at,
        "rerequestable": True,
        "runs_rerequestable": True,
        "latest_check_runs_count": len(suites.runs_of(repository, record.id)),
        "check_runs_url": f"{url}/check-runs",
        "head_commit": simple_commit(repository, record.head_sha),
    }


def check_suite(world: World, repository: Repository, record: CheckSuite) -> JSON:
    """Return a check suite."""
    return check_suite_event(world, repository, record) | {"repository": minimal(world, repository)}


def annotation(world: World, repository: Repository, run: CheckRun, given: JSON) -> JSON:
    """Return one annotation of a check run."""
    path = str(given["path"])
    return {
        "path": path,
        "blob_href": f"{html_url(world, repository)}/blob/{run.head_sha}/{quote(path)}",
        "start_line": given["start_line"],
        "end_line": given.get("end_line", given["start_line"]),
        "start_column": given.get("start_column"),
        "end_column": given.get("end_column"),
        "annotation_level": given["annotation_level"],
        "title": given.get("title") or "",
        "message": given["message"],
        "raw_details": given.get("raw_details") or "",
    }


def simple_commit(repository: Repository, sha: str) -> JSON:
    """Return the short form of a commit."""
    made = git.commits(repository.path, sha, limit=1)[0]
    author, committer = ({"name": name, "email": email} for name, email, _ in (made.author, made.committer))
    return {
        "id": made.sha,
        "tree_id": made.tree,
        "message": made.message,
        "timestamp": made.committer[2],
        "author": author,
        "committer": committer,
    }


def _pulls_of(world: World, run: WorkflowRun) -> list[JSON]:
    """Return the open pull requests of a run's branch; a fork's run tells none."""
    if run.head_repository is not run.repository:
        return []
    return [one for one in pull_stubs(world, run.repository, run.head_sha) if one["head"]["ref"] == run.head_branch]


def _run_links(world: World, run: WorkflowRun, shown: Attempt, url: str) -> JSON:
    api = api_url(world, run.repository)
    earlier = f"{url}/attempts/{shown.number - 1}" if shown.number > 1 else None
    return {
        "url": url,
        "html_url": f"{html_url(world, run.repository)}/actions/runs/{run.id}",
        "jobs_url": f"{url}/jobs",
        "logs_url": f"{url}/logs",
        "check_suite_url": f"{api}/check-suites/{run.suite.id}",
        "artifacts_url": f"{url}/artifacts",
        "cancel_url": f"{url}/cancel",
        "rerun_url": f"{url}/rerun",
        "previous_attempt_url": earlier,
        "workflow_url": f"{api}/actions/workflows/{run.workflow.id}",
    }


def _steps(record: WorkflowJob) -> list[JSON]:
    if record.status != "completed":
        return []
    return [
        {
            "name": step.name,
            "status": "completed",
            "conclusion": step.conclusion,
            "number": number,
            "started_at": record.started_at,
            "completed_at": record.completed_at,
        }
        for number, step in enumerate(record.told.steps, 1)
    ]

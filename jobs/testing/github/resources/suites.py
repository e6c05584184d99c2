"""Check suites, what is in them, and the annotations of check runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.testing.github import git, suites
from jobs.testing.github.errors import Refused, not_found
from jobs.testing.github.router import Call, Router, page, reply
from jobs.testing.github.shapes import actions, checks, pulls

if TYPE_CHECKING:
    from jobs.testing.github.records import Repository
    from jobs.testing.github.workflows import CheckSuite
    from jobs.testing.loopback import Answer

router = Router()

ROOT = "/repos/{owner}/{repo}"


@router.route("GET", f"{ROOT}/check-suites/{{suite}}", needs="checks:read")
def get_suite(call: Call) -> Answer:
    """Return a check suite."""
    return reply(actions.check_suite(call.world, call.repository, _named(call)))


@router.route("GET", f"{ROOT}/check-suites/{{suite}}/check-runs", needs="checks:read")
def list_suite_runs(call: Call) -> Answer:
    """List the check runs of a suite; the newest of each name unless ``filter=all``."""
    query, suite = call.request.query, _named(call)
    found = [
        one
        for one in suites.runs_of(call.repository, suite.id, every=query.get("filter", "latest") == "all")
        if query.get("check_name", one.name) == one.name and query.get("status", one.status) == one.status
    ]
    return page(call, found, lambda one: checks.check_run(call.world, call.repository, one), wrap="check_runs")


@router.route("GET", f"{ROOT}/check-runs/{{check_run}}/annotations", needs="checks:read")
def list_annotations(call: Call) -> Answer:
    """List the annotations of a check run."""
    found = call.repository.check_runs.get(call.number("check_run"))
    if found is None:
        raise not_found()
    given = found.output.get("annotations", [])
    return page(call, given, lambda one: actions.annotation(call.world, call.repository, found, one))


@router.route("GET", f"{ROOT}/commits/{{ref:path}}/check-suites", needs="checks:read")
def list_suites(call: Call) -> Answer:
    """List the check suites of a commit."""
    query = call.request.query
    found = [
        one
        for one in suites.on_commit(call.repository, _commit(call, "ref"))
        if query.get("app_id", str(one.app.id)) == str(one.app.id)
        and query.get("check_name", "") in {"", *(run.name for run in suites.runs_of(call.repository, one.id))}
    ]
    return page(call, found, lambda one: actions.check_suite(call.world, call.repository, one), wrap="check_suites")


@router.route("GET", f"{ROOT}/commits/{{sha}}/pulls", needs="pull_requests:read")
def list_commit_pulls(call: Call) -> Answer:
    """List the pull requests that brought a commit; while the default branch lacks it, also those that are open."""
    sha, home = _commit(call, "sha"), call.repository
    landed = _contains(home, f"refs/heads/{home.default_branch}", sha)
    found = [
        issue
        for issue in home.pulls
        if issue.pull
        and (issue.pull.merged_at or (issue.state == "open" and not landed))
        and (
            sha == issue.pull.merge_commit_sha
            or (_contains(home, issue.pull.head_sha, sha) and not _contains(home, issue.pull.base_sha, sha))
        )
    ]
    return page(call, found, lambda issue: pulls.simple(call.world, issue))


def _contains(repository: Repository, head: str, sha: str) -> bool:
    return git.merge_base(repository.path, sha, head) == sha


def _named(call: Call) -> CheckSuite:
    found = suites.find(call.repository, call.number("suite"))
    if found is None:
        raise not_found()
    return found


def _commit(call: Call, name: str) -> str:
    given, path = call.parameters[name], call.repository.path
    found = git.resolve(path, f"refs/heads/{given}") or git.resolve(path, given)
    if found is None:
        raise Refused(422, f"No commit found for SHA: {given}")
    return found

"""Check runs and commit statuses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jobs.testing.github import git, happenings
from jobs.testing.github.errors import Refused, not_found
from jobs.testing.github.records import CheckRun, CommitStatus
from jobs.testing.github.router import Call, Router, page, reply
from jobs.testing.github.shapes import checks, repositories

if TYPE_CHECKING:
    from jobs.testing.loopback import Answer

router = Router()

STATUSES = ("queued", "in_progress", "completed", "waiting", "requested", "pending")
# The other statuses are set by GitHub Actions alone. https://docs.github.com/rest/checks/runs
OWN_STATUSES = STATUSES[:3]
CONCLUSIONS = ("action_required", "cancelled", "failure", "neutral", "success", "skipped", "timed_out")
MOST_ACTIONS = 3
ACTION_LENGTHS = {"label": 20, "description": 40, "identifier": 20}
MOST_ANNOTATIONS = 50
LONGEST_TEXT = 65_535


@router.route("POST", "/repos/{owner}/{repo}/check-runs", needs="checks:write")
def create_check_run(call: Call) -> Answer:
    """Make a check run on a commit."""
    name, sha = call.required("CheckRun", "name"), call.required("CheckRun", "head_sha")
    if git.resolve(call.repository.path, sha) is None:
        raise Refused(422, f"No commit found for SHA: {sha}")
    now = call.world.now()
    suite = next(
        (one.suite_id for one in call.repository.check_runs.values() if one.head_sha == sha and one.app is call.app), 0
    )
    made = CheckRun(
        id=call.world.new_id(),
        app=call.caller,
        suite_id=suite or call.world.new_id(),
        name=name,
        head_sha=sha,
        status="queued",
        conclusion=None,
        external_id="",
        details_url="",
        started_at=call.given("started_at") or now,
        completed_at="",
        output={},
        actions=[],
    )
    _apply(call, made)
    call.repository.check_runs[made.id] = made
    happenings.check_run(call.world, call.repository, made, "created", call.actor)
    if made.status == "completed":
        happenings.check_run(call.world, call.repository, made, "completed", call.actor)
    return reply(checks.check_run(call.world, call.repository, made), 201)


@router.route("GET", "/repos/{owner}/{repo}/check-runs/{check_run_id}", needs="checks:read")
def get_check_run(call: Call) -> Answer:
    """Return a check run."""
    return reply(checks.check_run(call.world, call.repository, _named(call)))


@router.route("PATCH", "/repos/{owner}/{repo}/check-runs/{check_run_id}", needs="checks:write")
def update_check_run(call: Call) -> Answer:
    """Change a check run; only the App that made it may."""
    found = _named(call)
    if found.app is not call.app:
        raise Refused(
            403,
            "Invalid app_id `"
            + str(call.caller.id)
            + "` - check run can only be modified by the GitHub App that created it.",
        )
    was = found.status
    found.name = call.given("name", found.name)
    _apply(call, found)
    if found.status == "completed" and was != "completed":
        happenings.check_run(call.world, call.repository, found, "completed", call.actor)
    return reply(checks.check_run(call.world, call.repository, found))


@router.route("GET", "/repos/{owner}/{repo}/commits/{ref:path}/check-runs", needs="checks:read")
def list_check_runs(call: Call) -> Answer:
    """List the check runs of a commit; the newest of each name unless ``filter=all``."""
    query = call.request.query
    sha = _commit(call)
    found = [
        one
        for one in reversed(call.repository.check_runs.values())
        if one.head_sha == sha
        and query.get("check_name", one.name) == one.name
        and query.get("status", one.status) == one.status
        and query.get("app_id", str(one.app.id)) == str(one.app.id)
    ]
    if query.get("filter", "latest") == "latest":
        newest: dict[tuple[str, int], CheckRun] = {}
        for one in found:
            newest.setdefault((one.name, one.app.id), one)
        found = list(newest.values())
    return page(call, found, lambda one: checks.check_run(call.world, call.repository, one), wrap="check_runs")


@router.route("POST", "/repos/{owner}/{repo}/statuses/{sha}", needs="statuses:write")
def create_status(call: Call) -> Answer:
    """Set a commit status."""
    state, sha = call.required("Status", "state"), call.parameters["sha"]
    if state not in {"error", "failure", "pending", "success"} or git.resolve(call.repository.path, sha) is None:
        raise Refused(422, f"No commit found for SHA: {sha}")
    context = call.given("context") or "default"
    optional = call.given("description"), call.given("target_url")
    made = CommitStatus(call.world.new_id(), sha, state, context, *optional, call.actor, call.world.now())
    happenings.set_status(call.world, call.repository, made)
    return reply(checks.status(call.world, call.repository, made), 201)


@router.route("GET", "/repos/{owner}/{repo}/commits/{ref:path}/statuses", needs="statuses:read")
def list_statuses(call: Call) -> Answer:
    """List the statuses of a commit, newest first."""
    sha = _commit(call)
    found = [one for one in reversed(call.repository.statuses) if one.sha == sha]
    return page(call, found, lambda one: checks.status(call.world, call.repository, one))


@router.route("GET", "/repos/{owner}/{repo}/commits/{ref:path}/status", needs="statuses:read")
def get_combined_status(call: Call) -> Answer:
    """Return the newest status of each context, and what they amount to."""
    sha = _commit(call)
    newest = {one.context: one for one in call.repository.statuses if one.sha == sha}
    states = {one.state for one in newest.values()}
    worst = "failure" if states & {"error", "failure"} else "success" if states == {"success"} else "pending"
    url = f"{repositories.api_url(call.world, call.repository)}/commits/{sha}"
    shapes = [checks.status(call.world, call.repository, one) for one in newest.values()]
    return reply(
        {
            "state": worst,
            "statuses": [{name: value for name, value in one.items() if name != "creator"} for one in shapes],
            "sha": sha,
            "total_count": len(newest),
            "repository": repositories.minimal(call.world, call.repository),
            "commit_url": url,
            "url": f"{url}/status",
        }
    )


def _named(call: Call) -> CheckRun:
    found = call.repository.check_runs.get(call.number("check_run_id"))
    if found is None:
        raise not_found()
    return found


def _commit(call: Call) -> str:
    name, path = call.parameters["ref"], call.repository.path
    found = git.resolve(path, f"refs/heads/{name}") or git.resolve(path, name)
    if found is None:
        raise Refused(422, f"No commit found for SHA: {name}")
    return found


def _apply(call: Call, run: CheckRun) -> None:
    """Take over what the body says about a check run, or refuse as GitHub does."""
    status, conclusion = call.given("status", run.status), call.given("conclusion")
    if status not in STATUSES or (conclusion is not None and conclusion not in CONCLUSIONS):
        raise Refused(422, f"Invalid request.\n\n{conclusion or status} is not a member of the list of values.")
    if "status" in (call.body or {}) and status not in OWN_STATUSES:
        raise Refused(422, f"Invalid request.\n\nOnly GitHub Actions can set the status {status}.")
    if call.given("status") == "completed" and conclusion is None and run.conclusion is None:
        raise Refused(422, 'Invalid request.\n\n"conclusion" wasn\'t supplied.')
    _check_output(call.given("output"))
    _check_actions(call.given("actions"))
    run.status = "completed" if conclusion else status
    run.conclusion = conclusion or (run.conclusion if run.status == "completed" else None)
    run.completed_at = (call.given("completed_at") or call.world.now()) if run.conclusion else ""
    run.external_id = call.given("external_id", run.external_id)
    run.details_url = call.given("details_url", run.details_url)
    run.started_at = call.given("started_at", run.started_at)
    annotations = [*run.output.get("annotations", []), *(call.given("output") or {}).get("annotations", [])]
    run.output = {**run.output, **(call.given("output") or {}), "annotations": annotations}
    run.actions = call.given("actions", run.actions)


def _check_output(output: Any) -> None:
    if output is None:
        return
    if not isinstance(output, dict) or "summary" not in output:
        raise Refused(422, 'Invalid request.\n\n"summary" wasn\'t supplied.')
    for field in ("summary", "text"):
        if len((output.get(field) or "").encode()) > LONGEST_TEXT:
            raise Refused(422, f"Invalid request.\n\nOnly {LONGEST_TEXT} characters are allowed in {field}.")
    if len(output.get("annotations", [])) > MOST_ANNOTATIONS:
        raise Refused(422, f"Invalid request.\n\nNo more than {MOST_ANNOTATIONS} items are allowed.")


def _check_actions(actions: Any) -> None:
    if actions is None:
        return
    if len(actions) > MOST_ACTIONS:
        raise Refused(
            422, f"Invalid request.\n\nNo more than {MOST_ACTIONS} items are allowed; {len(actions)} were supplied."
        )
    for action in actions:
        for field, longest in ACTION_LENGTHS.items():
            if field not in action or len(action[field]) > longest:
                raise Refused(422, f"Invalid request.\n\n{field} must be there, with at most {longest} characters.")

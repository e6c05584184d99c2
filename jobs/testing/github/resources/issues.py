"""Issues and their labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jobs.testing.github import happenings
from jobs.testing.github.errors import Refused, invalid, not_found
from jobs.testing.github.records import JSON, Issue, Label
from jobs.testing.github.router import Call, Router, page, reply
from jobs.testing.github.shapes import accounts, issues

if TYPE_CHECKING:
    from jobs.testing.loopback import Answer

router = Router()

READ = "issues:read|pull_requests:read"
WRITE = "issues:write|pull_requests:write"


@router.route("GET", "/repos/{owner}/{repo}/issues", needs=READ)
def list_issues(call: Call) -> Answer:
    """List issues and pull requests, newest first."""
    query = call.request.query
    state, labels = query.get("state", "open"), [name for name in query.get("labels", "").split(",") if name]
    creator, since = query.get("creator", "").lower(), query.get("since", "")

    def wanted(issue: Issue) -> bool:
        names = {name.lower() for name in issue.label_names}
        return (
            state in {"all", issue.state}
            and all(label.lower() in names for label in labels)
            and creator in {"", issue.author.login.lower()}
            and issue.updated_at >= since
        )

    key = "updated_at" if query.get("sort") == "updated" else "number"
    found = sorted(
        filter(wanted, call.repository.issues.values()),
        key=lambda issue: getattr(issue, key),
        reverse=query.get("direction", "desc") == "desc",
    )
    return page(call, found, lambda issue: issues.issue(call.world, issue))


@router.route("POST", "/repos/{owner}/{repo}/issues", needs="issues:write")
def create_issue(call: Call) -> Answer:
    """Open an issue."""
    title = call.required("Issue", "title")
    made = call.world.new_issue(call.repository, title, call.given("body") or "", call.actor, call.app)
    made.labels = [call.world.label(call.repository, _label_name(one)) for one in call.given("labels") or []]
    happenings.issue(call.world, made, "opened", call.actor)
    return reply(issues.issue(call.world, made), 201)


@router.route("GET", "/repos/{owner}/{repo}/issues/{number}", needs=READ)
def get_issue(call: Call) -> Answer:
    """Return an issue."""
    return reply(_whole(call, call.issue))


@router.route("PATCH", "/repos/{owner}/{repo}/issues/{number}", needs=WRITE)
def update_issue(call: Call) -> Answer:
    """Change an issue's title, body, labels or state."""
    issue, world = call.issue, call.world
    if changes := call.rewrite(issue):
        happenings.issue(world, issue, "edited", call.actor, changes=changes)
    if call.given("labels") is not None:
        _set_labels(call, [_label_name(one) for one in call.given("labels")])
    state = call.given("state")
    if state not in {None, "open", "closed"}:
        raise invalid("Issue", "state")
    if state is not None and state != issue.state:
        happenings.set_state(world, issue, state, call.given("state_reason"), call.actor)
    issue.updated_at = world.now()
    return reply(_whole(call, issue))


@router.route("GET", "/repos/{owner}/{repo}/issues/{number}/events", needs=READ)
def list_events(call: Call) -> Answer:
    """List who put labels on an issue and took them off, oldest first."""
    return page(call, call.issue.events, lambda one: issues.label_event(call.world, call.repository, one))


@router.route("GET", "/repos/{owner}/{repo}/issues/{number}/labels", needs=READ)
def list_labels(call: Call) -> Answer:
    """List the labels of an issue."""
    return page(call, call.issue.labels, lambda one: issues.label(call.world, call.repository, one))


@router.route("POST", "/repos/{owner}/{repo}/issues/{number}/labels", needs=WRITE)
def add_labels(call: Call) -> Answer:
    """Add labels to an issue."""
    asked = call.body if isinstance(call.body, list) else call.given("labels")
    if not isinstance(asked, list):
        raise Refused(422, 'Invalid request.\n\nNo subschema in "anyOf" matched.')
    for one in asked:
        happenings.add_label(call.world, call.issue, _label_name(one), call.actor)
    return reply([issues.label(call.world, call.repository, one) for one in call.issue.labels])


@router.route("DELETE", "/repos/{owner}/{repo}/issues/{number}/labels/{name:path}", needs=WRITE)
def remove_label(call: Call) -> Answer:
    """Take a label off an issue."""
    if not happenings.remove_label(call.world, call.issue, call.parameters["name"], call.actor):
        raise Refused(404, "Label does not exist")
    return reply([issues.label(call.world, call.repository, one) for one in call.issue.labels])


@router.route("GET", "/repos/{owner}/{repo}/labels", needs=READ)
def list_repository_labels(call: Call) -> Answer:
    """List the labels of a repository."""
    found = list(call.repository.labels.values())
    return page(call, found, lambda one: issues.label(call.world, call.repository, one))


@router.route("GET", "/repos/{owner}/{repo}/labels/{name}", needs=READ)
def get_label(call: Call) -> Answer:
    """Return a label of a repository."""
    found = call.repository.labels.get(call.parameters["name"].lower())
    if found is None:
        raise not_found()
    return reply(issues.label(call.world, call.repository, found))


@router.route("POST", "/repos/{owner}/{repo}/labels", needs=WRITE)
def create_label(call: Call) -> Answer:
    """Make a label."""
    name = call.required("Label", "name")
    if name.lower() in call.repository.labels:
        raise invalid("Label", "name", "already_exists")
    made = Label(call.world.new_id(), name, call.given("color") or "ededed", call.given("description"))
    call.repository.labels[name.lower()] = made
    return reply(issues.label(call.world, call.repository, made), 201)


def _label_name(given: Any) -> str:
    return str(given["name"]) if isinstance(given, dict) else str(given)


def _whole(call: Call, issue: Issue) -> JSON:
    """Return an issue as it stands alone, with who closed it."""
    closer = accounts.user(call.world, issue.closed_by) if issue.closed_by else None
    return issues.issue(call.world, issue) | {"closed_by": closer}


def _set_labels(call: Call, names: list[str]) -> None:
    wanted = {name.lower() for name in names}
    for name in call.issue.label_names:
        if name.lower() not in wanted:
            happenings.remove_label(call.world, call.issue, name, call.actor)
    for name in names:
        happenings.add_label(call.world, call.issue, name, call.actor)

"""The few queries and mutations of GitHub's GraphQL API for which its REST API has no call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jobs.testing.github import discussing, git, happenings
from jobs.testing.github.access import note
from jobs.testing.github.errors import Refused
from jobs.testing.github.graph import Execution, Failed, Node, Types
from jobs.testing.github.query import NotUnderstood, read
from jobs.testing.github.router import Call, Router, reply
from jobs.testing.github.shapes import graph, pulls, reviews

if TYPE_CHECKING:
    from jobs.testing.github.records import Issue, Repository
    from jobs.testing.github.review_records import Thread
    from jobs.testing.loopback import Answer

router = Router()

READ = (("pull_requests", "read"),)
# Resolving a thread and changing a draft want both, as GitHub does.
WRITE = (("pull_requests", "write"), ("contents", "write"))


@router.route("POST", "/graphql")
def graphql(call: Call) -> Answer:
    """Carry out an operation; what goes wrong comes with 200, as always in GraphQL."""
    if call.token is None:
        raise Refused(401, "Requires authentication")
    try:
        operation = read(str(call.given("query") or ""))
        execution = Execution(call, TYPES, operation.bind(call.given("variables") or {}))
        data = execution.run(operation)
    except NotUnderstood as wrong:
        return reply({"errors": [{"message": str(wrong), "locations": [{"line": 1, "column": 1}]}]})
    return reply({"data": data, "errors": execution.errors} if execution.errors else {"data": data})


def _repository(call: Call, _: None, arguments: dict[str, Any]) -> Node:
    full_name = f"{arguments.get('owner')}/{arguments.get('name')}"
    found = next((home for home in _reachable(call) if home.full_name.lower() == full_name.lower()), None)
    if found is None:
        raise Failed("NOT_FOUND", f"Could not resolve to a Repository with the name '{full_name}'.")
    return Node("Repository", found)


def _pull_request(call: Call, home: Repository, arguments: dict[str, Any]) -> Node:
    _demand(call, READ)
    number = arguments.get("number")
    found = home.issues.get(number) if isinstance(number, int) else None
    if found is None or found.pull is None:
        raise Failed("NOT_FOUND", f"Could not resolve to a PullRequest with the number of {number}.")
    return Node("PullRequest", found)


def _default_branch(call: Call, home: Repository, _arguments: dict[str, Any]) -> Node | None:
    _demand(call, (("contents", "read"),))
    sha = git.resolve(home.path, f"refs/heads/{home.default_branch}")
    return Node("Ref", (home.default_branch, sha)) if sha else None


def _node(call: Call, _: None, arguments: dict[str, Any]) -> Node:
    _demand(call, READ)
    identifier = str(arguments.get("id"))
    if identifier.startswith("PR_"):
        return Node("PullRequest", _pull(call, identifier))
    return Node("PullRequestReviewThread", _thread(call, identifier))


def _change_draft(call: Call, arguments: dict[str, Any], *, draft: bool) -> Node:
    issue = _pull(call, str(_input(arguments).get("pullRequestId")))
    _demand(call, WRITE)
    if issue.state != "open":
        raise Failed("UNPROCESSABLE", "The pull request is closed.")
    if pulls.must(issue).draft is draft:
        state = "already in draft state" if draft else "not in draft state"
        raise Failed("UNPROCESSABLE", f"Pull request #{issue.number} is {state}.")
    happenings.set_draft(call.world, issue, call.actor, draft=draft)
    return Node("DraftPayload", issue)


def _change_thread(call: Call, arguments: dict[str, Any], *, resolved: bool) -> Node:
    thread = _thread(call, str(_input(arguments).get("threadId")))
    _demand(call, WRITE)
    discussing.resolve(call.world, thread, call.actor, resolved=resolved)
    return Node("ThreadPayload", thread)


def _input(arguments: dict[str, Any]) -> dict[str, Any]:
    given = arguments.get("input")
    if not isinstance(given, dict):
        raise NotUnderstood("Field is missing required arguments: input")
    return given


def _demand(call: Call, needs: tuple[tuple[str, str], ...]) -> None:
    if call.token is None or not all(call.token.grants(name, level) for name, level in needs):
        note(call, " and ".join(f"{name}:{level}" for name, level in needs))
        raise Failed("FORBIDDEN", "Resource not accessible by integration")


def _reachable(call: Call) -> list[Repository]:
    token = call.token
    return [home for home in call.world.repositories.values() if token and token.reaches(home.full_name)]


def _pull(call: Call, identifier: str) -> Issue:
    for home in _reachable(call):
        for issue in home.pulls:
            if f"PR_{pulls.must(issue).id}" == identifier:
                return issue
    raise _unknown(identifier)


def _thread(call: Call, identifier: str) -> Thread:
    for home in _reachable(call):
        for issue in home.pulls:
            for thread in pulls.must(issue).threads:
                if reviews.thread_node(thread) == identifier:
                    return thread
    raise _unknown(identifier)


def _unknown(identifier: str) -> Failed:
    return Failed("NOT_FOUND", f"Could not resolve to a node with the global id of '{identifier}'")


TYPES: Types = {
    **graph.TYPES,
    "Query": {
        "repository": _repository,
        "node": _node,
        "viewer": lambda call, _, _a: Node("User", call.actor),
    },
    "Repository": {
        "pullRequest": _pull_request,
        "nameWithOwner": lambda _c, one, _a: one.full_name,
        "defaultBranchRef": _default_branch,
    },
    "Ref": {
        "name": lambda _c, ref, _a: ref[0],
        "target": lambda _c, ref, _a: Node("Commit", ref[1]),
    },
    "Commit": {"oid": lambda _c, sha, _a: sha},
    "Mutation": {
        "markPullRequestReadyForReview": lambda call, _, a: _change_draft(call, a, draft=False),
        "convertPullRequestToDraft": lambda call, _, a: _change_draft(call, a, draft=True),
        "resolveReviewThread": lambda call, _, a: _change_thread(call, a, resolved=True),
        "unresolveReviewThread": lambda call, _, a: _change_thread(call, a, resolved=False),
    },
}

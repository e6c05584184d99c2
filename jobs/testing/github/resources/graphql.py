"""The few mutations of GitHub's GraphQL API for which its REST API has no call."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from jobs.testing.github import happenings
from jobs.testing.github.access import note
from jobs.testing.github.errors import Refused
from jobs.testing.github.router import Call, Router, reply
from jobs.testing.github.shapes import pulls

if TYPE_CHECKING:
    from jobs.testing.github.records import Issue
    from jobs.testing.loopback import Answer

router = Router()

DRAFT = {"markPullRequestReadyForReview": False, "convertPullRequestToDraft": True}
MUTATION = re.compile(r"\b(" + "|".join(DRAFT) + r")\s*\(")
IDENTIFIER = re.compile(r"pullRequestId:\s*(?:\$(?P<variable>\w+)|\"(?P<literal>[^\"]+)\")")
NEEDS = (("pull_requests", "write"), ("contents", "write"))


class _Failed(Exception):
    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


@router.route("POST", "/graphql")
def graphql(call: Call) -> Answer:
    """Carry out a mutation; what goes wrong comes with 200, as always in GraphQL."""
    if call.token is None:
        raise Refused(401, "Requires authentication")
    query = str(call.given("query") or "")
    found = MUTATION.search(query)
    if found is None:
        return reply({"errors": [{"message": "This stand-in knows " + " and ".join(DRAFT)}]})
    name = found[1]
    try:
        issue = _set_draft(call, _identifier(query, call.given("variables") or {}), draft=DRAFT[name])
    except _Failed as failed:
        problem = {"type": failed.kind, "path": [name], "message": str(failed)}
        return reply({"data": {name: None}, "errors": [problem]})
    shown = pulls.simple(call.world, issue)
    answer = {"id": shown["node_id"], "number": issue.number, "isDraft": shown["draft"], "url": shown["html_url"]}
    return reply({"data": {name: {"clientMutationId": None, "pullRequest": answer}}})


def _identifier(query: str, variables: dict[str, Any]) -> str:
    found = IDENTIFIER.search(query)
    if found is None:
        return str((variables.get("input") or {}).get("pullRequestId", ""))
    return found["literal"] or str(variables.get(found["variable"], ""))


def _set_draft(call: Call, identifier: str, *, draft: bool) -> Issue:
    issue = next((one for one in _reachable(call) if f"PR_{pulls.must(one).id}" == identifier), None)
    if issue is None:
        raise _Failed("NOT_FOUND", f"Could not resolve to a node with the global id of '{identifier}'")
    if call.token is None or not all(call.token.grants(name, level) for name, level in NEEDS):
        note(call, " and ".join(f"{name}:{level}" for name, level in NEEDS))
        raise _Failed("FORBIDDEN", "Resource not accessible by integration")
    pull = pulls.must(issue)
    if issue.state != "open":
        raise _Failed("UNPROCESSABLE", "The pull request is closed.")
    if pull.draft is draft:
        state = "already in draft state" if draft else "not in draft state"
        raise _Failed("UNPROCESSABLE", f"Pull request #{issue.number} is {state}.")
    pull.draft, issue.updated_at = draft, call.world.now()
    happenings.pull_request(call.world, issue, "converted_to_draft" if draft else "ready_for_review", call.actor)
    return issue


def _reachable(call: Call) -> list[Issue]:
    token = call.token
    homes = [home for home in call.world.repositories.values() if token and token.reaches(home.full_name)]
    return [issue for home in homes for issue in home.pulls]

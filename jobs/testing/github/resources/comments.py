"""Comments on issues and pull requests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.testing.github import happenings
from jobs.testing.github.errors import Refused, invalid, not_found
from jobs.testing.github.router import Call, Router, nothing, page, reply
from jobs.testing.github.shapes import issues

if TYPE_CHECKING:
    from jobs.testing.github.records import Comment
    from jobs.testing.loopback import Answer

router = Router()

READ = "issues:read|pull_requests:read"
WRITE = "issues:write|pull_requests:write"
LONGEST = 65_536


@router.route("GET", "/repos/{owner}/{repo}/issues/{number}/comments", needs=READ)
def list_comments(call: Call) -> Answer:
    """List the comments of an issue, oldest first."""
    since = call.request.query.get("since", "")
    found = [one for one in call.issue.comments if one.updated_at >= since]
    return page(call, found, lambda one: issues.comment(call.world, one))


@router.route("POST", "/repos/{owner}/{repo}/issues/{number}/comments", needs=WRITE)
def create_comment(call: Call) -> Answer:
    """Write a comment."""
    issue = call.issue
    if issue.locked:
        raise Refused(403, "Unable to create comment because issue is locked.")
    made = call.world.new_comment(issue, _body(call), call.actor, call.app)
    happenings.comment(call.world, made, "created", call.actor)
    shape = issues.comment(call.world, made)
    answer = reply(shape, 201)
    answer.headers["Location"] = shape["url"]
    return answer


@router.route("GET", "/repos/{owner}/{repo}/issues/comments/{comment_id}", needs=READ)
def get_comment(call: Call) -> Answer:
    """Return a comment."""
    return reply(issues.comment(call.world, named_comment(call)))


@router.route("PATCH", "/repos/{owner}/{repo}/issues/comments/{comment_id}", needs=WRITE)
def update_comment(call: Call) -> Answer:
    """Change a comment's text."""
    found, body = named_comment(call), _body(call)
    old, found.body, found.updated_at = found.body, body, call.world.now()
    happenings.comment(call.world, found, "edited", call.actor, changes={"body": {"from": old}})
    return reply(issues.comment(call.world, found))


@router.route("DELETE", "/repos/{owner}/{repo}/issues/comments/{comment_id}", needs=WRITE)
def delete_comment(call: Call) -> Answer:
    """Delete a comment."""
    found = named_comment(call)
    found.issue.comments.remove(found)
    happenings.comment(call.world, found, "deleted", call.actor)
    return nothing()


def named_comment(call: Call) -> Comment:
    """Return the comment that the path names."""
    try:
        return call.world.comment(call.repository, call.number("comment_id"))
    except LookupError:
        raise not_found() from None


def _body(call: Call) -> str:
    body = call.required("IssueComment", "body")
    if len(body) > LONGEST:
        raise invalid("IssueComment", "body", message=f"body is too long (maximum is {LONGEST} characters)")
    return body

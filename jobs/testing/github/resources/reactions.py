"""Reactions to issues and comments."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.testing.github.errors import invalid, not_found
from jobs.testing.github.records import Reaction
from jobs.testing.github.resources import review_comments, reviews
from jobs.testing.github.resources.comments import named_comment
from jobs.testing.github.router import Call, Router, nothing, page, reply
from jobs.testing.github.shapes import issues

if TYPE_CHECKING:
    from jobs.testing.loopback import Answer

router = Router()

ISSUE = "/repos/{owner}/{repo}/issues/{number}/reactions"
COMMENT = "/repos/{owner}/{repo}/issues/comments/{comment_id}/reactions"
ON_LINES = "/repos/{owner}/{repo}/pulls/comments/{comment_id}/reactions"
READ = "issues:read|pull_requests:read"
WRITE = "issues:write|pull_requests:write"


def _subject(call: Call) -> list[Reaction]:
    if "comment_id" not in call.parameters:
        return call.issue.reactions
    if "/pulls/comments/" in call.request.path:
        return review_comments.named_comment(call).reactions
    return named_comment(call).reactions


def _list(call: Call) -> Answer:
    wanted = call.request.query.get("content", "")
    found = [one for one in _subject(call) if wanted in {"", one.content}]
    return page(call, found, lambda one: issues.reaction(call.world, one))


def _create(call: Call) -> Answer:
    content, there = call.required("Reaction", "content"), _subject(call)
    if content not in issues.CONTENTS:
        raise invalid("Reaction", "content")
    for one in there:
        if one.user is call.actor and one.content == content:
            return reply(issues.reaction(call.world, one))
    made = Reaction(call.world.new_id(), call.actor, content, call.world.now())
    there.append(made)
    return reply(issues.reaction(call.world, made), 201)


def _delete(call: Call) -> Answer:
    there, wanted = _subject(call), call.number("reaction_id")
    found = next((one for one in there if one.id == wanted and one.user is call.actor), None)
    if found is None:
        raise not_found()
    there.remove(found)
    return nothing()


for place, read, write in (
    (ISSUE, READ, WRITE),
    (COMMENT, READ, WRITE),
    (ON_LINES, reviews.READ, reviews.WRITE),
):
    router.route("GET", place, needs=read)(_list)
    router.route("POST", place, needs=write)(_create)
    router.route("DELETE", place + "/{reaction_id}", needs=write)(_delete)

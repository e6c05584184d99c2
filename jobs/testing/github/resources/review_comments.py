"""Comments on lines of pull requests, each in its thread."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.testing.github import discussing, placing
from jobs.testing.github.discussing import PENDING
from jobs.testing.github.errors import invalid, not_found
from jobs.testing.github.resources.reviews import READ, WRITE, a_commit, named_pull
from jobs.testing.github.review_records import LineComment
from jobs.testing.github.router import Call, Router, nothing, page, reply
from jobs.testing.github.shapes import reviews

if TYPE_CHECKING:
    from jobs.testing.github.records import Issue
    from jobs.testing.github.review_records import ReviewComment, Thread
    from jobs.testing.loopback import Answer

router = Router()

OF_PULL = "/repos/{owner}/{repo}/pulls/{number}/comments"
ONE = "/repos/{owner}/{repo}/pulls/comments/{comment_id}"
LONGEST = 65_536


@router.route("GET", OF_PULL, needs=READ)
def list_comments(call: Call) -> Answer:
    """List the comments on lines of a pull request, oldest first unless asked for otherwise."""
    query = call.request.query
    since = query.get("since", "")
    found = [one for one in _public(named_pull(call)) if one.updated_at >= since]
    if query.get("sort") in {"created", "updated", "created_at"} and query.get("direction") == "desc":
        found.reverse()
    return page(call, found, lambda one: reviews.comment(call.world, one))


@router.route("POST", OF_PULL, needs=WRITE)
def create_comment(call: Call) -> Answer:
    """Begin a thread on lines or on a file, or answer in one where ``in_reply_to`` names its first comment."""
    issue, body = named_pull(call), _body(call)
    if call.given("in_reply_to") is not None:
        thread = _first(issue, int(call.given("in_reply_to"))).thread
    else:
        thread = _new_thread(call, issue, body)
    return _written(call, thread, body)


@router.route("POST", OF_PULL + "/{comment_id}/replies", needs=WRITE)
def create_reply(call: Call) -> Answer:
    """Answer in a thread; the path names the thread's first comment, since there are no answers to answers."""
    return _written(call, _first(named_pull(call), call.number("comment_id")).thread, _body(call))


@router.route("GET", "/repos/{owner}/{repo}/pulls/comments", needs=READ)
def list_all_comments(call: Call) -> Answer:
    """List the comments on lines of all pull requests of a repository."""
    found = [one for issue in call.repository.pulls for one in _public(issue)]
    return page(call, sorted(found, key=lambda one: one.id), lambda one: reviews.comment(call.world, one))


@router.route("GET", ONE, needs=READ)
def get_comment(call: Call) -> Answer:
    """Return a comment on lines."""
    return reply(reviews.comment(call.world, named_comment(call)))


@router.route("PATCH", ONE, needs=WRITE)
def update_comment(call: Call) -> Answer:
    """Change what a comment says."""
    found = named_comment(call)
    discussing.edit_comment(call.world, found, _body(call), call.actor)
    return reply(reviews.comment(call.world, found))


@router.route("DELETE", ONE, needs=WRITE)
def delete_comment(call: Call) -> Answer:
    """Delete a comment."""
    discussing.delete_comment(call.world, named_comment(call), call.actor)
    return nothing()


def named_comment(call: Call) -> ReviewComment:
    """Return the comment on lines that the path names."""
    found = discussing.find_comment(call.repository, call.number("comment_id"))
    if found is None:
        raise not_found()
    return found


def _public(issue: Issue) -> list[ReviewComment]:
    return [one for one in discussing.comments_of(issue) if one.review.state != PENDING]


def _first(issue: Issue, comment_id: int) -> ReviewComment:
    found = next((one for one in _public(issue) if one.id == comment_id and one.reply_to is None), None)
    if found is None:
        raise not_found()
    return found


def _new_thread(call: Call, issue: Issue, body: str) -> Thread:
    path, commit = (
        call.required("PullRequestReviewComment", "path"),
        call.required("PullRequestReviewComment", "commit_id"),
    )
    diff = placing.Diff(issue, a_commit(issue, commit))
    try:
        if call.given("subject_type") == "file":
            return placing.begin_about_file(call.world, issue, diff, path)
        line, start = call.given("line"), call.given("start_line")
        if not isinstance(line, int):
            raise invalid("PullRequestReviewComment", "pull_request_review_thread.line", "missing_field")
        sides = call.given("side", "RIGHT"), call.given("start_side", "")
        return placing.begin(call.world, issue, diff, LineComment(path, line, body, sides[0], start, sides[1]))
    except placing.NotInDiff as missing:
        field = "pull_request_review_thread." + ("path" if "Path" in str(missing) else "line")
        message = f"{field} must be part of the diff"
        raise invalid("PullRequestReviewComment", field, message=message) from None


def _written(call: Call, thread: Thread, body: str) -> Answer:
    shape = reviews.comment(call.world, discussing.write_comment(call.world, thread, call.actor, body))
    return reply(shape, 201, {"Location": shape["url"]})


def _body(call: Call) -> str:
    body = call.required("PullRequestReviewComment", "body")
    if len(body) > LONGEST:
        raise invalid("PullRequestReviewComment", "body", message=f"body is too long (maximum is {LONGEST} characters)")
    return body

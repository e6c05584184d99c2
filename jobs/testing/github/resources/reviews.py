"""Reviews of pull requests: written, submitted, edited, dismissed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jobs.testing.github import discussing, git, placing
from jobs.testing.github.discussing import PENDING
from jobs.testing.github.errors import Refused, not_found
from jobs.testing.github.review_records import LineComment
from jobs.testing.github.router import Call, Router, page, reply
from jobs.testing.github.shapes import pulls, reviews

if TYPE_CHECKING:
    from jobs.testing.github.records import Issue
    from jobs.testing.github.review_records import Review
    from jobs.testing.loopback import Answer

router = Router()

READ, WRITE = "pull_requests:read", "pull_requests:write"
ALL = "/repos/{owner}/{repo}/pulls/{number}/reviews"
ONE = ALL + "/{review_id}"
STATES = {"APPROVE": "APPROVED", "REQUEST_CHANGES": "CHANGES_REQUESTED", "COMMENT": "COMMENTED"}
OWN = {"APPROVE": "approve", "REQUEST_CHANGES": "request changes on"}
UNPROCESSABLE = 422
LONGEST = 65_536


@router.route("GET", ALL, needs=READ)
def list_reviews(call: Call) -> Answer:
    """List the reviews of a pull request, oldest first; a pending one is seen by its author alone."""
    issue = named_pull(call)
    seen = [one for one in pulls.must(issue).reviews if _visible(call, one)]
    return page(call, seen, lambda one: pulls.review(call.world, issue, one))


@router.route("POST", ALL, needs=WRITE)
def create_review(call: Call) -> Answer:
    """Review a pull request, with comments on lines; without an event the review is pending."""
    issue, event, body = named_pull(call), call.given("event"), str(call.given("body") or "")
    comments = [_line_comment(one) for one in call.given("comments") or []]
    _refuse_event(call, issue, event, body, has_comments=bool(comments))
    commit = a_commit(issue, call.given("commit_id"))
    if event is None and any(one.state == PENDING and _mine(call, one) for one in pulls.must(issue).reviews):
        raise _unprocessable("User can only have one pending review per pull request")
    state = STATES[event] if event else PENDING
    try:
        made = discussing.write_review(call.world, issue, call.actor, state, body, comments, commit)
    except placing.NotInDiff as missing:
        raise _unprocessable(str(missing)) from None
    return reply(pulls.review(call.world, issue, made))


@router.route("GET", ONE, needs=READ)
def get_review(call: Call) -> Answer:
    """Return a review."""
    return reply(pulls.review(call.world, named_pull(call), _named(call)))


@router.route("PUT", ONE, needs=WRITE)
def update_review(call: Call) -> Answer:
    """Change what a review says; only its author may."""
    found, body = _named(call), call.required("PullRequestReview", "body")
    _refuse_long(body)
    if not _mine(call, found):
        raise Refused(403, "Resource not accessible by integration")
    discussing.edit_review(call.world, named_pull(call), found, body, call.actor)
    return reply(pulls.review(call.world, named_pull(call), found))


@router.route("DELETE", ONE, needs=WRITE)
def delete_review(call: Call) -> Answer:
    """Delete a pending review, with its comments."""
    found, issue = _named(call), named_pull(call)
    if found.state != PENDING:
        raise _unprocessable("Can not delete a non-pending pull request review")
    shape = pulls.review(call.world, issue, found)
    for comment in discussing.comments_of(issue, found):
        discussing.delete_comment(call.world, comment, call.actor)
    pulls.must(issue).reviews.remove(found)
    return reply(shape)


@router.route("POST", ONE + "/events", needs=WRITE)
def submit_review(call: Call) -> Answer:
    """Submit a pending review."""
    found, issue, event = _named(call), named_pull(call), call.required("PullRequestReview", "event")
    if found.state != PENDING:
        raise _unprocessable("Can not submit a review that is not pending")
    body = str(call.given("body") or found.body)
    _refuse_event(call, issue, event, body, has_comments=bool(discussing.comments_of(issue, found)))
    found.body = body
    discussing.submit(call.world, issue, found, STATES[event])
    return reply(pulls.review(call.world, issue, found))


@router.route("GET", ONE + "/comments", needs=READ)
def list_review_comments(call: Call) -> Answer:
    """List the comments on lines that a review brought."""
    found = discussing.comments_of(named_pull(call), _named(call))
    return page(call, found, lambda one: _as_of_review(reviews.comment(call.world, one)))


@router.route("PUT", ONE + "/dismissals", needs=WRITE)
def dismiss_review(call: Call) -> Answer:
    """Take the weight from an approval or a request for changes."""
    found, issue = _named(call), named_pull(call)
    call.required("PullRequestReview", "message")
    if found.state not in {"APPROVED", "CHANGES_REQUESTED"}:
        raise _unprocessable(f"Can not dismiss a {found.state.lower()} pull request review")
    discussing.dismiss(call.world, issue, found, call.actor)
    return reply(pulls.review(call.world, issue, found))


def named_pull(call: Call) -> Issue:
    """Return the pull request that the path names."""
    if call.issue.pull is None:
        raise not_found()
    return call.issue


def a_commit(issue: Issue, given: Any) -> str:
    """Return the commit that is commented on: the newest one unless another of the pull request is given."""
    pull = pulls.must(issue)
    if given is None or given == pull.head_sha:
        return pull.head_sha
    path, wanted = issue.repository.path, str(given)
    known = git.resolve(path, wanted) == wanted and git.merge_base(path, wanted, pull.head_sha) == wanted
    if not known or git.count(path, f"{pull.base_sha}..{wanted}") == 0:
        raise _unprocessable("The commit_id is not part of the pull request")
    return wanted


def _as_of_review(shape: dict[str, Any]) -> dict[str, Any]:
    """Leave out the lines, which this one list does not tell."""
    left_out = {"line", "start_line", "subject_type"}
    return {name: value for name, value in shape.items() if name not in left_out}


def _named(call: Call) -> Review:
    wanted = call.number("review_id")
    found = next((one for one in pulls.must(named_pull(call)).reviews if one.id == wanted), None)
    if found is None or not _visible(call, found):
        raise not_found()
    return found


def _mine(call: Call, review: Review) -> bool:
    return call.app is not None and review.author is call.actor


def _visible(call: Call, review: Review) -> bool:
    return review.state != PENDING or _mine(call, review)


def _refuse_event(call: Call, issue: Issue, event: Any, body: str, *, has_comments: bool) -> None:
    if event is not None and event not in STATES:
        raise Refused(UNPROCESSABLE, f"Invalid request.\n\n{event} is not a member of the list of events.")
    _refuse_long(body)
    if event in OWN and issue.author is call.actor:
        raise _unprocessable(f"Can not {OWN[event]} your own pull request")
    if not body and (event == "REQUEST_CHANGES" or (event == "COMMENT" and not has_comments)):
        raise _unprocessable("Body can't be blank")


def _refuse_long(body: str) -> None:
    if len(body) > LONGEST:
        raise _unprocessable(f"Body is too long (maximum is {LONGEST} characters)")


def _line_comment(given: Any) -> LineComment:
    try:
        path, line, body = given["path"], given["line"], given["body"]
    except (KeyError, TypeError):
        raise Refused(UNPROCESSABLE, 'Invalid request.\n\n"path", "line" and "body" must be supplied.') from None
    if not body:
        raise _unprocessable("Body can't be blank")
    _refuse_long(body)
    side = given.get("side", "RIGHT")
    return LineComment(path, line, body, side, given.get("start_line"), given.get("start_side", ""))


def _unprocessable(reason: str) -> Refused:
    """Give 422 as GitHub does for reviews: the errors are plain words."""
    return Refused(UNPROCESSABLE, "Unprocessable Entity", [reason])

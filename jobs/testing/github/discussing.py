"""What happens to reviews, their threads and comments, whoever does it, and the events that each App is told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jobs.testing.github import placing
from jobs.testing.github.review_records import FIRST_COMMENT_ID, Review, ReviewComment, Thread
from jobs.testing.github.shapes import accounts, pulls, reviews

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jobs.testing.github.records import Account, Issue, Repository
    from jobs.testing.github.review_records import LineComment
    from jobs.testing.github.world import World

PENDING = "PENDING"
LATEST = ""


def write_review(
    world: World,
    issue: Issue,
    author: Account,
    state: str,
    body: str,
    comments: Sequence[LineComment] = (),
    commit: str = LATEST,
) -> Review:
    """Review a pull request at a commit; raises ``NotInDiff``, and then nothing has happened."""
    pull = pulls.must(issue)
    diff = placing.Diff(issue, commit or pull.head_sha) if comments else None
    threads = [placing.begin(world, issue, diff, one) for one in comments if diff is not None]
    review = Review(world.new_id(), author, state, body, commit or pull.head_sha, "")
    pull.reviews.append(review)
    for thread, given in zip(threads, comments, strict=True):
        pull.threads.append(thread)
        _new_comment(world, thread, review, given.body)
    if state != PENDING:
        submit(world, issue, review, state)
    return review


def submit(world: World, issue: Issue, review: Review, state: str) -> None:
    """Make a review known, with each of its comments."""
    review.state, review.submitted_at = state, world.now()
    issue.updated_at = review.submitted_at
    tell_review(world, issue, review, "submitted", review.author)
    for comment in comments_of(issue, review):
        tell_comment(world, comment, "created", review.author)


def write_comment(world: World, thread: Thread, author: Account, body: str) -> ReviewComment:
    """Write one comment in a thread, new or not: it comes with a review of its own, which has no body."""
    pull = pulls.must(thread.issue)
    review = Review(world.new_id(), author, "COMMENTED", "", pull.head_sha, "")
    pull.reviews.append(review)
    if thread not in pull.threads:
        pull.threads.append(thread)
    made = _new_comment(world, thread, review, body)
    submit(world, thread.issue, review, "COMMENTED")
    return made


def dismiss(world: World, issue: Issue, review: Review, by: Account) -> None:
    """Take the weight from a review."""
    review.state = "DISMISSED"
    tell_review(world, issue, review, "dismissed", by)


def edit_review(world: World, issue: Issue, review: Review, body: str, by: Account) -> None:
    """Change what a review says."""
    old, review.body = review.body, body
    if review.state != PENDING:
        tell_review(world, issue, review, "edited", by, changes={"body": {"from": old}})


def edit_comment(world: World, comment: ReviewComment, body: str, by: Account) -> None:
    """Change what a comment says."""
    old, comment.body, comment.updated_at = comment.body, body, world.now()
    tell_comment(world, comment, "edited", by, changes={"body": {"from": old}})


def delete_comment(world: World, comment: ReviewComment, by: Account) -> None:
    """Delete a comment; a thread without comments is gone."""
    thread = comment.thread
    thread.comments.remove(comment)
    if not thread.comments:
        pulls.must(thread.issue).threads.remove(thread)
    tell_comment(world, comment, "deleted", by)


def resolve(world: World, thread: Thread, by: Account, *, resolved: bool = True) -> None:
    """Resolve a thread, or open it again; nothing happens where that is so already."""
    if (thread.resolved_by is not None) is resolved:
        return
    thread.resolved_by = by if resolved else None
    payload = {
        "thread": reviews.thread(world, thread),
        "pull_request": pulls.simple(world, thread.issue),
        "sender": accounts.user(world, by),
    }
    action = "resolved" if resolved else "unresolved"
    world.event(thread.issue.repository, "pull_request_review_thread", action, payload)


def find_comment(repository: Repository, comment_id: int) -> ReviewComment | None:
    """Return a comment on lines in a repository, or None."""
    found = (one for issue in repository.pulls for one in comments_of(issue))
    return next((one for one in found if one.id == comment_id), None)


def comments_of(issue: Issue, review: Review | None = None) -> list[ReviewComment]:
    """Return the comments of a pull request, or of one review, oldest first."""
    found = [one for thread in pulls.must(issue).threads for one in thread.comments if review in {None, one.review}]
    return sorted(found, key=lambda one: one.id)


def tell_review(world: World, issue: Issue, review: Review, action: str, by: Account, **more: Any) -> None:
    """Tell that something happened to a review."""
    shape = pulls.review(world, issue, review)
    payload = {
        "review": shape | {"state": review.state.lower(), "body": review.body or None},
        "pull_request": pulls.simple(world, issue),
        "sender": accounts.user(world, by),
        **more,
    }
    world.event(issue.repository, "pull_request_review", action, payload)


def tell_comment(world: World, comment: ReviewComment, action: str, by: Account, **more: Any) -> None:
    """Tell that something happened to a comment on lines; of those in a pending review nobody hears."""
    if comment.review.state == PENDING:
        return
    issue = comment.thread.issue
    payload = {
        "comment": reviews.comment(world, comment),
        "pull_request": pulls.simple(world, issue),
        "sender": accounts.user(world, by),
        **more,
    }
    world.event(issue.repository, "pull_request_review_comment", action, payload)


def _new_comment(world: World, thread: Thread, review: Review, body: str) -> ReviewComment:
    now, number = world.now(), FIRST_COMMENT_ID + world.new_id()
    first = thread.comments[0] if thread.comments else None
    made = ReviewComment(number, thread, review, body, review.author, now, now, first)
    thread.comments.append(made)
    return made

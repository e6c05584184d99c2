"""Reviews that no event told of: those of our pull requests, and those that we were to write."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bot.acting import Actions
from bot.asks import ReviewGiven
from bot.automatic import reviews
from bot.automatic.work import account_of, is_ours, settle
from jobs.kinds.target import reviewed_key
from jobs.kinds.threads import ASKING, numbers, review_key
from jobs.types import Actor, Conclusion, Kind, Status, Subject

if TYPE_CHECKING:
    from config.repository import RepositoryConfig
    from jobs.github import PullRequestState, SubmittedReview
    from jobs.types import Task

WELL = frozenset({Conclusion.SUCCESS, Conclusion.NEUTRAL})
"""Work that ended otherwise has told people so, with what they can do: it is not begun again behind their backs."""


def given(actions: Actions, number: int, owner: Task, since: float) -> None:
    """Have the reviews of a pull request of ours worked on that were submitted lately and that nobody knows."""
    for review in _unheard(actions, number, since):
        actor = Actor("github", review.author_id, review.author, is_bot=review.is_bot)
        acting = _as(actions, f"review-{review.id}", actor)
        reviews.given_unheard(acting, ReviewGiven(number, review.id), owner)
        settle(acting)


def _unheard(actions: Actions, number: int, since: float) -> list[SubmittedReview]:
    """Return the reviews that ask for something and that neither an event nor a task has seen to."""
    repository, store = actions.event.repository, actions.services.store
    newest = store.tasks.latest(repository, Subject("pull", number), Kind.ADDRESS_REVIEW)
    if newest is not None and newest.status is not Status.COMPLETED:
        return []  # it looks again before it ends
    read = numbers(store.records.value(review_key(repository, number)))
    fresh = [
        one
        for one in actions.repository.reviews_of(number)
        if one.submitted_at > since
        and one.author_id
        and not (one.ours or one.id in read or _was_told(newest, one))
        and store.records.value(reviews.given_key(repository, ReviewGiven(number, one.id))) is None
    ]
    silent = {one.id for one in fresh if one.state not in ASKING}
    if silent:  # an approval asks for nothing but by its comments on lines
        threads = actions.repository.review_threads(number)
        silent -= {comment.review for thread in threads if not thread.resolved for comment in thread.comments}
    return [one for one in fresh if one.id not in silent]


def _was_told(task: Task | None, review: SubmittedReview) -> bool:
    """Tell whether a task that was there when a review came ended with words on what is left."""
    if task is None or task.conclusion in WELL:
        return False
    return (task.completed_at or 0.0) >= review.submitted_at


def wanted(actions: Actions, config: RepositoryConfig, state: PullRequestState, since: float) -> None:
    """Have a pull request reviewed whose newest commit came lately and that nobody reviewed or left alone."""
    repository, store = actions.event.repository, actions.services.store
    known = store.records.value(reviews.wanted_key(repository, state.number, state.head)) is not None
    if known or state.draft or state.updated_at < since:
        return
    if store.records.value(reviewed_key(repository, state.number)) == state.head:
        return
    newest = store.tasks.latest(repository, Subject("pull", state.number), Kind.REVIEW_PULL_REQUEST)
    if newest is not None and newest.status is not Status.COMPLETED:
        return
    at = max(state.created_at, actions.repository.committed_at(state.head))
    if at < since or _was_cancelled(newest, at):
        return
    actor = account_of(actions, state.author)
    if not is_ours(actions, actor):
        acting = _as(actions, f"head-{state.head}", actor)
        reviews.wanted_unheard(acting, config, state)
        settle(acting)


def _was_cancelled(task: Task | None, at: float) -> bool:
    """Tell whether somebody ended the review while a commit was there."""
    return task is not None and task.conclusion is Conclusion.CANCELLED and (task.completed_at or 0.0) >= at


def _as(actions: Actions, what: str, actor: Actor) -> Actions:
    return Actions(actions.services, replace(actions.event, guid=f"{actions.event.guid}-{what}", actor=actor))

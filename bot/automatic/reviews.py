"""Reviews: those of our pull requests are worked on, and other pull requests are reviewed where that is switched on."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from bot.automatic import placing
from bot.automatic.ci import facts_of
from bot.automatic.work import Work, is_ours, leave, owner_of, refuse, rules, submit
from jobs import policy
from jobs.kinds.threads import numbers, review_key
from jobs.types import Kind, Subject

if TYPE_CHECKING:
    from bot.acting import Actions
    from bot.asks import ReviewGiven, ReviewWanted
    from config.repository import RepositoryConfig
    from jobs.github import PullRequestState
    from jobs.types import Decision, Task

FOUND = "found"
"""Kept for what was found by comparing with GitHub: its event may come late."""


def given(actions: Actions, ask: ReviewGiven) -> None:
    """Have a review of our own pull request worked on, when who reviewed may ask for that."""
    owner = owner_of(actions, ask.number)
    if owner is None or is_ours(actions, actions.event.actor) or _is_read(actions, ask):
        return
    if actions.services.store.records.value(given_key(actions.event.repository, ask)) != FOUND:
        _answer(actions, ask, owner)


def given_unheard(actions: Actions, ask: ReviewGiven, owner: Task) -> None:
    """Do the same about a review that no event told of, in the name of who wrote it, once."""
    _found(actions, given_key(actions.event.repository, ask))
    _answer(actions, ask, owner)


def _answer(actions: Actions, ask: ReviewGiven, owner: Task) -> None:
    work, config = addressing(actions, ask.number, owner, once=given_key(actions.event.repository, ask)), rules(actions)
    if config is None:
        return
    if not config.reviews.address:
        leave(actions, work, "`reviews.address` is off in `.github/opus67.yml`")
        return
    state = placing.pull_request(actions, ask.number)
    if state is None or state.state != "open":
        return
    facts, what = facts_of(actions, config, actions.event.actor), "having a review worked on"
    person, decision = policy.person(facts, config, what), policy.ask(facts, config, what)
    if decision.allowed:
        submit(actions, work, config, decision)
    elif person.allowed:
        refuse(actions, work, decision)
    else:
        _pass_over(actions, work, person)


def _is_read(actions: Actions, ask: ReviewGiven) -> bool:
    """Tell whether a review was worked on already: each of its comments is told of, the last ones maybe too late."""
    kept = actions.services.store.records.value(review_key(actions.event.repository, ask.number))
    return ask.review in numbers(kept)


def wanted(actions: Actions, ask: ReviewWanted) -> None:
    """Review a pull request that has something new, where the repository switched that on, for people who may."""
    if is_ours(actions, actions.event.actor) or owner_of(actions, ask.number) is not None:
        return
    config = rules(actions)
    if config is None or not config.reviews.automatic:
        return
    state = placing.pull_request(actions, ask.number)
    if state is None or state.state != "open" or state.draft:
        return
    once = wanted_key(actions.event.repository, ask.number, state.head)
    if actions.services.store.records.value(once) == FOUND:
        return
    _review(actions, config, reviewing(actions, ask.number, state.title, once=once))


def wanted_unheard(actions: Actions, config: RepositoryConfig, state: PullRequestState) -> None:
    """Do the same about a commit that no event told of, in the name of who opened the pull request, once."""
    once = wanted_key(actions.event.repository, state.number, state.head)
    _found(actions, once)
    _review(actions, config, reviewing(actions, state.number, state.title, once=once))


def _review(actions: Actions, config: RepositoryConfig, work: Work) -> None:
    decision = policy.ask(facts_of(actions, config, actions.event.actor), config, "having a pull request reviewed")
    if decision.allowed:
        submit(actions, work, config, decision)
    else:
        _pass_over(actions, work, decision)


def _pass_over(actions: Actions, work: Work, decision: Decision) -> None:
    """Leave something alone for good: it is not found missing afterwards."""
    store, now = actions.services.store, time.time()
    leave(actions, work, decision.reason)
    actions.change(lambda connection: store.records.once(connection, work.once, now))


def _found(actions: Actions, key: str) -> None:
    store, now = actions.services.store, time.time()
    actions.change(lambda connection: store.records.once(connection, key, now, FOUND))


def given_key(repository: str, ask: ReviewGiven) -> str:
    """Return the key under which it is kept that a review of our pull request was seen to."""
    return f"review-given:{repository.lower()}#{ask.number}/{ask.review}"


def wanted_key(repository: str, number: int, head: str) -> str:
    """Return the key under which it is kept that a pull request was to be reviewed at a commit."""
    return f"review-wanted:{repository.lower()}#{number}@{head}"


def addressing(
    actions: Actions, number: int, owner: Task | None, *, base: str = "", asked: bool = False, once: str = ""
) -> Work:
    """Return the work on what people said in the reviews of a pull request."""
    by = f" by @{actions.event.actor.login}" if actions.event.actor.login and not asked else ""
    return Work(
        kind=Kind.ADDRESS_REVIEW,
        subject=Subject("pull", number),
        title=f"Review of #{number}{by}",
        key=f"{Kind.ADDRESS_REVIEW}:{actions.event.repository.lower()}#{number}",
        about={"pull": number, "asked": asked},
        followed=owner,
        base=base,
        once=once,
    )


def reviewing(actions: Actions, number: int, title: str, *, asked: bool = False, once: str = "") -> Work:
    """Return the review of a pull request."""
    return Work(
        kind=Kind.REVIEW_PULL_REQUEST,
        subject=Subject("pull", number),
        title=f"Review #{number}: {title}",
        key=f"{Kind.REVIEW_PULL_REQUEST}:{actions.event.repository.lower()}#{number}",
        about={"pull": number, "asked": asked},
        once=once,
    )

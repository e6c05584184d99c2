"""Reviews: those of our pull requests are worked on, and other pull requests are reviewed where that is switched on."""

from __future__ import annotations

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
    from jobs.types import Task


def given(actions: Actions, ask: ReviewGiven) -> None:
    """Have a review of our own pull request worked on, when who reviewed may ask for that."""
    owner = owner_of(actions, ask.number)
    if owner is None or is_ours(actions, actions.event.actor) or _is_read(actions, ask):
        return
    work, config = addressing(actions, ask.number, owner), rules(actions)
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
        leave(actions, work, person.reason)


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
    work = reviewing(actions, ask.number, state.title)
    decision = policy.ask(facts_of(actions, config, actions.event.actor), config, "having a pull request reviewed")
    if decision.allowed:
        submit(actions, work, config, decision)
    else:
        leave(actions, work, decision.reason)


def addressing(actions: Actions, number: int, owner: Task | None, *, base: str = "", asked: bool = False) -> Work:
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
    )


def reviewing(actions: Actions, number: int, title: str, *, asked: bool = False) -> Work:
    """Return the review of a pull request."""
    return Work(
        kind=Kind.REVIEW_PULL_REQUEST,
        subject=Subject("pull", number),
        title=f"Review #{number}: {title}",
        key=f"{Kind.REVIEW_PULL_REQUEST}:{actions.event.repository.lower()}#{number}",
        about={"pull": number, "asked": asked},
    )

"""Whether a pull request may be merged for somebody, from what GitHub tells of it; and the merge, made as judged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from jobs.policy import SOMEBODY_ELSE, UNKNOWN, WRITERS, Facts
from jobs.types import Decision, UserError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from config.repository import RepositoryConfig
    from jobs.github import CheckState, Demands, PullRequestState, Repository, Reviews

PASSING = frozenset({"success", "neutral", "skipped"})
CLEAN = frozenset({"clean", "has_hooks"})
"""GitHub's words for a pull request that nothing stands in the way of."""
NEVER = "never"
MOST_NAMED = 5
LONGEST_NAME = 80
SETTLE_SECONDS = 6.0
"""How long GitHub is given to find out whether a pull request can be merged, after it was asked or made ready."""

Refusal = tuple[str, str]
"""Why not, and what to do about it."""


@dataclass(frozen=True, slots=True)
class MergeFacts:
    """What was found out about a pull request and about who wants it merged."""

    who: Facts
    pull_request: PullRequestState
    checks: tuple[CheckState, ...]
    reviews: Reviews
    demands: Demands


def may_merge(facts: MergeFacts, config: RepositoryConfig) -> Decision:
    """Decide whether a pull request may be merged for somebody now, by no rule that GitHub itself would refuse.

    A draft may where nothing that is known stands in its way; it is judged again when it is one no more.
    """
    refusal = (
        _person(facts.who)
        or _wanted(facts, config)
        or _open(facts)
        or _conflict(facts)
        or _reviews(facts)
        or _checks(facts)
        or _approvals(facts)
        or _state(facts)
    )
    if refusal is not None:
        return Decision(allowed=False, reason=refusal[0], cure=refusal[1])
    return Decision(allowed=True, reason=f"@{facts.who.actor.login} has {facts.who.permission} permission")


def merge(repository: Repository, number: int, config: RepositoryConfig, who: Facts) -> Decision:
    """Merge a pull request where that may be, as the draft's end if it is one; the Decision tells what was done.

    What was judged is what is merged: GitHub refuses when the head has moved meanwhile.
    """
    facts = _facts(repository, number, who)
    if facts.pull_request.state == "merged":
        return Decision(allowed=True, reason=f"pull request #{number} is merged already")
    decision = may_merge(facts, config)
    try:
        if decision.allowed and facts.pull_request.draft:
            repository.mark_ready(number)
            facts = _facts(repository, number, who)
            decision = may_merge(facts, config)
        if not decision.allowed:
            return decision
        made = repository.merge(number, facts.pull_request.head, config.merge)
    except UserError as refused:
        reason = str(getattr(refused, "reason", "") or refused).rstrip(".")
        return Decision(allowed=False, reason=f"GitHub refuses: {reason}", cure="The pull request's page says more.")
    into = _code(facts.pull_request.base)
    wanted_by = f"@{who.actor.login}" if who.actor.login else "the operator"
    words = f"pull request #{number} into {into} as {made[:7]} ({config.merge}), for {wanted_by}"
    return Decision(allowed=True, reason=words)


def _facts(repository: Repository, number: int, who: Facts) -> MergeFacts:
    state = repository.pull_request(number, settle=SETTLE_SECONDS)
    checks, reviews = repository.checks_of(state.head), repository.reviews(number)
    return MergeFacts(who, state, checks, reviews, repository.demands(state.base))


def _person(who: Facts) -> Refusal | None:
    """People named in the repository's file may ask for work, but GitHub lets nobody merge who may not write."""
    if who.actor.is_bot:
        return "only people may have something merged", "Somebody with write permission can do it."
    if who.permission in WRITERS:
        return None
    name = f"@{who.actor.login}" if who.actor.login else "who is not linked to a GitHub login"
    has = {
        UNKNOWN: "a permission that GitHub did not tell",
        SOMEBODY_ELSE: "another account by now",
        "none": "none",
        "": "none",
    }
    shown = has.get(who.permission, f"only {who.permission}")
    return (
        f"merging needs write permission in this repository, and {name} has {shown}",
        "Somebody with write permission can do it instead.",
    )


def _wanted(facts: MergeFacts, config: RepositoryConfig) -> Refusal | None:
    if config.merge != NEVER:
        return None
    number = facts.pull_request.number
    return (
        "this repository lets only people merge, by hand (`merge: never` in `.github/opus67.yml`)",
        f"Merge pull request #{number} on GitHub.",
    )


def _open(facts: MergeFacts) -> Refusal | None:
    pull = facts.pull_request
    if pull.state == "open":
        return None
    cure = "There is nothing left to do." if pull.state == "merged" else "Reopen it on GitHub first."
    return f"pull request #{pull.number} is {pull.state}", cure


def _conflict(facts: MergeFacts) -> Refusal | None:
    pull = facts.pull_request
    if pull.mergeable_state != "dirty" and pull.mergeable is not False:
        return None
    base = _code(pull.base)
    cure = f"Resolve that on GitHub, or ask the bot to bring {_code(pull.branch)} up to date with {base}."
    return f"it conflicts with {base}", cure


def _reviews(facts: MergeFacts) -> Refusal | None:
    people = facts.reviews.changes_requested_by
    if not people:
        return None
    verb = "asks" if len(people) == 1 else "ask"
    return f"{_people(people)} {verb} for changes", "They can approve it, or the review can be dismissed on GitHub."


def _checks(facts: MergeFacts) -> Refusal | None:
    """Name what has not passed; where GitHub calls all clean, it is."""
    if facts.pull_request.mergeable_state in CLEAN:
        return None
    ended = [check for check in facts.checks if check.status == "completed"]
    failing = [check.name for check in ended if check.conclusion not in PASSING]
    if failing:
        return f"{_listed('check', failing)} failed", "Have that mended, and try again when it has passed."
    running = [check.name for check in facts.checks if check.status != "completed"]
    if running:
        return (
            f"{_listed('check', running)} {'is' if len(set(running)) == 1 else 'are'} not finished",
            "Try again when it has passed.",
        )
    # Some checks begin only when a draft has become ready.
    known = {check.name for check in facts.checks}
    missing = [name for name in facts.demands.checks if name not in known]
    if missing and not facts.pull_request.draft:
        base = _code(facts.pull_request.base)
        return f"{base} demands {_listed('check', missing)} and there is no result yet", "Try again when it has passed."
    return None


def _approvals(facts: MergeFacts) -> Refusal | None:
    demanded, given = facts.demands.approvals, facts.reviews.approved_by
    if facts.pull_request.mergeable_state in CLEAN or len(given) >= demanded:
        return None
    noun = "approval" if demanded == 1 else "approvals"
    has = f"has only that of {_people(given)}" if given else "has none"
    cure = "Ask for a review on GitHub, and try again when it is approved."
    return f"{_code(facts.pull_request.base)} demands {demanded} {noun}, and it {has}", cure


def _state(facts: MergeFacts) -> Refusal | None:
    pull = facts.pull_request
    if pull.mergeable_state in CLEAN or (pull.draft and pull.mergeable_state == "draft"):
        return None
    base = _code(pull.base)
    refusals = {
        "behind": (
            f"{_code(pull.branch)} is behind {base}, which takes only what is up to date",
            "Press “Update branch” on GitHub, and try again when the checks have passed.",
        ),
        "blocked": (
            f"the rules for {base} do not let it be merged yet",
            "The pull request's page says what is missing: an approval, a check, a conversation to resolve.",
        ),
        "unstable": ("a check of it has not passed", "The pull request's page says which one."),
        "unknown": ("GitHub has not found out yet whether it can be merged", "Try again in a moment."),
    }
    other = f"GitHub calls its state {_code(pull.mergeable_state)}", "The pull request's page says more."
    return refusals.get(pull.mergeable_state, other)


def _people(logins: Sequence[str]) -> str:
    return _joined([f"@{login}" for login in logins])


def _listed(noun: str, names: Sequence[str]) -> str:
    return f"the {noun}{'' if len(set(names)) == 1 else 's'} {_joined([_code(name) for name in names])}"


def _joined(words: Sequence[str]) -> str:
    words = list(dict.fromkeys(words))
    shown = words[:MOST_NAMED]
    if len(words) > MOST_NAMED:
        shown.append(f"{len(words) - MOST_NAMED} more")
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def _code(name: str) -> str:
    """Show a name that somebody else chose so that it stays one."""
    return f"`{' '.join(name.replace('`', '').split())[:LONGEST_NAME]}`"

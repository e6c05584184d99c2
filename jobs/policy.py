"""Who may do what, and within which limits: facts in, a Decision with its reason out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from jobs.types import Actor, Decision, Limits

if TYPE_CHECKING:
    from config.repository import RepositoryConfig

WRITERS = frozenset({"admin", "maintain", "write"})
"""GitHub's permission names that include pushing (https://docs.github.com/rest/collaborators/collaborators)."""


OPERATOR = "cli"
"""The platform of who sits at the machine: holds the App's key, and may do everything that it may."""
REPOSITORY = "repository"
"""The platform of work that nobody asked for in person, such as a scheduled CI run: its id is the repository's name."""
UNKNOWN = "unknown"
"""In place of a permission that GitHub refused to tell."""
SOMEBODY_ELSE = "of somebody else"
"""In place of the permission of a login that is another account's by now than the one that was linked."""
NO_SIGHT = frozenset({"", "none", UNKNOWN, SOMEBODY_ELSE})
"""With these a person sees no more of a repository than anybody."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What was found out about somebody who asks. ``permission`` is GitHub's name for it on this repository, now."""

    actor: Actor
    permission: str = "none"
    teams: frozenset[str] = frozenset()
    """Of the configured teams, those that the actor is a member of."""
    app_id: int | None = None
    """The App behind a bot, when GitHub tells it."""
    own_app_id: int | None = None
    spent_today: float = 0.0
    """US dollars that models cost in this repository since midnight UTC."""


def ask(facts: Facts, config: RepositoryConfig, what: str) -> Decision:
    """Decide whether somebody may ask for paid work."""
    who = person(facts, config, what)
    return within_budget(facts, config, who.reason) if who.allowed else who


def within_budget(facts: Facts, config: RepositoryConfig, reason: str) -> Decision:
    """Decide whether the repository's day has money left for paid work that is allowed for a reason."""
    budget = config.limits.day.dollars
    if facts.spent_today >= budget:
        return Decision(
            allowed=False,
            reason=f"this repository's budget for today is used up (${facts.spent_today:.2f} of ${budget:.2f})",
            cure="Ask again after midnight UTC, or raise `limits.day.dollars` in `.github/opus67.yml`.",
        )
    run = config.limits.run
    dollars = min(run.dollars, budget - facts.spent_today)
    return Decision(allowed=True, reason=reason, limits=Limits(dollars, run.tokens, run.steps, run.minutes))


def person(facts: Facts, config: RepositoryConfig, what: str) -> Decision:
    """Decide whether somebody may tell the bot anything at all in a repository."""
    actor = facts.actor
    if actor.is_bot:
        return _bot(facts, config)
    if facts.permission == SOMEBODY_ELSE:
        return _somebody_else(actor)
    granted = _granted(facts, config)
    if granted:
        return Decision(allowed=True, reason=granted)
    if facts.permission == UNKNOWN:
        return Decision(
            allowed=False,
            reason=f"{what} needs write permission in this repository, and GitHub did not tell that of @{actor.login}",
            cure="The App's own permissions may have changed; its operator finds out with `opus67 doctor`.",
        )
    return Decision(
        allowed=False,
        reason=f"{what} needs write permission in this repository, and @{actor.login} has {_shown(facts.permission)}",
        cure=(
            "Somebody with write permission can do it instead, or name the login or team "
            "under `allow` in `.github/opus67.yml`."
        ),
    )


def _somebody_else(actor: Actor) -> Decision:
    here = actor.platform == "github"
    return Decision(
        allowed=False,
        reason=(
            f"the login @{actor.login} belongs to another GitHub account than the one that "
            f"{'asked' if here else 'was linked'}"
        ),
        cure=(
            "Ask again under the name that you have now."
            if here
            else "`/opus unlink`, and then `/opus link`, tells me who you are now."
        ),
    )


def _granted(facts: Facts, config: RepositoryConfig) -> str:
    """Return why a person may, or nothing."""
    actor, login = facts.actor, _folded(facts.actor.login)
    if actor.platform == OPERATOR:
        return "the operator, at the machine itself"
    if facts.permission in WRITERS:
        return f"@{actor.login} has {facts.permission} permission"
    if login and login in {_folded(name) for name in config.allow.logins}:
        return f"@{actor.login} is named in `allow.logins`"
    return f"@{actor.login} is in the team {min(facts.teams)}" if facts.teams else ""


def _folded(login: str) -> str:
    """Return a login for comparison; letters beyond ASCII stay what they are, whatever they look like or lower to."""
    return login.lower() if login.isascii() else login


def _bot(facts: Facts, config: RepositoryConfig) -> Decision:
    if facts.app_id is not None and facts.app_id == facts.own_app_id:
        return Decision(allowed=False, reason="this is the bot itself", silent=True)
    if facts.app_id is not None and facts.app_id in config.allow.bots:
        return Decision(allowed=True, reason=f"the App {facts.app_id} is named in `allow.bots`")
    return Decision(allowed=False, reason=f"the bot {facts.actor.login} is not named in `allow.bots`", silent=True)


def _shown(permission: str) -> str:
    return "none" if permission in {"", "none"} else f"only {permission}"

"""Whose words in a review count, and whether who asked for a task may still have it done: asked of GitHub now."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from jobs import policy
from jobs.github.values import GitHubRefused
from jobs.kinds.fix_ci.deciding import Place
from jobs.types import Actor, Cancelled, Kind, UserError

if TYPE_CHECKING:
    from config.repository import RepositoryConfig
    from jobs.execute import Attempt
    from jobs.github.review_values import SubmittedReview, ThreadComment

WHAT = "asking for changes"
GOING_ON = "going on with this"

log = logging.getLogger(__name__)


class Rights:
    """Who of the people on a pull request may tell the bot what to change, by the repository's rules."""

    def __init__(self, attempt: Attempt, config: RepositoryConfig) -> None:
        self._attempt, self._config = attempt, config
        self._known: dict[tuple[str, str], bool] = {}

    def may(self, said: ThreadComment | SubmittedReview) -> bool:
        """Tell whether the author of a comment or a review may; we ourselves have no say."""
        key = (said.author.lower(), said.author_id)
        if said.ours or not said.author_id:  # an account that is gone may nothing
            return False
        if key not in self._known:
            facts = self._bot(said) if said.is_bot else self._person(said)
            self._known[key] = policy.person(facts, self._config, WHAT).allowed
        return self._known[key]

    def _bot(self, said: ThreadComment | SubmittedReview) -> policy.Facts:
        actor, services = _actor(said), self._attempt.services
        wanted = self._config.allow.bots
        app_id = services.github.app_id_of(said.author.removesuffix("[bot]")) if wanted else None
        return policy.Facts(actor, app_id=app_id, own_app_id=services.settings.github_app_id)

    def _person(self, said: ThreadComment | SubmittedReview) -> policy.Facts:
        return _known(self._attempt, self._config, _actor(said), said.author_id)


def insist(attempt: Attempt, config: RepositoryConfig) -> None:
    """Raise Cancelled where who asked for the task may not have it done any more: rights are withdrawn meanwhile."""
    task = attempt.task
    whole = task.kind is Kind.FIX_CI and task.about.get("place") == Place.DEFAULT and not task.about.get("asked")
    if whole or task.actor.platform in {policy.OPERATOR, policy.REPOSITORY}:
        return  # the operator's own word, and work that the repository itself gives
    decision = policy.person(facts_of(attempt, config), config, GOING_ON)
    if not decision.allowed and _is_there(attempt):
        raise Cancelled(f"{decision.reason}. That was not so when the work was asked for. {decision.cure}".rstrip())


def _is_there(attempt: Attempt) -> bool:
    """Tell whether the repository is still to be had: that one is gone is told elsewhere, and in other words."""
    try:
        attempt.repository.read(f"/repos/{attempt.repository.full_name}")
    except GitHubRefused:
        return False
    return True


def facts_of(attempt: Attempt, config: RepositoryConfig) -> policy.Facts:
    """Find out what the one who asked for the task may do now."""
    actor, services = attempt.task.actor, attempt.services
    if actor.is_bot:
        app_id = services.github.app_id_of(actor.login.removesuffix("[bot]")) if config.allow.bots else None
        return policy.Facts(actor, app_id=app_id, own_app_id=services.settings.github_app_id)
    if not actor.login:
        return policy.Facts(actor)
    return _known(attempt, config, actor, services.store.people.account_of(actor))


def _known(attempt: Attempt, config: RepositoryConfig, actor: Actor, account: str) -> policy.Facts:
    """Ask for a person's rights; a login that is another account's by now has none of the one who is meant."""
    repository = attempt.repository
    try:
        permission, holder = repository.standing(actor.login)
    except UserError as refused:
        log.warning("the permission of %s in %s is not known: %s", actor.login, repository.full_name, refused)
        permission, holder = policy.UNKNOWN, ""
    if account and holder not in {"", account}:
        permission = policy.SOMEBODY_ELSE
    if permission in policy.WRITERS:
        return policy.Facts(actor, permission)
    pairs = ((team, *team.split("/", 1)) for team in config.allow.teams)
    teams = frozenset(team for team, org, slug in pairs if repository.team_member(org, slug, actor.login))
    return policy.Facts(actor, permission, teams)


def _actor(said: ThreadComment | SubmittedReview) -> Actor:
    return Actor("github", said.author_id, said.author, is_bot=said.is_bot)

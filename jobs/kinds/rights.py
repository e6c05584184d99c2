"""Whose words in a review count: asked of GitHub now, once for each person."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from jobs import policy
from jobs.types import Actor, UserError

if TYPE_CHECKING:
    from config.repository import RepositoryConfig
    from jobs.execute import Attempt
    from jobs.github.review_values import SubmittedReview, ThreadComment

WHAT = "asking for changes"

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
        """Find out what a person may; a login that is another account's by now has no rights of the one who wrote."""
        actor, repository = _actor(said), self._attempt.repository
        try:
            permission, account = repository.standing(said.author)
        except UserError as refused:
            log.warning("the permission of %s in %s is not known: %s", said.author, repository.full_name, refused)
            permission, account = policy.UNKNOWN, ""
        if account and account != said.author_id:
            permission = policy.SOMEBODY_ELSE
        if permission in policy.WRITERS:
            return policy.Facts(actor, permission)
        pairs = ((team, *team.split("/", 1)) for team in self._config.allow.teams)
        teams = frozenset(team for team, org, slug in pairs if repository.team_member(org, slug, said.author))
        return policy.Facts(actor, permission, teams)


def _actor(said: ThreadComment | SubmittedReview) -> Actor:
    return Actor("github", said.author_id, said.author, is_bot=said.is_bot)

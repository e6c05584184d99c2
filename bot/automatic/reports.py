"""A report of a CI of the operator's own becomes the end of a CI run; whom it names is asked of GitHub."""

from __future__ import annotations

import json
import logging
import time
from typing import TYPE_CHECKING

from bot.asks import CiEnded
from bot.control.order import installation_of
from bot.events import NOBODY, Event, Run
from jobs.kinds.fix_ci.ci import REPORTED
from jobs.types import Actor, UserError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.asks import Ask
    from jobs.services import Services
    from jobs.types import Delivery

FIRST = "report"

log = logging.getLogger(__name__)


def understood(services: Services, delivery: Delivery) -> tuple[Event, Sequence[Ask]]:
    """Return the event of a stored report, and what it asks for; nothing where the repository is not one of ours."""
    report = json.loads(delivery.body)
    try:
        repository, installation_id = installation_of(services, report["repository"])
    except UserError as error:
        log.warning("the report %s is left alone: %s", delivery.guid, error)
        return Event(FIRST, "", delivery.guid), ()
    actor = _actor(services, repository, installation_id, str(report.get("actor", "")))
    event = Event(FIRST, "", delivery.guid, repository, installation_id, actor)
    pull = report.get("pull_request")
    run = Run(
        sha=report["sha"],
        branch=report["branch"],
        workflow=report["workflow"],
        conclusion=report["conclusion"],
        event="pull_request" if pull else "push",
        actor=actor,
        pulls=(pull,) if pull else (),
        report=delivery.guid,
    )
    key = REPORTED.format(repository=repository.lower(), sha=run.sha)
    services.store.records.keep(key, f"{run.conclusion}:{delivery.guid}", time.time())
    return event, (CiEnded("report", run),)


def _actor(services: Services, repository: str, installation_id: int, login: str) -> Actor:
    """Return the account behind a login that a report names, as GitHub knows it."""
    if not login:
        return NOBODY
    found = services.github.repository(repository, installation_id).standing(login)[1]
    return Actor("github", found, login) if found else NOBODY

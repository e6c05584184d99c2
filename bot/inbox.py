"""A stored delivery becomes an Event, asks, and in one transaction with "delivery done" tasks or their ends."""

from __future__ import annotations

import json
import logging
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from bot import ci_reports, control, conversation, starting
from bot.acting import Actions
from bot.asks import (
    Ask,
    BaseMoved,
    CiEnded,
    Edited,
    End,
    InstallationChanged,
    Pressed,
    PullClosed,
    Pushed,
    ReviewGiven,
    ReviewWanted,
    Start,
    Told,
)
from bot.automatic import ci, pulls, reports, reviews
from bot.events import understand
from bot.housekeeping import installations
from bot.triggers import asks
from jobs.scope import Scope, acting
from jobs.store import PutAside
from jobs.text.redact import redact
from jobs.types import GitHubUnavailable, LeaseLost

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bot.events import Event
    from jobs.services import Services
    from jobs.types import Delivery

PAUSE_SECONDS = 20.0
GITHUB = "github"
UNSPOKEN = frozenset({GITHUB, ci_reports.SOURCE, pulls.OWN})
"""The sources of what no person said to the bot: nobody waits for an answer to it."""

log = logging.getLogger(__name__)


def handle(services: Services, guid: str) -> None:
    """Act on a stored delivery, once; what fails is tried again, and nothing is lost."""
    deliveries, now = services.store.deliveries, time.time()
    try:
        delivery = deliveries.claim(guid, now, services.owner)
    except services.store.UNAVAILABLE as away:
        log.warning("delivery %s waits, since the database cannot be written: %s", guid, away)
        return
    except PutAside as killer:
        _put_aside(services, killer.delivery)
        return
    if delivery is None:
        return
    try:
        _act(services, delivery) if delivery.source in UNSPOKEN else conversation.act(services, delivery)
    except GitHubUnavailable as outage:
        log.warning("delivery %s waits for GitHub: %s", guid, outage)
        deliveries.release(guid, str(outage), now + outage.retry_after, counts=False)
    except LeaseLost as lost:
        log.info("%s", lost)
    except services.store.UNAVAILABLE as away:
        log.warning("delivery %s waits for the database: %s", guid, away)
        with suppress(*services.store.UNAVAILABLE):  # Else its lease runs out.
            deliveries.release(guid, "the database could not be reached", now + PAUSE_SECONDS, counts=False)
    except Exception as error:  # the webhook's edge: logged, tried again, and in the end left for the reconciliation
        log.exception("delivery %s could not be acted on", guid)
        words = redact(f"{type(error).__name__}: {error}", services.redacted)
        if deliveries.release(guid, words, now + PAUSE_SECONDS) == "failed":
            _tell_of_failure(services, delivery)


def _put_aside(services: Services, delivery: Delivery) -> None:
    """Tell the operator of a delivery that killed whoever took it up, and who said it that nobody will try again."""
    log.error(
        "delivery %s (%s %s) was put aside, since every worker that took it up died; what it asked for is left to the "
        "comparison with GitHub. Once the cause is mended, GitHub's page of the App's deliveries can send it again",
        delivery.guid,
        delivery.source,
        delivery.event,
    )
    _tell_of_failure(services, delivery)


def _tell_of_failure(services: Services, delivery: Delivery) -> None:
    """Tell who said it that nobody will try again; GitHub's own deliveries are left to the reconciliation."""
    if delivery.source in UNSPOKEN:
        return
    try:
        conversation.give_up(services, delivery, "an internal error, which the operator finds in the log.")
    except services.store.UNAVAILABLE as away:
        log.warning("nobody could be told that delivery %s failed: %s", delivery.guid, away)


def _act(services: Services, delivery: Delivery) -> None:
    event, found = _understood(services, delivery)
    with acting(Scope(event.actor, f"{event.name} {event.action}".strip(), event.repository)):
        actions = Actions(services, event)
        for ask in found:
            prepare(actions, ask)
        with services.store.write() as connection:
            actions.commit(connection)
            services.store.deliveries.finish(connection, delivery.guid, time.time())
        actions.follow_up()


def _understood(services: Services, delivery: Delivery) -> tuple[Event, Sequence[Ask]]:
    """Return what a delivery tells, and what it asks for."""
    if delivery.source == ci_reports.SOURCE:
        return reports.understood(services, delivery)
    if delivery.source == pulls.OWN:
        event, branch = pulls.event_of(delivery)
        return event, (BaseMoved(branch),)
    event = understand(delivery.event, delivery.guid, json.loads(delivery.body))
    return event, asks(event)


def prepare(actions: Actions, ask: Ask) -> None:
    """Find out what an ask needs, and what shall be done about it."""
    _ACTS[type(ask)](actions, ask)


_ACTS: dict[type[Ask], Callable[[Actions, Any], None]] = {
    Start: starting.start,
    End: starting.end,
    Edited: starting.edited,
    Told: control.told,
    Pressed: control.pressed,
    InstallationChanged: installations.changed,
    CiEnded: ci.ended,
    ReviewGiven: reviews.given,
    ReviewWanted: reviews.wanted,
    PullClosed: pulls.closed,
    Pushed: pulls.pushed,
    BaseMoved: pulls.moved,
}

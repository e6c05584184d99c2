"""A stored delivery becomes an Event, asks, and in one transaction with "delivery done" tasks or their ends."""

from __future__ import annotations

import json
import logging
import time
from typing import TYPE_CHECKING

from bot import control, conversation, housekeeping, starting
from bot.acting import Actions
from bot.asks import Ask, Edited, End, InstallationChanged, Pressed, Start, Told
from bot.events import understand
from bot.triggers import asks
from jobs.types import GitHubUnavailable, LeaseLost

if TYPE_CHECKING:
    from jobs.services import Services
    from jobs.types import Delivery

PAUSE_SECONDS = 20.0

log = logging.getLogger(__name__)


def handle(services: Services, guid: str) -> None:
    """Act on a stored delivery, once; what fails is tried again, and nothing is lost."""
    deliveries, now = services.store.deliveries, time.time()
    delivery = deliveries.claim(guid, now)
    if delivery is None:
        return
    try:
        _act(services, delivery) if delivery.source == "github" else conversation.act(services, delivery)
    except GitHubUnavailable as outage:
        log.warning("delivery %s waits for GitHub: %s", guid, outage)
        deliveries.release(guid, str(outage), now + outage.retry_after, counts=False)
    except LeaseLost as lost:
        log.info("%s", lost)
    except Exception as error:  # the webhook's edge: logged, tried again, and in the end left for the reconciliation
        log.exception("delivery %s could not be acted on", guid)
        if deliveries.release(guid, f"{type(error).__name__}: {error}", now + PAUSE_SECONDS) == "failed":
            _tell_of_failure(services, delivery)


def _tell_of_failure(services: Services, delivery: Delivery) -> None:
    """Tell who said it that nobody will try again; GitHub's own deliveries are left to the reconciliation."""
    if delivery.source == "github":
        return
    try:
        conversation.give_up(services, delivery, "an internal error, which the operator finds in the log.")
    except services.store.UNAVAILABLE as away:
        log.warning("nobody could be told that delivery %s failed: %s", delivery.guid, away)


def _act(services: Services, delivery: Delivery) -> None:
    event = understand(delivery.event, delivery.guid, json.loads(delivery.body))
    actions = Actions(services, event)
    for ask in asks(event):
        prepare(actions, ask)
    with services.store.write() as connection:
        actions.commit(connection)
        services.store.deliveries.finish(connection, delivery.guid, time.time())
    actions.follow_up()


def prepare(actions: Actions, ask: Ask) -> None:
    """Find out what an ask needs, and what shall be done about it."""
    match ask:
        case Start():
            starting.start(actions, ask)
        case End():
            starting.end(actions, ask)
        case Edited():
            starting.edited(actions, ask)
        case Told():
            control.told(actions, ask)
        case Pressed():
            control.pressed(actions, ask)
        case InstallationChanged():
            housekeeping.installation_changed(actions, ask)

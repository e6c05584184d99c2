"""Every few seconds, wakes what was left behind; the chores that need GitHub or the sandbox are done by a worker."""

from __future__ import annotations

import logging
import signal
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from config.settings import load
from jobs import logs
from jobs.heads import Keeper
from jobs.jumps import Jumps, mend
from jobs.lease import free_the_orphaned
from jobs.services import build

if TYPE_CHECKING:
    import argparse

    from jobs.services import Services

SWEEP_SECONDS = 5.0
KEEP_DELIVERIES_SECONDS = 7 * 86400.0
"""GitHub offers deliveries for three days; after that a done one has no more use."""
KEEP_DECIDED_SECONDS = 30 * 86400.0
"""How long it is kept that a red commit, a conflict or a review was seen to; older ones are not looked for again."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Chore:
    """Something that a worker does every so often; ``name`` is the function that the job names."""

    name: str
    seconds: float


CHORES = (
    Chore("redeliver", 60.0),
    Chore("reconcile", 900.0),
    Chore("sweep_sandboxes", 120.0),
)


def run_clock(_arguments: argparse.Namespace) -> int:
    """Run until asked to stop."""
    settings = load()
    logs.set_up(settings)
    services = build(settings)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: services.stopping.set())
    tick(services)
    return 0


def tick(services: Services) -> None:
    """Sweep, and wake somebody for each chore whose time has come, until the services are stopping."""
    due, jumps = dict.fromkeys((chore.name for chore in CHORES), 0.0), Jumps()
    keeper = Keeper(services.store, services.settings.audit_file, services.settings.audit_days)
    while not services.stopping.is_set():
        now = time.monotonic()
        _sweep(services, jumps)
        for chore in CHORES:
            if now >= due[chore.name] and services.waker.chore(chore.name):
                due[chore.name] = now + chore.seconds
        keeper.look()
        services.stopping.wait(SWEEP_SECONDS)
    keeper.end()
    services.close()


def _sweep(services: Services, jumps: Jumps) -> None:
    """Wake somebody for every delivery and task that waits and should not."""
    store, now = services.store, time.time()
    try:
        free_the_orphaned(store, now)
        mend(store, jumps, now)
        services.waker.sweep(store.deliveries.due(now), store.tasks.due(now), store.tasks.unannounced(now))
        if store.people.due_links(now) or store.people.expired_links(now):
            services.waker.chore("confirm_links")
        store.deliveries.forget(now - KEEP_DELIVERIES_SECONDS)
        store.notices.forget(now - KEEP_DELIVERIES_SECONDS)
        store.records.forget("heard:", now - 3600.0)  # events that tasks may be about to wait for
        for prefix in (
            "ci_report:",
            "ci-seen:",
            "ci-left:",
            "conflicts:",
            "review-given:",
            "review-wanted:",
            "label-answered:",
            "label-looked:",
            "branch-looked:",
            "ending-looked:",
        ):
            store.records.forget(prefix, now - KEEP_DECIDED_SECONDS)
        store.records.forget("mend-branch:", now - KEEP_DELIVERIES_SECONDS)  # see jobs/kinds/fix_ci/counting.py
        store.records.forget("died:", now - KEEP_DELIVERIES_SECONDS)  # see bot/caution.py
        store.records.forget("look:", now - 3600.0)  # what the API let somebody look at
        store.records.forget("sight:", now - KEEP_DELIVERIES_SECONDS)  # what chats may offer somebody
    except store.UNAVAILABLE as error:
        log.warning("the database cannot be reached; trying again: %s", error)

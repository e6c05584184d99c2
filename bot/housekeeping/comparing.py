"""Compares GitHub's state with ours, at boot and every quarter of an hour: what no event told of is made up for."""

from __future__ import annotations

import logging
import time
from functools import cache
from typing import TYPE_CHECKING

from bot import starting
from bot.automatic import missed
from bot.housekeeping import endings, installations, issues, pulls
from config import repository as repository_file
from jobs.types import GitHubUnavailable, UserError

if TYPE_CHECKING:
    from jobs.services import Services

TURN_SECONDS = 10.0
MOST_OUTAGES = 2
"""After so many repositories in a row for which GitHub did not answer, the rest waits for the next time."""
CURSOR = "reconcile:cursor"
COMPARED = "compared:"
"""Under this and the repository's name it is kept when it was compared last."""

log = logging.getLogger(__name__)


def reconcile(services: Services) -> None:
    """Compare all installations and repositories.

    People's requests wait behind this in the same queue, so it works in turns, each beginning where the last one ended.
    """
    records, turn_ends = services.store.records, time.monotonic() + TURN_SECONDS
    done, outages = records.value(CURSOR) or "", 0
    try:
        if not done:
            installations.compare(services)
    except (GitHubUnavailable, UserError) as error:
        log.warning("GitHub's installations cannot be read now: %s", error)
        return
    for name, installation_id in sorted(pair for pair in records.repositories() if pair[0] > done):
        try:
            _compare(services, name, installation_id)
            outages = 0
        except (GitHubUnavailable, UserError) as error:
            log.warning("%s cannot be compared with GitHub now: %s", name, error)
            outages += isinstance(error, GitHubUnavailable)
        if outages >= MOST_OUTAGES:
            break
        if time.monotonic() > turn_ends or services.stopping.is_set():
            records.keep(CURSOR, name, time.time())
            services.waker.chore("reconcile")
            return
    if done:
        records.keep(CURSOR, "", time.time())


def _compare(services: Services, name: str, installation_id: int) -> None:
    """Compare one repository, and keep when: after an absence what came meanwhile is looked for, however long."""
    records, began = services.store.records, time.time()
    repository = services.github.repository(name, installation_id)
    written = repository.read_file(repository_file.PATH)
    try:
        config = starting.read_config(written)
    except repository_file.RepositoryConfigError:
        config = None
    issues.compare(services, repository, installation_id, (config or repository_file.defaults()).labels)
    listed = cache(repository.open_pull_requests)
    pulls.compare(services, repository, installation_id, listed)
    endings.compare(services, repository)
    if config is not None:
        last = float(records.value(f"{COMPARED}{name.lower()}") or 0.0)
        missed.look(services, repository, installation_id, config, listed, missed.since(last, began))
    records.keep(f"{COMPARED}{name.lower()}", str(began), began)

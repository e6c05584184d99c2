"""Which repositories the App may work in, as GitHub says now, and the end of the tasks that it may not go on with.

Events about installations come in any order, so none of them is believed: each one only says where to look.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jobs.types import UserError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import sqlalchemy as sa

    from bot.acting import Actions
    from bot.asks import InstallationChanged
    from jobs.services import Services

UNINSTALLED = "the App was uninstalled"
SUSPENDED = "the App's installation was suspended"
TAKEN = "the repository was taken from the App's installation, or has another name or owner now"
SWEEP = "sweep_sandboxes"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Standing:
    """How an installation stands on GitHub; ``gone`` says in words why it is not to be used, and is empty while it is.

    ``repositories`` is None where they could not be read: what was known before holds then.
    """

    id: int
    account: str = ""
    gone: str = ""
    repositories: frozenset[str] | None = None


def changed(actions: Actions, ask: InstallationChanged) -> None:
    """Keep the list of repositories, and end the tasks of what the App may no longer touch."""
    services = actions.services
    found = services.github.installation(ask.installation_id)
    standing = Standing(ask.installation_id, gone=UNINSTALLED) if found is None else _standing(services, found)
    actions.change(lambda connection: _save(services, connection, standing))
    for task_id, words in _ends(services, standing):
        actions.cancel(task_id, words)
    actions.follow_ups.append(lambda: _sweep(services))


def compare(services: Services) -> None:
    """Do the same for all installations; raises what GitHub answers where they cannot be listed."""
    known, live = services.store.records.installations(), set[int]()
    for found in services.github.installations():
        live.add(int(found["id"]))
        _settle(services, _standing(services, found))
    for number in known - live:
        _settle(services, Standing(number, gone=UNINSTALLED))


def _standing(services: Services, found: Mapping[str, Any]) -> Standing:
    number, account = int(found["id"]), str((found.get("account") or {}).get("login", ""))
    if found.get("suspended_at"):
        return Standing(number, account, SUSPENDED)
    try:
        return Standing(number, account, "", frozenset(services.github.installation_repositories(number)))
    except UserError as refused:
        log.warning("the repositories of installation %s cannot be read: %s", number, refused)
        return Standing(number, account)


def _settle(services: Services, standing: Standing) -> None:
    ends = _ends(services, standing)
    with services.store.write() as connection:
        _save(services, connection, standing)
        for task_id, words in ends:
            services.store.tasks.cancel(connection, task_id, words, time.time())
    for task_id, _ in ends:
        services.waker.task(task_id)


def _save(services: Services, connection: sa.Connection, standing: Standing) -> None:
    records, number = services.store.records, standing.id
    if standing.gone == UNINSTALLED:
        records.remove_installation(connection, number)
        return
    records.save_installation(connection, number, standing.account, time.time(), suspended=bool(standing.gone))
    if standing.repositories is None:
        return
    before = records.covered(connection, number)
    records.remove_repositories(connection, before - standing.repositories, number)
    records.add_repositories(connection, number, standing.repositories - before)


def _ends(services: Services, standing: Standing) -> Sequence[tuple[str, str]]:
    """Return which tasks end, and why."""
    tasks = services.store.tasks.open_in(installation_id=standing.id)
    if standing.gone:
        return [(task.id, standing.gone) for task in tasks]
    if standing.repositories is None:
        return []
    covered = {name.lower() for name in standing.repositories}
    return [(task.id, TAKEN) for task in tasks if task.repository.lower() not in covered]


def _sweep(services: Services) -> bool:
    """Have what the App may no longer see removed from this machine soon."""
    return services.waker.chore(SWEEP)

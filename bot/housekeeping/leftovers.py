"""What tasks left on this machine and nobody needs any more: sandboxes, quarantined work, copies of repositories."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from jobs import sandbox as sandboxes
from jobs import warm, workspace
from jobs.types import SandboxError

if TYPE_CHECKING:
    from jobs.services import Services

log = logging.getLogger(__name__)


def sweep(services: Services) -> None:
    """End sandboxes past their deadline or without a task, and remove what tasks and installations left behind."""
    alive = services.store.tasks.held(time.time())

    def is_alive(name: str) -> bool:
        return name.removeprefix("opus67-").partition("-")[0] in alive

    try:
        sandboxes.sweep(services.provider, services.settings.home, time.time(), is_alive)
    except SandboxError as error:
        log.warning("sandboxes cannot be swept now: %s", error)
    workspace.sweep(services.settings.home, alive)
    covered = {name for name, _ in services.store.records.repositories()}
    services.mirror.sweep(covered | services.store.tasks.held_repositories())
    warm.renew(services)

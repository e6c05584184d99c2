"""What the worker processes are composed of: each queue's functions, by the names that jobs may carry."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from bot import inbox
from bot.control import identity
from bot.housekeeping import comparing, leftovers, redelivery
from config.settings import load, require
from jobs import execute, logs, pool

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from jobs.services import Services


def run_workers(_arguments: argparse.Namespace) -> int:
    """Run the inbox worker and the task workers until asked to stop."""
    settings = require(load())
    logs.set_up(settings)
    return pool.run_pool(settings, pool.lanes(settings), compose)


def compose(services: Services) -> dict[str, Callable[..., None]]:
    """Return the functions that a job may name."""
    return {
        "delivery": partial(inbox.handle, services),
        "task": partial(execute.execute, services),
        "announce": partial(execute.announce, services),
        "redeliver": partial(redelivery.redeliver, services),
        "reconcile": partial(comparing.reconcile, services),
        "sweep_sandboxes": partial(leftovers.sweep, services),
        "confirm_links": partial(identity.confirm_links, services),
    }

"""A pool of workers as its own process: ``python -m tests.jobs.pool`` with the settings in the environment."""

from __future__ import annotations

import os
import signal
import sys
from functools import partial
from typing import TYPE_CHECKING

from redis import Redis

from config.settings import load
from jobs.pool import run_pool
from jobs.queue import INBOX, TASKS

if TYPE_CHECKING:
    from collections.abc import Callable

    from jobs.services import Services


def compose(services: Services) -> dict[str, Callable[..., None]]:
    """Return functions that write down who works, and wait until they are asked to stop, or do not care."""
    redis = Redis.from_url(services.settings.redis_url)
    return {
        "delivery": lambda name: redis.rpush("done", f"{name} {os.getpid()}"),
        "task": partial(_task, services, redis),
    }


def _task(services: Services, redis: Redis, name: str) -> None:
    redis.rpush("begun", f"{name} {os.getpid()}")
    if name == "stubborn":
        while True:
            signal.pause()  # the pool must end it
    services.stopping.wait(120)
    redis.rpush("ended", name)


if __name__ == "__main__":
    sys.exit(run_pool(load(dotenv=None), {INBOX: 1, TASKS: 1}, compose))

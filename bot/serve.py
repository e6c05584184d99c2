"""Runs the web process: a server that stays small, and a child of it that holds the application."""

from __future__ import annotations

from typing import TYPE_CHECKING

from config.settings import load, require

if TYPE_CHECKING:
    import argparse

THREADS = 32
"""Each open request holds one; the receiver answers within milliseconds, pages within tens of them."""
BACKLOG = 1024


def serve(_arguments: argparse.Namespace) -> int:
    """Serve until asked to stop."""
    settings = require(load())
    from granian import Granian  # noqa: PLC0415 - a missing setting is told without it
    from granian.constants import Interfaces  # noqa: PLC0415 - likewise
    from granian.log import LogLevels  # noqa: PLC0415 - likewise

    Granian(
        "bot.app:from_environment",
        factory=True,
        address="0.0.0.0",  # noqa: S104 - GitHub must reach it, and it may stand in a container
        port=settings.port,
        interface=Interfaces.WSGI,
        blocking_threads=THREADS,
        backlog=BACKLOG,
        log_level=LogLevels.error,  # it would warn of the threads, of which we want this many
        respawn_failed_workers=True,
        workers_kill_timeout=5,
    ).serve()
    return 0

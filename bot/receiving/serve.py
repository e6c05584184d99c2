"""Runs the web processes: a parent that wakes workers, and children of it that answer on one socket."""

from __future__ import annotations

import gc
import multiprocessing
from typing import TYPE_CHECKING

from bot.receiving import listening
from config.settings import load, require

if TYPE_CHECKING:
    import argparse

PROCESSES = 2
"""One answers while the other is killed, or stands still."""


def serve(_arguments: argparse.Namespace) -> int:
    """Serve until asked to stop, on the socket that was handed over, or on one of our own."""
    gc.disable()  # until all is imported: what is there by then stays
    settings = require(load())
    listener = listening.inherited() or listening.listen(settings.port)
    multiprocessing.set_start_method("fork")
    from bot import wake  # noqa: PLC0415 - a missing setting is told without it; the children share its memory
    from bot.receiving import front  # noqa: PLC0415 - likewise
    from bot.receiving.server import server  # noqa: PLC0415 - likewise
    from jobs.keys import signing_key  # noqa: PLC0415 - likewise
    from jobs.store import preload  # noqa: PLC0415 - likewise

    preload(settings.database_url)
    wake.inherited = wake.BackgroundWaker(settings.redis_url, signing_key(settings))
    wake.inherited.start()
    gc.freeze()
    gc.enable()
    found = server(f"{front.__name__}:from_environment", listener, PROCESSES, wake.inherited.at_rest)
    found.serve()
    return 0

"""Ends a web process that has come to a standstill, with the stacks of its threads in the log; another one is started.

A process that is killed is replaced by its parent. One that lives and answers nobody would go on taking its share of
the webhooks from the socket that all of them listen on.
"""

from __future__ import annotations

import faulthandler
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio

    from bot.receiving.gathering import Gathering

PATIENCE_SECONDS = 10.0
"""GitHub waits no longer either."""
LOOKS = 5
"""How often it looks within that."""


class Watchdog:
    """Has the process end unless it is told often enough that all is well."""

    def __init__(self, gathering: Gathering[Any, Any], patience: float = PATIENCE_SECONDS) -> None:
        """Take what must come to an end again and again; ``patience`` is in seconds."""
        self._gathering, self._patience = gathering, patience

    def watch(self, loop: asyncio.AbstractEventLoop) -> None:
        """Tell that this loop turns and that nothing is being stored for long, again and again."""
        if self._gathering.busy_seconds() < self._patience / LOOKS:
            faulthandler.dump_traceback_later(self._patience, exit=True)
        loop.call_later(self._patience / LOOKS, self.watch, loop)

    def end(self) -> None:
        """Watch no more."""
        faulthandler.cancel_dump_traceback_later()

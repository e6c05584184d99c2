"""The first page tells what is late, and not what has just come."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from bot.board import LATE_SECONDS, Board
from jobs.types import Delivery
from tests.store.asking import request, submit

if TYPE_CHECKING:
    from config.settings import Settings
    from jobs.store import Store


def states(board: Board) -> dict[str, str]:
    """Return the state of each part."""
    return {part.name: part.state for part in board.parts()}


def test_what_is_new_is_not_late(settings: Settings, store: Store) -> None:
    """A task and a delivery of this moment leave the parts good; old ones that wait do not."""
    board, now = Board(settings, store), time.time()
    submit(store, request(1), now)
    store.deliveries.add(Delivery("guid-new-1", "github", "issues", b"{}", now))
    assert (states(board)["Workers"], states(board)["Inbox"]) == ("good", "good")
    submit(store, request(2), now - LATE_SECONDS - 1)
    store.deliveries.add(Delivery("guid-old-1", "github", "issues", b"{}", now - LATE_SECONDS - 1))
    assert (states(board)["Workers"], states(board)["Inbox"]) == ("wait", "wait")

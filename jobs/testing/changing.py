"""State behind one lock, whose changes people can wait for: what every stand-in's world is."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Found = TypeVar("Found")


class Changing:
    """Hold ``lock`` to touch any of it; ``change`` also wakes those who wait."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.condition = threading.Condition(self.lock)

    @contextmanager
    def change(self) -> Iterator[None]:
        """Hold the lock, and wake those who wait for a change."""
        with self.condition:
            yield
            self.condition.notify_all()

    def wait_for(self, predicate: Callable[[], Found], timeout: float, what: str) -> Found:
        """Wait until ``predicate`` gives something true and return it; raises ``TimeoutError``."""
        deadline = time.monotonic() + timeout
        # The predicate runs without the lock: it may ask something that asks this server.
        while not (found := predicate()):
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"{what} did not happen in {timeout:g} s")
            with self.condition:
                self.condition.wait(min(left, 0.05))
        return found

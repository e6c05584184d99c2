"""Writers of a SQLite database wait for each other in small steps, in front of SQLite, which sleeps in long ones.

SQLite's own waiting grows to a tenth of a second between two looks, so that with many writers some wait for seconds
while the database is idle (https://sqlite.org/c3ref/busy_timeout.html). A lock on a file beside it is asked for often
and costs next to nothing; the truth is still SQLite's lock, which is taken next.
"""

from __future__ import annotations

import fcntl
import os
import random
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

PATIENCE_SECONDS = 2.0
"""After that SQLite's own waiting has to do: who holds the turn may have been stopped."""
STEP_SECONDS = (0.0005, 0.002)
BESIDE = "-turn"
"""What the name of the file ends with."""


@contextmanager
def turn(file: str, patience: float = PATIENCE_SECONDS) -> Iterator[None]:
    """Hold the turn to write to a database; without one where the file system gives none."""
    try:
        descriptor = os.open(f"{file}{BESIDE}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError:  # SQLite says in its own words what is the matter with the folder.
        yield
        return
    try:
        _wait_for(descriptor, min(patience, PATIENCE_SECONDS))
        yield
    finally:
        os.close(descriptor)


def _wait_for(descriptor: int, patience: float) -> None:
    deadline = time.monotonic() + patience
    with suppress(OSError):
        while time.monotonic() < deadline:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                time.sleep(random.uniform(*STEP_SECONDS))  # noqa: S311 - spreads the looks, guards nothing
            else:
                return

"""Writers of a SQLite database wait for each other in front of SQLite, which sleeps in long steps.

SQLite's own waiting grows to a tenth of a second between two looks, so that with many writers some wait for seconds
while the database is idle (https://sqlite.org/c3ref/busy_timeout.html). Here a lock on a file beside it says whose turn
it is, and who has had it rings a bell, a named pipe, that wakes the one who has waited longest. The lock is the
kernel's, so it is free when its holder is killed; the truth is still SQLite's lock, which is taken next.
"""

from __future__ import annotations

import fcntl
import os
import select
import stat
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

PATIENCE_SECONDS = 10.0
"""After that SQLite's own waiting has to do: who holds the turn may have been stopped. A hundred take seconds."""
DEAF_SECONDS = 0.03
"""How long who waits relies on the bell: one who was killed does not ring."""
STEP_SECONDS = 0.002
"""From one look to the next where there is no bell."""
TURN, BELL = "-turn", "-bell"
"""What the names of the two files end with; that of the bell begins with a dot, since who reads a pipe waits."""
RINGS = 4096
"""Bytes that are read of the bell at once."""


@contextmanager
def turn(file: str, patience: float = PATIENCE_SECONDS, *, deaf: float = DEAF_SECONDS) -> Iterator[None]:
    """Hold the turn to write to a database; without one where the file system gives none.

    Who waits looks every ``deaf`` seconds whether it is free without a ring: who is killed rings for nobody.
    """
    try:
        descriptor = os.open(f"{file}{TURN}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError:  # SQLite says in its own words what is the matter with the folder.
        yield
        return
    try:
        with _bell(bell_of(file)) as bell:
            try:
                _wait_for(descriptor, bell, min(patience, PATIENCE_SECONDS), deaf)
                yield
            finally:
                _give_back(descriptor, bell)
    finally:
        os.close(descriptor)


def bell_of(file: str) -> str:
    """Return the name of a database's bell."""
    return str(Path(file).with_name(f".{Path(file).name}{BELL}"))


@contextmanager
def _bell(name: str) -> Iterator[int | None]:
    """Open the bell, or give none where the file system has no pipes, or the system no queue to wait in."""
    bell = None
    if hasattr(select, "epoll"):
        with suppress(OSError):  # it is there, or the next line says what is the matter
            os.mkfifo(name, 0o600)
        with suppress(OSError):
            bell = os.open(name, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        yield bell if bell is not None and stat.S_ISFIFO(os.fstat(bell).st_mode) else None
    finally:
        if bell is not None:
            os.close(bell)


def _wait_for(descriptor: int, bell: int | None, patience: float, deaf: float) -> None:
    deadline = time.monotonic() + patience
    if _taken(descriptor):
        return
    if bell is None:
        while not _taken(descriptor) and time.monotonic() < deadline:
            time.sleep(STEP_SECONDS)
        return
    with select.epoll() as queue:
        # One ring wakes one of those who wait, and the one who came first (epoll_ctl(2)).
        queue.register(bell, select.EPOLLIN | select.EPOLLEXCLUSIVE)
        while not _taken(descriptor) and time.monotonic() < deadline:
            if queue.poll(deaf):
                with suppress(BlockingIOError):  # somebody else was quicker
                    os.read(bell, RINGS)


def _taken(descriptor: int) -> bool:
    """Take the lock if it is free; also where the file system knows no locks."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def _give_back(descriptor: int, bell: int | None) -> None:
    """Let the next one in, and ring for it; never raises, as what was to be written is written."""
    with suppress(OSError):
        fcntl.flock(descriptor, fcntl.LOCK_UN)
    if bell is not None:
        with suppress(OSError):  # so many rings that nobody has heard are enough
            os.write(bell, b".")

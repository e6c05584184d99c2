"""Finds a process that stands still while it holds SQLite's write lock: nobody could write until it went on.

SQLite frees the lock of a process that died, but knows nothing of one that was stopped (SIGSTOP) in a transaction.
The lock is looked up in /proc/locks: whoever opens the file itself and closes it again drops all its own locks on it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

PATIENCE_SECONDS = 2.0
"""How long it may stand still there; a transaction of ours takes some hundredths of a second."""
WRITE_LOCK = 120
"""The byte of the shared-memory file that a writer locks (https://sqlite.org/walformat.html#locks)."""
LOCKS = Path("/proc/locks")
STOPPED = "T"


class Standstill:
    """Looks at one database, again and again."""

    def __init__(self, database: Path) -> None:
        self._shared = database.with_name(f"{database.name}-shm")
        self._suspect, self._since = 0, 0.0

    def holder(self, sessions: Collection[int], now: float) -> int:
        """Return the process of these sessions that has held the lock, standing still, for too long; 0 for none."""
        suspect = _writer(self._shared)
        if not suspect or not _is_stopped(suspect, sessions):
            self._suspect = 0
            return 0
        if suspect != self._suspect:
            self._suspect, self._since = suspect, now
        return suspect if now - self._since >= PATIENCE_SECONDS else 0


def _writer(shared: Path) -> int:
    """Return the process that holds the write lock, as this process numbers it, or 0."""
    try:
        inode, lines = str(shared.stat().st_ino), LOCKS.read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    for line in lines:
        match line.split():
            case [_, "POSIX", _, "WRITE", number, file, start, end] if file.rpartition(":")[2] == inode:
                if int(start) <= WRITE_LOCK and (end == "EOF" or int(end) >= WRITE_LOCK):
                    return max(0, int(number))
    return 0


def _is_stopped(process: int, sessions: Collection[int]) -> bool:
    try:
        told = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return False
    return told[0] == STOPPED and int(told[3]) in sessions

"""Two processes that watch each other, so that whichever is killed, nothing of what they started is left behind.

The outer process is the one a person or a service manager started; the inner one, its child, is the supervisor.
When the outer one dies, the kernel sends the inner one SIGTERM and it stops everything in order.
When the inner one is killed, its children become the outer one's, which ends them.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
ESCALATE_SECONDS = 5.0
PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def guarded(run: Callable[[], int]) -> int:
    """Run ``run`` in a child of its own, hand signals on to it, and leave no process behind whatever happens to it.

    Signals are blocked in the child until it says that it is ready for them (``unblock_signals``).
    """
    outer = os.getpid()
    adopt_orphans()
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    inner = os.fork()
    if inner == 0:
        os.setsid()  # Ctrl-C reaches the outer process only, which hands it on once.
        end_with_parent(outer)
        return run()
    return _watch(inner)


def unblock_signals() -> None:
    """Let signals in again, once their handlers are set."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


def adopt_orphans() -> None:
    """Make this process the parent of all its descendants whose own parent died."""
    if _LIBC:
        _LIBC.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def end_with_parent(parent: int) -> None:
    """Have the kernel send this process SIGTERM when its parent dies; ends at once when that has happened already."""
    if _LIBC:
        _LIBC.prctl(PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def members(session: int) -> list[int]:
    """Return the processes of a session that are alive, as far as /proc tells."""
    return [pid for pid, _, their_session in _processes() if their_session == session]


def kill_session(session: int) -> None:
    """Kill every process of a session: a dead process must not leave half of itself behind."""
    for pid in members(session):
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)


def end_orphans(seconds: float) -> None:
    """Ask all processes that were left to us to end, and after so many seconds kill those that did not."""
    deadline = time.monotonic() + seconds
    asked: set[int] = set()
    while True:
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        orphans = [pid for pid, parent, _ in _processes() if parent == os.getpid()]
        if not orphans:
            return
        hurry = time.monotonic() > deadline
        for pid in orphans:
            if hurry or pid not in asked:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL if hurry else signal.SIGTERM)
            asked.add(pid)
        time.sleep(0.05)


def _watch(inner: int) -> int:
    """Hand signals on to the supervisor until it has ended, then end what it could not."""

    def hand_on(number: int, _frame: FrameType | None) -> None:
        with suppress(ProcessLookupError):
            os.kill(inner, number)

    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, hand_on)
    unblock_signals()
    code = _wait_for(inner)
    end_orphans(ESCALATE_SECONDS)
    if code < 0:
        sys.stderr.write("opus67: the supervisor was killed; everything it ran has been stopped. Start it again.\n")
        return 1
    return code


def _wait_for(inner: int) -> int:
    """Reap children, adopted ones too, until the supervisor has ended; return its exit code, negative for a signal."""
    while True:
        pid, status = os.wait()
        if pid == inner:
            return os.waitstatus_to_exitcode(status)


def _processes() -> Iterator[tuple[int, int, int]]:
    """Yield pid, parent and session of every live process; nothing where there is no /proc."""
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent, _group, session = entry.read_text(errors="replace").rpartition(")")[2].split()[:4]
        except (OSError, ValueError):
            continue
        if state not in {"Z", "X"}:
            yield int(entry.parent.name), int(parent), int(session)

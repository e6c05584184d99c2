"""Wakes workers from web processes without ever waiting for Redis: a thread does it, best effort.

The web processes have one such thread for all of them, in their parent: they answer faster, and are smaller, without.
"""

from __future__ import annotations

import os
import threading
import time
from contextlib import suppress
from itertools import chain
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

PAUSE_SECONDS = 0.01
"""From one wake-up to the next: workers take up no more than that, and each costs as much as ten webhooks."""

inherited: BackgroundWaker | None = None
"""What the parent of this process has made for it."""


class BackgroundWaker:
    """Hands ids through a pipe to a thread of the process that made it, which hands them to RQ.

    What has no room in the pipe is dropped: workers find what was stored all the same.
    """

    def __init__(self, url: str, key: bytes) -> None:
        self._url, self._key = url, key
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._writer, False)
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._at_work = threading.Lock()

    def delivery(self, guid: str) -> None:
        """Wake somebody for a stored delivery, soon; never blocks and never raises."""
        if os.getpid() == self._process:
            self.start()
        with suppress(OSError):
            os.write(self._writer, f"{guid}\n".encode())

    def start(self) -> None:
        """Have the thread read, unless it does."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="waker", daemon=True)
                self._thread.start()

    def at_rest(self) -> AbstractContextManager[object]:
        """Return what holds the thread at rest, so that this process may fork.

        What the thread held at that moment, such as the lock of a module that is being imported or one of a library's,
        would be held in the child for ever, by nobody. The thread imports nothing before it is at work: to read ASCII
        as text it would, and a web process that is forked just then never opens a file of such text.
        """
        return self._at_work

    def _work(self) -> None:
        with open(self._reader, "rb", closefd=False) as guids:
            first = next(guids)
            with self._at_work:
                from jobs.queue import Waker  # noqa: PLC0415 - web processes answer sooner without RQ

                waker = Waker(self._url, self._key)
            for guid in chain([first], guids):
                rested = time.monotonic() + PAUSE_SECONDS
                with self._at_work:
                    waker.delivery(guid.decode("ascii").strip())
                time.sleep(max(0.0, rested - time.monotonic()))

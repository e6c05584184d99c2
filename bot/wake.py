"""Wakes workers from the web process without ever waiting for Redis: a thread does it, best effort."""

from __future__ import annotations

import queue
import threading
import time

MOST_WAITING = 1000
"""Beyond this a wake-up is dropped: the clock's sweep finds what was stored."""
PAUSE_SECONDS = 0.01
"""Between two wake-ups while more wait: workers take up no more than that, and each costs as much as ten webhooks."""


class BackgroundWaker:
    """Hands ids to a thread of its own, which hands them to RQ."""

    def __init__(self, url: str, key: bytes) -> None:
        self._url, self._key = url, key
        self._waiting: queue.Queue[str] = queue.Queue(MOST_WAITING)
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def delivery(self, guid: str) -> None:
        """Wake somebody for a stored delivery, soon; never blocks and never raises."""
        self._start()
        try:
            self._waiting.put_nowait(guid)
        except queue.Full:
            return

    def _start(self) -> None:
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="waker", daemon=True)
                self._thread.start()

    def _work(self) -> None:
        from jobs.queue import Waker  # noqa: PLC0415 - the web process answers sooner, and is smaller, without RQ

        waker = Waker(self._url, self._key)
        while True:
            waker.delivery(self._waiting.get())
            if not self._waiting.empty():
                time.sleep(PAUSE_SECONDS)

"""Keeps deliveries in files while the database is locked, so that they are acknowledged all the same.

GitHub waits for ten seconds and does not come again by itself, and who waits longer may be killed meanwhile. What is
here is on the disk before it is acknowledged, as what is in the database, and goes there as soon as that is possible.
"""

from __future__ import annotations

import base64
import json
import logging
import os
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from jobs.types import Delivery

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bot.wake import BackgroundWaker
    from jobs.store import Store

PAUSE_SECONDS = 0.2
"""Between two tries to empty it."""
MOST_BYTES = 512 * 1024 * 1024
"""What may wait here; after that GitHub is told to keep the rest."""
ENDING = ".deliveries"

log = logging.getLogger(__name__)


class Spool:
    """One folder, shared by the web processes of a machine; whoever finds something there stores it."""

    def __init__(self, folder: Path, store: Store, waker: BackgroundWaker) -> None:
        self._folder, self._store, self._waker = folder, store, waker
        self._emptying = False
        self._lock = threading.Lock()
        if self._waiting():  # from a process that was ended
            self._begin()

    @property
    def is_in_use(self) -> bool:
        """Tell whether the database was locked a moment ago: nobody needs to wait for it to find that out again."""
        return self._emptying

    def keep(self, batch: Sequence[Delivery]) -> None:
        """Keep deliveries until they can be stored; raises OSError where they cannot be kept either."""
        self._folder.mkdir(mode=0o700, exist_ok=True)
        if sum(map(_size, self._waiting())) > MOST_BYTES:
            raise OSError(f"more than {MOST_BYTES} bytes of deliveries wait for the database")
        name = f"{time.time_ns():020d}-{os.getpid()}-{threading.get_ident()}"
        written = self._folder / f".{name}"
        try:
            _write(written, b"".join(map(_line, batch)))
            written.rename(self._folder / f"{name}{ENDING}")
            _write_out(self._folder)
        except OSError:
            written.unlink(missing_ok=True)
            raise
        self._begin()

    def _waiting(self) -> list[Path]:
        return sorted(self._folder.glob(f"[0-9]*{ENDING}"))

    def _begin(self) -> None:
        with self._lock:
            if not self._emptying:
                self._emptying = True
                threading.Thread(target=self._empty, name="spool", daemon=True).start()

    def _empty(self) -> None:
        """Store what waits, oldest first, until nothing does."""
        while True:
            with self._lock:
                waiting = self._waiting()
                if not waiting:
                    self._emptying = False
                    return
            for file in waiting:
                try:
                    self._store_all(file)
                except self._store.UNAVAILABLE as away:
                    log.warning("%d files of deliveries wait for the database: %s", len(waiting), away)
                    break
            time.sleep(PAUSE_SECONDS)

    def _store_all(self, file: Path) -> None:
        with suppress(FileNotFoundError):  # another web process was quicker
            try:
                batch = [_delivery(line) for line in file.read_bytes().splitlines()]
            except (ValueError, KeyError):
                log.exception("%s cannot be read and is set aside; GitHub has what was in it", file.name)
                file.rename(file.with_suffix(".unreadable"))
                return
            to_do = self._store.deliveries.add_all(batch)
            file.unlink()
            for delivery, is_to_do in zip(batch, to_do, strict=True):
                if is_to_do:
                    self._waker.delivery(delivery.guid)


def _size(file: Path) -> int:
    with suppress(FileNotFoundError):  # stored meanwhile
        return file.stat().st_size
    return 0


def _write(file: Path, content: bytes) -> None:
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:
        opened.write(content)
        opened.flush()
        os.fsync(opened.fileno())


def _write_out(folder: Path) -> None:
    """Have the disk know the names in a folder, too."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _line(delivery: Delivery) -> bytes:
    body = base64.b64encode(delivery.body).decode("ascii")
    told = [delivery.guid, delivery.source, delivery.event, body, delivery.received_at]
    return json.dumps(told).encode() + b"\n"


def _delivery(line: bytes) -> Delivery:
    guid, source, event, body, received_at = json.loads(line)
    return Delivery(guid, source, event, base64.b64decode(body, validate=True), received_at)

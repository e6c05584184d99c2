"""The audit's head is published and old rows are removed: so that a cut end is found, and nothing is kept too long.

Whoever can cut the end of the audit off can do it whole, with the key or without; a head that was published before, to
a log or a file that lies elsewhere, shows it.
"""

from __future__ import annotations

import logging
import os
import re
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from jobs.store import Head
from jobs.types import UserError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from jobs.store import Store

PUBLISH_SECONDS = 60.0
PRUNE_SECONDS = 3600.0
DAY = 86_400.0
_HEAD = re.compile(r"(\d{1,18}):([0-9a-f]{64})")
_LINE = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ) (\d{1,18}:[0-9a-f]{64})")
_FORM = "%Y-%m-%dT%H:%M:%SZ"

log = logging.getLogger(__name__)


class Keeper:
    """What the clock does for the audit; ``file`` takes the heads, ``days`` is how long rows are kept, 0 for ever."""

    def __init__(self, store: Store, file: Path | None, days: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._store, self._file, self._days, self._clock = store, file, days, clock
        self._publish_at = self._prune_at = clock()
        self._published = ""

    def look(self) -> None:
        """Do what is due; a database that is away is asked again at the next look."""
        now = self._clock()
        try:
            if self._days and now >= self._prune_at:
                self._prune_at = now + PRUNE_SECONDS
                self._prune()
            if now >= self._publish_at:
                self.publish()
                self._publish_at = now + PUBLISH_SECONDS
        except self._store.UNAVAILABLE as away:
            log.warning("the audit cannot be looked after now: %s", away)

    def publish(self) -> None:
        """Say the head, if it has moved since it was said last."""
        head = self._store.audit.head()
        if head is None or head.mac == self._published:
            return
        log.info("the audit's head is %d:%s", head.number, head.mac)
        if self._file is None or _append(self._file, head):
            self._published = head.mac

    def end(self) -> None:
        """Say the last head of this process."""
        try:
            self.publish()
        except self._store.UNAVAILABLE as away:
            log.warning("the audit's last head is not known: %s", away)

    def _prune(self) -> None:
        removed = self._store.audit.prune(time.time() - self._days * DAY)
        if removed:
            log.info("%d rows of the audit were older than %d days and are removed", removed, self._days)


def parse(text: str) -> Head:
    """Read a head as people copy it from a log, ``812:3f2a…``; raises UserError."""
    found = _HEAD.fullmatch(text.strip())
    if found is None:
        raise UserError(f"{text[:80]!r} is no head of the audit: it is a number, a colon and 64 hexadecimal digits.")
    return Head(int(found[1]), found[2])


def read(file: Path) -> tuple[list[Head], int]:
    """Return the heads in a file, and how many of its lines are none, such as one that was cut; raises UserError."""
    heads, strange = [], 0
    try:
        with file.open(encoding="ascii", errors="replace") as lines:
            for line in lines:
                found = _LINE.fullmatch(line.strip())
                if found is not None:
                    at = datetime.strptime(found[1], _FORM).replace(tzinfo=UTC).timestamp()
                    head = parse(found[2])
                    heads.append(Head(head.number, head.mac, at))
                strange += found is None and bool(line.strip())
    except (OSError, ValueError) as error:
        raise UserError(f"The heads in {file} cannot be read: {error}.") from error
    return heads, strange


def _append(file: Path, head: Head) -> bool:
    """Write a head to the end of the file and on the disk; tell whether that was possible."""
    line = f"{time.strftime(_FORM, time.gmtime(head.at))} {head.number}:{head.mac}\n".encode()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(file, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            size = os.fstat(descriptor).st_size
            cut = size and os.pread(descriptor, 1, size - 1) != b"\n"
            os.write(descriptor, (b"\n" if cut else b"") + line)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        log.warning("the audit's head could not be written to %s: %s", file, error)
        return False
    return True

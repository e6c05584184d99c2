"""Short-lived addresses under which logs and archives lie, as on the storage hosts that GitHub redirects to."""

from __future__ import annotations

import secrets
import tempfile
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from jobs.testing.github.workflows import Files, Log
    from jobs.testing.github.world import World

SECONDS = 60.0
"""https://docs.github.com/rest/actions/workflow-jobs#download-job-logs-for-a-workflow-run"""
PATH = "/_storage"
CHUNK = 65_536
IN_MEMORY = 4 * 1024 * 1024

Body = bytes | Iterator[bytes]


@dataclass(slots=True, eq=False)
class Stored:
    """What lies under one address; the body is made anew for each download."""

    body: Callable[[], Body]
    content_type: str
    expires_at: float


def keep(world: World, body: Callable[[], Body], content_type: str) -> str:
    """Give something an address for a minute and return it."""
    key = secrets.token_urlsafe(24)
    world.storage[key] = Stored(body, content_type, time.time() + SECONDS)
    return f"{world.url}{PATH}/{key}?sig={secrets.token_urlsafe(16)}"


def text(log: Log) -> Body:
    """Return a log as the body of an answer; nothing that is large is held in memory."""
    if isinstance(log, bytes):
        return log
    return _file(log) if isinstance(log, Path) else iter(log)


def archive(files: Files) -> bytes:
    """Return files as a zip archive."""
    with tempfile.SpooledTemporaryFile(IN_MEMORY) as packed:
        _pack(packed, [(name, [data]) for name, data in files.items()])
        return packed.read()


def log_archive(logs: Iterable[tuple[str, Log]]) -> Iterator[bytes]:
    """Yield the zip archive of several logs by their names."""
    with tempfile.SpooledTemporaryFile(IN_MEMORY) as packed:
        bodies = [(name, text(log)) for name, log in logs]
        _pack(packed, [(name, [body] if isinstance(body, bytes) else body) for name, body in bodies])
        while chunk := packed.read(CHUNK):
            yield chunk


def _pack(target: tempfile.SpooledTemporaryFile[bytes], entries: Iterable[tuple[str, Iterable[bytes]]]) -> None:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as made:
        for name, parts in entries:
            with made.open(name, "w") as entry:
                for part in parts:
                    entry.write(part)
    target.seek(0)


def _file(path: Path) -> Iterator[bytes]:
    with path.open("rb") as opened:
        while chunk := opened.read(CHUNK):
            yield chunk

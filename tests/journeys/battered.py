"""A town whose clock, disk, Valkey and PostgreSQL are in a test's hand."""

from __future__ import annotations

import os
import sqlite3
import subprocess
from contextlib import closing, contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING

from redis import Redis

from tests.conftest import short_folder
from tests.journeys.town import Town
from tests.needs import CURES, bubblewrap_works, requires
from tests.waiting import until

if TYPE_CHECKING:
    import signal
    from collections.abc import Iterator
    from pathlib import Path

CLOCK = '''\
"""Sets the clock of every process by what a file says, as somebody who sets the machine's would."""

import time
from pathlib import Path

_file, _true = Path(__file__).with_name("ahead"), time.time


def _set() -> float:
    try:
        return _true() + float(_file.read_text())
    except (OSError, ValueError):
        return _true()


time.time = _set
'''
ROOM = "64m"


class Battered:
    """A town and what can be done to the ground that it stands on."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.home, self.var = town.product.home, town.product.home / "var"
        self.stopped = 0

    def set_clock(self, ahead: float) -> None:
        """Set the clock of all processes so many seconds ahead of the true time, at once."""
        file = self.home / "ahead"
        file.with_suffix(".new").write_text(str(ahead))
        file.with_suffix(".new").rename(file)

    @contextmanager
    def full_disk(self) -> Iterator[None]:
        """Take all the room that is left on the disk, also what SQLite's log would use again, and give it back."""
        with closing(sqlite3.connect(self.var / "opus67.sqlite3", timeout=10)) as connection:
            until(partial(_emptied, connection), seconds=20, what="an empty log")
        try:
            self._fill()
            yield
        finally:
            for name in ("fill", "rest"):
                (self.var / name).unlink(missing_ok=True)

    def _fill(self) -> None:
        with suppress(OSError), (self.var / "fill").open("ab", buffering=0) as file:
            while True:
                file.write(bytes(65536))
        with suppress(OSError), (self.var / "rest").open("ab", buffering=0) as file:
            while True:
                file.write(bytes(1))

    def valkey(self) -> Redis:
        """Return a connection to the embedded Valkey."""
        lines = (line.partition(" ") for line in (self.var / "valkey" / "valkey.conf").read_text().splitlines())
        said = {name: value.strip('"') for name, _, value in lines}
        return Redis(unix_socket_path=said["unixsocket"], password=said["requirepass"], socket_timeout=5)

    def signal_valkey(self, number: signal.Signals) -> None:
        """Send a signal to Valkey's process."""
        with self.valkey() as connection:
            process = int(connection.info("server")["process_id"])
        os.kill(process, number)
        self.stopped = process


def _emptied(connection: sqlite3.Connection) -> bool:
    """Have SQLite put its log into the database and cut it; False while somebody still reads there."""
    busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return not busy


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """Mount a disk of little room at a folder."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={ROOM},mode=0700", "opus67-test", str(folder)]
    mounted = subprocess.run(command, capture_output=True, timeout=20, check=False).returncode == 0
    requires(mounted, "the right to mount a tmpfs", "run the tests as root")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], capture_output=True, timeout=20, check=False)


@contextmanager
def battered(**changes: str) -> Iterator[Battered]:
    """Run a town on a small disk, with a clock that can be set."""
    requires(bubblewrap_works(), "bubblewrap", CURES["bubblewrap"])
    with short_folder("o67-b-") as home, small_disk(home / "var"):
        (home / "sitecustomize.py").write_text(CLOCK)
        town = Town.build(home, os.environ, PYTHONPATH=str(home), **changes)
        with town.product as product:
            product.up()
            try:
                yield Battered(town)
            finally:
                town.close()

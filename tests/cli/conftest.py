"""What the tests of the command line share: running it as people do, and looking at the processes it leaves."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

ROOT = Path(__file__).parents[2]


@dataclass
class Running:
    """A program that was started, what it wrote so far, and the processes that it started."""

    popen: subprocess.Popen[bytes]
    log: Path
    ever: set[int] = field(default_factory=set)

    @property
    def output(self) -> str:
        """What it wrote so far."""
        return self.log.read_text(errors="replace")

    def until_says(self, text: str, *, times: int = 1, seconds: float = 60.0) -> str:
        """Wait until its output has a text, so many times, and return the output."""
        until(lambda: self.output.count(text) >= times or self.popen.poll() is not None, seconds=seconds, what=text)
        assert self.output.count(text) >= times, self.output
        return self.output

    def family(self) -> list[int]:
        """Return the processes that descend from it now, and remember them."""
        found = descendants(self.popen.pid)
        self.ever |= set(found)
        return found

    def ends(self, *, seconds: float = 60.0) -> int:
        """Wait for its end and return its exit code."""
        return self.popen.wait(seconds)

    def survivors(self) -> list[int]:
        """Return those of the family that are still alive."""
        return [pid for pid in self.ever if alive(pid)]


def alive(pid: int) -> bool:
    """Tell whether a process runs (a zombie does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in {"Z", "X"}
    except OSError:
        return False


def command_line(pid: int) -> list[str]:
    """Return the words of a process's command, or none when it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace").split("\0")[:-1]
    except OSError:
        return []


def descendants(pid: int) -> list[int]:
    """Return all processes below a process."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError, IndexError):
            parent = int(stat.read_text(errors="replace").rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(stat.parent.name))
    found, rest = [], [pid]
    while rest:
        below = children.get(rest.pop(), [])
        found += below
        rest += below
    return found


class Stage:
    """Starts programs for one test, and ends them with all they started."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.running: list[Running] = []

    def start(
        self, command: Sequence[str], environment: Mapping[str, str] | None = None, *, into: int | None = None
    ) -> Running:
        """Start a program in an empty folder, without a terminal, its output in a log or in a descriptor."""
        log = self.folder / f"log-{len(self.running)}"
        with log.open("wb") as output:
            popen = subprocess.Popen(
                list(command),
                cwd=self.folder,
                env={**os.environ, **(environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=output if into is None else into,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.running.append(Running(popen, log))
        return self.running[-1]

    def act(
        self, *processes: tuple[str, str], into: int | None = None, database: str = "", **patience: float
    ) -> Running:
        """Run the real supervisor over small Python programs."""
        command = [sys.executable, "-m", "tests.cli.act", json.dumps(processes), json.dumps(patience), database]
        return self.start(command, {"PYTHONPATH": str(ROOT)}, into=into)

    def opus67(self, *words: str, **environment: str) -> Running:
        """Run the command line."""
        return self.start([sys.executable, "-P", "-m", "bot.cli", *words], environment)

    def clear(self) -> None:
        """End everything."""
        for running in self.running:
            running.family()
            for pid in (running.popen.pid, *running.ever):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            running.popen.wait(10)


@pytest.fixture
def stage(home: Path) -> Iterator[Stage]:
    """Yield a place to start programs from; nothing survives it."""
    stage = Stage(home)
    try:
        yield stage
    finally:
        stage.clear()

"""One supervised process: how it is started in a session of its own, and when it may be started again."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bot.up.guard import end_with_parent, kill_session

if TYPE_CHECKING:
    import socket

LONGEST_BUFFER = 65_536


@dataclass(frozen=True, slots=True)
class Patience:
    """How long the supervisor tries: the pause doubles after each death in a row, and after the last it gives up."""

    first_delay: float = 0.5
    longest_delay: float = 30.0
    most_deaths: int = 8
    """With these pauses, a little more than a minute."""
    steady_seconds: float = 20.0
    """A process that lived so long has recovered: its earlier deaths are forgotten."""

    def delay(self, deaths: int) -> float:
        """Return the seconds to wait before a process is started again after so many deaths in a row."""
        return float(min(self.first_delay * 2 ** (deaths - 1), self.longest_delay))


@dataclass(frozen=True, slots=True)
class Process:
    """What is to run: its name in the output, its command, its whole environment."""

    name: str
    command: tuple[str, ...]
    environment: dict[str, str] = field(repr=False)
    listener: socket.socket | None = None
    """What it gets as its standard input."""


@dataclass(slots=True)
class Child:
    """A process as it runs, or waits to be started again."""

    process: Process
    patience: Patience = field(default_factory=Patience)
    popen: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    deaths: int = 0
    start_at: float = 0.0
    buffer: bytes = b""
    silent: bool = False
    """True once it has closed its output, which it may do long before it ends."""

    def start(self) -> int:
        """Start it and return the descriptor of its output."""
        parent, listener = os.getpid(), self.process.listener
        # The supervisor has one thread, so code between fork and exec is safe here.
        self.popen = subprocess.Popen(
            self.process.command,
            env=self.process.environment,
            stdin=subprocess.DEVNULL if listener is None else listener.fileno(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=lambda: end_with_parent(parent),  # noqa: PLW1509 - one thread, see above
        )
        self.started_at = time.monotonic()
        self.silent = False
        return self.output

    @property
    def output(self) -> int:
        """The descriptor of its output, while it runs."""
        assert self.popen is not None  # noqa: S101 - asked for between start and bury only
        assert self.popen.stdout is not None  # noqa: S101 - it is a pipe
        return self.popen.stdout.fileno()

    def running(self) -> bool:
        """Tell whether it runs now."""
        return self.popen is not None and self.popen.poll() is None

    def read(self) -> list[bytes]:
        """Return the whole lines that are there to read, without waiting; a line without an end is cut at a cap."""
        with suppress(BlockingIOError):
            fresh = os.read(self.output, LONGEST_BUFFER)
            self.buffer += fresh
            self.silent = not fresh
        *lines, self.buffer = self.buffer.split(b"\n")
        if len(self.buffer) >= LONGEST_BUFFER:
            lines, self.buffer = [*lines, self.buffer], b""
        return lines

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal, when it runs."""
        if self.popen is not None and self.running():
            self.popen.send_signal(number)

    def kill(self) -> None:
        """Kill it and everything that it started in its session."""
        if self.popen is not None:
            kill_session(self.popen.pid)
            self.signal(signal.SIGKILL)

    def bury(self) -> int:
        """End what it left behind, note its death, and return its exit code (negative for a signal)."""
        assert self.popen is not None  # noqa: S101 - called for a process that ran
        code = self.popen.wait()
        kill_session(self.popen.pid)
        if self.popen.stdout is not None:
            self.popen.stdout.close()
        lived = time.monotonic() - self.started_at
        self.popen, self.buffer = None, b""
        self.deaths = 1 if lived >= self.patience.steady_seconds else self.deaths + 1
        self.start_at = time.monotonic() + self.patience.delay(self.deaths)
        return code


def ending(code: int) -> str:
    """Say how a process ended."""
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"was killed by signal {-code}"

"""The supervisor's output: each line names its process, and a terminal that stands still stops nobody."""

from __future__ import annotations

import os
import select
from dataclasses import dataclass

LONGEST_LINE = 3_500
"""Bytes that one write carries: a pipe that is writable takes 4096 without blocking."""
OURS = "up"


@dataclass(slots=True)
class Console:
    """Writes prefixed lines to a file descriptor, and drops them while nobody reads."""

    descriptor: int
    width: int = 9
    dropped: int = 0
    closed: bool = False
    """True once the reader has gone away."""

    def say(self, text: str) -> None:
        """Write what the supervisor itself has to say."""
        for line in text.splitlines():
            self.line(OURS, line.encode())

    def line(self, name: str, line: bytes) -> None:
        """Write one line of a process."""
        prefix = f"{name:<{self.width}}| ".encode()
        for start in range(0, len(line) or 1, LONGEST_LINE):
            self._write(prefix + line[start : start + LONGEST_LINE] + b"\n")

    def _write(self, line: bytes) -> None:
        if self.closed or not self._writable():
            self.dropped += 1
            return
        if self.dropped:
            lost, self.dropped = self.dropped, 0
            self._write(f"{OURS:<{self.width}}| {lost} lines were lost while nobody read this output\n".encode())
        try:
            os.write(self.descriptor, line)
        except OSError:
            self.closed = True

    def _writable(self) -> bool:
        return bool(select.select([], [self.descriptor], [], 0)[1])

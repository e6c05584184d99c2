"""The one shell that keeps its directory and variables."""

from __future__ import annotations

import contextlib
import fcntl
import os

from .output import CHUNK, Output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .server import Runner

PIPE_SIZE = 1 << 18
COMMAND_FD, STATUS_FD = 200, 201
F_SETPIPE_SZ = 1031
SESSION = f"""
while IFS= builtin read -r -d '' -u {COMMAND_FD} __opus67; do
builtin eval "$__opus67" {COMMAND_FD}<&- {STATUS_FD}>&-
builtin printf '%d\\0' "$?" >&{STATUS_FD}
done
"""


class Session:
    """The one bash that keeps its directory and variables between commands."""

    def __init__(self, runner: Runner) -> None:
        self.runner = runner
        self.status = bytearray()
        self.output = Output(CHUNK)
        command_read, self.commands = os.pipe()
        self.statuses, status_write = os.pipe()
        self.printed, print_write = os.pipe()
        fcntl.fcntl(self.commands, F_SETPIPE_SZ, PIPE_SIZE)
        os.dup2(command_read, COMMAND_FD)
        os.dup2(status_write, STATUS_FD)
        self.pid = runner.spawn(SESSION, print_write, "/workspace", (COMMAND_FD, STATUS_FD))
        for descriptor in (command_read, status_write, print_write, COMMAND_FD, STATUS_FD):
            os.close(descriptor)
        runner.watch(self.statuses, self.take_status)
        runner.watch(self.printed, self.take_output)

    def take_status(self, data: bytes) -> None:
        """Collect the exit code that the shell reports after a command."""
        self.status += data[:16]

    def take_output(self, data: bytes) -> None:
        """Collect what was printed, also between commands."""
        self.output.add(data)

    def send(self, command: str, limit: int) -> None:
        """Give the shell its next command, with a fresh account of the output."""
        earlier, self.output = self.output, Output(limit)
        self.output.add(earlier.text())
        self.status.clear()
        # A shell that has just ended is found out by its exit code, not here.
        with contextlib.suppress(BrokenPipeError):
            os.write(self.commands, command.encode("utf-8", "surrogateescape") + b"\0")

    def close(self) -> None:
        """Let go of the pipes; the shell itself has ended or is killed by the caller."""
        for descriptor in (self.statuses, self.printed):
            self.runner.forget(descriptor)
        os.close(self.commands)

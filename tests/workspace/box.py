"""The smallest sandbox there is: one bubblewrap per command, for tests of what the workspace does in any sandbox."""

from __future__ import annotations

import subprocess
import time
from typing import TYPE_CHECKING

from jobs.types import CommandResult, SandboxFileError

if TYPE_CHECKING:
    from pathlib import Path


class Box:
    """A sandbox whose /workspace, /tmp and /mirror are folders of the host; everything else is read-only or absent."""

    name = "box"
    resumed = False
    outlives = True

    def __init__(self, folder: Path, mirror: Path) -> None:
        self.workspace = folder / "workspace"
        self.temporary = folder / "tmp"
        self.mirror = mirror
        for part in (self.workspace, self.temporary):
            part.mkdir(parents=True)

    def _command(self, cwd: str) -> list[str]:
        return [
            "bwrap",
            *("--unshare-all", "--die-with-parent", "--cap-drop", "ALL", "--clearenv", "--ro-bind", "/usr", "/usr"),
            *("--symlink", "usr/bin", "/bin", "--symlink", "usr/lib", "/lib", "--symlink", "usr/lib64", "/lib64"),
            *("--proc", "/proc", "--dev", "/dev", "--setenv", "PATH", "/usr/local/bin:/usr/bin:/bin"),
            *("--bind", str(self.workspace), "/workspace", "--bind", str(self.temporary), "/tmp"),
            *("--ro-bind", str(self.mirror), "/mirror", "--chdir", cwd),
        ]

    def run(
        self,
        command: str,
        *,
        timeout: float,
        session: bool = False,
        output_limit: int = 30_000,
        cwd: str = "/workspace",
    ) -> CommandResult:
        """Run a command line in a bubblewrap of its own."""
        assert not session
        started = time.monotonic()
        try:
            done = subprocess.run(
                [*self._command(cwd), "bash", "-c", command],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=timeout,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return CommandResult(124, "", time.monotonic() - started, timed_out=True)
        output = done.stdout.decode(errors="replace")
        return CommandResult(done.returncode, output[:output_limit], time.monotonic() - started)

    def must(self, command: str) -> str:
        """Run a command that has to succeed and return what it printed."""
        result = self.run(command, timeout=60)
        assert result.exit_code == 0, result.output
        return result.output

    def _on_host(self, path: str) -> Path:
        for inside, folder in (("/workspace/", self.workspace), ("/tmp/", self.temporary)):
            if path.startswith(inside):
                return folder / path.removeprefix(inside)
        raise SandboxFileError(f"{path} is not to be had here")

    def read(self, path: str, *, limit: int) -> bytes:
        """Return a file's bytes."""
        file = self._on_host(path)
        if file.is_symlink() or not file.is_file():
            raise SandboxFileError(f"{path} is no regular file")
        data = file.read_bytes()
        if len(data) > limit:
            raise SandboxFileError(f"{path} has more than {limit} bytes")
        return data

    def write(self, path: str, data: bytes) -> None:
        """Write a file."""
        self._on_host(path).write_bytes(data)

    def allow(self, hosts: object) -> None:
        """Let nothing through, whatever is asked for."""

    def blocked(self) -> tuple[()]:
        """Return nothing: there is no proxy."""
        return ()

    def detach(self) -> None:
        """Let go of it."""

    def close(self) -> None:
        """End it."""

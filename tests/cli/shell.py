"""A person at a command line: as an operator, elsewhere with a token, and on a terminal."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from tests.journeys.town import Town

SECONDS = 60.0


@dataclass
class Shell:
    """A person at a command line, with the settings of the town or with a token for it."""

    town: Town
    folder: Path
    settings: dict[str, str] = field(default_factory=dict)

    def run(self, *words: str, text: str = "") -> subprocess.CompletedProcess[str]:
        """Run a command to its end, without a terminal."""
        return subprocess.run(
            command(*words),
            cwd=self.folder,
            env=self.settings,
            input=text,
            capture_output=True,
            text=True,
            timeout=SECONDS * 2,
            check=False,
        )

    def document(self, *words: str) -> dict[str, Any]:
        """Run a command with ``--json`` and return the one document that it prints."""
        found: dict[str, Any] = json.loads(self.run(*words, "--json").stdout)
        return found

    def elsewhere(self, login: str = "ada") -> Shell:
        """Return somebody on another machine, with a token of that login."""
        made = self.document("token", "create", f"{login}-{time.monotonic_ns()}", "--login", login)
        url = f"http://127.0.0.1:{self.town.product.port}"
        kept = {name: value for name, value in self.settings.items() if name in {"PATH", "LANG"}}
        remote = {**kept, "HOME": str(self.folder), "OPUS67_URL": url, "OPUS67_TOKEN": made["data"]["token"]}
        return Shell(self.town, self.folder, remote)


def command(*words: str) -> list[str]:
    """Return the command line as a process."""
    return [sys.executable, "-P", "-m", "bot.cli", *words]


class Terminal:
    """A process on a terminal of its own."""

    def __init__(self, shell: Shell, *words: str, **settings: str) -> None:
        self.pid, self.descriptor = pty.fork()
        if self.pid == 0:
            os.chdir(shell.folder)
            os.execve(sys.executable, command(*words), {**shell.settings, "COLUMNS": "80", **settings})  # noqa: S606
        self.seen = ""

    def until(self, words: str) -> str:
        """Read until it has shown words."""
        deadline = time.monotonic() + SECONDS
        while words not in self.seen:
            assert time.monotonic() < deadline, self.seen
            self._read()
        return self.seen

    def type(self, words: str) -> None:
        """Type a line."""
        os.write(self.descriptor, f"{words}\n".encode())

    def ends(self) -> int:
        """Return the exit code."""
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline and self._read():
            pass
        _, status = os.waitpid(self.pid, 0)
        os.close(self.descriptor)
        return os.waitstatus_to_exitcode(status)

    def _read(self) -> bool:
        if select.select([self.descriptor], [], [], 0.5)[0]:
            try:
                self.seen += os.read(self.descriptor, 65536).decode(errors="replace").replace("\r", "")
            except OSError:
                return False
        return True

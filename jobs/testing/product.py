"""The whole product on loopback: `opus67 up` as its own processes, a local GitHub and a model that plays a script.

The demo, the journeys and the measurements stand on it; nothing of ours is replaced in it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Self

from config.settings import load
from jobs.store import Store
from jobs.testing.github import LocalGitHub
from jobs.testing.models import MessagesAPI
from jobs.testing.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from jobs.testing.models.script import Answerer, Script
    from jobs.types import Task

START_SECONDS = 60.0
STOP_SECONDS = 30.0
KEY = "a-key-of-the-scripted-model"
KEPT = ("PATH", "HOME", "LANG", "SSL_CERT_FILE", "SSL_CERT_DIR", "TMPDIR")


class Product:
    """A running installation under ``home``; ``changes`` are settings to add or replace."""

    def __init__(
        self,
        home: Path,
        script: Answerer | Script,
        *,
        environment: Mapping[str, str],
        changes: Mapping[str, str] | None = None,
    ) -> None:
        self.home = home
        self.port = free_port()
        self.model = MessagesAPI(script, api_key=KEY)
        self.github = LocalGitHub(home / "github")
        self._inherited = {name: value for name, value in environment.items() if name in KEPT}
        self._changes = dict(changes or {})
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.github.start()
        self.model.start()
        self.github.webhook_url = f"http://127.0.0.1:{self.port}/webhooks/github"
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()
        self.model.stop()
        self.github.stop()

    @property
    def environment(self) -> dict[str, str]:
        """The settings of the installation."""
        return {
            **self._inherited,
            **self.github.environment(),
            "ANTHROPIC_API_KEY": KEY,
            "ANTHROPIC_BASE_URL": self.model.url,
            "OPUS67_HOME": str(self.home / "var"),
            "OPUS67_PUBLIC_URL": f"http://127.0.0.1:{self.port}",
            "PORT": str(self.port),
            **self._changes,
        }

    @property
    def store(self) -> Store:
        """The installation's database, to look into."""
        return Store.of(load(self.environment, dotenv=None))

    @property
    def log(self) -> str:
        """All that the processes have said."""
        file = self.home / "up.log"
        return file.read_text(errors="replace") if file.exists() else ""

    def up(self) -> Self:
        """Start the processes and wait until they answer."""
        command = [sys.executable, "-m", "bot.cli", "up"]
        with (self.home / "up.log").open("ab") as log:
            self._process = subprocess.Popen(
                command,
                cwd=self.home,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.wait_until_healthy()
        return self

    def wait_until_healthy(self) -> None:
        """Wait until deliveries can be stored; raises RuntimeError with the log when that takes too long."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self._process is not None and self._process.poll() is not None:
                break
            if self.healthy():
                return
            time.sleep(0.02)
        raise RuntimeError(f"opus67 up did not come up:\n{self.log[-4000:]}")

    def healthy(self) -> bool:
        """Tell whether /health answers."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health", timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def stop(self) -> int:
        """Stop the processes as an operator would, and return their exit code."""
        process, self._process = self._process, None
        if process is None:
            return 0
        process.send_signal(signal.SIGTERM)
        try:
            return process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            return process.wait()

    def processes(self, command: str) -> list[int]:
        """Return the process ids of one of the commands that `opus67 up` runs, such as ``worker``."""
        found = []
        for folder in _process_folders():
            words = _read(folder / "cmdline").split(b"\0")
            home = f"OPUS67_HOME={self.environment['OPUS67_HOME']}".encode()
            if b"bot.cli" in words and command.encode() in words and home in _read(folder / "environ").split(b"\0"):
                found.append(int(folder.name))
        return sorted(found)

    def tasks(self) -> list[Task]:
        """Return all tasks, newest first."""
        store = self.store
        try:
            return list(store.tasks.recent())
        finally:
            store.close()


def _process_folders() -> list[Path]:
    from pathlib import Path  # noqa: PLC0415 - used by one function

    return [folder for folder in Path("/proc").iterdir() if folder.name.isdigit()]


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""

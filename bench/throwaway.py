"""Starts the real command line with throwaway settings in a temporary home, for the measurements."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from jobs.testing.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

NOBODY = "http://127.0.0.1:9"
"""Where nobody listens: the measurements need no GitHub and no model."""


def settings(home: Path) -> dict[str, str]:
    """Return an environment in which everything starts and nothing outside is reached."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()
    return {
        "PATH": os.environ["PATH"],
        "OPUS67_HOME": str(home),
        "OPUS67_WORKERS": "1",
        "PORT": str(free_port()),
        "GITHUB_APP_ID": "67",
        "GITHUB_PRIVATE_KEY": pem,
        "GITHUB_WEBHOOK_SECRET": "throwaway-webhook-secret",
        "GITHUB_API_URL": NOBODY,
        "GITHUB_SERVER_URL": NOBODY,
        "ANTHROPIC_API_KEY": "throwaway-key",
        "ANTHROPIC_BASE_URL": NOBODY,
    }


@contextmanager
def temporary_home() -> Iterator[Path]:
    """Yield an empty folder that is removed afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="opus67-bench-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def opus67(*words: str, environment: dict[str, str], home: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command, its output in a log under the home, and stop it afterwards."""
    command = [sys.executable, "-P", "-m", "bot.cli", *words]
    with (home / "log").open("ab") as log:
        process = subprocess.Popen(command, cwd=home, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(12)
        except subprocess.TimeoutExpired:
            process.kill()


def wait_for_health(port: str, process: subprocess.Popen[bytes], home: Path, seconds: float = 30.0) -> None:
    """Wait until the web process answers; ends the program with its log where it does not."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=1):
            return
        time.sleep(0.005)
    raise SystemExit(f"It did not come up:\n{(home / 'log').read_text(errors='replace')}")


def table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    """Print a Markdown table."""
    print(f"| {' | '.join(head)} |")
    print(f"|---|{'--:|' * (len(head) - 1)}")
    for row in rows:
        print(f"| {' | '.join(row)} |")

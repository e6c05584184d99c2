"""What a test needs of the machine: skipped with a reason for a user, an error in CI."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from functools import cache
from pathlib import Path

import pytest

DOCKER_CURE = "install docker.io and start dockerd (deploy/prepare test)"
CURES = {
    "docker": DOCKER_CURE,
    "bubblewrap": "apt-get install --no-install-recommends bubblewrap",
    "postgresql": "apt-get install --no-install-recommends postgresql",
    "chromium": "apt-get install --no-install-recommends chromium",
}


def in_ci() -> bool:
    """Tell whether absence is an error here."""
    return os.environ.get("CI", "").lower() in {"1", "true", "yes"}


def requires(present: object, what: str, cure: str = "") -> None:
    """Go on when ``present`` is true; else skip this test with its reason, or fail it in CI."""
    if present:
        return
    reason = f"needs {what}" + (f"; to have it: {cure}" if cure else "")
    if in_ci():
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


@cache
def docker_socket() -> str:
    """Return the path of the Docker engine's socket when an engine answers there, else nothing."""
    host = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
    path = host.removeprefix("unix://")
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(5)
            connection.connect(path)
            connection.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
            return path if b" 200 " in connection.recv(64) else ""
    except OSError:
        return ""


@cache
def bubblewrap_works() -> bool:
    """Tell whether bubblewrap is here and may make its namespaces on this kernel."""
    program = shutil.which("bwrap")
    if program is None:
        return False
    command = [program, "--unshare-all", "--ro-bind", "/", "/", "true"]
    return subprocess.run(command, capture_output=True, timeout=20, check=False).returncode == 0


@cache
def postgresql_programs() -> Path | None:
    """Return the folder of initdb and pg_ctl, the newest version's where there are several."""
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    folders = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    versions = sorted(folders, key=lambda path: int(path.parts[-3]) if path.parts[-3].isdigit() else 0)
    return versions[-1].parent if versions else None


@cache
def chromium() -> str:
    """Return the path of a Chromium browser, or nothing."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return path
    return ""


PRESENT = {
    "docker": docker_socket,
    "bubblewrap": bubblewrap_works,
    "postgresql": postgresql_programs,
    "chromium": chromium,
}

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
    "podman": "install podman and start its service (podman system service --time=0), with a runtime that starts here",
    "bubblewrap": "apt-get install --no-install-recommends bubblewrap",
    "postgresql": "apt-get install --no-install-recommends postgresql",
    "chromium": "apt-get install --no-install-recommends chromium",
}


OPTIONAL = {"podman"}
"""What may be absent in CI too: podman takes docker's code, and a second image would double the time of a run."""


def in_ci() -> bool:
    """Tell whether absence is an error here."""
    return os.environ.get("CI", "").lower() in {"1", "true", "yes"}


def requires(present: object, what: str, cure: str = "") -> None:
    """Go on when ``present`` is true; else skip this test with its reason, or fail it in CI."""
    if present:
        return
    reason = f"needs {what}" + (f"; to have it: {cure}" if cure else "")
    if in_ci() and what not in OPTIONAL:
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
def podman_works() -> bool:
    """Tell whether podman's service answers, has the sandbox's image or can build it, and starts a bare container."""
    from docker.errors import APIError  # noqa: PLC0415 - heavy, and few tests need it

    from jobs.sandbox import image  # noqa: PLC0415 - as above
    from jobs.sandbox.api import DEFAULT_IMAGE, client  # noqa: PLC0415 - as above
    from jobs.sandbox.places import engine_socket  # noqa: PLC0415 - as above

    if not engine_socket("podman"):
        return False
    image.build("podman", "", None, print)
    api = client("podman")
    try:
        limits = [{"Name": name, "Soft": 1024, "Hard": 1024} for name in ("nofile", "nproc")]
        config = api.create_host_config(network_mode="none", ulimits=limits)
        bare = api.create_container(DEFAULT_IMAGE, command=["true"], host_config=config)["Id"]
        try:
            api.start(bare)
            api.wait(bare)
        except APIError:
            return False
        finally:
            api.remove_container(bare, force=True)
    finally:
        api.close()
    return True


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
    "podman": podman_works,
    "bubblewrap": bubblewrap_works,
    "postgresql": postgresql_programs,
    "chromium": chromium,
}

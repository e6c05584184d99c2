"""Where sandboxes meet the host: the folder of each one, and the sockets of engines."""

from __future__ import annotations

import errno
import os
import re
import shutil
import socket
from pathlib import Path

from jobs.types import DiskFull, SandboxError

NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,79}")
INSIDE = Path(__file__).with_name("inside")
ENTRY = "__main__.py"
PING_TIMEOUT = 2.0
PROOF_PREFIX = "proof-"
"""Names of the doctor's sandboxes, which belong to no task and yet are not orphans."""
SPARE_PREFIX = "spare-"
"""Names of sandboxes that no run has taken yet; see spares.py, which also ends them."""
SPARE_AGE = 86_400.0
"""Seconds after which the folder of a spare is left over for certain."""


def run_folder(home: Path, name: str) -> Path:
    """Make the folder that a sandbox sees at /run/opus67, with what runs inside, and return it."""
    if not NAME.fullmatch(name):
        raise SandboxError(f"{name!r} cannot name a sandbox; use letters, digits, dots, dashes and underscores.")
    parent = home / "run"
    folder = parent / name
    try:
        parent.mkdir(parents=True, exist_ok=True, mode=0o711)
        folder.mkdir(exist_ok=True)
        folder.chmod(0o755)
        _deliver(folder)
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise DiskFull(f"{folder} cannot be written; make room under OPUS67_HOME") from error
        raise SandboxError(f"The folder {folder} cannot be written ({error.strerror}); check OPUS67_HOME.") from error
    return folder


def _deliver(folder: Path) -> None:
    """Put what runs inside into a folder, readable whatever this process's umask is."""
    package = folder / INSIDE.name
    package.mkdir(exist_ok=True)
    package.chmod(0o755)
    contents = {package / source.name: source.read_bytes() for source in INSIDE.glob("*.py")}
    contents[folder / ENTRY] = f"from {INSIDE.name}.server import main\n\nmain()\n".encode()
    for path, content in contents.items():
        path.write_bytes(content)
        path.chmod(0o644)


def remove_folder(home: Path, name: str) -> None:
    """Remove a sandbox's folder; does nothing when there is none."""
    shutil.rmtree(home / "run" / name, ignore_errors=True)


def move_folder(home: Path, name: str, to: str) -> bool:
    """Give a sandbox's folder another name; False where there is none, such as when another process was quicker."""
    remove_folder(home, to)
    try:
        (home / "run" / name).rename(home / "run" / to)
    except OSError:
        return False
    return True


def leftover_folders(home: Path, before: float) -> list[str]:
    """Return the names of sandboxes whose folder was last changed before a time, in seconds since the epoch."""
    found = []
    for folder in sorted((home / "run").glob("*")):
        try:
            limit = before - SPARE_AGE if folder.name.startswith(SPARE_PREFIX) else before
            if folder.is_dir() and folder.stat().st_mtime < limit and (folder / ENTRY).exists():
                found.append(folder.name)
        except OSError:
            continue
    return found


def engine_socket(provider: str) -> str:
    """Return the path of the engine's socket when it answers there, else nothing."""
    user = f"/run/user/{os.geteuid()}"
    paths = {
        "docker": ("/var/run/docker.sock", f"{user}/docker.sock"),
        "podman": ("/run/podman/podman.sock", f"{user}/podman/podman.sock"),
    }
    return next((path for path in paths[provider] if _answers(path)), "")


def _answers(path: str) -> bool:
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(PING_TIMEOUT)
            connection.connect(path)
            connection.sendall(b"GET /_ping HTTP/1.0\r\nHost: engine\r\n\r\n")
            return b" 200 " in connection.recv(64)
    except OSError:
        return False

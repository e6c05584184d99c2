"""The root of a bubblewrap sandbox: the host's /usr read-only and a minimal /etc, nothing else of the host."""

from __future__ import annotations

from pathlib import Path

from jobs.types import SandboxError

LINKS = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
SHARED = (
    "/etc/alternatives",
    "/etc/ssl/certs",
    "/etc/ca-certificates",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
)
"""Public parts of /etc without which programs of /usr do not run: which editor is "editor", which authorities sign."""


def links() -> list[str]:
    """Return bubblewrap's arguments for the top-level folders that live in /usr, or on old hosts beside it."""
    arguments = []
    for name in LINKS:
        path = Path("/") / name
        if path.is_symlink():
            arguments += ["--symlink", f"usr/{name}", str(path)]
        elif path.is_dir():
            arguments += ["--ro-bind", str(path), str(path)]
    return arguments


def alternatives() -> list[str]:
    """Return bubblewrap's arguments for the public parts of /etc."""
    arguments = []
    for path in SHARED:
        arguments += ["--ro-bind-try", path, path]
    return arguments


def files(user: str) -> dict[str, str]:
    """Return the small files of /etc that are made for the sandbox, by path."""
    return {
        "/etc/passwd": "root:x:0:0:root:/nonexistent:/usr/sbin/nologin\n"
        f"agent:x:{user}:{user}:agent:/home/agent:/bin/bash\n",
        "/etc/group": f"root:x:0:\nagent:x:{user}:\n",
        "/etc/hosts": "127.0.0.1 localhost sandbox\n::1 localhost\n",
        "/etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
    }


def python() -> str:
    """Return the host's Python that a sandbox can see too; raises ``SandboxError`` when /usr has none."""
    for path in ("/usr/bin/python3", "/usr/local/bin/python3"):
        if Path(path).exists() and Path(path).resolve().is_relative_to("/usr"):
            return path
    raise SandboxError("bubblewrap sandboxes need Python in /usr; install it (Debian: apt-get install python3).")

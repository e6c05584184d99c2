"""``opus67 up``: web, workers and clock under one supervisor, with what is not named elsewhere embedded."""

from __future__ import annotations

import fcntl
import os
import socket
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from bot import embedded
from bot.receiving.listening import listen
from bot.up.banner import banner
from bot.up.child import Process
from bot.up.console import Console
from bot.up.guard import guarded
from bot.up.supervisor import StopAsked, Supervisor
from config.settings import child_environment, load, require
from jobs.types import UserError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator

    from bot.up.child import Child
    from config.settings import Settings

LEFTOVER_SECONDS = 12.0
"""What the rest of a killed run may take to stop before a new one gives up waiting for it."""
VALKEY_SECONDS = 30.0
MIGRATE_SECONDS = 600.0


def run_up(_arguments: argparse.Namespace) -> int:
    """Run everything until Ctrl-C or SIGTERM; returns 1 when a process could not be kept alive."""
    settings = require(load())
    from jobs.sandbox import detect  # noqa: PLC0415 - slower than telling what is missing

    settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    with only_one(settings.home):
        words = banner(settings, detect(settings.sandbox))
        return guarded(lambda: supervise(settings, words))


def supervise(settings: Settings, words: str) -> int:
    """Start everything in order, keep it alive, and stop it in order."""
    listener = listen(settings.port)
    supervisor = Supervisor(Console(sys.stdout.fileno()), database=sqlite_file(settings.database_url))
    last: list[Child] = []
    try:
        supervisor.console.say(words)
        changes = {"PYTHONUNBUFFERED": "1", "OPUS67_HOME": str(settings.home)}
        if not settings.redis_url:
            valkey = embedded.prepare(settings.home)
            last.append(start_valkey(supervisor, valkey))
            changes["REDIS_URL"] = valkey.url
        environment = child_environment(changes)
        supervisor.run(Process("migrate", opus67("migrate"), environment), seconds=MIGRATE_SECONDS)
        for name, command in processes(settings):
            socket_of_it = listener if name == "web" else None
            supervisor.start(Process(name, opus67(command), environment, socket_of_it))
        return supervisor.serve(announcer(settings.port, supervisor.console))
    except StopAsked:
        return 0
    finally:
        listener.close()
        supervisor.stop(last)


def sqlite_file(url: str) -> Path | None:
    """Return the file of an SQLite database, or None where the database is another one."""
    return Path(url.removeprefix("sqlite:///")) if url.startswith("sqlite:///") else None


def start_valkey(supervisor: Supervisor, valkey: embedded.Valkey) -> Child:
    """Start the embedded Valkey and wait until it answers; files that it cannot read are set aside, once."""
    process = Process("valkey", valkey.command, child_environment())
    for attempt in (1, 2):
        child = supervisor.start(process)

        def settled(child: Child = child) -> bool:
            return valkey.ready() or not child.running()

        supervisor.wait(settled, seconds=VALKEY_SECONDS, what=f"the embedded Valkey to answer (its log: {valkey.log})")
        if child.running():
            return child
        supervisor.forget(child)
        supervisor.console.say(valkey.troubles())
        if attempt == 1:
            supervisor.console.say(
                f"Valkey did not start. What it had is in {valkey.set_aside()}; it begins anew, "
                "and the clock wakes again whatever is unfinished in the database."
            )
    raise UserError(f"The embedded Valkey does not start; {valkey.log} says why. Or set REDIS_URL to another one.")


def processes(settings: Settings | None = None) -> list[tuple[str, str]]:
    """Return name and command of every process that is ours, as ``Procfile`` names them.

    With settings those of chats that are not set up are left out.
    """
    chats = {
        "slack": settings is None or settings.slack_bot_token,
        "discord": settings is None or settings.discord_token,
    }
    names = ["web", "worker", "clock", *(name for name, wanted in chats.items() if wanted)]
    return [(name, name) for name in names]


def opus67(command: str) -> tuple[str, ...]:
    """Return the command line of one of our commands, whatever folder it is started in."""
    return (sys.executable, "-P", "-m", "bot.cli", command)


def announcer(port: int, console: Console) -> Callable[[], bool]:
    """Return a function that says once, when a web process answers, that everything is up."""
    started = time.monotonic()
    question = Question(port)

    def announce() -> bool:
        if not question.answered():
            return False
        console.say(f"Ready after {time.monotonic() - started:.1f} s: http://127.0.0.1:{port}/")
        return True

    return announce


class Question:
    """One request for /health that is never waited for: the socket takes it before there is anybody to answer."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._connection: socket.socket | None = None

    def answered(self) -> bool:
        """Tell whether somebody has answered by now."""
        try:
            if self._connection is None:
                self._connection = socket.create_connection(("127.0.0.1", self._port), timeout=1)
                self._connection.setblocking(False)
                self._connection.sendall(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
            answer = self._connection.recv(64)
        except BlockingIOError:
            return False
        except OSError:
            answer = b""
        self.close()
        return bool(answer)

    def close(self) -> None:
        """Ask no more."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None


@contextmanager
def only_one(home: Path) -> Iterator[None]:
    """Hold the lock of a home; a second ``opus67 up`` is refused, the rest of a killed one is waited for."""
    file = (home / "up.lock").open("a+", encoding="ascii")
    with file:
        deadline = time.monotonic() + LEFTOVER_SECONDS
        while not _locked(file.fileno()):
            holder = _holder(home)
            if _alive(holder) or time.monotonic() > deadline:
                who = f" (process {holder})" if holder else ""
                raise UserError(
                    f"Another `opus67 up`{who} works in {home}. Stop it, or set OPUS67_HOME and PORT for a second one."
                )
            time.sleep(0.1)
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(home: Path) -> int:
    text = (home / "up.lock").read_text(encoding="ascii").strip()
    return int(text) if text.isdigit() else 0


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0) if pid else None
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return bool(pid)

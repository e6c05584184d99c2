"""``opus67 up``, the whole of it: the real processes, embedded Valkey and SQLite, in a home of their own."""

from __future__ import annotations

import os
import re
import signal
import socket
import sqlite3
import time
import urllib.request
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from redis import Redis

from bot import embedded
from jobs.testing.ports import free_port
from tests.cli.conftest import alive, command_line, descendants
from tests.waiting import until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Running, Stage

pytestmark = pytest.mark.bubblewrap
NOBODY = "http://127.0.0.1:9"


@pytest.fixture(scope="module")
def key() -> str:
    """Return a private key of an App that is registered nowhere."""
    made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return made.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()


@pytest.fixture
def settings(home: Path, key: str) -> dict[str, str]:
    """Return settings with which everything starts and nothing outside is reached."""
    return {
        "OPUS67_HOME": str(home / "var"),
        "OPUS67_SANDBOX": "bubblewrap",
        "OPUS67_WORKERS": "1",
        "PORT": str(free_port()),
        "GITHUB_APP_ID": "67",
        "GITHUB_PRIVATE_KEY": key,
        "GITHUB_WEBHOOK_SECRET": "a webhook secret",
        "GITHUB_API_URL": NOBODY,
        "GITHUB_SERVER_URL": NOBODY,
        "ANTHROPIC_API_KEY": "a key of nobody",
        "ANTHROPIC_BASE_URL": NOBODY,
    }


def up(stage: Stage, settings: dict[str, str]) -> Running:
    """Start it and wait until it is ready."""
    running = stage.opus67("up", **settings)
    running.until_says("Ready after", seconds=40)
    running.family()
    return running


def health(settings: dict[str, str]) -> int:
    """Return the status that the web process answers, or 0."""
    with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{settings['PORT']}/health", timeout=5) as answer:
        return int(answer.status)
    return 0


def pid_of(running: Running, command: str) -> int:
    """Return the first process of one of our commands."""
    for pid in descendants(running.popen.pid):
        if command_line(pid)[-2:] == ["bot.cli", command]:
            return pid
    return 0


def test_one_command_is_enough(stage: Stage, settings: dict[str, str], home: Path) -> None:
    """It migrates the database, starts Valkey, web, worker and clock, says where and what next, and stops in order."""
    running = up(stage, settings)
    output = running.output
    assert f"first page  http://127.0.0.1:{settings['PORT']}/" in output
    assert "Valkey, embedded" in output
    assert f"SQLite, embedded, {home}/var/opus67.sqlite3" in output
    assert re.search(r"sandbox +bubblewrap", output)
    assert re.search(r"next +give it a public address", output)
    assert "a key of nobody" not in output
    assert health(settings) == 200
    with Redis.from_url(embedded.running_url(home / "var")) as connection:
        until(lambda: connection.dbsize() > 0, what="the workers to register")
    with sqlite3.connect(home / "var" / "opus67.sqlite3") as database:
        assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    database.close()
    started = time.monotonic()
    running.popen.send_signal(signal.SIGINT)
    assert running.ends() == 0
    assert time.monotonic() - started < 20
    assert "did not stop in time" not in running.output
    assert "Traceback" not in running.output
    assert running.survivors() == []


def test_a_second_one_is_refused(stage: Stage, settings: dict[str, str]) -> None:
    """Two of them never share a home; the second says who is there and leaves the first alone."""
    running = up(stage, settings)
    second = stage.opus67("up", **settings)
    assert second.ends() == 2
    assert f"Another `opus67 up` (process {running.popen.pid}) works in" in second.output
    assert health(settings) == 200


def test_a_taken_port_is_told(stage: Stage, settings: dict[str, str]) -> None:
    """When another program has the port, nothing is started and the port is named."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", int(settings["PORT"])))
        other.listen()
        running = stage.opus67("up", **settings)
        assert running.ends() == 2
    assert f"Port {settings['PORT']} is taken by another program" in running.output
    assert "set PORT to another number" in running.output


@pytest.mark.parametrize("command", ["web", "worker", "clock"])
def test_what_is_killed_comes_back(stage: Stage, settings: dict[str, str], command: str) -> None:
    """Each process is started again after a kill -9, and everything answers as before."""
    running = up(stage, settings)
    victim = until(lambda: pid_of(running, command), what=f"{command} to run")
    os.kill(victim, signal.SIGKILL)
    running.until_says(f"{command} was killed by SIGKILL; it is started again in 0.5 s.")
    until(lambda: pid_of(running, command) not in {0, victim}, what=f"{command} to come back")
    until(lambda: health(settings) == 200, seconds=20, what="the web process to answer")


def test_valkey_comes_back_at_the_same_address(stage: Stage, settings: dict[str, str], home: Path) -> None:
    """A killed Valkey is started again, keeps its address, and no process of ours dies of it."""
    running = up(stage, settings)
    url = embedded.running_url(home / "var")
    [victim] = [pid for pid in running.family() if "valkey-server" in "".join(command_line(pid))]
    os.kill(victim, signal.SIGKILL)
    running.until_says("valkey was killed by SIGKILL; it is started again in 0.5 s.")
    assert until(lambda: embedded.running_url(home / "var"), what="Valkey to come back") == url
    assert health(settings) == 200


def test_unreadable_files_of_valkey_are_set_aside(stage: Stage, settings: dict[str, str], home: Path) -> None:
    """A damaged append-only file does not keep it from starting: it is kept aside, and the database is the truth."""
    folder = home / "var" / "valkey" / "appendonlydir"
    folder.mkdir(parents=True)
    (folder / "appendonly.aof.manifest").write_text("file nonsense\n")
    running = up(stage, settings)
    assert "Valkey did not start. What it had is in" in running.output
    [kept] = (home / "var" / "valkey").glob("unreadable-*/appendonlydir/appendonly.aof.manifest")
    assert kept.read_text() == "file nonsense\n"


def test_a_killed_run_is_taken_up(stage: Stage, settings: dict[str, str]) -> None:
    """After kill -9 of the supervisor nothing runs on, and the next start works at once."""
    running = up(stage, settings)
    os.kill(running.popen.pid, signal.SIGKILL)
    running.popen.wait(5)
    again = up(stage, settings)
    assert not [pid for pid in running.ever if alive(pid)]
    assert health(settings) == 200
    again.popen.terminate()
    assert again.ends() == 0


def test_a_database_that_cannot_be_migrated_stops_the_start(stage: Stage, settings: dict[str, str], home: Path) -> None:
    """Where the migration fails nothing else is started, and what was started is stopped."""
    (home / "var").mkdir()
    (home / "var" / "opus67.sqlite3").write_text("no database at all, but a text of more than a hundred letters" * 10)
    running = stage.opus67("up", **settings)
    assert running.ends() == 2
    assert "`migrate` ended with exit code 1; the lines above say why. Nothing was started." in running.output
    assert "web" not in [line.split("|")[0].strip() for line in running.output.splitlines()]

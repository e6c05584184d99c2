"""The embedded Valkey: private, durable, and not confused by what an earlier run left behind."""

from __future__ import annotations

import stat
import subprocess
from typing import TYPE_CHECKING

import pytest
from redis import Redis
from redis.exceptions import AuthenticationError

from bot import embedded
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Starter = Callable[[embedded.Valkey], "subprocess.Popen[bytes]"]


@pytest.fixture
def start() -> Iterator[Starter]:
    """Yield a function that runs an embedded Valkey; all of them are killed afterwards."""
    running: list[subprocess.Popen[bytes]] = []

    def starter(valkey: embedded.Valkey) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(valkey.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        running.append(process)
        until(valkey.ready, what="Valkey to answer")
        return process

    yield starter
    for process in running:
        process.kill()
        process.wait()


def test_it_keeps_what_it_is_told(home: Path, start: Starter) -> None:
    """What was written survives kill -9, for the next start reads the append-only file."""
    first = embedded.prepare(home)
    process = start(first)
    with Redis.from_url(first.url) as connection:
        assert connection.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        connection.set("kept", "yes")
        until(lambda: connection.info("persistence")["aof_pending_bio_fsync"] == 0, what="the file to be written")
        assert connection.waitaof(1, 0, 2000)[0] == 1
    process.kill()
    process.wait()
    second = embedded.prepare(home)
    assert second.password != first.password
    start(second)
    with Redis.from_url(second.url) as connection:
        assert connection.get("kept") == b"yes"


def test_nobody_else_reaches_it(home: Path, start: Starter) -> None:
    """It listens on a socket that only its user may open, and asks for a password besides; its files are private."""
    valkey = embedded.prepare(home)
    start(valkey)
    assert stat.S_IMODE(valkey.socket.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE((valkey.folder / "valkey.conf").stat().st_mode) == 0o600
    assert stat.S_IMODE((valkey.folder / "password").stat().st_mode) == 0o600
    assert valkey.password not in " ".join(valkey.command)
    with Redis(unix_socket_path=str(valkey.socket)) as stranger, pytest.raises(AuthenticationError):
        stranger.ping()
    with Redis.from_url(valkey.url) as connection:
        assert connection.config_get("port") == {"port": "0"}


def test_one_left_behind_is_ended(home: Path, start: Starter) -> None:
    """A Valkey that a killed run left behind is shut down before the next one opens its files."""
    process = start(embedded.prepare(home))
    embedded.prepare(home)
    assert process.wait(5) == 0


def test_a_socket_left_behind_does_not_matter(home: Path, start: Starter) -> None:
    """A stale socket is removed."""
    first = embedded.prepare(home)
    process = start(first)
    process.kill()
    process.wait()
    assert first.socket.exists()
    start(embedded.prepare(home))


def test_it_is_found_by_other_commands(home: Path, start: Starter) -> None:
    """Another command under the same home gets its address while it runs, and nothing else."""
    assert embedded.running_url(home) == ""
    valkey = embedded.prepare(home)
    assert embedded.running_url(home) == ""
    start(valkey)
    assert embedded.running_url(home) == valkey.url


def test_a_long_home_and_odd_letters_do_not_matter(home: Path, start: Starter) -> None:
    """A home whose path is too long for a socket, or has spaces and quotes, works as well."""
    for name in ('with "quotes" and spaces', "long-" * 30):
        valkey = embedded.prepare(home / name)
        assert len(str(valkey.socket)) < 108
        start(valkey)
        with Redis.from_url(valkey.url) as connection:
            assert connection.ping()
        if not valkey.socket.is_relative_to(home):
            valkey.socket.unlink()
            valkey.socket.parent.rmdir()

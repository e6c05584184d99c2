"""The shared fixtures hold what they promise."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING

import pytest
from redis import Redis
from sqlalchemy import create_engine, text

from tests.needs import requires
from tests.network import NetworkIsOff, is_local
from tests.waiting import until

if TYPE_CHECKING:
    from pathlib import Path


def test_valkey_is_real_and_keeps_everything(empty_valkey_url: str) -> None:
    """The session's Valkey answers, evicts nothing and writes an append-only file."""
    with Redis.from_url(empty_valkey_url) as connection:
        assert connection.dbsize() == 0
        assert connection.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        assert connection.config_get("appendonly") == {"appendonly": "yes"}


def test_every_database_is_fresh(database_url: str) -> None:
    """A test's database is empty and may be written."""
    engine = create_engine(database_url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE mark (id INTEGER PRIMARY KEY)"))
        connection.execute(text("INSERT INTO mark VALUES (1)"))
        assert connection.execute(text("SELECT count(*) FROM mark")).scalar() == 1
    engine.dispose()


def test_home_is_short_enough_for_sockets(home: Path) -> None:
    """A unix socket fits under a test's home, some folders down."""
    assert home.is_dir()
    assert len(str(home)) < 40


def test_absence_is_an_error_in_ci_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test needs and the machine lacks skips it for a user and fails it in CI."""
    requires(present=True, what="nothing")
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="needs a unicorn; to have it: breed one"):
        requires(present=False, what="a unicorn", cure="breed one")
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="needs a unicorn"):
        requires(present=False, what="a unicorn")


def test_the_network_is_off() -> None:
    """A test cannot leave the machine, by name or by number."""
    with pytest.raises(NetworkIsOff):
        socket.getaddrinfo("example.com", 443)
    with pytest.raises(NetworkIsOff), socket.socket() as connection:
        connection.connect(("192.0.2.1", 443))
    assert is_local("127.0.0.1")
    assert is_local("::1")
    assert not is_local("10.0.0.1")


def test_waiting_ends() -> None:
    """A condition that never comes about fails after its deadline, with its name."""
    started = time.monotonic()
    assert until(lambda: time.monotonic() > started + 0.02)
    with pytest.raises(AssertionError, match="the moon turns green did not come about"):
        until(lambda: False, seconds=0.05, what="the moon turns green")

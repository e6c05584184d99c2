"""Chats are woken by a bell in Redis, and go on by themselves while it is silent."""

from __future__ import annotations

import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from redis import Redis

from jobs.queue import Bell, Waker
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY = b"this installation's key"
NOWHERE = "redis://127.0.0.1:9/0"


@pytest.fixture
def waker(empty_valkey_url: str) -> Iterator[Waker]:
    """Yield what rings."""
    with closing(Waker(empty_valkey_url, KEY)) as made:
        yield made


def test_a_ring_wakes_who_waits(empty_valkey_url: str, waker: Waker) -> None:
    """A waiting chat is woken at once, one that comes later finds the ring; the other chat hears nothing."""
    slack, discord = Bell(empty_valkey_url, "slack"), Bell(empty_valkey_url, "discord")
    with ThreadPoolExecutor(1) as pool, Redis.from_url(empty_valkey_url) as redis:
        began = time.monotonic()
        waiting = pool.submit(slack.wait, 20.0)
        until(lambda: redis.info("clients")["blocked_clients"], what="the waiting chat")
        assert waker.ring("slack")
        assert waiting.result(10)
        assert time.monotonic() - began < 30
    assert not discord.wait(0.05)
    assert waker.ring("slack")
    assert slack.wait(5.0)
    slack.close()
    discord.close()


def test_many_rings_are_one_and_do_not_stay(empty_valkey_url: str, waker: Waker) -> None:
    """Nothing piles up for a chat that is not there, and what is left goes by itself."""
    for _ in range(50):
        assert waker.ring()
    with Redis.from_url(empty_valkey_url) as redis:
        keys = sorted(redis.keys("opus67:ring:*"))
        assert keys == [b"opus67:ring:discord", b"opus67:ring:slack"]
        assert [redis.llen(key) for key in keys] == [1, 1]
        assert all(0 < redis.ttl(key) <= 60 for key in keys)
    bell = Bell(empty_valkey_url, "discord")
    assert bell.wait(5.0)
    assert not bell.wait(0.05)
    assert not bell.wait(0.0)
    assert not bell.wait(-1.0)
    bell.close()


def test_a_bell_without_redis_lets_the_time_pass() -> None:
    """It neither raises nor returns early, so that nobody spins; ringing tells that nobody heard."""
    bell = Bell(NOWHERE, "slack")
    for _ in range(2):
        began = time.monotonic()
        assert not bell.wait(0.3)
        assert 0.3 <= time.monotonic() - began < 20
    with closing(Waker(NOWHERE, KEY)) as waker:
        assert not waker.ring()
    bell.close()


def test_a_redis_that_hangs_holds_nobody_up() -> None:
    """Ringing gives up within a second or two."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        waker = Waker(f"redis://127.0.0.1:{server.getsockname()[1]}/0", KEY)
        began = time.monotonic()
        assert not waker.ring("slack", "discord")
        assert time.monotonic() - began < 20
        waker.close()


def test_a_key_of_another_kind_is_no_bell(empty_valkey_url: str, waker: Waker) -> None:
    """What somebody else wrote there is told as silence, and mended by nobody's crash."""
    with Redis.from_url(empty_valkey_url) as redis:
        redis.set("opus67:ring:slack", "text")
        bell = Bell(empty_valkey_url, "slack")
        assert not bell.wait(0.1)
        assert not waker.ring("slack")
        redis.delete("opus67:ring:slack")
    assert waker.ring("slack")
    assert bell.wait(5.0)
    bell.close()


@pytest.mark.parametrize("surface", ["slack", "discord"])
def test_a_bell_comes_back_with_redis(surface: str, empty_valkey_url: str, waker: Waker) -> None:
    """A connection that was cut is opened again at the next wait."""
    bell = Bell(empty_valkey_url, surface)
    assert not bell.wait(0.05)
    with Redis.from_url(empty_valkey_url) as redis:
        for client in redis.client_list():
            if client["cmd"] == "blpop":
                redis.client_kill(client["addr"])
    bell.wait(0.05)
    waker.ring(surface)
    until(lambda: bell.wait(1.0), what="the ring")
    bell.close()

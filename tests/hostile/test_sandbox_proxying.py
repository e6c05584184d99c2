"""The one way out, asked raw from inside every provider's sandbox: to what is not listed, not public, not HTTPS."""

from __future__ import annotations

import socket
import threading
import time
from importlib import import_module
from itertools import chain, repeat
from typing import TYPE_CHECKING

import pytest

from jobs.sandbox import PROVIDERS as MODULES
from jobs.sandbox.addresses import is_allowed
from jobs.sandbox.proxy import Proxy
from tests.conftest import short_folder
from tests.hostile.probes import GROUPS, Answers, Probe, answers, attempt, judge
from tests.hostile.probes.proxying import LISTED, NAMES, tunnel
from tests.sandbox.places import PROVIDERS, ensure_image, spec_for
from tests.sandbox.world import World
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from jobs.types import Sandbox

GROUP = GROUPS["proxying"]
HEAD_SECONDS = 1.5
REBINDING = tunnel("rebinding.example:443")


class Changing(World):
    """A world in which one name is public when it is asked for the first time, and the host's own afterwards."""

    def __init__(self) -> None:
        super().__init__()
        self.names = dict(NAMES)
        self._next = chain([["1.1.1.1"]], repeat(["127.0.0.1"]))

    def resolve(self, name: str) -> list[str]:
        """Look a name up."""
        if name == "rebinding.example":
            self.resolved.append(name)
            return next(self._next)
        return super().resolve(name)


class Way:
    """A sandbox with its way out, what was tried on it, and what reached the world."""

    def __init__(self, provider: str, sandbox: Sandbox, world: Changing) -> None:
        self.sandbox, self.world = sandbox, world
        self.found: Answers = answers(provider, GROUP, lambda programs: attempt(sandbox, programs))


@pytest.fixture(params=PROVIDERS, scope="module")
def way(request: pytest.FixtureRequest) -> Iterator[Way]:
    """Yield a sandbox in which all of the group was tried."""
    provider, world = str(request.param), Changing()
    if provider != "bubblewrap":
        ensure_image(provider)
    spec = spec_for(hosts=LISTED)
    with short_folder("o67-") as home:
        sandbox = import_module(MODULES[provider]).start(
            provider,
            spec,
            home,
            lambda folder: Proxy(
                folder, spec.hosts, resolve=world.resolve, connect=world.connect, head_timeout=HEAD_SECONDS
            ),
        )
        yield Way(provider, sandbox, world)
        sandbox.close()
        world.listener.shutdown(socket.SHUT_RDWR)
        world.listener.close()


@pytest.mark.parametrize("probe", GROUP, ids=[probe.tries for probe in GROUP])
def test_the_proxy_answers_as_the_table_says(way: Way, probe: Probe) -> None:
    """In words, with the reason that the probe was made for."""
    judge(way.found, probe)


def test_nothing_but_listed_names_is_asked_for_and_reached(way: Way) -> None:
    """No name that is not listed gets to a resolver, which would carry it out; each tunnel leads to a checked address."""
    assert {name for name in way.world.resolved if not is_allowed(name, LISTED)} == set()
    let_through = [said for said in way.found.probes.values() if said.startswith("got 200")]
    assert len(way.world.connected) >= len(let_through) >= 3
    assert set(way.world.connected) == {("1.1.1.1", 443)}


def test_a_name_that_is_bound_anew_leads_nowhere(way: Way) -> None:
    """The first answer is checked and used; the second, which is the host's own address, is refused."""
    first, second = attempt(way.sandbox, [REBINDING, REBINDING])
    assert first.startswith("got 200")
    assert "not on the public internet" in second
    assert ("127.0.0.1", 443) not in way.world.connected


@pytest.fixture
def alone(home: Path) -> Iterator[Path]:
    """Yield the folder of a proxy alone, which gives a head little time."""
    world = Changing()
    proxy = Proxy(home, LISTED, resolve=world.resolve, connect=world.connect, head_timeout=HEAD_SECONDS)
    yield home
    proxy.close()
    world.listener.shutdown(socket.SHUT_RDWR)
    world.listener.close()


def to(folder: Path) -> socket.socket:
    """Return a connection to the proxy in a folder."""
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(str(folder / "proxy.sock"))  # waits while others are waiting, too
    connection.settimeout(20)
    return connection


def test_a_head_that_trickles_has_its_time_and_no_more(alone: Path) -> None:
    """Each byte comes soon after the last, and yet the whole is cut off."""
    began, stop = time.monotonic(), threading.Event()
    with to(alone) as slow:

        def trickle() -> None:
            try:
                while not stop.wait(0.05):
                    slow.sendall(b"x")
            except OSError:
                return

        sender = threading.Thread(target=trickle)
        sender.start()
        slow.settimeout(20)
        try:
            assert slow.recv(100) == b""
        except ConnectionResetError:
            pass
        finally:
            stop.set()
            sender.join()
    assert time.monotonic() - began < 10 * HEAD_SECONDS


def test_connections_that_say_nothing_block_nobody_for_long(alone: Path) -> None:
    """More of them than the proxy serves at once: they are let go, and then the next one is served."""
    silent = [to(alone) for _ in range(60)]
    try:

        def served() -> bool:
            with to(alone) as honest:
                honest.sendall(b"CONNECT files.example:443 HTTP/1.1\r\n\r\n")
                return honest.recv(100).startswith(b"HTTP/1.1 200")

        assert until(served, seconds=40, what="a connection that is served")
    finally:
        for connection in silent:
            connection.close()

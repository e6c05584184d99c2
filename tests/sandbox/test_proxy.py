"""The egress proxy over its real socket; the resolver and the connection to the internet are given to it."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from jobs.sandbox.proxy import Proxy
from tests.sandbox.places import PROVIDERS, ensure_image, spec_for
from tests.sandbox.world import World
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def world() -> Iterator[World]:
    """Yield a world of this test."""
    world = World()
    yield world
    world.listener.shutdown(socket.SHUT_RDWR)
    world.listener.close()


@pytest.fixture
def proxy(world: World, home: Path) -> Iterator[Proxy]:
    """Yield a proxy that allows one name and the names below it."""
    allowed = ["files.example", "*.files.example", "private.example", "mixed.example", "missing.example"]
    proxy = Proxy(home, allowed, resolve=world.resolve, connect=world.connect, bytes_cap=100_000)
    yield proxy
    proxy.close()


def ask(home: Path, request: str, *, then: bytes = b"") -> bytes:
    """Send a request, and more once it is answered; return all that came."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(10)
        connection.connect(str(home / "proxy.sock"))
        connection.sendall(request.encode("latin-1"))
        answer = connection.recv(65536)
        if then:
            connection.sendall(then)
        connection.shutdown(socket.SHUT_WR)
        # A refusal may leave a part of the request unread, which resets the connection behind the answer.
        with suppress(ConnectionResetError):
            while chunk := connection.recv(65536):
                answer += chunk
        return answer


def tunnel(host: str, port: int = 443) -> str:
    """Return a CONNECT request."""
    return f"CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n"


def test_an_allowed_name_is_reached_at_the_checked_address(proxy: Proxy, world: World, home: Path) -> None:
    """Bytes go both ways, and the connection goes to the address that was checked, not to the name again."""
    answer = ask(home, tunnel("Files.example."), then=b"hello")
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.endswith(b"\r\n\r\nhello")
    assert world.resolved == ["files.example"]
    assert world.connected == [("1.1.1.1", 443)]
    assert proxy.blocked() == ()


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (tunnel("other.example"), "not on the list"),
        (tunnel("files.example", 80), "port 443"),
        (tunnel("files.example", 22), "port 443"),
        (tunnel("127.0.0.1"), "IP addresses"),
        (tunnel("2130706433"), "IP addresses"),
        (tunnel("[::1]"), "IP addresses"),
        (tunnel("files.example@127.0.0.1"), "IP addresses"),
        (tunnel("files.example\0.evil.example"), "not on the list|not a valid"),
        (tunnel("files.example:443@evil.example"), "not a valid"),
        (tunnel("private.example"), "public internet"),
        (tunnel("mixed.example"), "public internet"),
        (tunnel("missing.example"), "resolved"),
        ("GET http://files.example/ HTTP/1.1\r\nHost: files.example\r\n\r\n", "plain HTTP"),
        ("POST / HTTP/1.1\r\nHost: files.example\r\n\r\n", "plain HTTP"),
        ("connect files.example:443 HTTP/1.1\r\n\r\n", "plain HTTP"),
        ("CONNECT files.example HTTP/1.1\r\n\r\n", "names no port"),
        ("CONNECT files.example:+443 HTTP/1.1\r\n\r\n", "names no port"),
        ("CONNECT files.example:\u00b2 HTTP/1.1\r\n\r\n", "names no port"),
        ("\r\n\r\n", "plain HTTP"),
    ],
)
def test_all_else_is_refused_recorded_and_answered_in_words(
    proxy: Proxy, world: World, home: Path, request_: str, reason: str
) -> None:
    """No connection is made, and the record holds the command that was running."""
    world.names |= {"private.example": ["10.0.0.1"], "mixed.example": ["1.1.1.1", "127.0.0.1"]}
    proxy.command = "make fetch"
    answer = ask(home, request_).decode()
    assert answer.startswith(("HTTP/1.1 403 ", "HTTP/1.1 400 ", "HTTP/1.1 502 "))
    assert "Opus 67 blocked" in answer
    [blocked] = proxy.blocked()
    assert blocked.command == "make fetch"
    assert any(words in blocked.reason for words in reason.split("|"))
    assert world.connected == []


def test_a_refusal_names_the_line_that_would_allow_it(proxy: Proxy, home: Path) -> None:
    """A person can act on what the agent saw."""
    answer = ask(home, tunnel("other.example")).decode()
    assert '"- other.example"' in answer
    assert ".github/opus67.yml" in answer


def test_a_name_that_changes_its_address_is_asked_once(proxy: Proxy, world: World, home: Path) -> None:
    """Rebinding finds no second look-up to answer."""
    answers = iter([["1.1.1.1"], ["127.0.0.1"]])
    world.resolve = lambda name: world.resolved.append(name) or next(answers)  # type: ignore[method-assign, func-returns-value]
    moved = Proxy(home, ["files.example"], resolve=world.resolve, connect=world.connect)
    try:
        assert ask(home, tunnel("files.example"), then=b"x").endswith(b"x")
        assert world.connected == [("1.1.1.1", 443)]
        assert b" 403 " in ask(home, tunnel("files.example"))
    finally:
        moved.close()


def test_the_next_phase_ends_what_the_last_one_opened(proxy: Proxy, home: Path) -> None:
    """With the list closed, a tunnel that stood is cut, and no new one is made."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(10)
        connection.connect(str(home / "proxy.sock"))
        connection.sendall(tunnel("files.example").encode())
        assert b" 200 " in connection.recv(65536)
        proxy.allow([])
        assert connection.recv(65536) == b""
    assert b" 403 " in ask(home, tunnel("files.example"))


def test_bytes_are_capped(proxy: Proxy, home: Path) -> None:
    """Over the cap the tunnel ends, and the next is refused in words."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(10)
        connection.connect(str(home / "proxy.sock"))
        connection.sendall(tunnel("files.example").encode())
        assert b" 200 " in connection.recv(65536)
        received = 0
        try:
            while chunk := exchange(connection):
                received += len(chunk)
        except OSError:
            pass
        assert received <= 200_000
    until(lambda: b"has moved its" in ask(home, tunnel("files.example")), what="the refusal")


def exchange(connection: socket.socket) -> bytes:
    """Send some bytes through a tunnel and return what comes back."""
    connection.sendall(b"x" * 10_000)
    return connection.recv(65536)


def test_a_head_without_end_is_cut_off(proxy: Proxy, home: Path) -> None:
    """Nobody fills the host's memory with headers."""
    assert b" 431 " in ask(home, "CONNECT files.example:443 HTTP/1.1\r\n" + "X: y\r\n" * 5000)


def test_the_record_is_bounded_and_clean(proxy: Proxy, home: Path) -> None:
    """The same refusal is recorded once, and no control character gets into logs and comments."""
    for _ in range(3):
        ask(home, tunnel("other.example"))
    ask(home, "CONNECT \x1b[31m\x07red.example:443 HTTP/1.1\r\n\r\n")
    hosts = [blocked.host for blocked in proxy.blocked()]
    assert hosts == ["other.example", "[31mred.example"]
    for number in range(300):
        ask(home, tunnel(f"h{number}.example"))
    assert len(proxy.blocked()) == 200


def test_a_closed_proxy_is_gone(proxy: Proxy, home: Path) -> None:
    """Closing ends the thread, and does nothing the second time."""
    others = [thread for thread in threading.enumerate() if thread is not proxy._thread]
    proxy.close()
    proxy.close()
    with pytest.raises(OSError, match="refused"):
        ask(home, tunnel("files.example"))
    assert not [thread for thread in threading.enumerate() if thread not in others]


@pytest.mark.parametrize("name", PROVIDERS)
def test_a_program_inside_reaches_an_allowed_name_through_the_socket(name: str, world: World, home: Path) -> None:
    """The whole way: HTTPS_PROXY, the forwarder, the socket, the list, the checked address, and back; then the phase changes."""
    from importlib import import_module  # noqa: PLC0415 - as the package does it

    from jobs.sandbox import PROVIDERS as MODULES  # noqa: PLC0415

    if name != "bubblewrap":
        ensure_image(name)
    module = import_module(MODULES[name])
    spec = spec_for(hosts=("files.example",))
    place = module.start(
        name, spec, home, lambda folder: Proxy(folder, spec.hosts, resolve=world.resolve, connect=world.connect)
    )
    # The echo sends the greeting of the TLS client back, which it reports as an error of the protocol, not of the way.
    fetch = "curl -sS -m 10 https://files.example 2>&1 | tail -1"
    try:
        assert "SSL" in place.run(fetch, timeout=20).output or "TLS" in place.run(fetch, timeout=20).output
        assert world.connected[0] == ("1.1.1.1", 443)
        place.allow([])
        assert "403" in place.run(fetch, timeout=20).output
        [blocked] = place.blocked()
        assert (blocked.host, blocked.command) == ("files.example", fetch)
    finally:
        place.close()

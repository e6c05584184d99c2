"""A CI's address that leads to a cloud's keys, or to a server that never comes to an end."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from config.settings import load
from jobs.ci_fetch import fetch
from jobs.types import UserError
from tests.jobs.ci_host import certificate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["certificate"]

SECONDS = 1.5
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n"


@pytest.mark.parametrize(
    "host",
    [
        "169.254.169.254",
        "[::ffff:169.254.169.254]",
        "[fd00:ec2::254]",
        "[fd20:ce::254]",
        "100.100.100.200",
        "168.63.129.16",
        "192.0.0.192",
        "[64:ff9b::a9fe:a9fe]",
        "[2002:a9fe:a9fe::1]",
        "0.0.0.0",
        "[::]",
        "255.255.255.255",
    ],
)
def test_no_name_leads_to_the_keys_of_a_cloud(host: str) -> None:
    """Not even where the operator listed the very host, and whichever form the address has."""
    settings = load({"OPUS67_CI_HOSTS": f"{host}:9"}, dotenv=None)
    with pytest.raises(UserError, match=r"not public|not listed"):
        list(fetch(f"https://{host}:9/latest/meta-data", settings, 10))


@pytest.fixture
def drips(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, list[bytes]]]:
    """Yield the host of a server that sends what it is told and then a byte now and then; nothing is no handshake."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    begin: list[bytes] = []
    stop = threading.Event()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    def serve(listener: socket.socket) -> None:
        raw, _ = listener.accept()
        with suppress(OSError), raw:
            if not begin:
                stop.wait()
                return
            with context.wrap_socket(raw, server_side=True) as secure:
                secure.sendall(begin[0])
                while not stop.wait(0.05):
                    secure.sendall(b"a")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        yield f"localhost:{listener.getsockname()[1]}", begin
        stop.set()
        thread.join()


@pytest.mark.parametrize("first", [b"", HEAD + b"X-Slow: ", HEAD + b"\r\n", b"HTTP/1.1 200 O"])
def test_a_server_that_drips_is_left(drips: tuple[str, list[bytes]], first: bytes) -> None:
    """In the handshake, in its headers or in the log: the whole has an end, however short each wait is."""
    host, begin = drips
    begin += [first] if first else []
    settings, began = load({"OPUS67_CI_HOSTS": host}, dotenv=None), time.monotonic()
    with pytest.raises(UserError, match="took too long"):
        list(fetch(f"https://{host}/log", settings, 10_000, seconds=SECONDS))
    assert time.monotonic() - began < SECONDS * 4

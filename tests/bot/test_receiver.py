"""The receiver in front of Flask: the quick way and Flask's own give the same answers, and a 202 outlives a stop."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from typing import TYPE_CHECKING, Any

import pytest

from bot.receiving.front import THREADS
from bot.receiving.webhooks import LARGEST_BODY, action_of
from jobs.store import Store
from jobs.testing.ports import free_port
from tests.bot.conftest import NEW, sign
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from email.message import Message
    from pathlib import Path


PATH = "/webhooks/github"
BODY = json.dumps({"action": "labeled", "issue": {"number": 1}}, separators=(",", ":")).encode()
HEADERS = {"X-GitHub-Event": "issues", "X-Hub-Signature-256": sign(BODY), "Content-Type": "application/json"}
SENDERS = 12


@pytest.mark.parametrize(
    ("body", "action"),
    [
        (b'{"action":"labeled","issue":{}}', "labeled"),
        (b'{"action":"created"}', "created"),
        (b'{"action": "labeled"}', "labeled"),
        (b' {"issue":{"action":"closed"},"action":"labeled"}', "labeled"),
        (b'{"ref":"refs/heads/main"}', ""),
        (b'{"action":"labeled","issue":{', None),
        (b'{"action":"labeled" "issue"}', None),
        (b"[]", None),
    ],
)
def test_the_action_is_found_wherever_it_stands(body: bytes, action: str | None) -> None:
    """First, as GitHub writes it, or anywhere else at the top; not inside, and not in what is cut off."""
    assert action_of(body) == action


@contextmanager
def served(home: Path, **changes: str) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Run the web process as people do, over a database of its own, and yield it with its port; settings may be changed."""
    port = free_port()
    environment = {
        "PATH": os.environ["PATH"],
        "OPUS67_HOME": str(home),
        "PORT": str(port),
        "REDIS_URL": "redis://127.0.0.1:9/0",
        "GITHUB_APP_ID": "67",
        "GITHUB_PRIVATE_KEY": "-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----",
        "GITHUB_WEBHOOK_SECRET": NEW,
        "ANTHROPIC_API_KEY": "a-key",
        **changes,
    }
    command = [sys.executable, "-P", "-m", "bot.cli"]
    subprocess.run([*command, "migrate"], env=environment, cwd=home, check=True, capture_output=True)
    with (home / "log").open("wb") as log:
        process = subprocess.Popen([*command, "web"], env=environment, cwd=home, stdout=log, stderr=log)
    try:
        until(lambda: _answers(port) or process.poll() is not None, seconds=30, what="the web process")
        yield process, port
    finally:
        process.kill()
        process.wait()


def _answers(port: int) -> bool:
    with socket.socket() as connection:
        return connection.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Yield the port of one web process for all tests that only ask."""
    home = tmp_path_factory.mktemp("web")
    with served(home) as (_, port):
        yield port


def ask(port: int, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Message, bytes]:
    """Ask the web process; an iterable body goes in chunks."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    with closing(connection):
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()


@pytest.mark.parametrize("body", [BODY, b"{", b"", BODY.replace(b"labeled", b"pinned")])
@pytest.mark.parametrize("changes", [{}, {"X-Hub-Signature-256": "sha256=00"}, {"X-GitHub-Event": ""}])
def test_a_body_in_chunks_is_answered_as_any_other(port: int, body: bytes, changes: Mapping[str, str]) -> None:
    """Its length is not told beforehand, so Flask reads it; nothing else is different."""
    headers = {**HEADERS, "X-Hub-Signature-256": sign(body), "X-GitHub-Delivery": "guid-0001", **changes}
    plain = ask(port, "POST", PATH, body, **headers)
    chunked = ask(port, "POST", PATH, iter([body[:7], body[7:]]), **headers)
    assert (plain[0], plain[2]) == (chunked[0], chunked[2])
    assert plain[1]["content-type"] == chunked[1]["content-type"] == "application/json"


def test_a_body_that_is_too_large_is_refused_in_words(port: int) -> None:
    """With its length told or in chunks: 413, and the process goes on."""
    large = b"x" * (LARGEST_BODY + 1)
    for body in (large, iter([large])):
        with suppress(BrokenPipeError, ConnectionResetError):  # it may hang up before all of it was sent
            status, _, words = ask(port, "POST", PATH, body, **HEADERS)
            assert (status, b"larger than 25 MB" in words) == (413, True)
    assert ask(port, "GET", "/health")[0] == 200


def test_flask_meets_a_request_as_it_was_sent(port: int) -> None:
    """Queries, heads without bodies, unknown pages and methods are answered as Flask does, by its own headers."""
    status, headers, body = ask(port, "GET", "/health?x=%20y")
    assert (status, json.loads(body)["status"], headers["content-type"]) == (200, "ok", "application/json")
    status, headers, body = ask(port, "HEAD", "/health")
    assert (status, body) == (200, b"")
    assert ask(port, "GET", PATH)[0] == 405
    assert ask(port, "GET", "/nothing/%C3%A9/%FF/..%2Fhere")[0] == 404
    assert ask(port, "POST", "/api/nothing", b"{}")[0] in {401, 403, 404}


def test_slow_senders_hold_up_nobody(port: int) -> None:
    """Far more than there are threads send half of what they announced; another one is answered at once."""
    head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf"
    with ExitStack() as stack:
        for _ in range(THREADS * 3):
            slow = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            slow.sendall(head.encode())
        assert ask(port, "GET", "/health")[0] == 200
        guid = {"X-GitHub-Delivery": "guid-after-slow"}
        assert ask(port, "POST", PATH, BODY, **HEADERS, **guid)[0] == 202


def test_what_was_acknowledged_is_stored_when_the_process_is_stopped(home: Path) -> None:
    """Stopped under load, in the middle of transactions, it ends in time, and each 202 that anybody saw is in the inbox."""
    acknowledged: list[str] = []
    with served(home) as (process, port), ThreadPoolExecutor(SENDERS) as pool:
        senders = [pool.submit(_send, port, number, acknowledged) for number in range(SENDERS)]
        until(lambda: len(acknowledged) > 200, seconds=30, what="the load")
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(8) == 0
        assert time.monotonic() - began < 6
        for sender in senders:
            sender.result(10)
    store = Store(f"sqlite:///{home}/opus67.sqlite3")
    assert set(acknowledged) <= set(store.deliveries.due(time.time() + 60, limit=1_000_000))
    store.close()


def test_no_web_process_outlives_its_parent(home: Path) -> None:
    """Killed outright, the parent takes along those that answer: nobody goes on with what nobody watches."""
    with served(home) as (process, port):
        process.kill()
        process.wait()
        until(lambda: not _answers(port), seconds=10, what="the end of those that answer")


def _send(port: int, number: int, acknowledged: list[str]) -> None:
    """Send one delivery after the other until nobody takes it any more."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=8)
    with suppress(OSError, http.client.HTTPException):
        for count in range(100_000):
            guid = f"{number:04d}-{count:06d}-{threading.get_ident()}"
            connection.request("POST", PATH, BODY, {**HEADERS, "X-GitHub-Delivery": guid})
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 202
            acknowledged.append(guid)
    connection.close()

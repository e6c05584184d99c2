"""The receiver in front of Flask: the quick way and Flask's own give the same answers, and a 202 outlives a stop."""

from __future__ import annotations

import http.client
import io
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import pytest

from bot.webhooks import action_of
from jobs.store import Store
from tests.bot.conftest import NEW, sign
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from flask import Flask

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


@pytest.mark.parametrize("body", [BODY, b"{", b"", BODY.replace(b"labeled", b"pinned")])
@pytest.mark.parametrize("changes", [{}, {"X-Hub-Signature-256": "sha256=00"}, {"X-GitHub-Event": ""}])
def test_a_body_in_chunks_is_answered_as_any_other(app: Flask, body: bytes, changes: Mapping[str, str]) -> None:
    """Its length is not told beforehand, so Flask reads it; nothing else is different."""
    headers = {**HEADERS, "X-Hub-Signature-256": sign(body), "X-GitHub-Delivery": "guid-0001", **changes}
    plain = app.test_client().post(PATH, data=body, headers=headers)
    chunked = {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}
    other = app.test_client().post(PATH, input_stream=io.BytesIO(body), headers=headers, environ_overrides=chunked)
    assert (other.status_code, other.json, other.mimetype) == (plain.status_code, plain.json, plain.mimetype)


@pytest.mark.parametrize("length", ["", "-1", "+5", "0x5", "5 ", "\u0665", "9" * 30])
def test_a_length_that_is_none_is_no_error_of_ours(app: Flask, length: str) -> None:
    """The server turns most of them away; the others are told what is wrong with what was sent."""
    headers = {**HEADERS, "X-GitHub-Delivery": "guid-0001"}
    answer = app.test_client().post(PATH, data=BODY, headers=headers, environ_overrides={"CONTENT_LENGTH": length})
    assert answer.status_code in {400, 401, 413}


@contextmanager
def served(home: Path) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Run the web process as people do, over a database of its own, and yield it with its port."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    environment = {
        "PATH": os.environ["PATH"],
        "OPUS67_HOME": str(home),
        "PORT": str(port),
        "REDIS_URL": "redis://127.0.0.1:9/0",
        "GITHUB_APP_ID": "67",
        "GITHUB_PRIVATE_KEY": "-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----",
        "GITHUB_WEBHOOK_SECRET": NEW,
        "ANTHROPIC_API_KEY": "a-key",
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

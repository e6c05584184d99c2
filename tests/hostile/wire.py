"""What senders of webhooks write on the wire, byte by byte, and what they get back; nothing here is polite."""

from __future__ import annotations

import hashlib
import hmac
import json
import socket
import time
import urllib.parse
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.bot.conftest import NEW, sign

if TYPE_CHECKING:
    from collections.abc import Sequence

GITHUB, SLACK, CI = "/webhooks/github", "/slack/events", "/webhooks/ci/jenkins"
SLACK_SECRET, CI_SECRET = "8f742231b10e8888abcd99yyyzzz85a5", "0d9b3fb2c1a64e57f8a0c6d2e4b19773"
GUID = "72d3162e-cc78-11e3-81ab-4c9367dc0958"
LABELED = json.dumps({"action": "labeled", "issue": {"number": 1}}, separators=(",", ":")).encode()
Headers = list[tuple[str, str | bytes]]


@dataclass(frozen=True)
class Answer:
    """One response: its status, and what it says."""

    status: int
    body: bytes


def github(body: bytes = LABELED, **changes: str | bytes | None) -> Headers:
    """Return GitHub's headers for a body; others replace them by name, None takes one away."""
    headers: dict[str, str | bytes | None] = {
        "X-GitHub-Event": "issues",
        "X-GitHub-Delivery": GUID,
        "X-Hub-Signature-256": sign(body, NEW),
        "Content-Type": "application/json",
    }
    headers |= {name.replace("_", "-"): value for name, value in changes.items()}
    return [(name, value) for name, value in headers.items() if value is not None]


def slack(body: bytes, *, at: float | None = None, secret: str = SLACK_SECRET, **changes: str) -> Headers:
    """Return Slack's headers for a body."""
    stamp = str(int(time.time() if at is None else at))
    digest = hmac.new(secret.encode(), f"v0:{stamp}:".encode() + body, hashlib.sha256).hexdigest()
    headers = {
        "X-Slack-Request-Timestamp": stamp,
        "X-Slack-Signature": f"v0={digest}",
        "Content-Type": "application/json",
    }
    return list({**headers, **{name.replace("_", "-"): value for name, value in changes.items()}}.items())


def ci(body: bytes, secret: str = CI_SECRET, **changes: str) -> Headers:
    """Return the headers of a report of a CI."""
    headers = {"X-Opus67-Signature-256": sign(body, secret), "Content-Type": "application/json"}
    return list({**headers, **{name.replace("_", "-"): value for name, value in changes.items()}}.items())


def form(**fields: str) -> bytes:
    """Return a form's body."""
    return urllib.parse.urlencode(fields).encode()


def report(**changes: Any) -> bytes:
    """Return a report of a CI."""
    known = {
        "repository": "octo/shop",
        "sha": "a" * 40,
        "branch": "main",
        "conclusion": "failure",
        "workflow": "nightly",
    }
    return json.dumps({**known, **changes}).encode()


def request(
    path: str, headers: Headers, body: bytes = b"", *, method: str = "POST", length: int | str | None = None
) -> bytes:
    """Return a request as bytes; its length is told as given, or truly."""
    lines = [f"{method} {path} HTTP/1.1".encode("latin-1"), b"Host: opus67"]
    lines += [
        name.encode("latin-1") + b": " + (value if isinstance(value, bytes) else value.encode())
        for name, value in headers
    ]
    if length != "":
        lines.append(f"Content-Length: {len(body) if length is None else length}".encode())
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def chunked(path: str, headers: Headers, chunks: Sequence[bytes], *, end: bytes = b"0\r\n\r\n") -> bytes:
    """Return a request whose body comes in chunks."""
    head = request(path, [*headers, ("Transfer-Encoding", "chunked")], length="")
    return head + b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + end


def answers(sent: bytes, port: int, *, count: int = 1, seconds: float = 30.0) -> list[Answer]:
    """Send bytes and return up to ``count`` responses, fewer where the connection ends before."""
    with socket.create_connection(("127.0.0.1", port), seconds) as connection:
        with suppress(OSError):  # it may hang up before all of it was sent
            connection.sendall(sent)
        return read(connection, count)


def read(connection: socket.socket, count: int = 1) -> list[Answer]:
    """Read responses from a connection."""
    found: list[Answer] = []
    with suppress(OSError), connection.makefile("rb") as stream:
        while len(found) < count and (line := stream.readline()):
            length = 0
            while (header := stream.readline().strip()) != b"":
                name, _, value = header.partition(b":")
                length = int(value) if name.lower() == b"content-length" else length
            found.append(Answer(int(line.split()[1]), stream.read(length)))
    return found


def statuses(sent: bytes, port: int, count: int = 1) -> list[int]:
    """Send bytes and return the statuses of the responses; 0 stands for a connection that ended without one."""
    return [answer.status for answer in answers(sent, port, count=count)] or [0]

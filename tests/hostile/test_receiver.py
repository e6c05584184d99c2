"""What strangers, and senders who are out of order, write to the web process; over its real socket, byte by byte."""

from __future__ import annotations

import gzip
import hmac
import os
import select
import socket
import sqlite3
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import lz4.frame
import pytest

from bot.receiving.front import ROOM
from bot.receiving.webhooks import LARGEST_BODY
from tests.bot.conftest import NEW, OLD, sign
from tests.bot.test_receiver import served
from tests.conftest import short_folder
from tests.hostile import wire
from tests.hostile.wire import CI, GITHUB, GUID, LABELED, SLACK, Headers, answers, chunked, github, request, statuses
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

SETTINGS = {
    "SLACK_BOT_TOKEN": "xoxb-1",
    "SLACK_SIGNING_SECRET": wire.SLACK_SECRET,
    "OPUS67_CI_SECRETS": f"jenkins={wire.CI_SECRET}",
}


class Web:
    """A web process and what it stored."""

    def __init__(self, home: Path, port: int) -> None:
        self.home, self.port = home, port

    def rows(self) -> list[tuple[str, str]]:
        """Return the numbers and events of all deliveries."""
        with closing(sqlite3.connect(self.home / "opus67.sqlite3")) as database:
            return sorted(database.execute("SELECT guid, event FROM deliveries").fetchall())

    def empty(self) -> None:
        """Forget what was stored."""
        with closing(sqlite3.connect(self.home / "opus67.sqlite3", timeout=20)) as database, database:
            database.execute("DELETE FROM deliveries")

    def resident(self) -> int:
        """Return the bytes of memory that its processes hold for themselves."""
        total = 0
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if f"OPUS67_HOME={self.home}\0".encode() in (folder / "environ").read_bytes():
                    total += int((folder / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
            except OSError:
                continue
        return total


@pytest.fixture(scope="module")
def process() -> Iterator[Web]:
    """Yield one web process for all of this module."""
    with short_folder("o67-") as home, served(home, **SETTINGS) as (_, port):
        yield Web(home, port)


@pytest.fixture
def web(process: Web) -> Iterator[Web]:
    """Yield the web process with nothing stored; it lives and takes what is right after whatever was sent."""
    process.empty()
    yield process
    assert statuses(request(GITHUB, github(X_GitHub_Delivery=str(uuid.uuid4())), LABELED), process.port) == [202]


def posted(body: bytes = LABELED, **changes: str | bytes | None) -> bytes:
    """Return a webhook as GitHub sends it, but for the changes."""
    return request(GITHUB, github(body, **changes), body)


def signed_twice(*signatures: str) -> bytes:
    """Return a webhook with several signature headers."""
    headers: Headers = github(X_Hub_Signature_256=None)
    return request(GITHUB, headers + [("X-Hub-Signature-256", one) for one in signatures], LABELED)


SIGNED, WRONG = sign(LABELED, NEW), "sha256=" + "0" * 64
SHA1 = "sha1=" + hmac.new(NEW.encode(), LABELED, "sha1").hexdigest()
ZIPPED = gzip.compress(LABELED)
FORGED = {
    "without a signature": posted(X_Hub_Signature_256=None),
    "with an empty signature": posted(X_Hub_Signature_256=""),
    "signed with another secret": posted(X_Hub_Signature_256=sign(LABELED, "guess")),
    "signed with both secrets as one": posted(X_Hub_Signature_256=sign(LABELED, f"{NEW},{OLD}")),
    "signed with no secret": posted(X_Hub_Signature_256=sign(LABELED, "")),
    "signed for another body": request(GITHUB, github(), LABELED + b" "),
    "signed with SHA-1 only": posted(X_Hub_Signature_256=None, X_Hub_Signature=SHA1),
    "signed with SHA-1 in the other header": posted(X_Hub_Signature_256=SHA1),
    "with the digest in capitals": posted(X_Hub_Signature_256="sha256=" + SIGNED[7:].upper()),
    "with the algorithm in capitals": posted(X_Hub_Signature_256="SHA256=" + SIGNED[7:]),
    "with a right and a wrong signature": signed_twice(SIGNED, WRONG),
    "with a wrong and a right signature": signed_twice(WRONG, SIGNED),
    "with two right signatures": signed_twice(SIGNED, SIGNED),
    "with a list of signatures": posted(X_Hub_Signature_256=f"{WRONG},{SIGNED}"),
    "with a signature beyond ASCII": posted(X_Hub_Signature_256=b"sha256=\xe9\xff"),
    "with digits of another script": posted(X_Hub_Signature_256="sha256=" + "\u0661" * 64),
    "with a signature of a megabyte's half": posted(X_Hub_Signature_256="sha256=" + "0" * 400_000),
    "zipped after it was signed": request(GITHUB, github(LABELED, Content_Encoding="gzip"), ZIPPED),
    "whose length is shorter than its body": request(GITHUB, github(), LABELED, length=5),
    "in chunks that end too soon": chunked(GITHUB, github(), [LABELED[:9]]),
    "in chunks of a length below nought": request(GITHUB, [*github(), ("Transfer-Encoding", "chunked")], length="")
    + b"-5\r\nabc\r\n",
    "in chunks of a length beyond all": request(GITHUB, [*github(), ("Transfer-Encoding", "chunked")], length="")
    + b"fffffffffffffffff\r\nabc\r\n",
    "with a second one smuggled behind its chunks": request(
        GITHUB, [*github(), ("Transfer-Encoding", "chunked")], b"0\r\n\r\n" + posted(), length=4
    ),
}


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_webhook_is_turned_away(web: Web, name: str) -> None:
    """401, and not one row: neither its own nor that of what follows it on the connection."""
    assert statuses(FORGED[name], web.port) == [401]
    assert web.rows() == []


def header(name: bytes, value: bytes, by: bytes) -> bytes:
    """Return a webhook in which one header's line is written otherwise."""
    return posted().replace(name + b": " + value, by)


MALFORMED = {
    "two lengths": request(GITHUB, [*github(), ("Content-Length", "5")], LABELED),
    "a length below nought": request(GITHUB, github(), LABELED, length=-1),
    "a length with a sign": request(GITHUB, github(), LABELED, length=f"+{len(LABELED)}"),
    "a length in hexadecimal": request(GITHUB, github(), LABELED, length="0x10"),
    "a length of thirty digits": request(GITHUB, github(), LABELED, length="9" * 30),
    "an unknown encoding of the way": request(GITHUB, [*github(), ("Transfer-Encoding", "xchunked")], LABELED),
    "a header in two lines": header(b"X-GitHub-Event", b"issues", b"X-GitHub-Event:\r\n issues"),
    "a space before a colon": header(b"X-GitHub-Event", b"issues", b"X-GitHub-Event : issues"),
    "a NUL in a header": posted(X_Other=b"a\0b"),
    "a carriage return in a header": posted(X_Other=b"a\rb"),
    "two hundred headers": posted(**{f"X_{number}": "y" for number in range(200)}),
    "a header of a megabyte": posted(X_Big="y" * 1_000_000),
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"a" * 50 + b"\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/0.9": b"GET /\r\n\r\n",
    "nonsense": b"\x00\xff" * 100 + b"\r\n\r\n",
    "no event": posted(X_GitHub_Event=""),
    "an event with slashes": posted(X_GitHub_Event="issues/../../x"),
    "an event in capitals": posted(X_GitHub_Event="ISSUES"),
    "an event of 61 letters": posted(X_GitHub_Event="i" * 61),
    "two events": request(GITHUB, [*github(), ("X-GitHub-Event", "push")], LABELED),
    "no number": posted(X_GitHub_Delivery=None),
    "an empty number": posted(X_GitHub_Delivery=""),
    "a number of 81 letters": posted(X_GitHub_Delivery="a" * 81),
    "a number of half a megabyte's eighth": posted(X_GitHub_Delivery="a" * 60_000),
    "a number that is a path": posted(X_GitHub_Delivery="../../etc/passwd"),
    "a number that is SQL": posted(X_GitHub_Delivery="'; DROP TABLE deliveries; --"),
    "a number beyond ASCII": posted(X_GitHub_Delivery=b"caf\xe9-\xff\xff\xff\xff\xff"),
    "two numbers": request(GITHUB, [*github(), ("X-GitHub-Delivery", GUID)], LABELED),
    "a zipped body": request(GITHUB, github(ZIPPED, Content_Encoding="gzip"), ZIPPED),
    "a form": posted(wire.form(payload=LABELED.decode()), Content_Type="application/x-www-form-urlencoded"),
    "an empty body": posted(b""),
    "a list": posted(b"[]"),
    "JSON without an end": posted(b'{"action": "labeled", "x":'),
    "JSON of a hundred thousand levels": posted(b'{"a":' * 100_000),
    "a number of ten thousand digits": posted(b'{"action": "labeled", "x": ' + b"9" * 10_000 + b"}"),
    "bytes that are no text": posted(b'{"action": "labeled", "x": "\xff\xfe"}'),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_what_is_malformed_is_told_and_not_stored(web: Web, name: str) -> None:
    """A 4xx, or no answer at all where it is no HTTP; nothing is an error of ours."""
    [status] = statuses(MALFORMED[name], web.port)
    assert status in {0, 400, 431}
    assert web.rows() == []


TAKEN = {
    "in chunks": chunked(GITHUB, github(), [LABELED[:9], LABELED[9:]]),
    "over HTTP/1.0": posted().replace(b"HTTP/1.1", b"HTTP/1.0"),
    "of another content type": posted(Content_Type="text/plain"),
    "with headers beyond ASCII that nobody asked for": posted(X_Other=b"\xff\xfe", X_Name="\u00e4"),
    "with something in the address": request(f"{GITHUB}?x=1", github(), LABELED),
    "with NaN and Infinity": posted(b'{"action": "labeled", "x": [NaN, -Infinity, 1e999999]}'),
    "with half a character": posted(b'{"action": "labeled", "x": "\\ud800"}'),
    "with NUL characters": posted(b'{"action": "labeled", "x": "\\u0000"}'),
    "with a mark of the order of bytes": posted(b'\xef\xbb\xbf{"action": "labeled"}'),
    "with a number in capitals": posted(X_GitHub_Delivery=GUID.upper()),
}


@pytest.mark.parametrize("name", TAKEN)
def test_what_is_odd_and_signed_is_stored_as_it_came(web: Web, name: str) -> None:
    """Once, under its number; whether it makes sense is for the worker to find out."""
    assert statuses(TAKEN[name], web.port) == [202]
    assert [(guid.lower(), event) for guid, event in web.rows()] == [(GUID, "issues")]


@pytest.mark.parametrize(
    "name", ["/webhooks/github/", "/webhooks/./github", "/WEBHOOKS/github", "/webhooks/github%00", "*"]
)
def test_other_addresses_are_none(web: Web, name: str) -> None:
    """What only looks like the receiver's address is not it."""
    assert statuses(request(name, github(), LABELED), web.port) == [404]
    assert web.rows() == []


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "TRACE", "CONNECT"])
def test_other_methods_are_none(web: Web, method: str) -> None:
    """Only what is posted is a webhook."""
    assert statuses(request(GITHUB, github(), LABELED, method=method), web.port) == [405]
    assert web.rows() == []


def test_pipelined_webhooks_are_answered_in_order(web: Web) -> None:
    """Each with its own answer, the wrong one in the middle with its own, too."""
    sent = [posted(X_GitHub_Delivery=f"pipelined-{number}") for number in range(4)]
    sent.insert(2, FORGED["signed with another secret"])
    assert [answer.status for answer in answers(b"".join(sent), web.port, count=5)] == [202, 202, 401, 202, 202]
    assert [guid for guid, _ in web.rows()] == [f"pipelined-{number}" for number in range(4)]


def test_replayed_and_reordered_ones_are_stored_once_each(web: Web) -> None:
    """Whatever their order and number, there is one row for each, with what came first."""
    numbers = [f"again-{number:04}" for number in range(5)]
    for number in numbers + numbers[::-1] + numbers:
        assert statuses(posted(X_GitHub_Delivery=number), web.port) == [202]
    other = LABELED.replace(b"1", b"2")
    assert statuses(posted(other, X_GitHub_Delivery=numbers[0]), web.port) == [202]
    assert [guid for guid, _ in web.rows()] == numbers
    with closing(sqlite3.connect(web.home / "opus67.sqlite3")) as database:
        bodies = {lz4.frame.decompress(body) for (body,) in database.execute("SELECT body FROM deliveries")}
    assert bodies == {LABELED}


def test_twenty_at_once_with_one_number_are_one(web: Web) -> None:
    """All senders are told that it is stored."""
    ready = threading.Barrier(20)

    def send() -> list[int]:
        with socket.create_connection(("127.0.0.1", web.port), 30) as connection:
            ready.wait(30)
            connection.sendall(posted())
            return [answer.status for answer in wire.read(connection)]

    with ThreadPoolExecutor(20) as pool:
        sent = [pool.submit(send) for _ in range(20)]
    assert [one.result() for one in sent] == [[202]] * 20
    assert web.rows() == [(GUID, "issues")]


def test_the_largest_payload_is_taken_and_a_larger_one_is_not(web: Web) -> None:
    """25 MB are stored; what announces more is refused before it was sent."""
    head = b'{"action": "labeled", "x": "'
    largest = head + b"x" * (LARGEST_BODY - len(head) - 2) + b'"}'
    assert statuses(posted(largest), web.port) == [202]
    began = time.monotonic()
    [answer] = answers(request(GITHUB, github(), b"x", length=LARGEST_BODY + 1), web.port)
    assert (answer.status, time.monotonic() - began < 10) == (413, True)
    assert b"25 MB" in answer.body
    assert [guid for guid, _ in web.rows()] == [GUID]


MANY = 18
"""So many that one of the two processes gets more than it holds, however they are shared out."""
HALF_SENT = {
    "heads": b"POST /webhooks/github HTTP/1.1\r\nHost: x\r\nContent-Le",
    "bodies": request(GITHUB, github(X_Hub_Signature_256=WRONG), b"{", length=1000),
    "bodies in chunks": chunked(GITHUB, github(X_Hub_Signature_256=WRONG), [b"{"], end=b""),
    "bodies for Slack": request(SLACK, [("X-Slack-Signature", "v0=" + "0" * 64)], b"{", length=1000),
    "bodies for a CI": request(CI, [("X-Opus67-Signature-256", WRONG)], b"{", length=1000),
}


@pytest.mark.parametrize("name", HALF_SENT)
def test_senders_who_never_end_hold_up_nobody(web: Web, name: str) -> None:
    """A hundred connections that stand in the middle: the next webhook and the next page come at once all the same."""
    with ExitStack() as stack:
        for _ in range(100):
            slow = stack.enter_context(socket.create_connection(("127.0.0.1", web.port), 30))
            slow.sendall(HALF_SENT[name])
        began = time.monotonic()
        assert statuses(posted(), web.port) == [202]
        assert statuses(request("/health", [], method="GET"), web.port) == [200]
        assert time.monotonic() - began < 10


def test_senders_who_hang_up_leave_nothing(web: Web) -> None:
    """In the middle of a body, with and without a word."""
    for half in HALF_SENT.values():
        for linger in (b"\1\0\0\0\0\0\0\0", b"\0\0\0\0\0\0\0\0"):
            with socket.create_connection(("127.0.0.1", web.port), 30) as connection:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                connection.sendall(half)
    assert web.rows() == []


def test_large_bodies_without_end_do_not_fill_the_memory(web: Web) -> None:
    """Each process holds so many bytes of them and no more; the others are refused in words, small ones taken."""
    before, part = web.resident(), b"x" * (24 << 20)
    with ExitStack() as stack, ThreadPoolExecutor(MANY) as pool:
        connections = [stack.enter_context(socket.create_connection(("127.0.0.1", web.port), 60)) for _ in range(MANY)]

        def send(connection: socket.socket) -> None:
            with suppress(OSError):  # refused, it may hang up before all of it was sent
                connection.sendall(request(GITHUB, github(), part, length=LARGEST_BODY))

        list(pool.map(send, connections))
        refused = until(lambda: select.select(connections, [], [], 0)[0], what="a refusal")
        assert {answer.status for connection in refused for answer in wire.read(connection)} <= {503}
        assert len(refused) < MANY
        assert web.resident() - before < 2 * 2 * ROOM
        assert statuses(posted(), web.port) == [202]
    large = posted(b'{"action": "labeled", "x": "' + b"x" * (20 << 20) + b'"}')
    until(lambda: statuses(large, web.port) == [202], what="room again")

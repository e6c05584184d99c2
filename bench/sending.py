"""Sends signed webhooks over kept connections, each connection its next one as soon as the last was answered."""

from __future__ import annotations

import hashlib
import hmac
import itertools
import json
import multiprocessing
import random
import secrets
import select
import socket
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.triggers import wanted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from multiprocessing.connection import Connection
    from pathlib import Path

PATH = "/webhooks/github"
SIZES = (12_000, 25_000)
EACH = 4
"""How many payloads are taken of those nearest to each size."""
WARM_SECONDS = 0.5
PATIENCE_SECONDS = 15.0
"""What an answer may take once no more is sent."""


@dataclass(frozen=True, slots=True)
class Request:
    """One webhook as it goes over the wire, but for its GUID, which is another one each time."""

    head: bytes
    tail: bytes
    wanted: bool


@dataclass(frozen=True, slots=True)
class Burst:
    """What was measured while one server was under load."""

    per_second: float
    p50: float
    p99: float
    refused: int
    """Answers that were no 2xx."""


@dataclass(slots=True)
class Talk:
    """One connection and what it waits for."""

    connection: socket.socket
    sent: float = 0.0
    answer: bytes = b""


def requests(examples: Path, secret: str) -> list[Request]:
    """Return GitHub's examples of about 12 and 25 kB as signed requests, as many wanted ones as unwanted."""
    found: dict[bool, list[tuple[str, bytes]]] = {True: [], False: []}
    for entry in json.loads(examples.read_text(encoding="utf-8")):
        for payload in entry["examples"]:
            body = json.dumps(payload, separators=(",", ":"), ensure_ascii=False).encode()
            found[wanted(entry["name"], str(payload.get("action", "")))].append((entry["name"], body))
    chosen = []
    for asked, known in found.items():
        for size in SIZES:
            nearest = sorted(known, key=lambda one: abs(len(one[1]) - size))[:EACH]
            chosen += [_request(name, body, secret, asked) for name, body in nearest]
    return chosen


def _request(event: str, body: bytes, secret: str, asked: bool) -> Request:
    signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    head = (
        f"POST {PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: */*\r\nUser-Agent: GitHub-Hookshot/67\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\nX-GitHub-Event: {event}\r\n"
        f"X-GitHub-Hook-ID: 67\r\nX-Hub-Signature-256: sha256={signature}\r\nX-GitHub-Delivery: "
    )
    return Request(head.encode(), b"\r\n\r\n" + body, asked)


def mixed(known: Sequence[Request], wanted_of_100: int) -> list[Request]:
    """Return 100 requests, so many of them wanted, in an order that is the same each time."""
    dice = random.Random(67)
    asked, others = ([one for one in known if one.wanted is kind] for kind in (True, False))
    order = [dice.choice(asked) for _ in range(wanted_of_100)]
    order += [dice.choice(others) for _ in range(100 - wanted_of_100)]
    dice.shuffle(order)
    return order


def burst(port: int, load: Sequence[Request], *, connections: int, seconds: float, processes: int) -> Burst:
    """Put one server under load and return what came of it."""
    context = multiprocessing.get_context("fork")
    shares = [len(range(number, connections, processes)) for number in range(processes)]
    children, pipes = [], []
    for share in filter(None, shares):
        mine, theirs = context.Pipe(duplex=False)
        child = context.Process(target=_report, args=(theirs, port, load, share, seconds))
        child.start()
        theirs.close()
        children.append(child)
        pipes.append(mine)
    answers = [pipe.recv() for pipe in pipes]
    for child in children:
        child.join()
    latencies = sorted(itertools.chain.from_iterable(answer[0] for answer in answers))
    if not latencies:
        raise SystemExit("Not one webhook was answered.")
    return Burst(
        len(latencies) / seconds,
        latencies[len(latencies) // 2] * 1000,
        latencies[len(latencies) * 99 // 100] * 1000,
        sum(answer[1] for answer in answers),
    )


def _report(pipe: Connection, port: int, load: Sequence[Request], connections: int, seconds: float) -> None:
    pipe.send(_fire(port, load, connections, seconds))
    pipe.close()


def _fire(port: int, load: Sequence[Request], connections: int, seconds: float) -> tuple[list[float], int]:
    """Send until the time is over; return the latencies after the warm-up, and how many answers were no 2xx."""
    talks, poll, wire = {}, select.epoll(), _wire(load)
    for _ in range(connections):
        talk = Talk(socket.create_connection(("127.0.0.1", port)))
        talk.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        talks[talk.connection.fileno()] = talk
        poll.register(talk.connection.fileno(), select.EPOLLIN)
        _send(talk, wire)
    begin = time.perf_counter() + WARM_SECONDS
    end, latencies, refused, waiting = begin + seconds, [], 0, connections
    while waiting:
        ready = poll.poll(PATIENCE_SECONDS)
        if not ready:
            refused += waiting
            break
        for number, _ in ready:
            talk = talks[number]
            status = _receive(talk)
            if status is None:
                continue
            now = time.perf_counter()
            if begin <= now < end:
                latencies.append(now - talk.sent)
                refused += not status.startswith(b"2")
            if now < end and status:
                _send(talk, wire)
            else:
                poll.unregister(number)
                talk.connection.close()
                waiting -= 1
    return latencies, refused


def _wire(load: Sequence[Request]) -> Iterator[bytes]:
    """Yield requests for ever, each with a GUID of its own."""
    mine = secrets.token_hex(8)
    start = secrets.randbelow(len(load))
    for number in itertools.count(start):
        one = load[number % len(load)]
        yield b"%b%b-%016d%b" % (one.head, mine.encode(), number, one.tail)


def _send(talk: Talk, wire: Iterator[bytes]) -> None:
    talk.sent, talk.answer = time.perf_counter(), b""
    talk.connection.sendall(next(wire))


def _receive(talk: Talk) -> bytes | None:
    """Read what is there; return the status once the answer is whole, nothing in it where the server hung up."""
    part = talk.connection.recv(65536)
    if not part:
        return b""
    talk.answer += part
    head, found, body = talk.answer.partition(b"\r\n\r\n")
    if not found:
        return None
    names = head.lower()
    at = names.find(b"content-length:")
    if at < 0:
        return head[9:12] if body.endswith(b"0\r\n\r\n") else None
    length = names[at + 15 :].split(b"\r\n", 1)[0]
    return head[9:12] if len(body) >= int(length) else None

"""One request of the REST API, from the socket to the answer: limits, who asks, what, and the record of it."""

from __future__ import annotations

import hmac
import json
from email.parser import BytesParser
from email.policy import HTTP
from functools import partial
from typing import TYPE_CHECKING

from jobs.testing.exchanges import Exchange
from jobs.testing.local_discord import limits
from jobs.testing.local_discord.errors import CLOSED_BY_PEOPLE, Refused, plain
from jobs.testing.local_discord.message_rules import Upload
from jobs.testing.local_discord.records import Violation
from jobs.testing.local_discord.resources import ROUTES
from jobs.testing.local_discord.router import Call, Route, reply

if TYPE_CHECKING:
    from jobs.testing.faults import Faults
    from jobs.testing.local_discord.world import World
    from jobs.testing.loopback import Answer, Request


class Api:
    """Answers requests, and keeps what was asked, answered and refused."""

    def __init__(self, world: World, faults: Faults, reached: limits.Limits) -> None:
        self._world = world
        self._faults = faults
        self._limits = reached

    def handle(self, request: Request) -> Answer:
        """Answer one request and record it, with the faults and limits that are set."""
        call = Call(request, self._world)
        answer = lambda: self._limits.answer(request) or self._answer(call)  # noqa: E731 - says no more as a function
        return self._faults.around(request, answer, partial(self._record, call))

    def _answer(self, call: Call) -> Answer:
        route: Route | None = None
        try:
            route = self._find(call)
            if not route.anyone:
                self._identify(call.request)
            _read(call)
            with self._world.change():
                answer = route.handler(call)
        except Refused as refused:
            self._keep(call.request, refused)
            answer = reply(refused.body(), refused.status)
        limits.dress(answer, route)
        return answer

    def _find(self, call: Call) -> Route:
        methods = set()
        for route in ROUTES:
            if found := route.pattern.fullmatch(call.request.path):
                if route.method == call.request.method:
                    call.parameters = found.groupdict()
                    return route
                methods.add(route.method)
        raise plain(405 if methods else 404)

    def _identify(self, request: Request) -> None:
        shown = request.headers.get("authorization", "")
        if not hmac.compare_digest(shown.encode(), f"Bot {self._world.token}".encode()):
            raise plain(401)

    def _keep(self, request: Request, refused: Refused) -> None:
        if refused.code not in CLOSED_BY_PEOPLE:
            one = Violation(request.method, request.path, refused.status, refused.code, refused.message, refused.errors)
            with self._world.change():
                self._world.violations.append(one)

    def _record(self, call: Call, answer: Answer, *, fault: bool) -> None:
        exchange = Exchange.of(call.request, answer, fault=fault, body=call.body)
        with self._world.change():
            self._world.exchanges.append(exchange)


def _read(call: Call) -> None:
    """Read the body: JSON, or a form with JSON under ``payload_json`` and files beside it."""
    request = call.request
    if not request.body:
        return
    text = request.body
    if request.headers.get("content-type", "").startswith("multipart/form-data"):
        call.uploads, text = _parts(request)
    elif not request.headers.get("content-type", "").startswith("application/json"):
        raise Refused(
            400, 50035, "Invalid Form Body", {"_errors": [{"code": "CONTENT_TYPE_INVALID", "message": _TYPES}]}
        )
    try:
        call.body = json.loads(text)
    except ValueError:
        raise Refused(400, 50109, "The request body contains invalid JSON.") from None


_TYPES = "Expected \"Content-Type\" header to be one of {'application/json', 'multipart/form-data'}."


def _parts(request: Request) -> tuple[dict[str, Upload], bytes]:
    head = f"Content-Type: {request.headers['content-type']}\r\n\r\n".encode()
    uploads: dict[str, Upload] = {}
    payload = b"{}"
    for part in BytesParser(policy=HTTP).parsebytes(head + request.body).iter_parts():
        name = part.get_param("name", header="content-disposition")
        data = part.get_payload(decode=True)
        if not isinstance(data, bytes):
            continue
        if name == "payload_json":
            payload = data
        elif isinstance(name, str):
            uploads[name] = Upload(part.get_filename() or "file", data)
    return uploads, payload

"""One request to Slack from the socket to the answer: the Web API and the response URLs, with faults and record."""

from __future__ import annotations

import json
import secrets
import time
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from jobs.testing.loopback import Answer, ConnectionDropped, Request
from jobs.testing.slack.errors import Refused
from jobs.testing.slack.methods import METHODS, Method
from jobs.testing.slack.methods.registry import APP, NOBODY, Arguments
from jobs.testing.slack.records import JSON, Call, Violation
from jobs.testing.slack.responses import use

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from jobs.testing.faults import Faults
    from jobs.testing.slack.world import World

PREFIX = "/api/"
RESPONSE_URL = "response_url"


class WebApi:
    """Answers what an app asks; ``tokens`` gives the kind of each token, ``down`` cuts every connection."""

    def __init__(
        self,
        world: World,
        faults: Faults,
        tokens: Mapping[str, str],
        *,
        trigger_seconds: float,
        socket_url: Callable[[], str],
    ) -> None:
        self._world = world
        self._faults = faults
        self._tokens = tokens
        self._trigger_seconds = trigger_seconds
        self._socket_url = socket_url
        self.down = False

    def handle(self, request: Request) -> Answer:
        """Answer one request and record it, with the faults that are set."""
        if self.down:
            self._record(request, Answer(0), fault=True)
            raise ConnectionDropped
        return self._faults.around(request, lambda: self._answer(request), partial(self._record, request))

    def _answer(self, request: Request) -> Answer:
        given: JSON = {}
        try:
            given = _given(request)
            with self._world.change():
                if request.path.startswith(PREFIX):
                    return self._call(request, given)
                use(self._world, request.path, given)
                return Answer(200, b"ok", {"Content-Type": "text/plain"})
        except Refused as refused:
            if refused.violation:
                self._blame(_name(request), refused, given)
            if request.path.startswith(PREFIX):
                return _reply(refused.body())
            return _reply(refused.body(), 404 if refused.error.endswith("_url") else 400)

    def _call(self, request: Request, given: JSON) -> Answer:
        method = METHODS.get(_name(request))
        if method is None:
            raise Refused("unknown_method", req_method=_name(request))
        token = _token(request, given)
        given.pop("token", None)
        self._authorise(method, token)
        call = Arguments(self._world, given, self._trigger_seconds, self._socket_url)
        call.demand(method.scope)
        answer = _reply({"ok": True, **method.handler(call)})
        if self._tokens.get(token) != APP:
            answer.headers["X-OAuth-Scopes"] = ",".join(sorted(self._world.registration.scopes))
            answer.headers["X-Accepted-OAuth-Scopes"] = method.scope
        return answer

    def _authorise(self, method: Method, token: str) -> None:
        if method.token == NOBODY:
            return
        if not token:
            raise Refused("not_authed")
        if token not in self._tokens:
            raise Refused("invalid_auth")
        if self._tokens[token] != method.token:
            raise Refused("not_allowed_token_type")

    def _blame(self, where: str, refused: Refused, given: JSON) -> None:
        with self._world.change():
            self._world.violations.append(Violation(where, refused.error, refused.messages, given))

    def _record(self, request: Request, answer: Answer, *, fault: bool) -> None:
        try:
            given = _given(request)
        except Refused:
            given = {}
        body = answer.body if isinstance(answer.body, bytes) else b""
        call = Call(
            _name(request),
            {name: value for name, value in given.items() if name != "token"},
            dict(request.headers),
            answer.status,
            json.loads(body) if body.startswith(b"{") else {},
            _token(request, given),
            fault,
            time.time(),
        )
        with self._world.change():
            self._world.calls.append(call)


def _name(request: Request) -> str:
    return request.path.removeprefix(PREFIX) if request.path.startswith(PREFIX) else RESPONSE_URL


def _reply(body: JSON, status: int = 200) -> Answer:
    headers = {"Content-Type": "application/json; charset=utf-8", "X-Slack-Req-Id": secrets.token_hex(16)}
    return Answer(status, json.dumps(body).encode(), headers)


def _token(request: Request, given: Mapping[str, Any]) -> str:
    """Return the token: from the header, or from a form; in JSON Slack does not look for one."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return token.strip()
    return "" if _is_json(request) else str(given.get("token", ""))


def _is_json(request: Request) -> bool:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json"


def _given(request: Request) -> JSON:
    """Return the arguments: from the query, a form, or a JSON object."""
    if request.method not in {"GET", "POST"}:
        raise Refused("invalid_post_type")
    if request.method == "GET" or not request.body:
        return dict(request.query)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if not _is_json(request):
        if kind != "application/x-www-form-urlencoded":
            raise Refused("invalid_post_type" if kind else "missing_post_type")
        form = dict(parse_qsl(request.body.decode(errors="replace"), keep_blank_values=True))
        return {**request.query, **form}
    try:
        body = json.loads(request.body)
    except ValueError:
        raise Refused("invalid_json") from None
    if not isinstance(body, dict):
        raise Refused("json_not_object")
    return body

"""One request of the API from the socket to the answer: caller, route, permission, handler, headers, record."""

from __future__ import annotations

import hashlib
import json
import time
import uuid
from functools import partial
from typing import TYPE_CHECKING, Any

from jobs.testing.exchanges import Exchange
from jobs.testing.github import access, git
from jobs.testing.github.errors import Refused, not_found
from jobs.testing.github.resources import ROUTES
from jobs.testing.github.resources.hooks import routes as hook_routes
from jobs.testing.github.router import Call, Route, reply

if TYPE_CHECKING:
    from jobs.testing.faults import Faults
    from jobs.testing.github.webhooks import Webhooks
    from jobs.testing.github.world import World
    from jobs.testing.loopback import Answer, Request

LIMIT = 5000
VERSIONS = ("2022-11-28", "2026-03-10")


class Api:
    """Answers GitHub's REST API from a world."""

    def __init__(self, world: World, webhooks: Webhooks, faults: Faults) -> None:
        self._world = world
        self._faults = faults
        self._routes = (*hook_routes(webhooks).routes, *ROUTES)

    def handle(self, request: Request) -> Answer:
        """Answer one request and record it, with the faults that are set."""
        call = Call(request, self._world, {})
        return self._faults.around(request, lambda: self._answer(call), partial(self._record, call))

    def _answer(self, call: Call) -> Answer:
        answer = self._answer_bare(call)
        self._dress(call.request, answer)
        return answer

    def _answer_bare(self, call: Call) -> Answer:
        try:
            _check_version(call.request)
            call.body = _parse(call.request)
            with self._world.change():
                return self._dispatch(call)
        except Refused as refused:
            return reply(refused.body(), refused.status)
        except git.GitFailed as failed:
            return reply(Refused(409, f"Git Repository error: {failed}").body(), 409)

    def _dispatch(self, call: Call) -> Answer:
        request, found = call.request, None
        for route in self._routes:
            if route.method == request.method and (found := route.pattern.fullmatch(request.path)):
                break
        else:
            access.identify(self._world, request)
            raise not_found()
        call.parameters = found.groupdict()
        return self._enter(call, route)

    def _enter(self, call: Call, route: Route) -> Answer:
        if not route.anyone:
            caller = access.identify(self._world, call.request)
            call.app, call.token, call.user = caller.app, caller.token, caller.user
        access.authorise(call, route)
        return route.handler(call)

    def _dress(self, request: Request, answer: Answer) -> None:
        """Add GitHub's own headers, and answer 304 to a matching ETag."""
        used = len(self._world.exchanges) % LIMIT
        answer.headers |= {
            "X-GitHub-Media-Type": "github.v3; format=json",
            "X-GitHub-Request-Id": uuid.uuid4().hex[:20].upper(),
            "X-GitHub-Api-Version-Selected": request.headers.get("x-github-api-version", VERSIONS[0]),
            "X-RateLimit-Limit": str(LIMIT),
            "X-RateLimit-Remaining": str(LIMIT - used),
            "X-RateLimit-Used": str(used),
            "X-RateLimit-Reset": str(int(time.time()) + 3600),
            "X-RateLimit-Resource": "core",
            "Server": "github.com",
        }
        if request.method == "GET" and answer.status == 200 and isinstance(answer.body, bytes):
            etag = f'W/"{hashlib.sha256(answer.body).hexdigest()}"'
            answer.headers |= {
                "ETag": etag,
                "Cache-Control": "private, max-age=60, s-maxage=60",
                "Vary": "Accept, Authorization",
            }
            if request.headers.get("if-none-match") == etag:
                answer.status, answer.body = 304, b""

    def _record(self, call: Call, answer: Answer, *, fault: bool) -> None:
        token = call.token
        permissions, secret = (token.permissions, token.value) if token else (None, "")
        exchange = Exchange.of(call.request, answer, fault=fault, body=call.body, permissions=permissions, token=secret)
        with self._world.change():
            self._world.exchanges.append(exchange)


def _parse(request: Request) -> Any:
    if not request.body:
        return None
    try:
        return json.loads(request.body)
    except ValueError:
        raise Refused(400, "Problems parsing JSON") from None


def _check_version(request: Request) -> None:
    version = request.headers.get("x-github-api-version", VERSIONS[0])
    if version not in VERSIONS:
        raise Refused(400, f"'{version}' is not a supported API version.")

"""One HTTP client for all threads, and every answer of GitHub turned into a value or one of two errors.

githubkit makes a new HTTP client for each call outside its context manager, which costs a connection each time, and
its own retries repeat a POST after a 5xx, which doubles comments: here all calls share one client, and only reads
are tried again.
"""

from __future__ import annotations

import logging
import os
import random
import threading
import time
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, cast

import httpx
from githubkit import GitHub as Kit
from githubkit.cache import MemCacheStrategy
from githubkit.exception import (
    AuthCredentialError,
    GitHubException,
    PrimaryRateLimitExceeded,
    RateLimitExceeded,
    RequestError,
    RequestFailed,
    RequestTimeout,
)
from jwt.exceptions import InvalidKeyError

from jobs.github.values import GitHubRefused
from jobs.github.witnessed import Witnessed
from jobs.trust import trusted
from jobs.types import GitHubUnavailable, Unrecorded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from githubkit.auth import BaseAuthStrategy

    from jobs.types.audit import Witness

VERSION = {"X-GitHub-Api-Version": "2022-11-28"}
"""The version that github.com and every supported Enterprise Server speak; 2026-03-10 needs Enterprise Server 3.21."""
GRAPHQL = "graphql"
READ_TRIES = 3
SERVER_ERROR = 500
TOO_MANY_REQUESTS = 429
UNAUTHORISED = 401
GRAPHQL_ERRORS = {"NOT_FOUND": 404, "FORBIDDEN": 403, "INSUFFICIENT_SCOPES": 403}
UNPROCESSABLE = 422
LONGEST_WAIT = 3600.0
LONGEST_REASON = 500
UNKNOWN_WAIT = 60.0
PER_PAGE = 100
MOST_REDIRECTS = 5

log = logging.getLogger(__name__)


class Connections:
    """A connection pool for all threads of a process; a forked child gets a pool of its own."""

    def __init__(self, timeout: float, witness: Witness) -> None:
        self._timeout, self.witnessed = timeout, Witnessed(witness)
        self._lock = threading.Lock()
        self._client: httpx.Client | None = None
        self._process = 0

    def client(self) -> httpx.Client:
        """Return the HTTP client of this process; proxies are taken from the environment by httpx."""
        with self._lock:
            if self._client is None or self._process != os.getpid():
                # The parent's client is not closed here: its sockets are still the parent's.
                limits = httpx.Limits(max_keepalive_connections=16, keepalive_expiry=60.0)
                self._client = httpx.Client(
                    timeout=self._timeout,
                    verify=trusted(),
                    limits=limits,
                    follow_redirects=True,
                    max_redirects=MOST_REDIRECTS,
                    event_hooks=self.witnessed.hooks,
                )
                self._process = os.getpid()
            return self._client

    def close(self) -> None:
        """Close the connections; the next call opens new ones."""
        with self._lock:
            if self._client is not None and self._process == os.getpid():
                self._client.close()
            self._client = None


class _Borrowed:
    """The shared client, for one githubkit client: its base URL, its headers, its way to authenticate."""

    def __init__(self, connections: Connections, defaults: dict[str, Any], clean: Callable[[Any], Any]) -> None:
        self._client, self._clean, self._witnessed = connections.client(), clean, connections.witnessed
        self._base, self._auth = str(defaults["base_url"]).rstrip("/"), defaults["auth"]
        self._headers = {name: value for name, value in defaults["headers"].items() if name != "Cache-Control"}

    def build_request(
        self, method: str, url: str, *, headers: Any = None, json: Any = None, **options: Any
    ) -> httpx.Request:
        """Build a request as githubkit asks for it; nothing leaves that was not cleaned."""
        merged = {**self._headers, **VERSION, **(headers or {})}
        path = str(url).lstrip("/")
        # An Enterprise Server has REST under /api/v3 and GraphQL beside it.
        base = self._base.removesuffix("/v3") if path == GRAPHQL else self._base
        said = None if json is None else self._clean(json)
        return self._client.build_request(method, f"{base}/{path}", headers=merged, json=said, **options)

    def send(self, request: httpx.Request, *, stream: bool = False) -> httpx.Response:
        """Send a request over the shared connections; what is streamed lies elsewhere, where the token must not go."""
        try:
            return self._client.send(request, auth=self._auth, stream=stream, follow_redirects=not stream)
        except httpx.TransportError as error:
            self._witnessed.failed(request, error)
            raise


class PooledKit(Kit[Any]):
    """githubkit over shared connections, without its cache, its throttle and its retries."""

    def __init__(
        self,
        auth: BaseAuthStrategy,
        base_url: str,
        connections: Connections,
        clean: Callable[[Any], Any] = lambda json: json,
    ) -> None:
        """Make a client; ``clean`` takes out of the JSON that it sends what must not leave."""
        # Without the HTTP cache an answer is always GitHub's present one: decisions about people depend on it.
        # A cache of its own, since githubkit's own gives a JWT to whoever has the same App id, whatever the key.
        super().__init__(
            auth,
            base_url=base_url,
            http_cache=False,
            auto_retry=False,
            user_agent="opus67",
            cache_strategy=MemCacheStrategy(),
        )
        self._connections, self._clean = connections, clean
        self._quiet_until = 0.0

    def keep_quiet(self, seconds: float) -> None:
        """Make no call for so long: GitHub asked for that, and who goes on asking is shut out for longer."""
        self._quiet_until = time.monotonic() + seconds

    def quiet(self) -> float:
        """Return for how many seconds no call is made yet."""
        return max(0.0, self._quiet_until - time.monotonic())

    @contextmanager
    def get_sync_client(self) -> Iterator[httpx.Client]:
        """Lend out the shared client instead of making one for each call."""
        yield cast("httpx.Client", _Borrowed(self._connections, self._get_client_defaults(), self._clean))

    def cleaned(self, said: str) -> str:
        """Return what GitHub said of a request without the secrets that it may have repeated."""
        return str(self._clean(said))

    def fetch(self, address: str) -> AbstractContextManager[httpx.Response]:
        """Open another host's address, to be read in pieces; the token stays here."""
        headers = {"User-Agent": "opus67", "Accept-Encoding": "identity"}
        return self._connections.client().stream("GET", address, headers=headers)


def call(kit: Kit[Any], method: str, path: str, **options: Any) -> Any:
    """Make one call and return the answer's JSON, or None when it has none.

    Raises GitHubUnavailable when it is worth trying later, GitHubRefused when it is not. A GET is tried a few times.
    """
    return _body(respond(kit, method, path, **options), method, path)


def graphql(kit: Kit[Any], query: str, variables: dict[str, Any]) -> dict[str, Any]:
    """Make one call of GitHub's GraphQL API and return its data; raises as ``call`` does. A mutation is made once."""
    again = not query.startswith("mutation")
    response = respond(kit, "POST", f"/{GRAPHQL}", again=again, json={"query": query, "variables": variables})
    answer = _body(response, "POST", f"/{GRAPHQL}")
    problems = answer.get("errors") or []
    if not problems:
        data: dict[str, Any] = answer["data"]
        return data
    kinds = {str(one.get("type")) for one in problems}
    reason = _cleaned(kit, "; ".join(str(one.get("message") or "") for one in problems))[:LONGEST_REASON]
    if any(kind.startswith("RATE_LIMIT") for kind in kinds):
        raise GitHubUnavailable("GitHub's rate limit is reached (GraphQL)", UNKNOWN_WAIT)
    status = next((GRAPHQL_ERRORS[kind] for kind in kinds if kind in GRAPHQL_ERRORS), UNPROCESSABLE)
    raise GitHubRefused(status, f"GitHub refused: {reason}{_cure(status)}", reason)


def pages(kit: Kit[Any], path: str, *, key: str = "", most: int = 1000, **params: Any) -> Iterator[dict[str, Any]]:
    """Yield the items of a paged list, about ``most`` at the most; ``key`` names the list inside the answer."""
    seen, query = 0, params
    while seen < most:
        items, query = page(kit, path, key=key, **query)
        yield from items
        seen += len(items)
        if not query:
            return


def page(kit: Kit[Any], path: str, *, key: str = "", **params: Any) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Return one page of a list, and with which parameters the next one is to be had; none where it is the last."""
    response = respond(kit, "GET", path, params={"per_page": PER_PAGE, **params})
    answer = _body(response, "GET", path)
    items: list[dict[str, Any]] = answer[key] if key else answer
    # Deliveries are paged by a cursor, the rest by numbers: only GitHub's link knows what comes next.
    following = response.links.get("next", {}).get("url")
    return items, dict(httpx.URL(following).params) if following and items else {}


def respond(kit: Kit[Any], method: str, path: str, *, again: bool = False, **options: Any) -> httpx.Response:
    """Make one call and return the answer, as ``call`` does.

    Reads, and what may be done ``again``, are tried a few times within some seconds.
    """
    tries = READ_TRIES if again or method == "GET" else 1
    if isinstance(kit, PooledKit) and (wait := kit.quiet()):
        raise GitHubUnavailable(f"GitHub asked to be left alone ({_what(method, path)})", wait)
    for turn in range(1, tries + 1):
        try:
            return kit.request(method, path, **options).raw_response
        except GitHubException as error:
            reason = _explain(kit, error, method, path)
            if turn == tries or isinstance(reason, GitHubRefused) or reason.retry_after > 1:
                _heed(kit, reason)
                raise reason from None
            log.info("reading from GitHub again: %s", reason)
            time.sleep(random.uniform(0.1, 0.3) * turn)  # noqa: S311 - spreads retries, guards nothing
        except ValueError:
            # githubkit reads Retry-After as a number of seconds; a date is as good in HTTP.
            raise GitHubUnavailable(f"GitHub asked to wait ({_what(method, path)})", UNKNOWN_WAIT) from None
    raise AssertionError("unreachable")


def _heed(kit: Kit[Any], reason: GitHubUnavailable | GitHubRefused) -> None:
    """Have a client make no call while GitHub asks for that, whichever thread would."""
    if isinstance(kit, PooledKit) and isinstance(reason, GitHubUnavailable) and reason.retry_after > 1:
        kit.keep_quiet(reason.retry_after)


def _body(response: httpx.Response, method: str, path: str) -> Any:
    if not response.content:
        return None
    try:
        return response.json()
    except ValueError:
        # A proxy or a maintenance page in between: GitHub itself always answers in JSON.
        raise GitHubUnavailable(f"{_what(method, path)} was answered, but not by GitHub") from None


def _explain(kit: Kit[Any], error: GitHubException, method: str, path: str) -> GitHubUnavailable | GitHubRefused:
    cause: object = error
    # What goes wrong while a token is made comes wrapped as if the connection had failed.
    while isinstance(cause, RequestError) and not isinstance(cause, RequestFailed):
        cause = cause.exc
    if isinstance(cause, Unrecorded):
        raise cause
    if isinstance(cause, GitHubUnavailable | GitHubRefused):
        return cause
    what = _what(method, path)
    if isinstance(cause, RequestFailed):
        return _failed(cause, what, _cleaned(kit, _message(cause))[:LONGEST_REASON])
    if isinstance(cause, InvalidKeyError | AuthCredentialError | ValueError | TypeError):
        return GitHubRefused(
            UNAUTHORISED,
            "GITHUB_PRIVATE_KEY is not a private key in PEM form. Download a new one in the App's settings.",
        )
    if isinstance(error, RequestTimeout) or isinstance(cause, httpx.TimeoutException):
        return GitHubUnavailable(f"GitHub did not answer {what} in time", 1.0)
    return GitHubUnavailable(f"GitHub could not be reached for {what}: {type(cause).__name__}: {cause}"[:300], 1.0)


def _failed(error: RequestFailed, what: str, message: str) -> GitHubUnavailable | GitHubRefused:
    if isinstance(error, RateLimitExceeded):
        kind = "rate limit" if isinstance(error, PrimaryRateLimitExceeded) else "secondary rate limit"
        wait = min(max(_until_reset(error), 2.0), LONGEST_WAIT)
        return GitHubUnavailable(f"GitHub's {kind} is reached ({what})", wait)
    status = error.response.status_code
    if status >= SERVER_ERROR:
        return GitHubUnavailable(f"GitHub answered {status} to {what}", _retry_after(error))
    if status == TOO_MANY_REQUESTS or "rate limit" in message.lower():
        return GitHubUnavailable(f"GitHub asked to slow down ({what})", UNKNOWN_WAIT)
    return GitHubRefused(status, f"GitHub refused {what}: {status} {message}{_cure(status)}", message)


def _until_reset(error: RateLimitExceeded) -> float:
    """Return how long to wait, by GitHub's own clock where it says when the limit ends: ours may be wrong."""
    headers = error.response.headers
    reset = headers.get("x-ratelimit-reset", "")
    if "retry-after" in headers or not (reset.isascii() and reset.isdigit()):
        return error.retry_after.total_seconds()
    try:
        return float(reset) - parsedate_to_datetime(headers.get("date", "")).timestamp()
    except (ValueError, TypeError):
        return error.retry_after.total_seconds()


def _retry_after(error: RequestFailed) -> float:
    seconds = error.response.headers.get("retry-after", "")
    return min(float(seconds), LONGEST_WAIT) if seconds.isascii() and seconds.isdigit() else 1.0


def _what(method: str, path: str) -> str:
    return f"{method} {path.partition('?')[0]}"


def _message(error: RequestFailed) -> str:
    try:
        answer = error.response.json()
    except ValueError:
        return ""
    if not isinstance(answer, dict):
        return ""
    details = answer.get("errors")
    listed = details if isinstance(details, list) else []
    texts = [item if isinstance(item, str) else str(item.get("message") or item.get("code") or "") for item in listed]
    return "; ".join(text for text in (str(answer.get("message") or ""), *texts) if text)


def _cleaned(kit: Kit[Any], said: str) -> str:
    return kit.cleaned(said) if isinstance(kit, PooledKit) else said


def _cure(status: int) -> str:
    cures = {
        401: ". Check GITHUB_APP_ID and GITHUB_PRIVATE_KEY with `opus67 doctor`.",
        403: ". The App may lack a permission, or its installation is suspended; `opus67 doctor` tells.",
        404: ". The App may not be installed on this repository.",
    }
    return cures.get(status, "")

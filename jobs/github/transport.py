"""One connection pool for all threads, and every answer of GitHub turned into a value or one of two errors.

githubkit makes a new HTTP client for each call outside its context manager, and its own retries repeat a POST after
a 5xx, which doubles comments: here it gets a transport that outlives its clients, and only reads are tried again.
"""

from __future__ import annotations

import logging
import random
import time
from typing import TYPE_CHECKING, Any

import httpx
from githubkit import GitHub as Kit
from githubkit.exception import (
    GitHubException,
    PrimaryRateLimitExceeded,
    RateLimitExceeded,
    RequestFailed,
    RequestTimeout,
)

from jobs.github.values import GitHubRefused
from jobs.types import GitHubUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from githubkit.auth import BaseAuthStrategy

READ_TRIES = 3
SERVER_ERROR = 500
TOO_MANY_REQUESTS = 429
LONGEST_WAIT = 3600.0
PER_PAGE = 100

log = logging.getLogger(__name__)


class PooledTransport(httpx.BaseTransport):
    """A connection pool that the clients share and do not close."""

    def __init__(self, proxy: str | None = None) -> None:
        self._inner = httpx.HTTPTransport(proxy=proxy, limits=httpx.Limits(max_keepalive_connections=16))

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request."""
        return self._inner.handle_request(request)

    def close(self) -> None:
        """Keep the connections: the next client needs them."""


def connect(auth: BaseAuthStrategy, base_url: str, timeout: float, transport: PooledTransport) -> Kit[Any]:
    """Build a githubkit client without its cache, its throttle and its retries."""
    return Kit(
        auth,
        base_url=base_url,
        timeout=timeout,
        transport=transport,
        http_cache=False,
        auto_retry=False,
        user_agent="opus67",
        rest_api_validate_body=False,
    )


def call(kit: Kit[Any], method: str, path: str, **options: Any) -> Any:
    """Make one call and return the answer's JSON, or None when it has none.

    Raises GitHubUnavailable when it is worth trying later, GitHubRefused when it is not. A GET is tried a few times.
    """
    tries = READ_TRIES if method == "GET" else 1
    for turn in range(1, tries + 1):
        try:
            response = kit.request(method, path, **options)
        except GitHubException as error:
            reason = _explain(error, method, path)
            if turn == tries or isinstance(reason, GitHubRefused) or reason.retry_after > 1:
                raise reason from None
            time.sleep(random.uniform(0.1, 0.3) * turn)  # noqa: S311 - spreads retries, guards nothing
        else:
            return response.json() if response.content else None
    raise AssertionError("unreachable")


def pages(kit: Kit[Any], path: str, *, key: str = "", most: int = 1000, **params: Any) -> Iterator[dict[str, Any]]:
    """Yield the items of a paged list, ``most`` at the most; ``key`` names the list inside the answer."""
    for page in range(1, most // PER_PAGE + 1):
        answer = call(kit, "GET", path, params={**params, "per_page": PER_PAGE, "page": page})
        items = answer[key] if key else answer
        yield from items
        if len(items) < PER_PAGE:
            return


def _explain(error: GitHubException, method: str, path: str) -> GitHubUnavailable | GitHubRefused:
    what = f"{method} {path.partition('?')[0]}"
    if isinstance(error, RateLimitExceeded):
        kind = "rate limit" if isinstance(error, PrimaryRateLimitExceeded) else "secondary rate limit"
        wait = min(max(error.retry_after.total_seconds(), 2.0), LONGEST_WAIT)
        return GitHubUnavailable(f"GitHub's {kind} is reached ({what})", wait)
    if isinstance(error, RequestFailed):
        status = error.response.status_code
        message = _message(error)
        if status >= SERVER_ERROR:
            return GitHubUnavailable(f"GitHub answered {status} to {what}", 1.0)
        if status == TOO_MANY_REQUESTS or "rate limit" in message.lower():
            return GitHubUnavailable(f"GitHub asked to slow down ({what})", 60.0)
        return GitHubRefused(status, f"GitHub refused {what}: {status} {message}{_cure(status)}")
    if isinstance(error, RequestTimeout):
        return GitHubUnavailable(f"GitHub did not answer {what} in time", 1.0)
    return GitHubUnavailable(f"GitHub could not be reached for {what}: {_root(error)}", 1.0)


def _message(error: RequestFailed) -> str:
    try:
        answer = error.response.json()
    except ValueError:
        return ""
    if not isinstance(answer, dict):
        return ""
    details = answer.get("errors") or []
    texts = [item if isinstance(item, str) else str(item.get("message") or item.get("code") or "") for item in details]
    return "; ".join(text for text in (str(answer.get("message", "")), *texts) if text)[:500]


def _cure(status: int) -> str:
    cures = {
        401: ". Check GITHUB_APP_ID and GITHUB_PRIVATE_KEY with `opus67 doctor`.",
        403: ". The App may lack a permission; `opus67 doctor` compares them.",
        404: ". The App may not be installed on this repository.",
    }
    return cures.get(status, "")


def _root(error: GitHubException) -> str:
    cause = getattr(error, "exc", error)
    return f"{type(cause).__name__}: {cause}"[:200]

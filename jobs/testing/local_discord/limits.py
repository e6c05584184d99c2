"""Rate limits: the headers that every answer has, and limits that are reached when a test says so."""

from __future__ import annotations

import hashlib
import re
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jobs.testing.local_discord.router import reply

if TYPE_CHECKING:
    from jobs.testing.local_discord.router import Route
    from jobs.testing.loopback import Answer, Request

PLENTY, WINDOW = 50, 1.0
NOT_COUNTED = re.compile(r"/api/v10/(interactions|webhooks)/")
"""Answers to interactions are not bound to the bot's global limit."""


@dataclass(slots=True)
class Limit:
    """One limit; ``hits`` are the requests that it refused, ``early`` those of them that did not wait long enough."""

    method: str
    path: re.Pattern[str]
    retry_after: float
    everywhere: bool
    times: int
    hits: int = 0
    early: int = 0
    until: float = 0.0

    def fits(self, request: Request) -> bool:
        """Tell whether this limit is for ``request``."""
        if self.everywhere and time.monotonic() < self.until:
            return not NOT_COUNTED.match(request.path)
        return self.method in {"*", request.method} and bool(self.path.search(request.path))

    def refuses(self) -> float:
        """Return for how many seconds a request must wait, or 0 where it may pass."""
        left = self.until - time.monotonic()
        if left > 0:
            self.hits += 1
            self.early += 1
            return left
        if self.times <= 0:
            return 0.0
        self.times -= 1
        self.hits += 1
        self.until = time.monotonic() + self.retry_after
        return self.retry_after


class Limits:
    """The limits that are set on one Discord."""

    def __init__(self) -> None:
        self._limits: list[Limit] = []
        self._lock = threading.Lock()

    def add(
        self, method: str, path_regex: str, retry_after: float = 0.2, *, everywhere: bool = False, times: int = 1
    ) -> Limit:
        """Refuse the next ``times`` fitting requests with 429, and all that come before ``retry_after`` seconds.

        ``everywhere`` is Discord's global limit: once reached, it is for all of the bot's requests.
        """
        limit = Limit(method.upper(), re.compile(path_regex), retry_after, everywhere, times)
        with self._lock:
            self._limits.append(limit)
        return limit

    def answer(self, request: Request) -> Answer | None:
        """Return the refusal of a request that comes too early, if it does."""
        with self._lock:
            for limit in self._limits:
                if limit.fits(request) and (seconds := limit.refuses()):
                    return _refusal(limit, request, seconds)
        return None


def dress(answer: Answer, route: Route | None) -> None:
    """Add the headers that tell how many requests are left."""
    if route is None:
        return
    answer.headers |= {
        "X-RateLimit-Limit": str(PLENTY),
        "X-RateLimit-Remaining": str(PLENTY - 1),
        "X-RateLimit-Reset": f"{time.time() + WINDOW:.3f}",
        "X-RateLimit-Reset-After": f"{WINDOW:.3f}",
        "X-RateLimit-Bucket": _bucket(route.method, route.path),
    }


def _bucket(method: str, path: str) -> str:
    return hashlib.sha256(f"{method} {path}".encode()).hexdigest()[:32]


def _refusal(limit: Limit, request: Request, seconds: float) -> Answer:
    body = {"message": "You are being rate limited.", "code": 0, "retry_after": round(seconds, 3)}
    headers = {
        "Retry-After": str(max(1, round(seconds))),
        "X-RateLimit-Scope": "global" if limit.everywhere else "user",
        # A client tells Discord's own refusal from that of the network before it by this header.
        "Via": "1.1 google",
    }
    if limit.everywhere:
        headers["X-RateLimit-Global"] = "true"
    else:
        headers |= {
            "X-RateLimit-Limit": "5",
            "X-RateLimit-Remaining": "0",
            "X-RateLimit-Reset": f"{time.time() + seconds:.3f}",
            "X-RateLimit-Reset-After": f"{seconds:.3f}",
            "X-RateLimit-Bucket": _bucket(request.method, limit.path.pattern),
        }
    return reply(body | {"global": limit.everywhere}, 429, headers)

"""The App's own tokens, dated by GitHub's clock where this machine's is wrong.

githubkit dates them by this machine's clock, whatever GitHub's says; GitHub refuses what is a minute in its future.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

import httpx
import jwt
from githubkit.auth import BaseAuthStrategy

from jobs.github.transport import UNAUTHORISED

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from githubkit import GitHubCore

BACKDATED_SECONDS = 60
LASTS_SECONDS = 600
"""The most that GitHub takes, counted from the date on it."""
KEPT_SECONDS = 480.0
LEAST_SKEW = 30.0
"""Seconds; a smaller difference is the way of the answer, and the back-dating covers it."""

log = logging.getLogger(__name__)


class ServerTime:
    """What time it is at GitHub: this machine's until GitHub has refused what was dated by it."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        """Take this machine's clock: seconds since the epoch."""
        self._clock = clock
        self._ahead = 0.0

    def now(self) -> float:
        """Return GitHub's time in seconds since the epoch."""
        return self._clock() + self._ahead

    def learn(self, date: str) -> bool:
        """Take the time from an answer's header; tell whether it is another one than was thought."""
        try:
            theirs = parsedate_to_datetime(date).timestamp()
        except (ValueError, TypeError):
            return False
        if abs(theirs - self.now()) < LEAST_SKEW:
            return False
        self._ahead = theirs - self._clock()
        log.warning("this machine's clock differs from GitHub's by %.0f seconds; GitHub's is taken", -self._ahead)
        return True


class _AppFlow(httpx.Auth):
    """Puts the App's token into a request; one that GitHub's clock refused is made and sent once more."""

    def __init__(self, app_id: str, private_key: str, server_time: ServerTime) -> None:
        self._app_id, self._key, self._time = app_id, private_key, server_time
        self._lock = threading.Lock()
        self._value, self._made = "", 0.0

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Send a request with the token; nothing was done where it was refused, so it may be sent again."""
        request.headers["Authorization"] = f"Bearer {self.token()}"
        response = yield request
        if response.status_code == UNAUTHORISED and self._time.learn(response.headers.get("date", "")):
            response.read()
            request.headers["Authorization"] = f"Bearer {self.token(anew=True)}"
            yield request

    def token(self, *, anew: bool = False) -> str:
        """Return a token that is good for some minutes."""
        with self._lock:
            now = self._time.now()
            if anew or not self._value or not 0 <= now - self._made < KEPT_SECONDS:
                dated = int(now) - BACKDATED_SECONDS
                claims = {"iss": self._app_id, "iat": dated, "exp": dated + LASTS_SECONDS}
                self._value, self._made = jwt.encode(claims, self._key, algorithm="RS256"), now
            return self._value


@dataclass
class AppStrategy(BaseAuthStrategy):
    """Authenticates a githubkit client as the App."""

    app_id: str
    private_key: str
    server_time: ServerTime

    def __post_init__(self) -> None:
        self._flow = _AppFlow(self.app_id, self.private_key, self.server_time)

    def token(self) -> str:
        """Return the App's token."""
        return self._flow.token()

    def get_auth_flow(self, github: GitHubCore) -> httpx.Auth:  # type: ignore[type-arg]  # noqa: ARG002 - githubkit's signature
        """Return the one flow that keeps the token."""
        return self._flow

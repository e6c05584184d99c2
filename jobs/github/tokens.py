"""Installation tokens: made when they are needed, kept while they are good, made anew when GitHub no longer takes them.

githubkit's own way reads the whole answer strictly, repositories and all, and fails with GitHub's next new field.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import httpx
from githubkit.auth import BaseAuthStrategy

from jobs.github.transport import UNAUTHORISED

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from githubkit import GitHubCore

    from jobs.github.app_auth import ServerTime
    from jobs.github.values import Token

EARLY_SECONDS = 120.0
"""A token is replaced this long before its end, so that no call meets it on the way."""


class _InstallationAuth(httpx.Auth):
    """Puts the kept token into a request; after a 401 once more with a new one, since nothing was done then."""

    def __init__(self, mint: Callable[[], Token], server_time: ServerTime) -> None:
        self._mint, self._time = mint, server_time
        self._lock = threading.Lock()
        self._value, self._good_until = "", 0.0

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Send a request with the token, a second time with a new one when the first was not taken."""
        value = self._token()
        request.headers["Authorization"] = f"Bearer {value}"
        response = yield request
        if response.status_code == UNAUTHORISED:
            response.read()
            request.headers["Authorization"] = f"Bearer {self._token(instead_of=value)}"
            yield request

    def _token(self, instead_of: str = "") -> str:
        with self._lock:
            if self._value == instead_of or self._time.now() >= self._good_until:
                token = self._mint()
                self._value = token.value
                self._good_until = datetime.fromisoformat(token.expires_at).timestamp() - EARLY_SECONDS
            return self._value


@dataclass
class InstallationStrategy(BaseAuthStrategy):
    """Authenticates a githubkit client with one installation's tokens."""

    mint: Callable[[], Token]
    server_time: ServerTime

    def __post_init__(self) -> None:
        self._auth = _InstallationAuth(self.mint, self.server_time)

    def get_auth_flow(self, github: GitHubCore) -> httpx.Auth:  # type: ignore[type-arg]  # noqa: ARG002 - githubkit's signature
        """Return the one flow that keeps the token."""
        return self._auth

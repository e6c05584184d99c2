"""Calls as the App itself, and the tokens of its installations."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from githubkit.auth import TokenAuthStrategy, UnauthAuthStrategy
from jwt.exceptions import InvalidKeyError

from jobs.github import transport
from jobs.github.app_auth import AppStrategy, ServerTime
from jobs.github.repository import Repository
from jobs.github.tokens import InstallationStrategy
from jobs.github.values import GitHubRefused, Token
from jobs.text import redact_all
from jobs.types import GitHubUnavailable, Unrecorded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from githubkit.auth import BaseAuthStrategy

    from jobs.types.audit import Witness

API_PERMISSIONS = {
    "metadata": "read",
    "contents": "write",
    "issues": "write",
    "pull_requests": "write",
    "checks": "write",
    "actions": "write",
    "statuses": "read",
}
"""What the API client of a repository is allowed; ``workflows`` is never asked for."""

MOST_MINTED = 32
"""More are not in use at once in one process, and each lives for an hour."""
FORBIDDEN = 403
NOT_FOUND = 404
UNPROCESSABLE = 422

log = logging.getLogger(__name__)


class GitHub:
    """One per process. Repositories are reached through their installation, with tokens that cover just them."""

    def __init__(
        self,
        api_url: str,
        server_url: str,
        app_id: int,
        private_key: str,
        *,
        witness: Witness,
        timeout: float = 10.0,
        secrets: Sequence[str] = (),
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Make the App's client; ``secrets`` are taken out of all that it writes, as its own tokens are.

        The ``witness`` is told of each request that changes something before it is sent.
        The ``clock`` tells seconds since the epoch; where it is wrong, GitHub's is taken.
        """
        self.api_url, self.server_url, self.app_id = api_url, server_url, app_id
        self._connections = transport.Connections(timeout, witness)
        self._secrets, self._minted = tuple(secrets), deque[str](maxlen=MOST_MINTED)
        self._time = ServerTime(clock)
        self._auth = AppStrategy(str(app_id), private_key.replace("\\n", "\n"), self._time)
        self._app = self._connect(self._auth)
        self._lock = threading.Lock()
        self._repositories: dict[tuple[str, int], Repository] = {}
        self._app_ids: dict[str, int | None] = {}
        self._bot_user: tuple[str, str] | None = None

    def warm(self) -> None:
        """Load what the first call would have to load, without a call: TLS, the private key, the signature of a JWT."""
        self._connections.client()
        with contextlib.suppress(InvalidKeyError, ValueError, TypeError):  # the first call tells what is wrong with it
            self._auth.token()

    def close(self) -> None:
        """Close the connections."""
        self._connections.close()

    def repository(self, full_name: str, installation_id: int) -> Repository:
        """Return the client of one repository; its token is minted at the first call and kept while it is good."""
        with self._lock:
            key = (full_name, installation_id)
            if key not in self._repositories:
                kit = self._as_installation(installation_id, API_PERMISSIONS, [full_name])
                teams = self._as_installation(installation_id, {"members": "read"})
                self._repositories[key] = Repository(kit, teams, full_name, self.app_id, lambda: self.bot_user()[0])
            # The one that was used last is the last one: see call_public.
            self._repositories[key] = found = self._repositories.pop(key)
            return found

    @property
    def minted(self) -> tuple[str, ...]:
        """The newest tokens that this process had made, which must appear nowhere."""
        return tuple(self._minted)

    def _connect(self, auth: BaseAuthStrategy) -> transport.PooledKit:
        return transport.PooledKit(auth, self.api_url, self._connections, self._clean)

    def _clean(self, json: Any) -> Any:
        return redact_all(json, (*self._secrets, *self.minted))

    def _as_installation(
        self, installation_id: int, permissions: Mapping[str, str], repositories: Sequence[str] = ()
    ) -> transport.PooledKit:
        return self._connect(
            InstallationStrategy(lambda: self._mint(installation_id, permissions, repositories), self._time)
        )

    def call(self, method: str, path: str, **options: Any) -> Any:
        """Make one call as the App."""
        return transport.call(self._app, method, path, **options)

    def app(self) -> dict[str, Any]:
        """Return the App as GitHub describes it."""
        answer: dict[str, Any] = self.call("GET", "/app")
        return answer

    def bot_user(self) -> tuple[str, str]:
        """Return name and e-mail address of the App's bot user, for commits; asked of GitHub once."""
        if self._bot_user is None:
            login = f"{self.app()['slug']}[bot]"
            user = self.call_public(f"/users/{login}")
            host = urlsplit(self.server_url).hostname or "github.com"
            self._bot_user = (login, f"{user['id'] if user else 0}+{login}@users.noreply.{host}")
        return self._bot_user

    def installations(self) -> Iterator[dict[str, Any]]:
        """Yield the App's installations."""
        return transport.pages(self._app, "/app/installations", most=10_000)

    def installation(self, installation_id: int) -> dict[str, Any] | None:
        """Return an installation of the App as it stands now, or None where it is gone."""
        try:
            found: dict[str, Any] = self.call("GET", f"/app/installations/{installation_id}")
        except GitHubRefused as refused:
            if refused.status == NOT_FOUND:
                return None
            raise
        return found

    def installation_for(self, full_name: str) -> int | None:
        """Return the installation that covers a repository, or None where the App is not installed."""
        try:
            return int(self.call("GET", f"/repos/{full_name}/installation")["id"])
        except GitHubRefused as refused:
            if refused.status == NOT_FOUND:
                return None
            raise

    def installation_repositories(self, installation_id: int) -> Iterator[str]:
        """Yield the full names of the repositories that an installation covers."""
        kit = self._as_installation(installation_id, {"metadata": "read"})
        for repository in transport.pages(kit, "/installation/repositories", key="repositories", most=10_000):
            yield repository["full_name"]

    def failed_deliveries(self, cursor: str = "") -> tuple[list[dict[str, Any]], str]:
        """Return one page of what GitHub could not deliver in the last three days, newest first, and the next's cursor.

        Enterprise Servers that know no ``status`` list what they could deliver, too.
        https://docs.github.com/rest/apps/webhooks#list-deliveries-for-an-app-webhook
        """
        wanted = {"status": "failure"} | ({"cursor": cursor} if cursor else {})
        found, following = transport.page(self._app, "/app/hook/deliveries", **wanted)
        return found, str(following.get("cursor", ""))

    def redeliver(self, delivery_id: int) -> None:
        """Ask GitHub to deliver once more; the GUID stays the same."""
        self.call("POST", f"/app/hook/deliveries/{delivery_id}/attempts")

    def app_id_of(self, slug: str) -> int | None:
        """Return the id of a public App by its name in URLs, or None where there is none."""
        if slug not in self._app_ids:
            found = self.call_public(f"/apps/{slug}")
            self._app_ids[slug] = found["id"] if found else None
        return self._app_ids[slug]

    def call_public(self, path: str) -> dict[str, Any] | None:
        """Read something public, with the right of the repository used last; None where it does not exist.

        Nobody's right is needed, but without one GitHub allows few calls. An installation may have gone meanwhile.
        """
        with self._lock:
            repository = next(reversed(self._repositories.values()), None)
        try:
            if repository is not None:
                return repository.read(path)
        except GitHubRefused as refused:
            if refused.status == NOT_FOUND:
                return None
        try:
            answer: dict[str, Any] = transport.call(self._connect(UnauthAuthStrategy()), "GET", path)
        except GitHubRefused as refused:
            if refused.status == NOT_FOUND:
                return None
            raise
        return answer

    def mint_token(self, installation_id: int, repository: str, permissions: Mapping[str, str]) -> Token:
        """Make a token for one repository with just these permissions."""
        return self._mint(installation_id, permissions, [repository])

    def _mint(self, installation_id: int, permissions: Mapping[str, str], repositories: Sequence[str]) -> Token:
        try:
            return self._ask_token(installation_id, permissions, repositories)
        except GitHubRefused as refused:
            if refused.status not in {NOT_FOUND, UNPROCESSABLE}:
                raise
            fewer = self._granted(installation_id, permissions)
            if refused.status == UNPROCESSABLE and fewer and fewer != dict(permissions):
                log.warning("installation %s lacks permissions; going on with %s", installation_id, sorted(fewer))
                return self._ask_token(installation_id, fewer, repositories)
            # Not passed on as "not found": that would read as a missing file, issue or person.
            where = ", ".join(repositories) or "this account"
            words = (
                f"The App is not installed on {where} any more, or lacks a permission; `opus67 doctor` tells. {refused}"
            )
            raise GitHubRefused(FORBIDDEN, words) from None

    def _ask_token(self, installation_id: int, permissions: Mapping[str, str], repositories: Sequence[str]) -> Token:
        body: dict[str, Any] = {"permissions": dict(permissions)}
        if repositories:
            body["repositories"] = [full_name.partition("/")[2] for full_name in repositories]
        answer = self.call("POST", f"/app/installations/{installation_id}/access_tokens", json=body)
        self._minted.append(answer["token"])
        return Token(answer["token"], answer["expires_at"])

    def _granted(self, installation_id: int, wanted: Mapping[str, str]) -> dict[str, str]:
        """Return which of the wanted permissions an installation has: what one lacks must not silence the rest."""
        try:
            granted = self.call("GET", f"/app/installations/{installation_id}")["permissions"]
        except GitHubRefused:
            return {}
        ranks = ("", "read", "write", "admin")
        levels = {name: min(level, granted.get(name, ""), key=ranks.index) for name, level in wanted.items()}
        return {name: level for name, level in levels.items() if level}

    def revoke(self, token: Token) -> None:
        """End a token; best effort, since it ends by itself within the hour."""
        kit = self._connect(TokenAuthStrategy(token.value))
        try:
            transport.call(kit, "DELETE", "/installation/token")
        except (GitHubRefused, GitHubUnavailable, Unrecorded) as error:
            log.info("a token was not revoked and ends by itself: %s", error)

"""Calls as the App itself, and the tokens of its installations."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from githubkit.auth import AppAuthStrategy, TokenAuthStrategy, UnauthAuthStrategy

from jobs.github import transport
from jobs.github.repository import Repository
from jobs.github.values import GitHubRefused, Token
from jobs.types import GitHubUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from githubkit_schemas.latest.types import AppPermissionsType

API_PERMISSIONS: AppPermissionsType = {
    "metadata": "read",
    "contents": "write",
    "issues": "write",
    "pull_requests": "write",
    "checks": "write",
}
"""What the API client of a repository is allowed; ``workflows`` is never asked for."""

NOT_FOUND = 404


class GitHub:
    """One per process. Repositories are reached through their installation, with tokens that cover just them."""

    def __init__(
        self,
        api_url: str,
        server_url: str,
        app_id: int,
        private_key: str,
        *,
        timeout: float = 10.0,
        proxy: str | None = None,
    ) -> None:
        self.api_url, self.server_url, self.app_id = api_url, server_url, app_id
        self._timeout = timeout
        self._transport = transport.PooledTransport(proxy)
        self._auth = AppAuthStrategy(str(app_id), private_key)
        self._app = transport.connect(self._auth, api_url, timeout, self._transport)
        self._lock = threading.Lock()
        self._repositories: dict[tuple[str, int], Repository] = {}
        self._app_ids: dict[str, int | None] = {}

    def repository(self, full_name: str, installation_id: int) -> Repository:
        """Return the client of one repository; its token is minted at the first call and kept while it is good."""
        with self._lock:
            key = (full_name, installation_id)
            if key not in self._repositories:
                name = full_name.partition("/")[2]
                auth = self._auth.as_installation(installation_id, repositories=[name], permissions=API_PERMISSIONS)
                kit = transport.connect(auth, self.api_url, self._timeout, self._transport)
                self._repositories[key] = Repository(kit, full_name, self.app_id)
            return self._repositories[key]

    def call(self, method: str, path: str, **options: Any) -> Any:
        """Make one call as the App."""
        return transport.call(self._app, method, path, **options)

    def app(self) -> dict[str, Any]:
        """Return the App as GitHub describes it."""
        answer: dict[str, Any] = self.call("GET", "/app")
        return answer

    def bot_user(self) -> tuple[str, str]:
        """Return name and e-mail address of the App's bot user, for commits."""
        login = f"{self.app()['slug']}[bot]"
        user = self.call_public(f"/users/{login}")
        number = user["id"] if user else 0
        host = "users.noreply.github.com" if "api.github.com" in self.api_url else "users.noreply.localhost"
        return login, f"{number}+{login}@{host}"

    def installations(self) -> Iterator[dict[str, Any]]:
        """Yield the App's installations."""
        return transport.pages(self._app, "/app/installations")

    def installation_repositories(self, installation_id: int) -> Iterator[str]:
        """Yield the full names of the repositories that an installation covers."""
        auth = self._auth.as_installation(installation_id, permissions={"metadata": "read"})
        kit = transport.connect(auth, self.api_url, self._timeout, self._transport)
        for repository in transport.pages(kit, "/installation/repositories", key="repositories", most=10_000):
            yield repository["full_name"]

    def deliveries(self, most: int = 500) -> Iterator[dict[str, Any]]:
        """Yield what GitHub tried to deliver, newest first; pages by GitHub's cursor are not needed for so few."""
        return transport.pages(self._app, "/app/hook/deliveries", most=most)

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
        """Read something public, with the right of any installation that there is; None where it does not exist."""
        with self._lock:
            repository = next(iter(self._repositories.values()), None)
        try:
            if repository is not None:
                return repository.read(path)
            kit = transport.connect(UnauthAuthStrategy(), self.api_url, self._timeout, self._transport)
            answer: dict[str, Any] = transport.call(kit, "GET", path)
        except GitHubRefused as refused:
            if refused.status == NOT_FOUND:
                return None
            raise
        return answer

    def mint_token(self, installation_id: int, repository: str, permissions: Mapping[str, str]) -> Token:
        """Make a token for one repository with just these permissions."""
        body = {"repositories": [repository.partition("/")[2]], "permissions": dict(permissions)}
        answer = self.call("POST", f"/app/installations/{installation_id}/access_tokens", json=body)
        return Token(answer["token"], answer["expires_at"])

    def revoke(self, token: Token) -> None:
        """End a token; best effort, since it ends by itself within the hour."""
        kit = transport.connect(TokenAuthStrategy(token.value), self.api_url, self._timeout, self._transport)
        try:
            transport.call(kit, "DELETE", "/installation/token")
        except (GitHubRefused, GitHubUnavailable):
            return

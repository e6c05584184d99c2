"""GitHub's device flow, by which a person proves from a chat which login is theirs; their token is used once.

https://docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-user-access-token-for-a-github-app
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx

from jobs.types import AuditEntry, GitHubUnavailable, Unrecorded, UserError

if TYPE_CHECKING:
    from config.settings import Settings
    from jobs.types.audit import Witness

SECONDS = 10.0
GRANT = "urn:ietf:params:oauth:grant-type:device_code"
WAITING = {"authorization_pending", "slow_down"}
ENDED = {
    "access_denied": "it was declined on GitHub",
    "expired_token": "nobody confirmed it in time",
    "incorrect_device_code": "GitHub does not know the code any more",
    "device_flow_disabled": "the App's settings on GitHub do not enable the device flow",
}


@dataclass(frozen=True, slots=True)
class Begun:
    """What the person needs, and what we need to ask; ``interval`` is in seconds."""

    device_code: str
    user_code: str
    verification_uri: str
    interval: float


@dataclass(frozen=True, slots=True)
class Found:
    """What GitHub says about a flow: a login, or the words for its end, or neither while the person has not come."""

    login: str = ""
    github_id: str = ""
    ended: str = ""
    interval: float = 5.0


class DeviceFlow:
    """The two calls of the flow, on GitHub's own address and not its API's."""

    def __init__(self, server_url: str, client_id: str, witness: Witness) -> None:
        """Take where GitHub is, the App's id for people, and the witness of what begins a flow or ends a token.

        It is not told how often GitHub is asked whether the person has come.
        """
        self._server, self._client_id, self._witness = server_url, client_id, witness

    def begin(self) -> Begun:
        """Begin a flow; raises UserError where the App does not offer it, GitHubUnavailable where GitHub is away."""
        self._witness(AuditEntry("github:POST login/device/code"))
        answer = self._post("/login/device/code", {"client_id": self._client_id})
        if "device_code" not in answer:
            raise UserError(f"GitHub began no device flow: {_why(answer)}")
        interval = float(answer.get("interval", 5))
        return Begun(answer["device_code"], answer["user_code"], answer["verification_uri"], interval)

    def ask(self, device_code: str, settings: Settings) -> Found:
        """Ask whether the person has confirmed; their token tells the login, and is revoked at once."""
        values = {"client_id": self._client_id, "device_code": device_code, "grant_type": GRANT}
        answer = self._post("/login/oauth/access_token", values)
        token, error = answer.get("access_token"), str(answer.get("error", ""))
        if not token:
            if error in WAITING:
                return Found(interval=float(answer.get("interval", 5)))
            return Found(ended=ENDED.get(error, _why(answer)))
        try:
            user = _call("GET", f"{settings.github_api_url}/user", headers={"Authorization": f"Bearer {token}"})
        finally:
            self._revoke(settings, token)
        return Found(str(user["login"]), str(user["id"]))

    def _revoke(self, settings: Settings, token: str) -> None:
        """End the person's token; best effort, and only possible with the client's secret."""
        if not settings.github_client_secret:
            return
        url = f"{settings.github_api_url}/applications/{self._client_id}/token"
        credentials = (self._client_id, settings.github_client_secret)
        with contextlib.suppress(GitHubUnavailable, UserError, Unrecorded):
            self._witness(AuditEntry("github:DELETE applications/token"))
            _call("DELETE", url, auth=credentials, json={"access_token": token})

    def _post(self, path: str, values: dict[str, str]) -> dict[str, Any]:
        return _call("POST", f"{self._server}{path}", data=values, headers={"Accept": "application/json"})


def _call(method: str, url: str, **options: Any) -> dict[str, Any]:
    try:
        answer = httpx.request(method, url, timeout=SECONDS, **options)
        found = answer.json() if answer.content else {}
    except (httpx.HTTPError, ValueError) as error:
        raise GitHubUnavailable(f"GitHub did not answer ({type(error).__name__})") from error
    if answer.status_code >= httpx.codes.INTERNAL_SERVER_ERROR or answer.status_code == httpx.codes.TOO_MANY_REQUESTS:
        raise GitHubUnavailable(f"GitHub answered {answer.status_code}")
    if answer.status_code >= httpx.codes.BAD_REQUEST and "error" not in found:
        raise UserError(f"GitHub answered {answer.status_code}: {_why(found)}")
    return found if isinstance(found, dict) else {}


def _why(answer: dict[str, Any]) -> str:
    return str(answer.get("error_description") or answer.get("error") or answer.get("message") or "no reason was given")

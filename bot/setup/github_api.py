"""The few calls to GitHub that set-up and the doctor need before anything else works: one try, a short timeout."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from jobs.types import UserError

if TYPE_CHECKING:
    from collections.abc import Mapping

PUBLIC_SERVER = "https://github.com"
PUBLIC_API = "https://api.github.com"
_TIMEOUT = 10.0
_CODE = re.compile(r"[A-Za-z0-9_-]{1,200}")


@dataclass(frozen=True, slots=True)
class Answer:
    """What GitHub said; ``body`` is None where it was no JSON."""

    status: int
    body: Any
    date: str

    @property
    def message(self) -> str:
        """GitHub's own words for an error."""
        words = self.body.get("message", "") if isinstance(self.body, dict) else ""
        return "".join(letter for letter in str(words)[:200] if letter.isprintable())


def api_of(server_url: str) -> str:
    """Return the API's address for a GitHub: github.com, a data residency (``*.ghe.com``) or an Enterprise Server."""
    parts = urlsplit(server_url)
    if server_url == PUBLIC_SERVER:
        return PUBLIC_API
    if (parts.hostname or "").endswith(".ghe.com"):
        return f"{parts.scheme}://api.{parts.netloc}"
    return f"{server_url}/api/v3"


def convert(api_url: str, code: str) -> dict[str, Any]:
    """Exchange the code of a registration for the App's id, key and secrets; raises ``UserError``."""
    if not _CODE.fullmatch(code):
        raise UserError("GitHub's answer carried no usable code. Start again with `opus67 setup`.")
    answer = request("POST", f"{api_url}/app-manifests/{code}/conversions")
    body = answer.body if isinstance(answer.body, dict) else {}
    if answer.status != 201 or not (isinstance(body.get("id"), int) and body.get("pem")):  # noqa: PLR2004 - Created
        raise UserError(
            f"GitHub did not hand over the App's key ({answer.status} {answer.message}). The code is valid "
            "for one hour and only once: delete the new App on GitHub, then start again with `opus67 setup`."
        )
    return body


def app_token(app_id: int, private_key: str) -> str:
    """Return a JSON web token of the App, valid for nine minutes; raises ``UserError`` for a key that is none.

    https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app
    """
    import jwt  # noqa: PLC0415 - 80 ms that the command line's help need not pay

    now = int(time.time())
    try:
        return jwt.encode({"iss": str(app_id), "iat": now - 60, "exp": now + 540}, private_key, algorithm="RS256")
    except (ValueError, TypeError, jwt.PyJWTError) as error:
        raise UserError(
            "The private key cannot be used: it is not an RSA key in PEM form. "
            "Generate a new one in the App's settings on GitHub, and give the whole file."
        ) from error


def as_app(api_url: str, app_id: int, private_key: str, path: str) -> Answer:
    """Ask GitHub for something as the App; raises ``UserError`` when it cannot be reached."""
    return request("GET", api_url + path, token=app_token(app_id, private_key))


def request(
    method: str, url: str, token: str = "", *, headers: Mapping[str, str] | None = None, timeout: float = _TIMEOUT
) -> Answer:
    """Send one request, following no redirect; raises ``UserError`` when there is no answer."""
    import httpx  # noqa: PLC0415 - 100 ms that the command line's help need not pay

    sent = {"Accept": "application/json", "User-Agent": "opus67", **(headers or {})}
    if token:
        sent["Authorization"] = f"Bearer {token}"
    host = urlsplit(url).netloc
    try:
        answer = httpx.request(method, url, headers=sent, timeout=timeout)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise UserError(
            f"{host} did not answer ({type(error).__name__}). Check the network, the proxy and the address."
        ) from error
    except UnicodeError as error:
        raise UserError("The key holds a character that no key has. Copy it again, without dots or quotes.") from error
    try:
        body = answer.json()
    except ValueError:
        body = None
    return Answer(answer.status_code, body, answer.headers.get("Date", ""))

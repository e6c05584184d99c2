"""The service of another machine, spoken to over HTTP with a token."""

from __future__ import annotations

import ipaddress
import json
import time
import uuid
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from bot.shell.documents import remark
from bot.shell.exits import Exit
from bot.shell.failure import Failure
from jobs.answer.parts import Answer

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx

    from bot.shell.state import State

ANSWER_SECONDS = 120.0
"""How long an answer is waited for; the service itself keeps what it was told for as long as it takes."""
REQUEST_SECONDS = 40.0
ATTEMPTS, PAUSE_SECONDS = 3, 0.3
OK, ACCEPTED, UNAUTHORIZED, FORBIDDEN, TOO_MANY = 200, 202, 401, 403, 429
SERVER_ERROR = 500
MANY_SECONDS = 10.0


class Elsewhere:
    """One service, one token."""

    def __init__(self, url: str, token: str) -> None:
        if not token:
            raise Failure(
                "OPUS67_TOKEN is not set. `opus67 token create NAME --login YOUR-LOGIN` on the service's machine "
                "makes one.",
                Exit.USAGE,
            )
        if urlsplit(url).scheme == "http" and not is_loopback(urlsplit(url).hostname or ""):
            remark(f"opus67: warning: {url} is not encrypted: whoever is on the way can read your token. Use https.")
        import httpx  # noqa: PLC0415 - a missing token is told without it

        self._url, self._failed = url, httpx.TransportError
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/json", "User-Agent": "opus67"}
        self._client = httpx.Client(headers=headers, timeout=REQUEST_SECONDS, follow_redirects=False)

    def tell(self, words: str, options: Mapping[str, str]) -> Answer:
        """Hand a command over and wait for the answer; asked again it is carried out once, for it has a key."""
        key = uuid.uuid4().hex
        deadline = time.monotonic() + ANSWER_SECONDS
        body = {"words": words, "options": dict(options), "key": key}
        response = self._request("POST", f"{self._url}/api/commands", json=body)
        while response.status_code == ACCEPTED:
            if time.monotonic() > deadline:
                raise Failure(
                    f"{self._url} has stored it, but no worker has answered yet. It is carried out all the same.",
                    Exit.UNREACHABLE,
                )
            time.sleep(1)
            response = self._request("GET", f"{self._url}{response.headers['Location']}")
        found = self._read(response)
        names = ("parts", "ok", "task_id", "private", "data")
        return Answer.load({name: found[name] for name in names})

    def state(self, task_id: str) -> State:
        """Ask for a task; the right to look at it is renewed by asking the bot, who asks GitHub."""
        response = self._request("GET", f"{self._url}/api/tasks/{task_id}")
        if response.status_code == FORBIDDEN:
            answer = self.tell(f"bg status {task_id}", {})
            if not answer.ok:
                raise Failure(str(answer.data.get("error", "You may not look at this task.")), Exit.REFUSED)
            response = self._request("GET", f"{self._url}/api/tasks/{task_id}")
        found: State = self._read(response)
        return found

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def _request(self, method: str, url: str, **more: Any) -> httpx.Response:
        """Send a request, again after a failure on the way: each is such that a second one does nothing twice."""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                response = self._client.request(method, url, **more)
            except self._failed as error:
                if attempt == ATTEMPTS:
                    reason = str(error) or type(error).__name__
                    raise Failure(f"{self._url} cannot be reached: {reason}.", Exit.UNREACHABLE) from error
                time.sleep(attempt * PAUSE_SECONDS)
            else:
                if attempt == ATTEMPTS or response.status_code not in {TOO_MANY, 502, 503, 504}:
                    return response
                time.sleep(min(_seconds(response), MANY_SECONDS))
        raise AssertionError("the last attempt returns or raises")

    def _read(self, response: httpx.Response) -> dict[str, Any]:
        """Return what was answered; raises Failure in words where it is no answer."""
        status = response.status_code
        try:
            found = response.json()
        except (json.JSONDecodeError, UnicodeDecodeError):
            found = None
        if status == OK and isinstance(found, dict):
            return found
        message = str(found.get("message", "")) if isinstance(found, dict) else ""
        if status == UNAUTHORIZED:
            raise Failure(
                "OPUS67_TOKEN is not known there. `opus67 token create` on the service's machine makes another one.",
                Exit.USAGE,
            )
        if status >= SERVER_ERROR or status == TOO_MANY:
            raise Failure(f"{self._url} answers {status}. {message}".strip(), Exit.UNREACHABLE)
        if not message:
            raise Failure(
                f"{self._url} answers {status}, as an Opus 67 would not. Check OPUS67_URL: it is the address of the "
                "first page, without a path.",
                Exit.USAGE,
            )
        raise Failure(message, Exit.REFUSED)


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine."""
    if host.lower() == "localhost" or host.lower().endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _seconds(response: httpx.Response) -> float:
    text = response.headers.get("Retry-After", "1")
    return float(text) if text.isascii() and text.isdigit() else 1.0

"""The device flow: a program shows a code, a person enters it in a browser, and the program gets that person's token.

https://docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-user-access-token-for-a-github-app
"""

from __future__ import annotations

import json
import secrets
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode

from jobs.testing.github.records import Account, Device, UserToken
from jobs.testing.loopback import Answer, Request

if TYPE_CHECKING:
    from jobs.testing.github.world import World

GRANT = "urn:ietf:params:oauth:grant-type:device_code"
LETTERS = "BCDFGHJKLMNPQRSTVWXZ"
SECONDS = 899.0
TOKEN_SECONDS = 28_800
SLOWER = 5.0
DOCS = "https://docs.github.com/developers/apps/authorizing-oauth-apps#error-codes-for-the-device-flow"
ERRORS = {
    "authorization_pending": "The authorization request is still pending.",
    "slow_down": "Too many requests have been made in the same timeframe.",
    "expired_token": "This 'device_code' has expired.",
    "access_denied": "The authorization request was denied.",
    "incorrect_device_code": "The device_code provided is not valid.",
    "incorrect_client_credentials": "The client_id and/or client_secret passed are incorrect.",
    "unsupported_grant_type": f"The grant type must be {GRANT}.",
    "device_flow_disabled": "Device Flow must be explicitly enabled for this App",
}


class Devices:
    """The doors of the device flow."""

    world: World

    def set_device_flow(self, *, enabled: bool = True, interval: float = 5.0) -> None:
        """Switch the flow on or off in the App's settings, and say how often a program may ask, in seconds."""
        with self.world.change():
            self.world.device_flow, self.world.device_interval = enabled, interval

    def authorize_device(self, user_code: str, login: str) -> None:
        """Enter a code as ``login`` and allow what it asks for; raises ``LookupError`` where nobody shows that code."""
        with self.world.change():
            self._device(user_code).account = self.world.account(login)

    def deny_device(self, user_code: str) -> None:
        """Enter a code and decline what it asks for."""
        with self.world.change():
            self._device(user_code).denied = True

    def expire_device(self, user_code: str) -> None:
        """Let the time of a code be over."""
        with self.world.change():
            self._device(user_code).expires_at = 0.0

    @property
    def user_tokens(self) -> list[UserToken]:
        """All tokens that people let a program have, oldest first."""
        with self.world.lock:
            return list(self.world.user_tokens.values())

    def _device(self, user_code: str) -> Device:
        for device in self.world.devices.values():
            if device.user_code == user_code.strip().upper():
                return device
        raise LookupError(f"nobody shows the code {user_code}")


class DevicePages:
    """Answers the two calls of the flow, which are on the server's own address and not on its API's."""

    def __init__(self, world: World) -> None:
        self._world = world

    def handle(self, request: Request) -> Answer | None:
        """Answer a call of the flow; None where it is none."""
        calls = {"/login/device/code": self._begin, "/login/oauth/access_token": self._token}
        if request.method != "POST" or request.path not in calls:
            return None
        with self._world.change():
            return _render(request, calls[request.path](_values(request)))

    def _begin(self, values: dict[str, str]) -> dict[str, Any]:
        world = self._world
        if values.get("client_id", "") not in {app.client_id for app in world.apps.values()}:
            return {"error": "Not Found"}
        if not world.device_flow:
            return _error("device_flow_disabled")
        word = "".join(secrets.choice(LETTERS) for _ in range(8))
        device = Device(
            code=secrets.token_hex(20),
            user_code=f"{word[:4]}-{word[4:]}",
            client_id=values["client_id"],
            interval=world.device_interval,
            expires_at=time.time() + SECONDS,
        )
        world.devices[device.code] = device
        return {
            "device_code": device.code,
            "user_code": device.user_code,
            "verification_uri": f"{world.url}/login/device",
            "expires_in": int(SECONDS),
            "interval": _whole(device.interval),
        }

    def _token(self, values: dict[str, str]) -> dict[str, Any]:
        world, device = self._world, self._world.devices.get(values.get("device_code", ""))
        wrong = {
            "incorrect_client_credentials": values.get("client_id")
            not in {app.client_id for app in world.apps.values()},
            "unsupported_grant_type": values.get("grant_type") != GRANT,
            "device_flow_disabled": not world.device_flow,
            "incorrect_device_code": device is None or device.client_id != values.get("client_id"),
        }
        if device is None or any(wrong.values()):
            return _error(next(code for code, holds in wrong.items() if holds))
        return self._decided(device)

    def _decided(self, device: Device) -> dict[str, Any]:
        """Answer what the person decided; who asks too often waits longer, whatever that is."""
        now = time.time()
        early, device.asked_at = now < device.asked_at + device.interval, now
        if now >= device.expires_at:
            return _error("expired_token")
        if early:
            device.interval += SLOWER
            return _error("slow_down") | {"interval": _whole(device.interval)}
        if device.account is None:
            return _error("access_denied" if device.denied else "authorization_pending")
        del self._world.devices[device.code]
        return self._grant(device, device.account)

    def _grant(self, device: Device, account: Account) -> dict[str, Any]:
        token = UserToken(f"ghu_{secrets.token_hex(18)}", account, device.client_id, time.time() + TOKEN_SECONDS)
        self._world.user_tokens[token.value] = token
        return {
            "access_token": token.value,
            "expires_in": TOKEN_SECONDS,
            "refresh_token": f"ghr_{secrets.token_hex(38)}",
            "refresh_token_expires_in": 15_897_600,
            "token_type": "bearer",
            "scope": "",
        }


def _values(request: Request) -> dict[str, str]:
    """Return the parameters, which may come as a form, as JSON, or in the query."""
    values = dict(request.query)
    if "json" in request.headers.get("content-type", ""):
        try:
            body = json.loads(request.body)
        except ValueError:
            body = {}
        return values | {str(name): str(value) for name, value in (body.items() if isinstance(body, dict) else ())}
    return values | dict(parse_qsl(request.body.decode(errors="replace")))


def _render(request: Request, body: dict[str, Any]) -> Answer:
    """Answer in JSON where it is asked for, else as a form; errors come with 200, but for an unknown program."""
    status = 404 if body.get("error") == "Not Found" else 200
    if "json" in request.headers.get("accept", ""):
        return Answer(status, json.dumps(body).encode(), {"Content-Type": "application/json; charset=utf-8"})
    form = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
    return Answer(status, urlencode(body).encode(), form)


def _error(code: str) -> dict[str, Any]:
    return {"error": code, "error_description": ERRORS[code], "error_uri": DOCS}


def _whole(interval: float) -> float:
    return int(interval) if interval == int(interval) else interval

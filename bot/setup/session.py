"""One visit to the set-up page: who may use it, what was chosen, and what GitHub handed over."""

from __future__ import annotations

import hmac
import json
import re
import secrets
import threading
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode, urlsplit

from bot.setup import env_file, github_api, manifest
from config.options import LOGIN
from jobs.types import UserError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from config.settings import Settings

_GITHUB_NAMES = (
    "GITHUB_APP_ID",
    "GITHUB_PRIVATE_KEY",
    "GITHUB_WEBHOOK_SECRET",
    "GITHUB_CLIENT_ID",
    "GITHUB_CLIENT_SECRET",
)


@dataclass(frozen=True, slots=True)
class Choice:
    """Where the App is to be registered, for whom, and where GitHub will find us."""

    server_url: str
    api_url: str
    organisation: str
    public_url: str
    name: str

    @property
    def action(self) -> str:
        """The page of GitHub that takes the manifest."""
        owner = f"/organizations/{quote(self.organisation)}" if self.organisation else ""
        return f"{self.server_url}{owner}/settings/apps/new"


@dataclass(frozen=True, slots=True)
class Result:
    """What set-up ended with, for the last page and the terminal."""

    app_id: int
    name: str
    install_url: str
    written: env_file.Written
    notes: tuple[str, ...] = ()


@dataclass
class Session:
    """The state of one set-up; three secrets guard it: the link's token, the browser's cookie, GitHub's ``state``."""

    settings: Settings
    env_path: Path
    address: str
    choice: Choice
    cookie: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    state: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    result: Result | None = None
    _token: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    _received: dict[str, str] = field(default_factory=dict, repr=False)
    _app: dict[str, Any] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def link(self) -> str:
        """The address to print on the terminal, good for one browser."""
        return f"{self.address}/?token={self._token}"

    @property
    def overwrites(self) -> tuple[str, ...]:
        """The names in ``.env`` that would get another value."""
        return env_file.replaced(self.env_path, _GITHUB_NAMES)

    @property
    def received(self) -> bool:
        """True when GitHub handed over an App that is not written yet."""
        return bool(self._received) and self.result is None

    def enter(self, token: str) -> bool:
        """Use up the link's token; true for the one who brings it first."""
        with self._lock:
            fits = bool(self._token) and same(token, self._token)
            if fits:
                self._token = ""
            return fits

    def manifest_form(self) -> tuple[str, str]:
        """Return the address and the manifest that the button sends to GitHub."""
        choice = self.choice
        body = manifest.manifest(
            name=choice.name,
            redirect_url=f"{self.address}/callback",
            public_url=choice.public_url,
            server_url=choice.server_url,
        )
        return f"{choice.action}?{urlencode({'state': self.state})}", json.dumps(body)

    def choose(self, form: Mapping[str, str]) -> None:
        """Take another place, owner, address or name for the App; raises ``UserError`` for what cannot be."""
        server = _address(form.get("server_url", ""), "GitHub's address") or self.choice.server_url
        organisation = form.get("organisation", "").strip()
        if organisation and not LOGIN.accepts(organisation):
            raise UserError(
                "That is not an organisation's name. It is the word after the host in its address on GitHub."
            )
        name = re.sub(r"\s+", " ", form.get("name", "")).strip()[: manifest.LONGEST_NAME] or self.choice.name
        self.choice = replace(
            self.choice,
            server_url=server,
            api_url=api_for(server, self.settings),
            organisation=organisation,
            public_url=_address(form.get("public_url", ""), "The public address"),
            name=name,
        )

    def register(self, code: str, state: str) -> Result:
        """Finish the registration that GitHub sent back, once; raises ``UserError``."""
        with self._lock:
            if not (self.state and same(state, self.state)):
                raise UserError(
                    "This answer is not of this set-up, or came a second time. Start again with `opus67 setup`."
                )
            self._app = github_api.convert(self.choice.api_url, code)
            self.state = ""  # Not before: when GitHub did not answer, a reload of the page tries again.
            app = self._app
            self._received = {
                "GITHUB_APP_ID": str(app["id"]),
                "GITHUB_PRIVATE_KEY": str(app["pem"]).strip() + "\n",
                "GITHUB_WEBHOOK_SECRET": str(app.get("webhook_secret") or secrets.token_hex(20)),
                "GITHUB_CLIENT_ID": str(app.get("client_id") or ""),
                "GITHUB_CLIENT_SECRET": str(app.get("client_secret") or ""),
            }
            return self._write()

    def write_again(self) -> Result:
        """Try once more to write what GitHub handed over."""
        with self._lock:
            if not self._received:
                raise UserError("There is nothing to write yet. Register the App first.")
            return self.result or self._write()

    def adopt(self, form: Mapping[str, str]) -> Result:
        """Take the values of an App that exists, checked against GitHub; raises ``UserError``."""
        app_id, key = form.get("app_id", "").strip(), _pem(form.get("private_key", ""))
        webhook_secret = form.get("webhook_secret", "").strip()
        if not (app_id.isascii() and app_id.isdigit() and len(app_id) <= 12):  # noqa: PLR2004 - no App has more digits
            raise UserError("The App id is a number. It stands in the App's settings on GitHub, under “About”.")
        if not webhook_secret:
            raise UserError("The webhook secret is missing. Set one in the App's settings on GitHub, and give it here.")
        answer = github_api.as_app(self.choice.api_url, int(app_id), key, "/app")
        if answer.status != 200 or not isinstance(answer.body, dict) or answer.body.get("id") != int(app_id):  # noqa: PLR2004
            raise UserError(
                f"{urlsplit(self.choice.api_url).netloc} does not accept this App id with this key "
                f"({answer.status} {answer.message}). Check that both belong to the same App, and this machine's clock."
            )
        with self._lock:
            self._app = answer.body
            given = {name: form.get(name.removeprefix("GITHUB_").lower(), "").strip() for name in _GITHUB_NAMES[3:]}
            given["GITHUB_CLIENT_ID"] = given["GITHUB_CLIENT_ID"] or str(answer.body.get("client_id") or "")
            self._received = {
                "GITHUB_APP_ID": app_id,
                "GITHUB_PRIVATE_KEY": key,
                "GITHUB_WEBHOOK_SECRET": webhook_secret,
                **given,
            }
            return self._write()

    def _write(self) -> Result:
        values = {name: value for name, value in self._received.items() if value}
        choice, app = self.choice, self._app
        if (choice.server_url, choice.api_url) != (self.settings.github_server_url, self.settings.github_api_url):
            values |= {"GITHUB_SERVER_URL": choice.server_url, "GITHUB_API_URL": choice.api_url}
        if choice.public_url and choice.public_url != self.settings.public_url:
            values["OPUS67_PUBLIC_URL"] = choice.public_url
        written = env_file.update(self.env_path, values, self.settings.home / "backups")
        page = str(app.get("html_url") or f"{choice.server_url}/apps/{app.get('slug', '')}")
        self.result = Result(
            app_id=int(values["GITHUB_APP_ID"]),
            name=str(app.get("name") or choice.name),
            install_url=_only_from(choice.server_url, page) + "/installations/new",
            written=written,
            notes=_differences(app) + (() if choice.public_url else (_NO_ADDRESS,)),
        )
        return self.result


_NO_ADDRESS = (
    "No public address was given, so GitHub cannot send webhooks yet. When this machine can be reached, set "
    "OPUS67_PUBLIC_URL, then in the App's settings set the webhook's URL to that address with /webhooks/github, "
    "its secret to the value of GITHUB_WEBHOOK_SECRET, and make it active."
)


def first_choice(settings: Settings) -> Choice:
    """Return what the page offers at first: the settings' GitHub, the person's own account."""
    return Choice(
        server_url=settings.github_server_url,
        api_url=settings.github_api_url,
        organisation="",
        public_url=settings.public_url,
        name=f"Opus 67 {secrets.token_hex(2)}",  # The name of an App is unique on all of GitHub.
    )


def api_for(server_url: str, settings: Settings) -> str:
    """Return the API's address for a GitHub; what the settings say about theirs wins."""
    return settings.github_api_url if server_url == settings.github_server_url else github_api.api_of(server_url)


def same(given: str, secret: str) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(given.encode(errors="replace"), secret.encode())


def _address(text: str, what: str) -> str:
    text = text.strip().rstrip("/")
    if not text:
        return ""
    try:
        parts = urlsplit(text)
        fits = parts.scheme in {"http", "https"} and bool(parts.hostname) and not (parts.query or parts.fragment)
        fits = fits and not re.search(r"[^!-~]|[;,'\"<>\\]", text) and "@" not in parts.netloc and parts.port != 0
    except ValueError:
        fits = False
    if not fits:
        raise UserError(f"{what} must be like https://host.example.com.")
    return text


def _pem(text: str) -> str:
    key = text.replace("\\n", "\n").replace("\r\n", "\n").strip()
    if "PRIVATE KEY-----" not in key:
        raise UserError("The private key is missing. It is the whole .pem file, from its BEGIN line to its END line.")
    return key + "\n"


def _only_from(server_url: str, page: str) -> str:
    """Return a page's address when it is of this GitHub, else GitHub's list of our installations."""
    return page if page.startswith(server_url + "/") else f"{server_url}/settings/apps"


def _differences(app: Mapping[str, Any]) -> tuple[str, ...]:
    """Say what the App has not got of what the features need, and what it should not have."""
    permissions, events = app.get("permissions"), app.get("events")
    notes = []
    if isinstance(permissions, dict):
        notes += permission_faults(permissions)
    if isinstance(events, list) and (missing := [event for event in manifest.EVENTS if event not in events]):
        notes.append(f"The App does not subscribe to {', '.join(missing)}. Tick it in its settings on GitHub.")
    return tuple(notes)


def permission_faults(permissions: Mapping[str, Any]) -> list[str]:
    """Compare an App's permissions with those that it should have, in sentences."""
    ranks = {"read": 1, "write": 2, "admin": 3}
    missing = [
        f"{name}: {level}"
        for name, level in manifest.PERMISSIONS.items()
        if ranks.get(str(permissions.get(name)), 0) < ranks[level]
    ]
    faults = [f"The App lacks the permission {', '.join(missing)}."] if missing else []
    if "workflows" in permissions:
        faults.append("The App has the permission workflows, which it must not have: take it away.")
    return faults

"""The few pages for people that a machine needs: registering an App from a manifest, and its install link."""

from __future__ import annotations

import html
import json
import re
import secrets
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode, urlsplit

from jobs.testing.github.keys import new_private_key
from jobs.testing.github.records import App
from jobs.testing.loopback import Answer, Request

if TYPE_CHECKING:
    from jobs.testing.github.world import World

NEW_APP = re.compile(r"(?:/organizations/(?P<org>[^/]+))?/settings/apps/new")
DEVICE_PAGE = "/login/device"
APP_PAGE = re.compile(r"/apps/(?P<slug>[^/]+)(/installations/new)?")


class Pages:
    """Answers what a person's browser asks for."""

    def __init__(self, world: World, owner: str) -> None:
        self._world = world
        self._owner = owner

    def handle(self, request: Request) -> Answer | None:
        """Answer a page; None where it is none of these."""
        if match := NEW_APP.fullmatch(request.path):
            return (
                self._register(request, match["org"]) if request.method == "POST" else _page("Register new GitHub App")
            )
        if request.path == DEVICE_PAGE and request.method == "GET":
            return _page("Device Activation: enter the code displayed on your device")
        if (match := APP_PAGE.fullmatch(request.path)) and "text/html" in request.headers.get("accept", ""):
            return _page(f"GitHub Apps - {match['slug']}")
        return None

    def _register(self, request: Request, organization: str | None) -> Answer:
        form = parse_qs(request.body.decode(errors="replace"))
        try:
            manifest = json.loads(form["manifest"][0])
            target = manifest["redirect_url"]
            hook_url = manifest.get("hook_attributes", {}).get("url", "")
        except (KeyError, ValueError, AttributeError, TypeError):
            return _page("There was an error with the manifest: redirect_url or name is missing.", 422)
        if not manifest.get("url"):
            return _page("There was an error with the manifest: Url can't be blank.", 422)
        with self._world.change():
            owner = self._world.account(organization or self._owner, "Organization" if organization else "User")
            code = secrets.token_hex(20)
            app = self._new_app(manifest, owner.login, hook_url)
            self._world.manifests[code] = app
        query = {"code": code} | ({"state": request.query["state"]} if "state" in request.query else {})
        joint = "&" if urlsplit(target).query else "?"
        return Answer(302, b"", {"Location": f"{target}{joint}{urlencode(query)}"})

    def _new_app(self, manifest: dict[str, Any], owner: str, hook_url: str) -> App:
        world = self._world
        name = str(manifest.get("name") or f"app-{secrets.token_hex(3)}")
        slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
        return App(
            id=world.new_id(),
            slug=slug,
            name=name,
            owner=world.account(owner),
            bot=world.account(f"{slug}[bot]", "Bot"),
            private_key=new_private_key(),
            client_id=f"Iv23li{secrets.token_hex(7)}",
            client_secret=secrets.token_hex(20),
            webhook_url=hook_url,
            webhook_secret=secrets.token_hex(20),
            permissions={"metadata": "read", **manifest.get("default_permissions", {})},
            events=tuple(manifest.get("default_events", ())),
            created_at=world.now(),
            external_url=manifest["url"],
            description=str(manifest.get("description", "")),
        )


def _page(text: str, status: int = 200) -> Answer:
    body = f"<!doctype html><title>Local GitHub</title><h1>{html.escape(text)}</h1>"
    return Answer(status, body.encode(), {"Content-Type": "text/html; charset=utf-8"})

"""Registering an App from a manifest on the local GitHub."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
import pytest

from tests.testing import conformity
from tests.testing.conftest import SHOP, Client

if TYPE_CHECKING:
    from jobs.testing.github import LocalGitHub

MANIFEST = {
    "name": "Opus 67 of Octo",
    "url": "https://opus67.example",
    "redirect_url": "http://127.0.0.1:1/done",
    "hook_attributes": {"url": "https://opus67.example/webhooks/github"},
    "default_permissions": {"issues": "write"},
    "default_events": ["issues"],
    "public": False,
}
FORM = {"Content_Type": "application/x-www-form-urlencoded"}


def register(github: LocalGitHub, path: str) -> dict[str, list[str]]:
    """Send the manifest and return the query of the address that one is sent back to."""
    body = urlencode({"manifest": json.dumps(MANIFEST)}).encode()
    answer = Client(github.url).ask("POST", f"{path}?state=abc", body, **FORM)
    assert answer.status == 302
    assert answer.headers["Location"].startswith("http://127.0.0.1:1/done?")
    return parse_qs(urlsplit(answer.headers["Location"]).query)


@pytest.mark.parametrize(
    ("path", "owner"),
    [("/settings/apps/new", "octo"), ("/organizations/acme/settings/apps/new", "acme")],
)
def test_a_manifest_becomes_an_app_once(github: LocalGitHub, path: str, owner: str) -> None:
    """The code is exchanged once for all of the App's secrets, and its key is good."""
    query = register(github, path)
    assert query["state"] == ["abc"]
    conversion = f"/app-manifests/{query['code'][0]}/conversions"
    made = Client(github.url).ask("POST", conversion)
    assert made.status == 201
    app = made.json()
    assert app["owner"]["login"] == owner
    assert app["slug"] == "opus-67-of-octo"
    assert app["permissions"] == {"metadata": "read", "issues": "write"}
    assert Client(github.url).ask("POST", conversion).status == 404
    conformity.check_exchanges(github)
    token = jwt.encode({"iss": str(app["id"]), "iat": 1, "exp": 2**31}, app["pem"], algorithm="RS256")
    assert "too far" in Client(github.url, f"Bearer {token}").ask("GET", "/app").json()["message"]


def test_the_new_app_can_be_installed(github: LocalGitHub) -> None:
    """After installing it on an account, the App hears of that account's repositories."""
    code = register(github, "/settings/apps/new")["code"][0]
    made = Client(github.url).ask("POST", f"/app-manifests/{code}/conversions").json()
    installation = github.install("octo", app_id=made["id"], names=[SHOP])
    assert installation.app.webhook_url == "https://opus67.example/webhooks/github"
    assert installation.repositories == {SHOP}


def test_a_manifest_without_what_is_needed_is_refused(github: LocalGitHub) -> None:
    """GitHub says what is wrong instead of going on."""
    body = urlencode({"manifest": json.dumps({"name": "x"})}).encode()
    assert Client(github.url).ask("POST", "/settings/apps/new", body, **FORM).status == 422

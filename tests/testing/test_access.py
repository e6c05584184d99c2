"""The local GitHub lets in whom GitHub would, and nobody else."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from jobs.testing.github import LocalGitHub
from jobs.testing.github.keys import new_private_key
from tests.testing.conftest import SHOP, Client, app_jwt

if TYPE_CHECKING:
    from pathlib import Path

ISSUES = f"/repos/{SHOP}/issues"


def message(client: Client, path: str = "/app") -> tuple[int, str]:
    answer = client.ask("GET", path)
    return answer.status, answer.json().get("message", "")


def test_a_jwt_must_be_signed_by_the_apps_own_key(github: LocalGitHub, tmp_path: Path) -> None:
    """A JWT with the right claims and another key is refused."""
    with LocalGitHub(tmp_path / "other", private_key_pem=new_private_key()) as other:
        forged = Client(github.url, f"Bearer {app_jwt(other)}")
        assert message(forged) == (401, "A JSON web token could not be decoded")


@pytest.mark.parametrize(
    ("claims", "words"),
    [
        ({"exp": int(time.time()) - 5}, "'exp'"),
        ({"exp": int(time.time()) + 3600}, "too far in the future"),
        ({"iat": int(time.time()) + 3600}, "'iat'"),
        ({"iss": "99"}, "Integration not found"),
    ],
)
def test_a_jwt_with_wrong_claims_is_refused(github: LocalGitHub, claims: dict[str, object], words: str) -> None:
    """Expired, too long, issued in the future, or of another App: 401, and the reason."""
    status, text = message(Client(github.url, f"Bearer {app_jwt(github, **claims)}"))
    assert status == 401
    assert words in text


def test_the_client_id_is_an_issuer_too(github: LocalGitHub) -> None:
    """An App may name itself by its client id."""
    assert message(Client(github.url, f"Bearer {app_jwt(github, iss=github.client_id)}"))[0] == 200


def test_nobody_gets_nothing(github: LocalGitHub) -> None:
    """Without credentials a private repository is not there, and the App's own endpoints say 401."""
    assert Client(github.url).ask("GET", ISSUES).status == 404
    assert Client(github.url).ask("GET", "/app").status == 401
    assert Client(github.url, "Bearer ghs_67_a.b.c").ask("GET", ISSUES).status == 401


def test_a_token_is_narrowed_to_repositories_and_permissions(github: LocalGitHub, app: Client) -> None:
    """What a token was not minted for is refused and recorded as a violation."""
    github.create_repository("octo/cellar", {"a": "1"})
    asked = {"repositories": ["shop"], "permissions": {"issues": "read"}}
    made = app.ask("POST", f"/app/installations/{github.installation_id}/access_tokens", asked).json()
    assert made["token"].startswith("ghs_67_")
    assert made["token"].count(".") == 2
    client = Client(github.url, f"token {made['token']}")
    assert client.ask("GET", ISSUES).status == 200
    assert message(client, f"/repos/{SHOP}/contents/README.md") == (403, "Resource not accessible by integration")
    assert client.ask("POST", ISSUES, {"title": "x"}).status == 403
    assert client.ask("GET", "/repos/octo/cellar/issues").status == 404
    assert [one.needed for one in github.violations] == ["contents:read", "issues:write", "access to octo/cellar"]
    assert [one["name"] for one in client.ask("GET", "/installation/repositories").json()["repositories"]] == ["shop"]


def test_a_token_cannot_have_more_than_the_app(github: LocalGitHub, app: Client) -> None:
    """Permissions that were never granted, and repositories that are not there, cannot be minted."""
    path = f"/app/installations/{github.installation_id}/access_tokens"
    assert app.ask("POST", path, {"permissions": {"workflows": "write"}}).status == 422
    assert app.ask("POST", path, {"repositories": ["nothing"]}).status == 422


def test_a_revoked_or_expired_token_is_dead(github: LocalGitHub) -> None:
    """DELETE /installation/token ends a token; so does its time."""
    client = Client(github.url, f"Bearer {github.mint_token()}")
    assert client.ask("DELETE", "/installation/token").status == 204
    assert message(client, ISSUES) == (401, "Bad credentials")
    expired = Client(github.url, f"Bearer {github.mint_token(seconds=-1)}")
    assert message(expired, ISSUES) == (401, "Bad credentials")


def test_a_suspended_installation_refuses(github: LocalGitHub, app: Client, client: Client) -> None:
    """While suspended, tokens neither work nor are minted; afterwards they do again."""
    path = f"/app/installations/{github.installation_id}/access_tokens"
    github.suspend("octo", by="octo")
    assert message(client, ISSUES) == (403, "This installation has been suspended")
    assert app.ask("POST", path).status == 403
    github.unsuspend("octo")
    assert client.ask("GET", ISSUES).status == 200
    github.uninstall("octo")
    assert client.ask("GET", ISSUES).status == 401


def test_an_app_jwt_is_no_token(github: LocalGitHub, app: Client) -> None:
    """The App's JWT opens no repository."""
    assert message(app, ISSUES) == (403, "Resource not accessible by integration")
    assert github.violations[0].needed == "an installation token"


def test_an_unknown_api_version_is_refused(github: LocalGitHub, client: Client) -> None:
    """GitHub answers 400 to versions that it does not know."""
    assert client.ask("GET", ISSUES, X_GitHub_Api_Version="1999-01-01").status == 400
    assert client.ask("GET", ISSUES, X_GitHub_Api_Version="2026-03-10").status == 200

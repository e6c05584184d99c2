"""The set-up page: one click to a registered App, for one browser only."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from bot.setup.manifest import EVENTS, PERMISSIONS
from config.settings import load
from tests.setup.browser import browser
from tests.setup.conftest import Visitor, manifest_form

if TYPE_CHECKING:
    from pathlib import Path

    from bot.setup.server import SetupServer
    from jobs.testing.github import LocalGitHub


def test_one_click_registers_the_app_and_writes_its_keys(
    server: SetupServer, visitor: Visitor, github: LocalGitHub, env_path: Path
) -> None:
    """The link, the button, and .env holds what GitHub made, for its owner's eyes only."""
    done = visitor.register(visitor.get(server.session.link))
    assert done.status_code == 200
    assert "is registered" in done.text
    assert server.wait(10)
    written = load({}, dotenv=env_path)
    made = github.world.apps[written.github_app_id or 0]
    assert written.github_private_key.strip() == made.private_key.strip()
    assert written.github_webhook_secret == made.webhook_secret
    assert (written.github_client_id, written.github_client_secret) == (made.client_id, made.client_secret)
    assert made.permissions == dict(PERMISSIONS)
    assert set(made.events) == set(EVENTS)
    assert made.webhook_url == "https://opus67.example.com/webhooks/github"
    assert env_path.stat().st_mode & 0o777 == 0o600
    assert made.private_key[40:80] not in done.text


def test_an_organisation_a_name_and_an_address_can_be_chosen(
    server: SetupServer, visitor: Visitor, github: LocalGitHub, env_path: Path
) -> None:
    """What is chosen on the page goes into the manifest, and the address into .env."""
    visitor.get(server.session.link)
    form = {"organisation": "octo-org", "name": "Our bot", "public_url": "https://bot.example.com/", "server_url": ""}
    visitor.register(visitor.post("/choose", form))
    written = load({}, dotenv=env_path)
    made = github.world.apps[written.github_app_id or 0]
    assert (made.owner.login, made.name) == ("octo-org", "Our bot")
    assert made.webhook_url == "https://bot.example.com/webhooks/github"
    assert written.public_url == "https://bot.example.com"


def test_without_a_public_address_the_webhook_stays_off_and_the_page_says_so(
    server: SetupServer, visitor: Visitor
) -> None:
    """GitHub is told no address that it cannot reach."""
    visitor.get(server.session.link)
    page = visitor.post("/choose", {"public_url": ""})
    assert "hook_attributes" not in json.loads(manifest_form(page.text)[1])
    assert "cannot send webhooks yet" in visitor.register(page).text


@pytest.mark.parametrize(
    ("chosen", "api"),
    [
        ("https://github.com", "https://api.github.com"),
        ("https://github.example.com", "https://github.example.com/api/v3"),
        ("https://octo.ghe.com", "https://api.octo.ghe.com"),
    ],
)
def test_each_github_has_its_own_api(server: SetupServer, visitor: Visitor, chosen: str, api: str) -> None:
    """The code is exchanged where the App was registered, and the form may be sent there only."""
    visitor.get(server.session.link)
    page = visitor.post("/choose", {"server_url": chosen})
    assert manifest_form(page.text)[0].startswith(f"{chosen}/settings/apps/new?state=")
    assert server.session.choice.api_url == api
    policy = page.headers["Content-Security-Policy"]
    assert "form-action 'self' https:" in policy
    assert "script-src" not in policy
    assert "default-src 'none'" in policy


@pytest.mark.parametrize(
    "address", ["javascript:alert(1)", "https://a b", "https://x;script-src *", "https://u@h", "x"]
)
def test_an_address_that_is_none_is_refused_in_words(server: SetupServer, visitor: Visitor, address: str) -> None:
    """Nothing that is typed gets into the page's policy or its form."""
    visitor.get(server.session.link)
    page = visitor.post("/choose", {"server_url": address})
    assert page.status_code == 400
    assert "must be like https://host.example.com" in page.text
    assert "x;script-src" not in page.headers["Content-Security-Policy"]


def test_the_link_works_for_one_browser_only(server: SetupServer, visitor: Visitor) -> None:
    """A second browser with the same link is refused; the first one may open it again."""
    link = server.session.link
    assert visitor.get(link).status_code == 200
    assert visitor.get(link).status_code == 200
    refused = httpx.get(link, follow_redirects=True)
    assert refused.status_code == 403
    assert "used already" in refused.text


@pytest.mark.parametrize("path", ["/", "/?token=guess", "/done", "/callback?code=c&state=s", "/nothing"])
def test_nobody_gets_in_without_the_link(server: SetupServer, path: str) -> None:
    """Without the cookie every page is a refusal, and nothing of the session is in it."""
    answer = httpx.get(server.session.address + path)
    assert answer.status_code == 403
    assert server.session.state not in answer.text


def test_the_callback_needs_the_state_and_the_browser(
    server: SetupServer, visitor: Visitor, github: LocalGitHub, env_path: Path
) -> None:
    """Somebody else's code, another state, or another browser changes nothing; and a state is good once."""
    page = visitor.get(server.session.link)
    action, manifest = manifest_form(page.text)
    back = httpx.post(action, data={"manifest": manifest}).headers["Location"]
    assert urlsplit(back).path == "/callback"
    given = parse_qs(urlsplit(back).query)
    code, state = given["code"][0], given["state"][0]
    assert httpx.get(back).status_code == 403
    assert visitor.get(f"/callback?code={code}&state=other").status_code == 400
    assert visitor.get(f"/callback?code={code}").status_code == 400
    assert not env_path.exists()
    assert visitor.get(f"/callback?code={code}&state={state}").status_code == 200
    assert env_path.exists()
    assert visitor.get(f"/callback?code={code}&state={state}").status_code == 400
    assert len(github.world.apps) == 2


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1"])
def test_a_form_of_another_site_is_refused(server: SetupServer, visitor: Visitor, origin: str) -> None:
    """Even with the cookie, only the page's own forms count."""
    visitor.get(server.session.link)
    assert visitor.post("/choose", {"organisation": "evil"}, origin=origin).status_code == 403
    assert server.session.choice.organisation == ""
    assert visitor.client.post("/write").status_code == 403


@pytest.mark.parametrize("host", ["evil.example", "localhost:1", "127.0.0.1"])
def test_another_host_name_is_refused(server: SetupServer, visitor: Visitor, host: str) -> None:
    """A name that was rebound to loopback does not reach the page."""
    visitor.get(server.session.link)
    assert visitor.get("/", headers={"Host": host}).status_code == 421


def test_nothing_is_told_to_other_sites_or_kept_by_the_browser(server: SetupServer, visitor: Visitor) -> None:
    """No CORS, no cache, no frame, no referrer with the token, and a cookie that scripts and other sites cannot use."""
    first = visitor.client.get(server.session.link, follow_redirects=False)
    assert "HttpOnly" in first.headers["Set-Cookie"]
    assert "SameSite=Lax" in first.headers["Set-Cookie"]
    page = visitor.get("/", headers={"Origin": "https://evil.example"})
    assert "Access-Control-Allow-Origin" not in page.headers
    assert page.headers["Cache-Control"] == "no-store"
    assert page.headers["Referrer-Policy"] == "strict-origin"
    assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]
    assert "token" not in str(page.url)


def test_github_out_of_order_can_be_tried_again_by_a_reload(
    server: SetupServer, visitor: Visitor, github: LocalGitHub, env_path: Path
) -> None:
    """When the exchange of the code fails, the same address works later."""
    github.faults.add("POST", r"/app-manifests/.*", times=1, status=502)
    failed = visitor.register(visitor.get(server.session.link))
    assert failed.status_code == 400
    assert "did not hand over" in failed.text
    assert not env_path.exists()
    assert visitor.get(str(failed.url)).status_code == 200
    assert env_path.exists()


def test_keys_that_could_not_be_written_are_kept_until_they_are(
    server: SetupServer, visitor: Visitor, env_path: Path
) -> None:
    """GitHub hands the keys over once, so a full or closed disk must not lose them."""
    page = visitor.get(server.session.link)
    env_path.mkdir()
    assert "not written yet" in visitor.register(page).text
    env_path.rmdir()
    assert "is registered" in visitor.post("/write", {}).text
    assert load({}, dotenv=env_path).github_app_id


def test_what_is_replaced_is_said_before_and_kept_after(home: Path, server: SetupServer, visitor: Visitor) -> None:
    """An App that .env holds already is named on the page, and the file of before survives with mode 0600."""
    before = "# mine\nANTHROPIC_API_KEY=sk-mine\nGITHUB_APP_ID=5\n"
    (home / ".env").write_text(before)
    page = visitor.get(server.session.link)
    assert "<strong>replaces</strong>" in page.text
    assert "GITHUB_APP_ID" in page.text
    assert "The file of before is" in visitor.register(page).text
    [backup] = (home / "var" / "backups").iterdir()
    assert backup.read_text() == before
    assert backup.stat().st_mode & 0o777 == 0o600
    assert load({}, dotenv=home / ".env").anthropic_api_key == "sk-mine"
    assert (home / ".env").read_text().startswith("# mine\n")


def existing(github: LocalGitHub, **changes: str) -> dict[str, str]:
    """Return the form with the values of the App that the local GitHub has."""
    values = {
        "app_id": str(github.app_id),
        "private_key": github.private_key_pem,
        "webhook_secret": github.webhook_secret,
        "public_url": "https://opus67.example.com",
        "server_url": github.server_url,
    }
    return {**values, **changes}


def test_an_existing_app_is_checked_and_taken(
    server: SetupServer, visitor: Visitor, github: LocalGitHub, env_path: Path
) -> None:
    """Its values are written once GitHub accepts them."""
    visitor.get(server.session.link)
    assert "is registered" in visitor.post("/existing", existing(github)).text
    written = load({}, dotenv=env_path)
    assert written.github_app_id == github.app_id
    assert written.github_private_key.strip() == github.private_key_pem.strip()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"app_id": "68"}, "does not accept this App id with this key"),
        ({"app_id": "sixty-seven"}, "The App id is a number"),
        ({"private_key": "nothing"}, "The private key is missing"),
        ({"private_key": "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----"}, "cannot be used"),
        ({"webhook_secret": ""}, "The webhook secret is missing"),
        ({"server_url": "http://127.0.0.1:1"}, "did not answer"),
    ],
)
def test_a_wrong_value_of_an_existing_app_is_told_and_nothing_is_written(
    server: SetupServer, visitor: Visitor, github: LocalGitHub, env_path: Path, changes: dict[str, str], said: str
) -> None:
    """The page says what is wrong, and gives no secret back."""
    visitor.get(server.session.link)
    page = visitor.post("/existing", existing(github, **changes))
    assert page.status_code == 400
    assert said in page.text
    assert github.webhook_secret not in page.text
    assert not env_path.exists()


@pytest.mark.chromium
def test_a_real_browser_goes_the_whole_way(server: SetupServer, home: Path, env_path: Path) -> None:
    """Chromium, with our policy in force, gets from the link through GitHub to the last page without an error."""
    with browser(home) as page:
        page.visit(server.session.link)
        assert "Register your GitHub App" in page.text()
        assert page.evaluate("getComputedStyle(document.querySelector('main')).maxWidth") != "none"
        page.evaluate("document.querySelector('form button').click()")
        page.until("location.pathname === '/done' && document.body.innerText.includes('is registered')")
        assert not [line for line in page.console if "Content Security Policy" in line or "Refused" in line]
    assert server.wait(10)
    assert load({}, dotenv=env_path).github_app_id

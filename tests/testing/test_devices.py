"""The device flow on the local GitHub: codes, waiting, tokens of people, and their end."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode

import pytest

from tests.testing import conformity
from tests.testing.conftest import Client

if TYPE_CHECKING:
    from jobs.testing.github import LocalGitHub

GRANT = "urn:ietf:params:oauth:grant-type:device_code"


def post(github: LocalGitHub, path: str, **values: str) -> dict[str, Any]:
    """Post a form as a program does, and ask for JSON."""
    form = {"Content_Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
    return Client(github.url).ask("POST", path, urlencode(values).encode(), **form).json()


def begin(github: LocalGitHub) -> dict[str, Any]:
    return post(github, "/login/device/code", client_id=github.client_id)


def ask(github: LocalGitHub, begun_code: str, **changes: str) -> dict[str, Any]:
    values = {"client_id": github.client_id, "device_code": begun_code, "grant_type": GRANT, **changes}
    return post(github, "/login/oauth/access_token", **values)


def test_a_person_who_enters_the_code_is_known_afterwards(github: LocalGitHub) -> None:
    """The program waits, the person comes, and the token says who it is, once."""
    github.set_device_flow(interval=0)
    begun = begin(github)
    assert begun["verification_uri"] == f"{github.url}/login/device"
    assert len(begun["user_code"]) == 9
    assert (begun["expires_in"], begun["interval"]) == (899, 0)
    assert ask(github, begun["device_code"])["error"] == "authorization_pending"
    github.authorize_device(begun["user_code"].lower(), "ada")
    token = ask(github, begun["device_code"])
    assert (token["token_type"], token["scope"]) == ("bearer", "")
    assert token["access_token"].startswith("ghu_")
    assert ask(github, begun["device_code"])["error"] == "incorrect_device_code"
    client = Client(github.url, f"Bearer {token['access_token']}")
    assert client.ask("GET", "/user").json()["login"] == "ada"
    assert client.ask("GET", "/app").status == 403
    assert [one.account.login for one in github.user_tokens] == ["ada"]
    conformity.check_exchanges(github)


def test_a_token_ends_with_the_apps_secret(github: LocalGitHub) -> None:
    """Its client id and secret are asked for; afterwards the token is no good, and there is nothing left to end."""
    github.set_device_flow(interval=0)
    begun = begin(github)
    github.authorize_device(begun["user_code"], "ada")
    token = ask(github, begun["device_code"])["access_token"]
    path, body = f"/applications/{github.client_id}/token", {"access_token": token}

    def basic(secret: str) -> Client:
        return Client(github.url, "Basic " + base64.b64encode(f"{github.client_id}:{secret}".encode()).decode())

    for stranger in (Client(github.url), basic("wrong"), Client(github.url, f"Bearer {token}")):
        assert stranger.ask("DELETE", path, body).status == 404
    mine = basic(github.client_secret)
    assert mine.ask("DELETE", path, {}).status == 422
    assert mine.ask("DELETE", path, body).status == 204
    assert mine.ask("DELETE", path, body).status == 404
    assert Client(github.url, f"Bearer {token}").ask("GET", "/user").status == 401
    conformity.check_exchanges(github)


def test_who_asks_too_often_waits_longer(github: LocalGitHub) -> None:
    """Each time the interval grows by five seconds, as GitHub says."""
    begun = begin(github)
    assert begun["interval"] == 5
    assert ask(github, begun["device_code"])["error"] == "authorization_pending"
    assert ask(github, begun["device_code"])["interval"] == 10
    slow = ask(github, begun["device_code"])
    assert (slow["error"], slow["interval"]) == ("slow_down", 15)
    assert {"error_description", "error_uri"} <= slow.keys()


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"client_id": "Iv1.nobody"}, "incorrect_client_credentials"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"device_code": "nothing"}, "incorrect_device_code"),
    ],
)
def test_wrong_parameters_are_named(changes: dict[str, str], error: str, github: LocalGitHub) -> None:
    """An error comes with status 200 and a code."""
    assert ask(github, begin(github)["device_code"], **changes)["error"] == error


def test_a_code_can_be_declined_or_run_out(github: LocalGitHub) -> None:
    """Both end the flow in their own word."""
    github.set_device_flow(interval=0)
    declined, late = begin(github), begin(github)
    github.deny_device(declined["user_code"])
    github.expire_device(late["user_code"])
    assert ask(github, declined["device_code"])["error"] == "access_denied"
    assert ask(github, late["device_code"])["error"] == "expired_token"
    with pytest.raises(LookupError):
        github.authorize_device("AAAA-BBBB", "ada")


def test_an_app_may_not_offer_the_flow(github: LocalGitHub) -> None:
    """Before it began and while it runs."""
    begun = begin(github)
    github.set_device_flow(enabled=False)
    assert begin(github)["error"] == "device_flow_disabled"
    assert ask(github, begun["device_code"])["error"] == "device_flow_disabled"


def test_forms_json_and_unknown_programs_are_answered_in_kind(github: LocalGitHub) -> None:
    """Without an Accept header the answer is a form; a body may be JSON; an unknown program is not found."""
    plain = Client(github.url).ask("POST", f"/login/device/code?client_id={github.client_id}", b"")
    assert set(parse_qs(plain.body.decode())) >= {"device_code", "user_code"}
    body = json.dumps({"client_id": github.client_id}).encode()
    answer = Client(github.url).ask(
        "POST", "/login/device/code", body, Content_Type="application/json", Accept="application/json"
    )
    assert answer.json()["user_code"]
    unknown = Client(github.url).ask("POST", "/login/device/code", b"client_id=nobody", Accept="application/json")
    assert unknown.status == 404
    assert Client(github.url).ask("GET", "/login/device").status == 200


def test_only_people_have_a_self(github: LocalGitHub, client: Client, app: Client) -> None:
    """An installation and an App are refused where a person is asked for, nobody and nonsense too."""
    assert client.ask("GET", "/user").status == 403
    assert app.ask("GET", "/user").status == 403
    assert Client(github.url).ask("GET", "/user").status == 401
    assert Client(github.url, "Bearer ghu_nonsense").ask("GET", "/user").status == 401

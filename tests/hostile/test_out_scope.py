"""Each call carries a token for one repository with what it needs; with less, or as somebody else, GitHub refuses."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from bot.setup.manifest import PERMISSIONS
from jobs.github.client import API_PERMISSIONS
from jobs.testing.github import LocalGitHub
from jobs.testing.github.resources import ROUTES
from tests.jobs.workshop import WORKSHOP
from tests.testing.conftest import Client, app_jwt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jobs.testing.github.records import Token
    from jobs.testing.github.router import Route
    from tests.hostile.leaking import Leaking

SHOP, CELLAR = "octo/shop", "octo/cellar"
REFUSED = "Resource not accessible by integration"
GUARDED = [route for route in ROUTES if route.needs and ("metadata", "read") not in route.needs]
EVERYTHING = {name: "write" for route in GUARDED for name, _ in route.needs} | {"members": "read"}
VALUES = {"owner": "octo", "repo": "shop", "org": "octo", "team": "crew", "login": "ann", "ref": "heads/none"}


def named(route: Route) -> str:
    return f"{route.method} {path(route, {})}"


def path(route: Route, values: dict[str, str]) -> str:
    """Return a path that the route answers."""
    plain = re.sub(r"\(\?P<(\w+)>[^)]*\)", lambda match: values.get(match[1], f"{{{match[1]}}}"), route.pattern.pattern)
    return plain.replace("\\", "")


@pytest.fixture(scope="module")
def hub(private_key: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalGitHub]:
    """Yield a GitHub with two private repositories and an App that may do more than ours."""
    folder = tmp_path_factory.mktemp("hub")
    with LocalGitHub(folder, private_key_pem=private_key, permissions=EVERYTHING) as made:
        for name in (SHOP, CELLAR):
            made.create_repository(name, {"a.txt": "a\n"})
            made.create_issue(name, "One", "Words.", by="ann")
        yield made


def ask(hub: LocalGitHub, route: Route, secret: str) -> tuple[int, str]:
    """Make the route's call, and return the status and GitHub's words."""
    values = {**VALUES, **{name: "1" for name in route.pattern.groupindex if name not in VALUES}}
    body = None if route.method == "GET" else {}
    answer = Client(hub.url, f"Bearer {secret}").ask(route.method, path(route, values), body)
    if not answer.body.startswith(b"{"):
        return answer.status, ""
    return answer.status, str(answer.json().get("message", ""))


@pytest.mark.parametrize("route", GUARDED, ids=named)
def test_less_than_needed_is_refused(hub: LocalGitHub, route: Route) -> None:
    """All permissions but the one, or that at a lower level, are not enough, and the attempt is kept."""
    needed = dict(route.needs)
    without = {name: level for name, level in EVERYTHING.items() if name not in needed}
    attempts = [without]
    if "write" in needed.values():
        attempts.append({**without, **{name: "read" for name, level in needed.items() if level == "write"}})
    for permissions in attempts:
        before = len(hub.violations)
        assert ask(hub, route, hub.mint_token(permissions, [SHOP])) == (403, REFUSED)
        assert len(hub.violations) == before + 1


@pytest.mark.parametrize("route", GUARDED, ids=named)
def test_what_is_needed_is_enough(hub: LocalGitHub, route: Route) -> None:
    """Each of the permissions that are listed lets the call through by itself: the refusals above have no other cause."""
    for name, level in route.needs:
        assert ask(hub, route, hub.mint_token({name: level}, [SHOP]))[1] != REFUSED


@pytest.mark.parametrize("route", [one for one in GUARDED if "repo" in one.pattern.groupindex], ids=named)
def test_another_repositorys_token_is_refused(hub: LocalGitHub, route: Route) -> None:
    """A token with all permissions for another repository finds nothing, and so does the App's own JWT."""
    assert ask(hub, route, hub.mint_token(EVERYTHING, [CELLAR])) == (404, "Not Found")
    assert ask(hub, route, app_jwt(hub)) == (403, REFUSED)


@pytest.mark.parametrize("route", [one for one in ROUTES if one.app], ids=named)
def test_a_token_is_not_the_app(hub: LocalGitHub, route: Route) -> None:
    """What the App does as itself no installation token does."""
    assert ask(hub, route, hub.mint_token(EVERYTHING))[0] == 401


def test_the_app_asks_for_no_more_than_its_calls_need() -> None:
    """Workflows, administration and secrets are not asked for, and what the API's token has the manifest asks for."""
    ranks = ("", "read", "write")
    assert all(ranks.index(level) <= ranks.index(PERMISSIONS.get(name, "")) for name, level in API_PERMISSIONS.items())
    assert not {"workflows", "administration", "secrets", "environments", "organization_administration"} & set(
        PERMISSIONS
    )
    assert "admin" not in PERMISSIONS.values()


def of(leaky: Leaking, one: Any) -> Token | None:
    return leaky.workshop.github.world.tokens.get(one.token)


@pytest.mark.bubblewrap
def test_every_call_of_a_worker_is_within_its_scope(leaky: Leaking) -> None:
    """Work, question, answer, review and threads: one repository, no refusal of GitHub's, the JWT where it must be."""
    github = leaky.workshop.github
    assert github.violations == []
    jwts = [one for one in github.requests if one.headers.get("authorization", "").startswith("Bearer ey")]
    assert jwts
    assert {re.sub(r"\d+", "…", one.path) for one in jwts} <= {"/app", "/app/installations/…/access_tokens"}
    asked = [one for one in github.requests if of(leaky, one)]
    assert len(asked) > 50
    for one in asked:
        token = of(leaky, one)
        assert token is not None
        assert token.repositories == frozenset({WORKSHOP}), one.path
        assert set(token.permissions.items()) <= {*API_PERMISSIONS.items(), ("contents", "read")}, one.path
        assert one.path.startswith(
            (f"/repos/{WORKSHOP}", f"/{WORKSHOP}.git/", "/users/", "/graphql", "/installation/token")
        )


@pytest.mark.bubblewrap
def test_git_has_tokens_of_its_own(leaky: Leaking) -> None:
    """They read or write contents and nothing else, and are dead when the work is over."""
    github = leaky.workshop.github
    calls = [one for one in github.requests if one.path.startswith(f"/{WORKSHOP}.git/") and of(leaky, one)]
    levels = {service: set[str]() for service in ("git-upload-pack", "git-receive-pack")}
    for one in calls:
        token = of(leaky, one)
        assert token is not None
        assert set(token.permissions) <= {"contents", "metadata"}
        if one.path.endswith(tuple(levels)):
            levels[one.path.rpartition("/")[2]].add(token.permissions["contents"])
    assert levels["git-receive-pack"] == {"write"}
    assert "read" in levels["git-upload-pack"]
    leaky.workshop.services.background.shutdown(wait=True)
    assert all(token.revoked for token in (of(leaky, one) for one in calls) if token is not None)

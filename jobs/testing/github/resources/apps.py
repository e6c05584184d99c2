"""The App itself, its installations and their tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jobs.testing.github.access import basic
from jobs.testing.github.errors import Refused, not_found
from jobs.testing.github.router import Call, Router, nothing, page, reply
from jobs.testing.github.shapes import accounts, repositories
from jobs.testing.github.world import stamp

if TYPE_CHECKING:
    from jobs.testing.github.records import App, Installation, Repository
    from jobs.testing.loopback import Answer

router = Router()

TOKEN_SECONDS = 3600
LEVELS = ("read", "write", "admin")


def _mine(call: Call) -> list[Installation]:
    return [one for one in call.world.installations.values() if one.app is call.app]


def _named(call: Call) -> Installation:
    found = call.world.installations.get(call.number("installation_id"))
    if found is None or found.app is not call.app:
        raise not_found()
    return found


@router.route("GET", "/app", app=True)
def get_app(call: Call) -> Answer:
    """Return the App."""
    return reply(accounts.app(call.world, call.caller) | {"installations_count": len(_mine(call))})


@router.route("GET", "/apps/{slug}")
def get_public_app(call: Call) -> Answer:
    """Return an App by its name in URLs."""
    found = next((one for one in call.world.apps.values() if one.slug == call.parameters["slug"]), None)
    if found is None:
        raise not_found()
    return reply(accounts.app(call.world, found))


@router.route("GET", "/app/installations", app=True)
def list_installations(call: Call) -> Answer:
    """List the App's installations."""
    return page(call, _mine(call), lambda one: accounts.installation(call.world, one))


@router.route("GET", "/app/installations/{installation_id}", app=True)
def get_installation(call: Call) -> Answer:
    """Return one installation."""
    return reply(accounts.installation(call.world, _named(call)))


@router.route("GET", "/repos/{owner}/{repo}/installation", app=True)
def get_repository_installation(call: Call) -> Answer:
    """Return the installation that has a repository."""
    found = call.world.installation_on(call.repository, call.app)
    if found is None:
        raise not_found()
    return reply(accounts.installation(call.world, found))


@router.route("GET", "/users/{login}/installation", app=True)
def get_user_installation(call: Call) -> Answer:
    """Return the installation on a person's account."""
    return _installation_on_account(call, call.parameters["login"])


@router.route("GET", "/orgs/{org}/installation", app=True)
def get_organization_installation(call: Call) -> Answer:
    """Return the installation on an organisation's account."""
    return _installation_on_account(call, call.parameters["org"])


@router.route("POST", "/app/installations/{installation_id}/access_tokens", app=True)
def create_token(call: Call) -> Answer:
    """Mint a token, narrowed to the repositories and permissions asked for."""
    installation = _named(call)
    if installation.suspended_at:
        raise Refused(403, "This installation has been suspended")
    permissions = _narrowed(installation, call.given("permissions"))
    chosen = _chosen(call, installation)
    names = frozenset(one.full_name for one in chosen) if chosen is not None else None
    token = call.world.new_token(installation, permissions, names, TOKEN_SECONDS)
    body: dict[str, Any] = {
        "token": token.value,
        "expires_at": stamp(token.expires_at),
        "permissions": permissions,
        "repository_selection": "selected" if chosen is not None else installation.repository_selection,
    }
    if chosen is not None:
        body["repositories"] = [repositories.repository(call.world, one) for one in chosen]
    return reply(body, 201)


@router.route("DELETE", "/installation/token")
def revoke_token(call: Call) -> Answer:
    """Revoke the token that is shown."""
    if call.token is None:
        raise Refused(401, "Requires authentication")
    call.token.revoked = True
    return nothing()


@router.route("DELETE", "/applications/{client_id}/token", anyone=True)
def delete_user_token(call: Call) -> Answer:
    """Revoke a person's token, by the App's client id and secret."""
    named = call.parameters["client_id"]
    app = next((one for one in call.world.apps.values() if one.client_id == named and one.client_secret), None)
    if app is None or basic(call.request) != (app.client_id, app.client_secret):
        raise not_found()
    token = call.world.user_tokens.get(call.required("OauthAccess", "access_token"))
    if token is None or token.client_id != named or token.revoked:
        raise not_found()
    token.revoked = True
    return nothing()


@router.route("GET", "/installation/repositories", needs="metadata:read")
def list_repositories(call: Call) -> Answer:
    """List the repositories that the token reaches."""
    if call.token is None:
        raise Refused(403, "Resource not accessible by integration")
    found = [one for one in call.world.repositories.values() if call.token.reaches(one.full_name)]
    return page(call, found, lambda one: repositories.repository(call.world, one), wrap="repositories")


def new_app_answer(call: Call, app: App) -> dict[str, Any]:
    """Return an App with its secrets, as the manifest flow hands it over once."""
    return accounts.app(call.world, app) | {
        "client_secret": app.client_secret,
        "webhook_secret": app.webhook_secret or None,
        "pem": app.private_key,
    }


@router.route("POST", "/app-manifests/{code}/conversions", anyone=True)
def convert_manifest(call: Call) -> Answer:
    """Hand over the App that a manifest made; each code works once."""
    app = call.world.manifests.pop(call.parameters["code"], None)
    if app is None:
        raise not_found()
    call.world.apps[app.id] = app
    return reply(new_app_answer(call, app), 201)


def _installation_on_account(call: Call, login: str) -> Answer:
    found = next((one for one in _mine(call) if one.account.login.lower() == login.lower()), None)
    if found is None:
        raise not_found()
    return reply(accounts.installation(call.world, found))


def _narrowed(installation: Installation, asked: Any) -> dict[str, str]:
    if asked is None:
        return dict(installation.permissions)
    if not isinstance(asked, dict):
        raise Refused(422, "Invalid request.\n\nFor 'links/1/schema', the permissions are not an object.")
    for name, level in asked.items():
        granted = installation.permissions.get(name)
        if level not in LEVELS or granted is None or LEVELS.index(level) > LEVELS.index(granted):
            raise Refused(422, "The permissions requested are not granted to this installation.")
    return {"metadata": "read", **asked}


def _chosen(call: Call, installation: Installation) -> list[Repository] | None:
    names, ids = call.given("repositories"), call.given("repository_ids")
    if names is None and ids is None:
        return None
    mine = [one for one in call.world.repositories.values() if one.full_name in installation.repositories]
    chosen = [one for one in mine if one.name in (names or []) or one.id in (ids or [])]
    if len(chosen) < len(names or []) + len(ids or []):
        raise Refused(
            422,
            "There is at least one repository that does not exist or is not accessible to the parent installation.",
        )
    return chosen

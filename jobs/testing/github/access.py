"""Who calls, and whether they may: the App's JWT, installation tokens, repositories, permissions."""

from __future__ import annotations

import base64
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jobs.testing.github.errors import Refused, not_found
from jobs.testing.github.records import Account, App, Token, Violation

if TYPE_CHECKING:
    from jobs.testing.github.router import Call, Route
    from jobs.testing.github.world import World
    from jobs.testing.loopback import Request

LONGEST_JWT = 600
CLOCK_SKEW = 60


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: nobody (all None), an App with its JWT, an installation or a person with a token."""

    app: App | None = None
    token: Token | None = None
    user: Account | None = None


def identify(world: World, request: Request) -> Caller:
    """Find out who calls; raises ``Refused`` with 401 for credentials that are not good."""
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    if not scheme:
        return Caller()
    if scheme.lower() == "basic":
        secret = basic_password(request)
    elif scheme.lower() not in {"bearer", "token"}:
        raise Refused(401, "Bad credentials")
    if secret.startswith("ghs_"):
        return Caller(token=live_token(world, secret))
    if secret.startswith("ghu_"):
        return Caller(user=_person(world, secret))
    if secret.count(".") == 2:
        return Caller(app=_app_of(world, secret))
    raise Refused(401, "Bad credentials")


def basic_password(request: Request) -> str:
    """Return the password of a Basic authorisation, or nothing."""
    return basic(request)[1]


def basic(request: Request) -> tuple[str, str]:
    """Return name and password of a Basic authorisation; both are empty where there is none."""
    try:
        plain = base64.b64decode(request.headers.get("authorization", "").partition(" ")[2], validate=True).decode()
    except ValueError:
        return "", ""
    name, _, password = plain.partition(":")
    return name, password


def live_token(world: World, secret: str) -> Token:
    """Return the token that ``secret`` is; raises ``Refused`` where it is unknown, revoked, expired or suspended."""
    token = world.tokens.get(secret)
    if token is None or token.revoked or token.expires_at <= time.time():
        raise Refused(401, "Bad credentials")
    if token.installation.id not in world.installations:
        raise Refused(401, "Bad credentials")
    if token.installation.suspended_at:
        raise Refused(403, "This installation has been suspended")
    return token


def _person(world: World, secret: str) -> Account:
    token = world.user_tokens.get(secret)
    if token is None or token.revoked or token.expires_at <= time.time():
        raise Refused(401, "Bad credentials")
    return token.account


def authorise(call: Call, route: Route) -> None:
    """Let the call through or raise ``Refused``; what an App may not have is noted among the violations."""
    if route.anyone:
        return
    if route.user or call.user is not None:
        if call.user is None and call.app is None and call.token is None:
            raise Refused(401, "Requires authentication")
        if not route.user or call.user is None:
            raise Refused(403, "Resource not accessible by integration")
        return
    if route.app:
        if call.app is None:
            raise Refused(401, "A JSON web token could not be decoded")
        return
    if call.token is None:
        if call.app is not None:
            note(call, "an installation token")
            raise Refused(403, "Resource not accessible by integration")
        _anonymous(call)
        return
    call.app = call.token.installation.app
    _repository_within_reach(call, call.token, route)
    if route.needs and not any(call.token.grants(name, level) for name, level in route.needs):
        note(call, " or ".join(f"{name}:{level}" for name, level in route.needs))
        raise Refused(403, "Resource not accessible by integration")


def _anonymous(call: Call) -> None:
    if call.request.method != "GET":
        raise Refused(401, "Requires authentication")
    if "repo" in call.parameters and call.repository.private:
        raise not_found()


def _repository_within_reach(call: Call, token: Token, route: Route) -> None:
    if "repo" not in call.parameters:
        return
    repository = call.repository
    if token.reaches(repository.full_name):
        return
    if not repository.private and all(level == "read" for _, level in route.needs):
        return
    note(call, f"access to {repository.full_name}")
    if repository.private:
        raise not_found()
    raise Refused(403, "Resource not accessible by integration")


def note(call: Call, needed: str) -> None:
    """Keep what an App asked for and was not allowed to have."""
    had = dict(call.token.permissions) if call.token else {}
    call.world.violations.append(Violation(call.request.method, call.request.path, needed, had))


def _app_of(world: World, secret: str) -> App:
    import jwt  # noqa: PLC0415 - slow to import, and needed for Apps only

    undecodable = Refused(401, "A JSON web token could not be decoded")
    try:
        claims = jwt.decode(secret, options={"verify_signature": False})
        issuer = str(claims.get("iss", ""))
    except jwt.PyJWTError:
        raise undecodable from None
    app = next((app for app in world.apps.values() if issuer in {str(app.id), app.client_id}), None)
    if app is None:
        raise Refused(401, "Integration must generate a public key" if not issuer else "Integration not found")
    now = time.time()
    issued, expires = claims.get("iat"), claims.get("exp")
    if not isinstance(issued, (int, float)) or issued > now + CLOCK_SKEW:
        raise Refused(
            401,
            "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued",
        )
    if not isinstance(expires, (int, float)) or expires <= now:
        raise Refused(
            401,
            "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the "
            "assertion expires",
        )
    if expires > now + LONGEST_JWT + CLOCK_SKEW:
        raise Refused(401, "'Expiration time' claim ('exp') is too far in the future")
    try:
        jwt.decode(secret, public_key(app), algorithms=["RS256"], leeway=CLOCK_SKEW, options={"verify_iat": False})
    except jwt.PyJWTError:
        raise undecodable from None
    return app


_public_keys: dict[str, str] = {}


def public_key(app: App) -> str:
    """Return the App's public key as PEM."""
    known = _public_keys.get(app.private_key)
    if known is None:
        from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 - slow to import

        private = serialization.load_pem_private_key(app.private_key.encode(), password=None)
        form = (serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        known = _public_keys[app.private_key] = private.public_key().public_bytes(*form).decode()
    return known

"""People: who they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.testing.slack import shapes
from jobs.testing.slack.errors import Refused
from jobs.testing.slack.methods.registry import Registry

if TYPE_CHECKING:
    from jobs.testing.slack.methods.registry import Arguments
    from jobs.testing.slack.records import JSON

registry = Registry()


@registry.method("users.info", scope="users:read")
def info(call: Arguments) -> JSON:
    """Tell about one user; the address needs a scope of its own."""
    email = "users:read.email" in call.world.registration.scopes
    return {"user": shapes.user(call.user(), email=email)}


@registry.method("users.lookupByEmail", scope="users:read.email")
def look_up_by_email(call: Arguments) -> JSON:
    """Find a person by address."""
    (email,) = call.required("email")
    for one in call.world.users.values():
        if one.email and one.email.lower() == email.lower():
            return {"user": shapes.user(one, email=True)}
    raise Refused("users_not_found")

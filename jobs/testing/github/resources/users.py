"""Accounts, teams and the rate limit."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from jobs.testing.github.errors import not_found
from jobs.testing.github.router import Call, Router, reply
from jobs.testing.github.shapes import accounts

if TYPE_CHECKING:
    from jobs.testing.loopback import Answer

router = Router()


@router.route("GET", "/user", user=True)
def get_authenticated_user(call: Call) -> Answer:
    """Return the person whose token is shown."""
    if call.user is None:
        raise not_found()
    return reply(accounts.public_user(call.world, call.user))


@router.route("GET", "/users/{login}")
def get_user(call: Call) -> Answer:
    """Return an account."""
    found = call.world.accounts.get(call.parameters["login"].lower())
    if found is None:
        raise not_found()
    return reply(accounts.public_user(call.world, found))


@router.route("GET", "/orgs/{org}/teams/{team}/memberships/{login}", needs="members:read")
def get_team_membership(call: Call) -> Answer:
    """Return how somebody belongs to a team."""
    org, team, login = (call.parameters[name].lower() for name in ("org", "team", "login"))
    role = call.world.teams.get((org, team), {}).get(login)
    if role is None:
        raise not_found()
    return reply({"url": f"{call.world.url}{call.request.path}", "role": role, "state": "active"})


@router.route("GET", "/rate_limit")
def get_rate_limit(_: Call) -> Answer:
    """Return a rate limit that nobody reaches."""
    reset = int(time.time()) + 3600
    core = {"limit": 5000, "used": 1, "remaining": 4999, "reset": reset}
    search = {"limit": 30, "used": 0, "remaining": 30, "reset": reset}
    return reply({"resources": {"core": core, "search": search}, "rate": core})

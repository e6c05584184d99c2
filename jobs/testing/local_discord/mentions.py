"""Whom a text pings, by Discord's rules for ``allowed_mentions``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

USER = re.compile(r"<@!?(\d+)>")
ROLE = re.compile(r"<@&(\d+)>")
EVERYONE = re.compile(r"@(everyone|here)")


@dataclass(frozen=True, slots=True)
class Pings:
    """Users and roles by their ids, and whether everyone is pinged; false where nobody is."""

    users: frozenset[int] = frozenset()
    roles: frozenset[int] = frozenset()
    everyone: bool = False

    def __bool__(self) -> bool:
        return bool(self.users or self.roles or self.everyone)

    def __or__(self, other: Pings) -> Pings:
        return Pings(self.users | other.users, self.roles | other.roles, self.everyone or other.everyone)


def pings(content: str, allowed: dict[str, Any] | None) -> Pings:
    """Return whom ``content`` pings; without ``allowed`` that is everybody it names.

    Code blocks are not left out: where they matter, a text that depends on them is too close to the edge.
    """
    users = frozenset(int(found) for found in USER.findall(content))
    roles = frozenset(int(found) for found in ROLE.findall(content))
    everyone = bool(EVERYONE.search(content))
    if allowed is None:
        return Pings(users, roles, everyone)
    parse = allowed.get("parse") or []
    return Pings(
        users if "users" in parse else users & _ids(allowed, "users"),
        roles if "roles" in parse else roles & _ids(allowed, "roles"),
        everyone and "everyone" in parse,
    )


def pings_author(allowed: dict[str, Any] | None) -> bool:
    """Tell whether a reply pings whom it answers."""
    return allowed is None or bool(allowed.get("replied_user"))


def _ids(allowed: dict[str, Any], name: str) -> frozenset[int]:
    return frozenset(int(one) for one in allowed.get(name) or [])

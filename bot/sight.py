"""Which repositories may be offered by name to somebody who types: those that GitHub said they can read, a while ago.

While a person types nobody can be asked; what they then do is decided by what GitHub says at that time.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jobs.store import Store

FRESH_SECONDS = 3600.0
"""How long it is before GitHub is asked again."""
PREFIX = "sight:"


def offered(store: Store, platform: str, user_id: str) -> list[str]:
    """Return the repositories that may be named to a chat user: none before it is known who they are."""
    login = store.people.login(platform, user_id)
    kept = store.records.value(_key(platform, user_id, login)) if login else None
    seen = set(json.loads(kept)["repositories"]) if kept else set()
    return [name for name, _ in store.records.repositories() if name in seen]


def is_fresh(store: Store, platform: str, user_id: str, login: str, now: float) -> bool:
    """Tell whether GitHub was asked a short while ago, and about all repositories that there are."""
    written = store.records.value(_key(platform, user_id, login))
    kept = json.loads(written) if written else {}
    if not kept or float(kept["at"]) <= now - FRESH_SECONDS:
        return False
    return {name for name, _ in store.records.repositories()} <= set(kept["asked"])


def keep(
    store: Store, platform: str, user_id: str, login: str, names: Sequence[str], now: float, asked: Sequence[str] = ()
) -> None:
    """Remember what somebody can read, of the repositories that GitHub was asked about."""
    value = json.dumps({"at": now, "repositories": list(names), "asked": list(asked)})
    store.records.keep(_key(platform, user_id, login), value, now)


def _key(platform: str, user_id: str, login: str) -> str:
    return f"{PREFIX}{platform}:{user_id}:{login.lower()}"

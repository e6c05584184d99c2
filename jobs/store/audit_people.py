"""What names a person in the audit is sealed with a key of that person; without the key nobody can read it any more."""

from __future__ import annotations

import base64
import json
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from jobs.store.tables import audit_keys

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    from jobs.types import Actor

ID_BYTES, KEY_BYTES, NONCE_BYTES = 8, 32, 12
NOBODY = frozenset({"", "0"})
"""The ids of events that nobody in particular caused."""
GITHUB = "github"
OURSELVES = "opus67"
"""Who acted where nobody asked for it."""


@dataclass(frozen=True, slots=True)
class Private:
    """What of a row may name people."""

    actor: str = OURSELVES
    reason: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)


def named(actor: Actor) -> str:
    """Return who somebody is: ``github:ada``, or ``slack:U024BE7LH (ada)`` of a chat user who has linked."""
    if actor.platform != GITHUB and actor.login:
        return f"{actor.platform}:{actor.id} ({actor.login})"
    return f"{actor.platform}:{actor.login or actor.id}"


def person_of(actor: Actor | None) -> str:
    """Return the name under which a person's key is kept: by the GitHub login where one is known."""
    if actor is None or (not actor.login and actor.id in NOBODY):
        return ""
    return f"{GITHUB}:{actor.login.lower()}" if actor.login else f"{actor.platform}:{actor.id}"


def key_for(connection: sa.Connection, actor: Actor, now: float) -> tuple[str, bytes]:
    """Return the id of a person's key and the key, made when it is first needed; the caller is alone."""
    person = person_of(actor)
    found = connection.execute(
        sa.select(audit_keys.c.id, audit_keys.c.key).where(audit_keys.c.person == person)
    ).one_or_none()
    if found is not None:
        return found.id, bytes(found.key)
    number, key = secrets.token_hex(ID_BYTES), secrets.token_bytes(KEY_BYTES)
    account = f"{GITHUB}:{actor.id}" if actor.platform == GITHUB and actor.id not in NOBODY else ""
    values = {"id": number, "person": person, "account": account, "key": key, "created_at": now}
    connection.execute(sa.insert(audit_keys).values(**values))
    return number, key


def written(private: Private) -> str:
    """Return what is private as the text that is kept where it names nobody."""
    values = {"actor": private.actor, "reason": private.reason, "details": dict(private.details)}
    return json.dumps(values, separators=(",", ":"))


def cipher() -> type[AESGCM]:
    """Return what seals; the first time that takes longer than writing a row, so it is called ahead of any lock."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - slow to import, for writers only

    return AESGCM


def sealed(private: Private, key: bytes) -> str:
    """Return what is private as nobody can read it without the key: AES-256-GCM with a nonce of its own."""
    nonce = secrets.token_bytes(NONCE_BYTES)
    return base64.b64encode(nonce + cipher()(key).encrypt(nonce, written(private).encode(), None)).decode()


def people_of(connection: sa.Connection, names: Sequence[str]) -> list[tuple[str, str]]:
    """Return id and name of people's keys, given as ``github:ada``; an account's earlier logins are among them."""
    mine = audit_keys.c.person.in_(list(names))
    accounts = sa.select(audit_keys.c.account).where(mine, audit_keys.c.account != "")
    query = sa.select(audit_keys.c.id, audit_keys.c.person).where(sa.or_(mine, audit_keys.c.account.in_(accounts)))
    return [(row.id, row.person) for row in connection.execute(query.order_by(audit_keys.c.id))]


class Reader:
    """Reads what is private with the keys that there were at one moment."""

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        self._keys = dict(keys)

    @classmethod
    def of(cls, connection: sa.Connection) -> Reader:
        """Return a reader with all keys of a database."""
        rows = connection.execute(sa.select(audit_keys.c.id, audit_keys.c.key))
        return cls({row.id: bytes(row.key) for row in rows})

    def knows(self, person: str) -> bool:
        """Tell whether a person's key is there."""
        return person in self._keys

    def read(self, row: Mapping[str, Any]) -> Private | None:
        """Return what is private in a row; None where its key does not open it, or is gone."""
        text, person = str(row["private"]), str(row["person"])
        try:
            found = json.loads(self._opened(text, self._keys[person]) if person else text)
            return Private(str(found["actor"]), str(found["reason"]), dict(found["details"]))
        except (KeyError, ValueError, TypeError):
            return None

    def _opened(self, text: str, key: bytes) -> bytes:
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - as above

        data = base64.b64decode(text, validate=True)
        try:
            return cipher()(key).decrypt(data[:NONCE_BYTES], data[NONCE_BYTES:], None)
        except InvalidTag as wrong:
            raise ValueError("another key") from wrong


def erased(person: str) -> str:
    """Return how somebody is called whose key is gone."""
    return f"erased person {person[:4]}"

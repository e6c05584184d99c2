"""Who is who: chat users and the GitHub logins that they proved to own, links under way, tokens of the command line."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from jobs.store.tables import identities, links, tokens

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from jobs.store.database import Database
    from jobs.types import Actor

USED_SECONDS = 60.0
"""How exactly it is known when a token was last used."""


@dataclass(frozen=True, slots=True)
class Link:
    """A link that a chat user began and GitHub has not confirmed yet; ``address`` is where to say that it has.

    ``code`` is what the person posts from GitHub or types in there; ``device_code`` is of GitHub's device flow, empty
    without it. ``interval``, in seconds, is how often GitHub may be asked.
    """

    code: str
    platform: str
    user_id: str
    address: Mapping[str, Any]
    expires_at: float
    device_code: str = ""
    interval: float = 5.0
    not_before: float = 0.0


@dataclass(frozen=True, slots=True)
class Token:
    """A token of the command line, without the token."""

    name: str
    login: str
    created_at: float
    used_at: float | None


class People:
    """Small facts about people; every change happens in the transaction of the command that asks for it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def login(self, platform: str, user_id: str) -> str:
        """Return the GitHub login that a chat user is linked to, or nothing."""
        query = sa.select(identities.c.login).where(identities.c.platform == platform, identities.c.user_id == user_id)
        with self._database.read() as connection:
            return connection.execute(query).scalar_one_or_none() or ""

    def github_id(self, platform: str, user_id: str) -> str:
        """Return the id of the GitHub account that a chat user is linked to, or nothing; it outlives a login."""
        mine = (identities.c.platform == platform, identities.c.user_id == user_id)
        with self._database.read() as connection:
            return connection.execute(sa.select(identities.c.github_id).where(*mine)).scalar_one_or_none() or ""

    def account_of(self, actor: Actor) -> str:
        """Return the id of the GitHub account that is meant by an actor's login, where it is known."""
        if actor.platform == "github":
            return actor.id if actor.id != "0" else ""
        return self.github_id(actor.platform, actor.id)

    def accounts(self, login: str) -> Sequence[tuple[str, str]]:
        """Return platform and user id of the chat users linked to a GitHub login."""
        query = sa.select(identities.c.platform, identities.c.user_id)
        with self._database.read() as connection:
            found = connection.execute(query.where(sa.func.lower(identities.c.login) == login.lower()))
            return [(row.platform, row.user_id) for row in found]

    def identify(
        self, connection: sa.Connection, platform: str, user_id: str, login: str, github_id: str, how: str, now: float
    ) -> None:
        """Remember that a chat user owns a GitHub login, in place of what was known before."""
        values: dict[str, Any] = {"platform": platform, "user_id": user_id, "login": login, "github_id": github_id}
        values |= {"how": how, "linked_at": now}
        self._database.upsert(connection, identities, values, key=["platform", "user_id"])

    def forget(self, connection: sa.Connection, platform: str, user_id: str) -> bool:
        """Forget who a chat user is, and every link under way; tell whether anything was known."""
        mine = [table.c.platform == platform for table in (identities, links)]
        known = connection.execute(sa.delete(identities).where(mine[0], identities.c.user_id == user_id)).rowcount
        connection.execute(sa.delete(links).where(mine[1], links.c.user_id == user_id))
        return known > 0

    def begin_link(self, connection: sa.Connection, link: Link) -> None:
        """Store a link under way; one that the same person began before is void."""
        connection.execute(sa.delete(links).where(links.c.platform == link.platform, links.c.user_id == link.user_id))
        connection.execute(sa.insert(links).values(**{**asdict(link), "address": dict(link.address)}))

    def link_of(self, code: str, now: float) -> Link | None:
        """Return the link under way with a code that is still good."""
        found = self._links(links.c.code == code, links.c.expires_at > now)
        return found[0] if found else None

    def due_links(self, now: float) -> Sequence[Link]:
        """Return the links whose device flow GitHub may be asked about now."""
        return self._links(links.c.device_code != "", links.c.not_before <= now, links.c.expires_at > now)

    def ask_later(self, code: str, not_before: float, interval: float) -> None:
        """Remember when GitHub may be asked about a link again."""
        with self._database.write() as connection:
            mine = sa.update(links).where(links.c.code == code)
            connection.execute(mine.values(not_before=not_before, interval=interval))

    def end_link(self, connection: sa.Connection, code: str) -> bool:
        """Use a code up; False where somebody was quicker."""
        return connection.execute(sa.delete(links).where(links.c.code == code)).rowcount > 0

    def expired_links(self, now: float) -> Sequence[Link]:
        """Return the links whose time is over."""
        return self._links(links.c.expires_at <= now)

    def add_token(self, digest: str, name: str, login: str, now: float) -> bool:
        """Remember a token by its digest; False where the name is taken."""
        values: dict[str, Any] = {"digest": digest, "name": name, "login": login, "created_at": now}
        with self._database.write() as connection:
            return self._database.insert_new(connection, tokens, values)

    def token_login(self, digest: str, now: float) -> str:
        """Return the GitHub login that a token speaks for, or nothing; remembers, to the minute, that it was used.

        A token that is not known writes nothing: strangers can make up many, and a write keeps others waiting.
        """
        mine = tokens.c.digest == digest
        with self._database.read() as connection:
            found = connection.execute(sa.select(tokens.c.login, tokens.c.used_at).where(mine)).one_or_none()
        if found is None:
            return ""
        if found.used_at is None or not 0 <= now - found.used_at < USED_SECONDS:
            with self._database.write() as connection:
                connection.execute(sa.update(tokens).where(mine).values(used_at=now))
        return str(found.login)

    def tokens(self) -> Sequence[Token]:
        """Return all tokens, by name."""
        with self._database.read() as connection:
            rows = connection.execute(sa.select(tokens).order_by(tokens.c.name))
            return [Token(row.name, row.login, row.created_at, row.used_at) for row in rows]

    def revoke_token(self, name: str) -> bool:
        """Forget a token; False where there is none of this name."""
        with self._database.write() as connection:
            return connection.execute(sa.delete(tokens).where(tokens.c.name == name)).rowcount > 0

    def _links(self, *wanted: sa.ColumnElement[bool]) -> list[Link]:
        with self._database.read() as connection:
            rows = connection.execute(sa.select(links).where(*wanted)).all()
        return [
            Link(
                row.code,
                row.platform,
                row.user_id,
                row.address,
                row.expires_at,
                row.device_code,
                row.interval,
                row.not_before,
            )
            for row in rows
        ]

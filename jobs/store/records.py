"""What is remembered beside the tasks: installations, places on services, decisions, effects done once, cursors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from jobs.store.audit_people import named
from jobs.store.tables import decisions, effects, installations, places, repositories
from jobs.types import AuditEntry

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from jobs.store.audit import Audit
    from jobs.store.database import Database
    from jobs.types import Actor, Decision


@dataclass(frozen=True, slots=True)
class Place:
    """Where a task is shown: the id there (of a comment, a check run …), its URL, a hash of what it shows."""

    external_id: str
    url: str
    shown: str


class Records:
    """Small facts, each under its own key."""

    def __init__(self, database: Database, audit: Audit) -> None:
        self._database, self._audit = database, audit

    def place(self, task_id: str, surface: str) -> Place | None:
        """Return where a task is shown on a surface."""
        query = sa.select(places).where(places.c.task_id == task_id, places.c.surface == surface)
        with self._database.read() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else Place(row.external_id, row.url, row.shown)

    def places(self, task_id: str, prefix: str) -> dict[str, Place]:
        """Return where a task is shown on the surfaces whose names begin with ``prefix``, by the rest of the name."""
        query = sa.select(places).where(places.c.task_id == task_id)
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        found = {row.surface: Place(row.external_id, row.url, row.shown) for row in rows}
        return {name.removeprefix(prefix): place for name, place in found.items() if name.startswith(prefix)}

    def save_place(self, task_id: str, surface: str, place: Place) -> None:
        """Remember where a task is shown on a surface."""
        values = {"task_id": task_id, "surface": surface, "external_id": place.external_id}
        values |= {"url": place.url, "shown": place.shown}
        with self._database.write() as connection:
            self._database.upsert(connection, places, values, key=["task_id", "surface"])

    def task_at(self, surface: str, external_id: str) -> str | None:
        """Return the id of the task that is shown at a place."""
        found = sa.select(places.c.task_id).where(places.c.surface == surface, places.c.external_id == external_id)
        with self._database.read() as connection:
            return connection.execute(found).scalars().first()

    def decided(
        self,
        connection: sa.Connection,
        actor: Actor,
        what: str,
        subject: str,
        decision: Decision,
        now: float,
        task_id: str = "",
        place: str = "",
    ) -> None:
        """Store a decision and its reason; ``place`` is where it was said, such as ``slack:C024BE91L``.

        ``subject`` names repository and subject, as in ``octo/shop issue-12``.
        """
        values = {
            "at": now,
            "actor": named(actor),
            "what": what,
            "subject": subject,
            "allowed": decision.allowed,
            "reason": decision.reason,
            "task_id": task_id,
            "place": place,
        }
        connection.execute(sa.insert(decisions).values(**values))
        repository, _, about = subject.partition(" ")
        entry = AuditEntry(
            f"decision:{what}",
            repository,
            about,
            actor,
            decision.allowed,
            decision.reason,
            task_id,
            details={"place": place} if place else {},
        )
        self._audit.add(connection, entry)

    def decisions(
        self, subject: str, limit: int = 20, *, task_id: str = ""
    ) -> Sequence[tuple[float, str, str, bool, str]]:
        """Return time, actor, what, allowed and reason of the newest decisions on a subject or on a task."""
        wanted = decisions.c.subject == subject if subject else decisions.c.task_id == task_id
        if subject and task_id:
            wanted = sa.or_(wanted, decisions.c.task_id == task_id)
        query = (
            sa.select(decisions.c.at, decisions.c.actor, decisions.c.what, decisions.c.allowed, decisions.c.reason)
            .where(wanted)
            .order_by(decisions.c.id.desc())
            .limit(limit)
        )
        with self._database.read() as connection:
            return [tuple(row) for row in connection.execute(query)]

    def once(self, connection: sa.Connection, key: str, now: float, value: str = "") -> bool:
        """Claim an effect that must happen once; False when its key is taken."""
        return self._database.insert_new(connection, effects, {"key": key, "value": value, "at": now})

    def value(self, key: str) -> str | None:
        """Return what was kept under a key."""
        with self._database.read() as connection:
            return connection.execute(sa.select(effects.c.value).where(effects.c.key == key)).scalar_one_or_none()

    def keep(self, key: str, value: str, now: float) -> None:
        """Keep a value under a key, such as a cursor."""
        with self._database.write() as connection:
            self.put(connection, key, value, now)

    def put(self, connection: sa.Connection, key: str, value: str, now: float) -> None:
        """Keep a value under a key in a transaction."""
        self._database.upsert(connection, effects, {"key": key, "value": value, "at": now}, key=["key"])

    def swap(self, key: str, old: str | None, new: str, now: float) -> bool:
        """Keep ``new`` in the place of ``old`` (None: nothing); False where something else is kept there meanwhile."""
        with self._database.write() as connection:
            if old is None:
                return self.once(connection, key, now, new)
            mine = sa.update(effects).where(effects.c.key == key, effects.c.value == old)
            return connection.execute(mine.values(value=new, at=now)).rowcount > 0

    def kept(self, prefix: str, most: int) -> dict[str, str]:
        """Return what was kept under keys that begin so, newest first, by the rest of the key."""
        query = (
            sa.select(effects.c.key, effects.c.value)
            .where(effects.c.key.startswith(prefix, autoescape=True))
            .order_by(effects.c.at.desc(), effects.c.key)
            .limit(most)
        )
        with self._database.read() as connection:
            return {row.key.removeprefix(prefix): row.value for row in connection.execute(query)}

    def keep_all(self, values: Mapping[str, str], now: float) -> None:
        """Keep several values under their keys, together."""
        with self._database.write() as connection:
            for key, value in values.items():
                self.put(connection, key, value, now)

    def forget(self, prefix: str, before: float) -> int:
        """Forget what was kept under keys that begin so before a time."""
        with self._database.write() as connection:
            gone = sa.delete(effects).where(effects.c.key.startswith(prefix, autoescape=True), effects.c.at < before)
            return connection.execute(gone).rowcount

    def drop(self, keys: Iterable[str]) -> None:
        """Forget what was kept under these keys."""
        with self._database.write() as connection:
            for key in keys:
                connection.execute(sa.delete(effects).where(effects.c.key == key))

    def save_installation(
        self, connection: sa.Connection, installation_id: int, account: str, now: float, *, suspended: bool = False
    ) -> None:
        """Remember an installation of the App."""
        values = {"id": installation_id, "account": account, "suspended": suspended, "updated_at": now}
        self._database.upsert(connection, installations, values, key=["id"])

    def remove_installation(self, connection: sa.Connection, installation_id: int) -> None:
        """Forget an installation and its repositories."""
        connection.execute(sa.delete(repositories).where(repositories.c.installation_id == installation_id))
        connection.execute(sa.delete(installations).where(installations.c.id == installation_id))

    def add_repositories(self, connection: sa.Connection, installation_id: int, names: Iterable[str]) -> None:
        """Remember that an installation covers repositories."""
        for name in names:
            values = {"full_name": name, "installation_id": installation_id}
            self._database.upsert(connection, repositories, values, key=["full_name"])

    def remove_repositories(self, connection: sa.Connection, names: Iterable[str], installation_id: int) -> None:
        """Forget repositories that an installation no longer covers; another one may cover them since."""
        mine = repositories.c.installation_id == installation_id
        for name in names:
            connection.execute(sa.delete(repositories).where(repositories.c.full_name == name, mine))

    def covered(self, connection: sa.Connection, installation_id: int) -> frozenset[str]:
        """Return the repositories that an installation covers, as far as is known."""
        mine = sa.select(repositories.c.full_name).where(repositories.c.installation_id == installation_id)
        return frozenset(connection.execute(mine).scalars())

    def installations(self) -> frozenset[int]:
        """Return all installations that are known, also those that are suspended or cover nothing."""
        with self._database.read() as connection:
            return frozenset(connection.execute(sa.select(installations.c.id)).scalars())

    def repositories(self) -> Sequence[tuple[str, int]]:
        """Return name and installation of every repository of an installation that is not suspended."""
        live = sa.select(installations.c.id).where(installations.c.suspended.is_(False))
        query = sa.select(repositories).where(repositories.c.installation_id.in_(live)).order_by("full_name")
        with self._database.read() as connection:
            return [(row.full_name, row.installation_id) for row in connection.execute(query)]

    def installation_count(self) -> int:
        """Return how many installations there are that are not suspended."""
        query = sa.select(sa.func.count()).select_from(installations).where(installations.c.suspended.is_(False))
        with self._database.read() as connection:
            return int(connection.execute(query).scalar_one())

"""The audit: every decision and every outside effect is a row of a chain, in which no change stays unseen.

The rows of a transaction are its last statements, under one lock for all processes: so there is one writer at a time,
no gap in the numbers, and no two transactions that wait for each other.
"""

from __future__ import annotations

import json
import time
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from jobs import scope
from jobs.store import audit_people as people
from jobs.store.audit_chain import ERASED, FIRST_MAC, Anchor, Check, Head, Verdict, anchored, mac_of, mark
from jobs.store.database import DAMAGED, PENDING, UNAVAILABLE
from jobs.store.tables import audit, audit_keys, decisions, effects, identities, links, tokens
from jobs.text.redact import redact, redact_all
from jobs.types import AuditEntry, Unrecorded

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from jobs.store.database import Database
    from jobs.types import Actor

ANCHOR = "audit-anchor"
AT_ONCE = 200
LONGEST_REASON, LONGEST_DETAILS = 2000, 4000
_TEXTS = ("what", "repository", "subject", "task_id", "model", "image")


@dataclass(frozen=True, slots=True)
class AuditRow:
    """A row as it is read: ``actor`` is ``opus67`` for the bot itself, and says so where a person was erased."""

    number: int
    at: float
    actor: str
    what: str
    repository: str
    subject: str
    task_id: str
    attempt: int
    allowed: bool
    reason: str
    model: str
    image: str
    cost: float
    details: Mapping[str, Any]
    mac: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which rows are wanted; times are seconds since the epoch, ``actor`` is a login or ``slack:U024BE7LH``."""

    since: float | None = None
    until: float | None = None
    repository: str = ""
    actor: str = ""
    after: int = 0
    """Only rows with a higher number than this."""


@dataclass(frozen=True, slots=True)
class Erasure:
    """What the erasure of a person has taken away."""

    persons: tuple[str, ...] = ()
    """The ids of the keys that were destroyed."""
    rows: int = 0
    others: Mapping[str, int] = field(default_factory=dict)
    """How much of other tables: decisions, identities, tokens, links."""

    @property
    def found(self) -> bool:
        """Tell whether anything was known."""
        return bool(self.persons) or any(self.others.values())


class Audit:
    """Writes rows, and reads them; ``secret`` is the installation's key, ``redacted`` what must stand nowhere.

    Without a key, before the App is set up, nothing is written: there is nothing yet that could be done.
    """

    def __init__(self, database: Database, secret: bytes | None, redacted: Sequence[str] = ()) -> None:
        self._database, self._secret, self._redacted = database, secret or b"", tuple(redacted)
        self.has_key = secret is not None
        self._mark = mark(self._secret)
        if self.has_key:
            database.before_commit = self._append

    def add(self, connection: sa.Connection, entry: AuditEntry) -> None:
        """Have the transaction write an entry as the last thing that it does."""
        people.cipher()  # before the lock that comes last, where there is one
        connection.info[PENDING].append((time.time(), self._clean(scope.completed(entry))))

    def record(self, entry: AuditEntry) -> None:
        """Write an entry in a transaction of its own, ahead of what it tells of; raises Unrecorded."""
        people.cipher()  # before any lock
        try:
            with self._database.write() as connection:
                self.add(connection, entry)
        except UNAVAILABLE as away:
            raise Unrecorded(f"{entry.what} was not done: the audit cannot be written ({away})") from away

    @contextmanager
    def effect(self, entry: AuditEntry) -> Iterator[None]:
        """Do something outside that is told of before, and once more where it fails; raises Unrecorded ahead of it."""
        self.record(entry)
        try:
            yield
        except Exception as error:
            with suppress(Unrecorded):  # What went wrong is what counts now.
                self.record(replace(entry, allowed=False, reason=str(error) or type(error).__name__, cost=0.0))
            raise

    def head(self) -> Head | None:
        """Return the newest row's number and MAC, or None where there is none."""
        with self._database.read() as connection:
            number, mac = self._newest(connection)
        return Head(number, mac, time.time()) if number else None

    def rows(self, wanted: Wanted, *, newest: int = 0) -> Iterator[AuditRow]:
        """Yield the rows that are wanted, oldest first, a few in memory at a time; with ``newest`` the last so many."""
        with self._database.moment() as connection:
            reader = people.Reader.of(connection)
            query = self._asked(connection, wanted)
            if newest:
                last = query.order_by(audit.c.number.desc()).limit(newest).subquery()
                query = sa.select(last).order_by(last.c.number)
            else:
                query = query.order_by(audit.c.number)
            for row in connection.execute(query, execution_options={"yield_per": AT_ONCE}).mappings():
                yield _read(row, reader)

    def verify(self, heads: Sequence[Head] = (), old_secrets: Sequence[bytes] = ()) -> Verdict:
        """Hold all rows to their MACs and to published heads; ``old_secrets`` are keys of the installation before."""
        keys = {mark(one): one for one in (*old_secrets, self._secret)}
        query = sa.select(audit).order_by(audit.c.number)
        try:
            with self._database.moment() as connection:
                reader, anchor = people.Reader.of(connection), self._anchor(connection)
                check = Check(keys, reader, heads, anchor)
                for row in connection.execute(query, execution_options={"yield_per": AT_ONCE}).mappings():
                    check.take(dict(row))
                return check.end()
        except DAMAGED as error:
            if isinstance(error, UNAVAILABLE):
                raise
            verdict = Verdict()
            verdict.complain(f"the database is damaged: {str(error.orig or error).partition(chr(10))[0]}")
            return verdict

    def prune(self, before: float) -> int:
        """Remove the oldest rows, those of before a time, and leave an anchor for the chain; return how many."""
        if not self.has_key:
            return 0
        with self._database.write() as connection:
            self._database.alone(connection, PENDING)
            first, last = connection.execute(sa.select(sa.func.min(audit.c.number), sa.func.max(audit.c.number))).one()
            kept = connection.execute(sa.select(sa.func.min(audit.c.number)).where(audit.c.at >= before)).scalar()
            upto = (last if kept is None else kept) - 1 if last else 0
            if not first or upto < first:
                return 0
            mac = connection.execute(sa.select(audit.c.mac).where(audit.c.number == upto)).scalar_one()
            text = json.dumps(asdict(anchored(self._secret, upto, mac)))
            values = {"key": ANCHOR, "value": text, "at": time.time()}
            self._database.upsert(connection, effects, values, key=["key"])
            connection.execute(sa.delete(audit).where(audit.c.number <= upto))
            connection.execute(sa.delete(audit_keys).where(audit_keys.c.id.not_in(sa.select(audit.c.person))))
            words = f"the time for which rows are kept is over for those up to {upto}"
            self.add(connection, AuditEntry("audit:pruned", subject=str(upto), reason=words))
        return int(upto - first + 1)

    def erase(self, names: Sequence[str], logins: Sequence[str], operator: Actor) -> Erasure:
        """Destroy the keys of a person, given as ``github:ada``, and forget who they are elsewhere."""
        with self._database.write() as connection:
            if self._database.is_sqlite:
                connection.exec_driver_sql("PRAGMA secure_delete=ON")
            self._database.alone(connection, PENDING)
            found = people.people_of(connection, names)
            persons = tuple(number for number, _ in found)
            theirs = sa.select(sa.func.count()).select_from(audit).where(audit.c.person.in_(persons))
            rows = int(connection.execute(theirs).scalar_one())
            everybody = [*names, *(person for _, person in found)]
            others = _forget(connection, sorted(set(everybody)), sorted({login.lower() for login in logins}), persons)
            connection.execute(sa.delete(audit_keys).where(audit_keys.c.id.in_(persons)))
            for person in persons:
                reason = "a person was erased; what is left of the rows is what names nobody"
                self.add(connection, AuditEntry(ERASED, subject=person, actor=operator, reason=reason))
        self._database.scrub(audit_keys.name)
        return Erasure(persons, rows, others)

    def _append(self, connection: sa.Connection, pending: Sequence[tuple[float, AuditEntry]]) -> None:
        """Write the entries of a transaction behind the newest row; nobody else writes until it is committed."""
        self._database.alone(connection, PENDING)
        number, before = self._newest(connection)
        for at, entry in pending:
            number += 1
            row = self._row(connection, number, at, entry)
            before = row["mac"] = mac_of(self._secret, before, row)
            connection.execute(sa.insert(audit).values(**row))

    def _row(self, connection: sa.Connection, number: int, at: float, entry: AuditEntry) -> dict[str, Any]:
        actor = entry.actor
        private = people.Private(people.named(actor) if actor else people.OURSELVES, entry.reason, entry.details)
        person, text = "", ""
        if actor is not None and people.person_of(actor):
            person, key = people.key_for(connection, actor, at)
            text = people.sealed(private, key)
        row: dict[str, Any] = {name: getattr(entry, name) for name in _TEXTS}
        row |= {"number": number, "at": float(at), "attempt": entry.attempt, "allowed": entry.allowed}
        row |= {"cost": float(entry.cost), "person": person, "private": text or people.written(private)}
        return {**row, "key": self._mark}

    def _newest(self, connection: sa.Connection) -> tuple[int, str]:
        """Return number and MAC of the newest row, or of the last one that was removed."""
        query = sa.select(audit.c.number, audit.c.mac).order_by(audit.c.number.desc()).limit(1)
        row = connection.execute(query).one_or_none()
        if row is not None:
            return row.number, row.mac
        anchor = self._anchor(connection)
        return (anchor.number, anchor.mac) if anchor else (0, FIRST_MAC)

    def _anchor(self, connection: sa.Connection) -> Anchor | None:
        text = connection.execute(sa.select(effects.c.value).where(effects.c.key == ANCHOR)).scalar_one_or_none()
        if text is None:
            return None
        return Anchor.read(text)

    def _asked(self, connection: sa.Connection, wanted: Wanted) -> sa.Select[Any]:
        query = sa.select(audit).where(audit.c.number > wanted.after)
        if wanted.since is not None:
            query = query.where(audit.c.at >= wanted.since)
        if wanted.until is not None:
            query = query.where(audit.c.at < wanted.until)
        if wanted.repository:
            query = query.where(sa.func.lower(audit.c.repository) == wanted.repository.lower())
        if wanted.actor == people.OURSELVES:
            query = query.where(audit.c.person == "")
        elif wanted.actor:
            name = wanted.actor if ":" in wanted.actor else f"{people.GITHUB}:{wanted.actor.lower()}"
            query = query.where(audit.c.person.in_([number for number, _ in people.people_of(connection, [name])]))
        return query

    def _clean(self, entry: AuditEntry) -> AuditEntry:
        """Return an entry without secrets, in which each text has its place in the table."""
        values = {name: _plain(redact(getattr(entry, name), self._redacted)) for name in (*_TEXTS, "reason")}
        values = {name: text[: _longest(name)] for name, text in values.items()}
        details = redact_all(dict(entry.details), self._redacted)
        if len(json.dumps(details)) > LONGEST_DETAILS:
            details = {"cut": json.dumps(details)[:LONGEST_DETAILS]}
        return AuditEntry(
            **values,
            actor=entry.actor,
            allowed=entry.allowed,
            attempt=entry.attempt,
            cost=entry.cost,
            details=details,
        )


def _read(row: Any, reader: people.Reader) -> AuditRow:
    private = reader.read(row)
    if private is None:
        private = people.Private(people.erased(row["person"]) if row["person"] else "not readable")
    return AuditRow(
        actor=private.actor,
        reason=private.reason,
        details=private.details,
        **{name: row[name] for name in ("number", "at", *_TEXTS, "attempt", "allowed", "cost", "mac")},
    )


def _forget(
    connection: sa.Connection, names: Sequence[str], logins: Sequence[str], persons: Sequence[str]
) -> dict[str, int]:
    """Take a person out of the other tables as far as that is simple; return how many rows of each it were."""
    who = sa.func.lower(decisions.c.actor)
    theirs = [who.in_([name.lower() for name in names])]
    theirs += [who.like(f"%({_escaped(login)})", escape="\\") for login in logins]
    blank = sa.update(decisions).where(sa.or_(*theirs))
    words = people.erased(persons[0]) if persons else "erased person"
    users = [name.partition(":") for name in names]
    mine = [sa.and_(identities.c.platform == platform, identities.c.user_id == user) for platform, _, user in users]
    begun = [sa.and_(links.c.platform == platform, links.c.user_id == user) for platform, _, user in users]
    known = sa.or_(sa.func.lower(identities.c.login).in_(logins), *mine)
    statements = {
        "decisions": blank.values(actor=words, reason="erased"),
        "identities": sa.delete(identities).where(known),
        "links": sa.delete(links).where(sa.or_(*begun)),
        "tokens": sa.delete(tokens).where(sa.func.lower(tokens.c.login).in_(logins)),
    }
    return {name: connection.execute(statement).rowcount for name, statement in statements.items()}


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _plain(text: str) -> str:
    """Return a text as both engines keep it: without NUL, and without halves of characters."""
    return str(text).replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def _longest(name: str) -> int:
    if name == "reason":
        return LONGEST_REASON
    return int(getattr(audit.c[name].type, "length", 0))

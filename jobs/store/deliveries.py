"""What services sent us, stored before it is acknowledged, and claimed until it is done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import lz4.frame
import sqlalchemy as sa

from jobs.store.database import BUSY_SECONDS
from jobs.store.tables import deliveries
from jobs.types import Delivery, LeaseLost

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from jobs.store.database import Database

Row = dict[str, Any]
LEASE_SECONDS = 30.0
ATTEMPTS = 5
DEATHS = 3
"""After so many workers that took it up and died without a word a delivery is put aside."""
MOST_ASKED = 500
"""How many are asked for in one statement."""
PACKED = b"\x04\x22\x4d\x18"
"""How a compressed body begins, and JSON does not (https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md)."""


class PutAside(Exception):
    """Every worker that took a delivery up died; nobody takes it up again before it is sent again."""

    def __init__(self, delivery: Delivery) -> None:
        super().__init__(f"delivery {delivery.guid} was put aside: {DEATHS} workers that took it up died")
        self.delivery = delivery


class Deliveries:
    """The durable inbox. "Seen" is not "done": only a done delivery is ignored when it comes again."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, delivery: Delivery) -> bool:
        """Store a delivery; tell whether there is work to do for it (new, or stored earlier and not done)."""
        return self.add_all([delivery])[0]

    def add_all(self, batch: Sequence[Delivery], patience: float = BUSY_SECONDS) -> Sequence[bool]:
        """Store deliveries in one transaction; tell of each whether there is work to do for it."""
        # In one order everywhere: two transactions that wait for each other's GUIDs would never end.
        rows = [_new(one) for _, one in sorted({one.guid: one for one in batch}.items())]
        with self._database.write(patience) as connection:
            if self._database.insert_many(connection, deliveries, rows):
                return [True] * len(batch)
            to_do = {row["guid"]: _has_work(connection, row["guid"]) for row in rows}
        return [to_do[one.guid] for one in batch]

    def put_off(self, connection: sa.Connection, delivery: Delivery, not_before: float) -> None:
        """Store a delivery of our own that is to be acted on later; one that is there already changes nothing."""
        self._database.insert_new(connection, deliveries, {**_new(delivery), "lease_until": not_before})

    def read(self, guid: str) -> Delivery | None:
        """Return a delivery as it came, whatever became of it; None where it is unknown or forgotten."""
        with self._database.read() as connection:
            row = connection.execute(sa.select(deliveries).where(deliveries.c.guid == guid)).one_or_none()
        return None if row is None else _stored(row)

    def claim(self, guid: str, now: float, owner: str = "") -> Delivery | None:
        """Take a delivery for a while, under a name; None when it is done, unknown or in somebody's hands.

        Raises PutAside, once, for one that killed too many: no error of an attempt was ever stored of it.
        """
        with self._database.write() as connection:
            row = connection.execute(
                sa.update(deliveries)
                .where(deliveries.c.guid == guid, deliveries.c.status == "new", deliveries.c.lease_until < now)
                .values(lease_owner=owner, lease_until=now + LEASE_SECONDS, attempts=deliveries.c.attempts + 1)
                .returning(deliveries)
            ).one_or_none()
            if row is None:
                return None
            taken = _stored(row)
            killed = row.attempts > (DEATHS if row.error == "" else ATTEMPTS)
            if killed:
                spent = sa.update(deliveries).where(deliveries.c.guid == guid)
                connection.execute(spent.values(status="failed", error="every worker that took it up died"))
        if killed:
            raise PutAside(taken)
        return taken

    def finish(self, connection: sa.Connection, guid: str, now: float) -> None:
        """Mark a delivery as done, in the transaction that stores what came of it.

        Raises LeaseLost when a second worker was quicker: what this one would store is stored already.
        """
        mine = sa.update(deliveries).where(deliveries.c.guid == guid, deliveries.c.status == "new")
        if not connection.execute(mine.values(status="done", done_at=now, error="")).rowcount:
            raise LeaseLost(f"delivery {guid} was acted on by somebody else meanwhile")

    def release(self, guid: str, error: str, not_before: float, *, counts: bool = True) -> str:
        """Give a delivery back after an error; one that ``counts`` too often fails it, an outage elsewhere does not.

        Returns the status that it has then.
        """
        attempts = deliveries.c.attempts if counts else deliveries.c.attempts - 1
        status = sa.case((attempts >= ATTEMPTS, "failed"), else_="new")
        values = {"error": error, "lease_owner": "", "lease_until": not_before, "status": status, "attempts": attempts}
        with self._database.write() as connection:
            mine = sa.update(deliveries).where(deliveries.c.guid == guid, deliveries.c.status == "new")
            return connection.execute(mine.values(**values).returning(deliveries.c.status)).scalar_one_or_none() or ""

    def owners(self, now: float) -> frozenset[str]:
        """Return the names of the workers that hold a delivery."""
        held = sa.select(deliveries.c.lease_owner).where(deliveries.c.status == "new", deliveries.c.lease_until >= now)
        with self._database.read() as connection:
            return frozenset(connection.execute(held.where(deliveries.c.lease_owner != "")).scalars())

    def bereave(self, owners: Sequence[str]) -> Sequence[str]:
        """End the leases of owners who died, and return their deliveries."""
        theirs = sa.update(deliveries).where(
            deliveries.c.status == "new", deliveries.c.lease_until > 0, deliveries.c.lease_owner.in_(list(owners))
        )
        with self._database.write() as connection:
            freed = connection.execute(theirs.values(lease_until=0.0).returning(deliveries.c.guid))
            return freed.scalars().all()

    def come_forward(self, seconds: float, now: float) -> None:
        """Let what waits for a time, or is held until one, wait so much less, since the clock was set back by that."""
        later = sa.update(deliveries).where(
            deliveries.c.status == "new", deliveries.c.lease_until > now + LEASE_SECONDS
        )
        with self._database.write() as connection:
            connection.execute(later.values(lease_until=deliveries.c.lease_until - seconds))

    def due(self, now: float, limit: int = 100) -> Sequence[str]:
        """Return the GUIDs of deliveries that wait for somebody to take them up, oldest first."""
        query = (
            sa.select(deliveries.c.guid)
            .where(deliveries.c.status == "new", deliveries.c.lease_until < now)
            .order_by(deliveries.c.received_at)
            .limit(limit)
        )
        with self._database.read() as connection:
            return connection.execute(query).scalars().all()

    def late(self, before: float) -> int:
        """Return how many deliveries of before a time wait for somebody to take them up."""
        query = sa.select(sa.func.count()).select_from(deliveries)
        late = query.where(deliveries.c.status == "new", deliveries.c.received_at < before)
        with self._database.read() as connection:
            return int(connection.execute(late).scalar_one())

    def counts(self) -> dict[str, int]:
        """Return the number of deliveries in each status."""
        query = sa.select(deliveries.c.status, sa.func.count()).group_by(deliveries.c.status)
        with self._database.read() as connection:
            return {row[0]: row[1] for row in connection.execute(query)}

    def is_done(self, guid: str) -> bool:
        """Tell whether this delivery was acted on."""
        with self._database.read() as connection:
            status = connection.execute(sa.select(deliveries.c.status).where(deliveries.c.guid == guid))
            return status.scalar_one_or_none() == "done"

    def known(self, guid: str) -> bool:
        """Tell whether this delivery was stored, and not forgotten since."""
        with self._database.read() as connection:
            status = connection.execute(sa.select(deliveries.c.status).where(deliveries.c.guid == guid))
            return status.scalar_one_or_none() is not None

    def stored(self, guids: Iterable[str]) -> frozenset[str]:
        """Return which of these deliveries are stored, done or not."""
        wanted, found = sorted(set(guids)), set[str]()
        with self._database.read() as connection:
            for start in range(0, len(wanted), MOST_ASKED):
                some = deliveries.c.guid.in_(wanted[start : start + MOST_ASKED])
                found.update(connection.execute(sa.select(deliveries.c.guid).where(some)).scalars())
        return frozenset(found)

    def forget(self, before: float) -> int:
        """Delete done deliveries received before a time; they hold people's words and have served their use."""
        with self._database.write() as connection:
            gone = sa.delete(deliveries).where(deliveries.c.status == "done", deliveries.c.received_at < before)
            return connection.execute(gone).rowcount


def _has_work(connection: sa.Connection, guid: str) -> bool:
    """Tell whether there is work to do for a stored delivery, new or old; one that failed is taken up again."""
    again = sa.update(deliveries).where(deliveries.c.guid == guid, deliveries.c.status == "failed")
    if connection.execute(again.values(status="new", attempts=0, lease_until=0.0, error="")).rowcount:
        return True
    status = connection.execute(sa.select(deliveries.c.status).where(deliveries.c.guid == guid))
    return bool(status.scalar_one() == "new")


def _stored(row: Any) -> Delivery:
    """Return a delivery as it came; a body of before bodies were compressed is there as it was."""
    body = bytes(row.body)
    body = lz4.frame.decompress(body) if body.startswith(PACKED) else body
    return Delivery(row.guid, row.source, row.event, body, row.received_at)


def _new(delivery: Delivery) -> Row:
    """Return a delivery as it is stored: compressed, since the disk is what storing costs."""
    return {
        "guid": delivery.guid,
        "source": delivery.source,
        "event": delivery.event,
        "body": lz4.frame.compress(delivery.body),
        "status": "new",
        "attempts": 0,
        "received_at": delivery.received_at,
        "lease_until": 0.0,
        "error": "",
    }

"""Inside: somebody who has the database, and not the key, at the audit. It tells of it, and neither tires nor falls."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from jobs.store import Store, Wanted
from jobs.store.audit import ANCHOR
from jobs.store.audit_chain import anchored, mac_of, mark
from jobs.store.tables import audit, audit_keys, effects
from tests.store.asking import ALICE, NOW
from tests.store.auditing import change, problems, row_of
from tests.store.conftest import kept, store, tables_url  # noqa: F401 - fixtures
from tests.store.writers import SECRET, entry

if TYPE_CHECKING:
    from collections.abc import Callable

THEIRS = b"a key that somebody made up"
STRANGE: tuple[Any, ...] = (
    "x",
    -7,
    10**30,
    None,
    [],
    {},
    "\u00e9",
    "\ud800".encode("utf-8", "replace").decode(),
    0.5,
    True,
)


def add(where: Store, row: dict[str, Any]) -> None:
    """Put a row in."""
    change(where, sa.insert(audit).values(**row))


def forged_end(where: Store) -> None:
    """Add a row of an own making."""
    row = {**row_of(where, 5), "number": 6, "what": "github:DELETE repos", "key": mark(SECRET)}
    add(where, {**row, "mac": mac_of(THEIRS, row_of(where, 5)["mac"], row)})


def own_chain(where: Store) -> None:
    """Write all rows anew with another key."""
    before = "0" * 64
    for number in range(1, 6):
        row = {**row_of(where, number), "allowed": True, "key": mark(THEIRS)}
        before = mac_of(THEIRS, before, row)
        change(where, sa.update(audit).where(audit.c.number == number).values(allowed=True, key=row["key"], mac=before))


def own_anchor(where: Store) -> None:
    """Take the beginning away, and say that its time was over."""
    text = json.dumps(asdict(anchored(THEIRS, 2, row_of(where, 2)["mac"])))
    change(where, sa.insert(effects).values(key=ANCHOR, value=text, at=NOW))
    change(where, sa.delete(audit).where(audit.c.number <= 2))


def repeated(where: Store) -> None:
    """Add a genuine row once more, at the end."""
    add(where, {**row_of(where, 2), "number": 6})


def renamed(where: Store) -> None:
    """Have alice's rows be somebody else's: change whose her key is."""
    change(where, sa.update(audit_keys).where(audit_keys.c.person == "github:alice").values(person="github:mallory"))


def of_another(where: Store) -> None:
    """Put what was said of one row into another."""
    change(where, sa.update(audit).where(audit.c.number == 1).values(private=row_of(where, 4)["private"]))


def hidden(where: Store) -> None:
    """Give a row a number below all others."""
    change(where, sa.update(audit).where(audit.c.number == 3).values(number=-3))


def overflown(where: Store) -> None:
    """Fill a row's texts with megabytes and controls."""
    change(where, sa.update(audit).where(audit.c.number == 3).values(private="\x1b]0;x\x07=cmd()" * 100_000))


FORGERIES = (forged_end, own_chain, own_anchor, repeated, of_another, hidden, overflown)


@pytest.mark.parametrize("forge", FORGERIES)
def test_who_has_no_key_is_found(kept: Store, forge: Callable[[Store], None]) -> None:  # noqa: F811 - a fixture
    """Forged, rewritten, repeated, hidden and exchanged rows are told of; reading them raises nothing."""
    assert problems(kept) == []
    forge(kept)
    assert problems(kept), forge.__doc__
    assert list(kept.audit.rows(Wanted()))


def test_who_is_who_cannot_be_exchanged(kept: Store) -> None:  # noqa: F811 - a fixture
    """The rows say themselves who acted, inside what is sealed: whoever exchanges the keys' owners changes no row."""
    before = [row.actor for row in kept.audit.rows(Wanted())]
    renamed(kept)
    assert [row.actor for row in kept.audit.rows(Wanted())] == before or problems(kept)


def test_a_strange_anchor_stops_nobody(kept: Store) -> None:  # noqa: F811 - a fixture
    """An anchor of any shape is told of, and the next row is written all the same, where no other is left."""
    shapes = [{"number": one, "mac": "0" * 64, "key": "k", "seal": "s"} for one in STRANGE]
    shapes += [{"number": 3, "mac": one, "key": mark(SECRET), "seal": one} for one in STRANGE]
    shapes += [{"number": 3, "mac": "0" * 64, "key": one, "seal": "s"} for one in STRANGE]
    change(kept, sa.insert(effects).values(key=ANCHOR, value="", at=NOW))
    for shape in (*shapes, [], 7, "x", {"number": 1}):
        change(kept, sa.update(effects).where(effects.c.key == ANCHOR).values(value=json.dumps(shape)))
        change(kept, sa.delete(audit))
        kept.audit.record(entry(1, actor=ALICE))
        assert problems(kept), shape

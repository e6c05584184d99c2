"""The chain of the audit: every change by somebody else is found, whatever was cut, moved, restored or damaged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from jobs.store import RESTORED, Head, Store, Wanted
from jobs.store.migrations import migrate
from jobs.store.tables import audit, audit_keys, effects
from jobs.types import Actor, AuditEntry
from tests.store.auditing import OPERATOR, change, problems, row_of
from tests.store.moving import move
from tests.store.writers import SECRET, entry

if TYPE_CHECKING:
    from pathlib import Path


def test_rows_are_numbered_and_read(kept: Store) -> None:
    """Rows count from 1, say who, what, on what and why, and the chain over them is whole."""
    rows = list(kept.audit.rows(Wanted()))
    assert [row.number for row in rows] == [1, 2, 3, 4, 5]
    assert [row.actor for row in rows] == ["github:alice", "github:bob", "opus67", "github:alice", "github:bob"]
    assert (rows[0].repository, rows[0].reason, rows[0].details) == ("octo/shop", "alice asked", {"n": 1})
    verdict = kept.audit.verify([kept.audit.head()])  # type: ignore[list-item]
    assert (verdict.problems, verdict.rows, verdict.heads, verdict.head.mac) == ([], 5, 1, rows[-1].mac)


def test_an_empty_audit_is_whole(store: Store) -> None:
    """Where nothing happened yet, nothing is wrong, and there is no head."""
    assert problems(store) == []
    assert store.audit.head() is None
    assert list(store.audit.rows(Wanted(), newest=3)) == []


def test_rows_are_chosen(kept: Store) -> None:
    """By time, repository and person; the last so many come oldest first."""

    def numbers(**wanted: Any) -> list[int]:
        return [row.number for row in kept.audit.rows(Wanted(**wanted))]

    kept.audit.record(entry(6, repository="octo/blog", actor=Actor("slack", "U1")))
    at = row_of(kept, 4)["at"]
    assert numbers(since=at) == [4, 5, 6]
    assert numbers(until=at) == [1, 2, 3]
    assert numbers(repository="Octo/Blog") == [6]
    assert numbers(actor="Bob") == numbers(actor="github:bob") == [2, 5]
    assert numbers(actor="slack:U1") == [6]
    assert numbers(actor="opus67") == [3]
    assert numbers(actor="nobody") == []
    assert [row.number for row in kept.audit.rows(Wanted(), newest=2)] == [5, 6]


def test_a_change_of_any_column_is_found_by_its_number(kept: Store) -> None:
    """Whatever is changed in a row, that row is named, and putting it back makes the chain whole."""
    before = row_of(kept, 3)
    others = {"number": 77, "at": 1.0, "attempt": 9, "allowed": False, "cost": 12.5, "private": '{"actor":"x"}'}
    others |= {"person": "f" * 16, "key": "0" * 8, "mac": "a" * 64}
    for name in before:
        value = others.get(name, "something else"[:12])
        change(kept, sa.update(audit).where(audit.c.number == 3).values({name: value}))
        found = problems(kept)
        assert found, name
        assert "row 3" in found[0], (name, found)
        change(
            kept,
            sa.update(audit)
            .where(audit.c.number == others.get("number" if name == "number" else "", 3))
            .values(**before),
        )
        assert problems(kept) == [], name


def test_rows_that_are_missing_are_named(kept: Store) -> None:
    """A row or several that were deleted from the beginning or the middle are named by their numbers."""
    change(kept, sa.delete(audit).where(audit.c.number == 3))
    assert problems(kept) == ["row 3 is missing, so row 4 cannot be held to what was before it"]
    change(kept, sa.delete(audit).where(audit.c.number < 3))
    assert problems(kept) == ["rows 1 to 3 are missing, so row 4 cannot be held to what was before it"]


def test_rows_that_were_inserted_or_swapped_are_named(kept: Store) -> None:
    """A row that somebody made up, or two that changed places, do not fit."""
    first, second = row_of(kept, 2), row_of(kept, 4)
    for number, values in ((2, second), (4, first)):
        change(kept, sa.update(audit).where(audit.c.number == number).values(**{**values, "number": number}))
    assert [words.split(" is ")[0] for words in problems(kept)] == ["row 2", "row 3", "row 4", "row 5"]
    for values in (first, second):
        change(kept, sa.update(audit).where(audit.c.number == values["number"]).values(**values))
    change(kept, sa.insert(audit).values(**{**row_of(kept, 5), "number": 6}))
    assert problems(kept) == ["row 6 is not as it was written, or not written by Opus 67"]


def test_a_row_cannot_be_left_out_by_renumbering(kept: Store) -> None:
    """Who deletes a row and counts the later ones down is found at each of these."""
    change(kept, sa.delete(audit).where(audit.c.number == 3))
    for number in (4, 5):
        change(kept, sa.update(audit).where(audit.c.number == number).values(number=number - 1))
    assert [words.split(" is ")[0] for words in problems(kept)] == ["row 3", "row 4"]


def test_a_cut_end_is_found_by_a_published_head(kept: Store) -> None:
    """Without the newest rows the chain is whole in itself, also after new rows; a head that was published tells."""
    head = kept.audit.head()
    assert head is not None
    change(kept, sa.delete(audit).where(audit.c.number > 3))
    assert problems(kept) == []
    assert problems(kept, head) == [f"row 5 was published with the MAC {head.mac[:16]}…, and the end was cut off"]
    for number in range(3):
        kept.audit.record(entry(number))
    assert problems(kept) == []
    assert problems(kept, head) == [f"row 5 was published with the MAC {head.mac[:16]}…, and it is another one now"]


def test_what_was_put_back_from_a_backup_is_no_cut(kept: Store) -> None:
    """Heads from before a restore are explained by its row; heads from after it are not."""
    head = kept.audit.head()
    assert head is not None
    change(kept, sa.delete(audit).where(audit.c.number > 3))
    kept.audit.record(AuditEntry(RESTORED, actor=OPERATOR))
    verdict = kept.audit.verify([head])
    assert (verdict.problems, verdict.superseded) == ([], 1)
    assert len(problems(kept, Head(head.number, head.mac, head.at + 60))) == 1


def test_another_key_does_not_fit(kept: Store) -> None:
    """Rows of a key that is not known here are told; with the key of before they are whole."""
    after = Store(kept.database.url, b"another App's key")
    after.audit.record(entry(6))
    assert [words.partition(" (")[0] for words in problems(after)] == [
        f"row {number} was written with a key that is not known here" for number in range(1, 6)
    ]
    assert problems(after, old=(SECRET,)) == []
    after.close()


def test_old_rows_are_removed_and_the_chain_goes_on(kept: Store) -> None:
    """What is over its time goes, with the keys of people whom nothing names; an anchor of ours stands in its place."""
    for number in (1, 2, 3):
        assert kept.audit.prune(1.0) == 0
        assert row_of(kept, number)
    head = kept.audit.head()
    change(kept, sa.insert(audit_keys).values(id="0" * 16, person="x", account="", key=b"k", created_at=0.0))
    assert kept.audit.prune(row_of(kept, 4)["at"]) == 3
    assert head is not None
    verdict = kept.audit.verify([head])
    assert (verdict.problems, verdict.removed, verdict.first, verdict.head.number) == ([], 3, 4, 6)
    assert [row.what for row in kept.audit.rows(Wanted(after=5))] == ["audit:pruned"]
    with kept.database.read() as connection:
        people = connection.execute(sa.select(audit_keys.c.person).order_by("person")).scalars().all()
    assert people == ["github:alice", "github:bob"]
    assert kept.audit.prune(row_of(kept, 6)["at"] + 60) == 2
    assert kept.audit.verify().removed == 5
    change(kept, sa.update(effects).values(value=sa.func.replace(effects.c.value, '"number": 5', '"number": 4')))
    assert "the anchor for the removed rows up to 4 is not ours" in problems(kept)[0]
    change(kept, sa.delete(effects))
    assert problems(kept)[0].startswith("rows 1 to 5 are missing")


def test_a_damaged_database_is_told(home: Path) -> None:
    """A file that was cut in the middle of its rows is not whole, in words."""
    file = home / "opus67.sqlite3"
    migrate(f"sqlite:///{file}")
    store = Store(f"sqlite:///{file}", SECRET)
    with store.write() as connection:
        for number in range(300):
            store.audit.add(connection, entry(number, reason="x" * 400))
    store.database.scrub("audit")
    store.close()
    with file.open("r+b") as opened:
        opened.truncate(file.stat().st_size * 2 // 3 // 4096 * 4096)
    again = Store(f"sqlite:///{file}", SECRET)
    assert "the database is damaged" in problems(again)[-1]
    again.close()


def test_a_restored_audit_is_whole(kept: Store, home: Path) -> None:
    """Rows, keys and anchor come along in a backup, and the chain goes on in the other database."""
    kept.audit.prune(row_of(kept, 2)["at"])
    source = f"sqlite:///{home}/source.sqlite3"
    migrate(source)
    moved = Store(source, SECRET)
    for number in range(3):
        moved.audit.record(entry(number))
    moved.audit.prune(row_of(moved, 2)["at"])
    moved.close()
    target = f"sqlite:///{home}/target.sqlite3"
    move(source, target)
    restored = Store(target, SECRET)
    assert problems(restored) == []
    restored.audit.record(entry(9))
    assert next(restored.audit.rows(Wanted())).actor == "github:alice"
    assert problems(restored) == []
    restored.close()

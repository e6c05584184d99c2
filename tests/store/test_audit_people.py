"""People in the audit: one can be erased, and the chain over their rows stays whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from jobs.store import Store, Wanted
from jobs.store.migrations import migrate
from jobs.store.tables import audit_keys, decisions, identities
from jobs.types import Actor, Decision
from tests.store.asking import ALICE, NOW
from tests.store.auditing import OPERATOR, change, problems
from tests.store.writers import SECRET, entry

if TYPE_CHECKING:
    from pathlib import Path


def test_an_erased_person_is_gone_and_the_chain_is_whole(kept: Store) -> None:
    """Nobody can read who alice was, what she asked or where it was said; bob's rows are as they were."""
    with kept.write() as connection:
        kept.records.decided(
            connection, ALICE, "start", "octo/shop issue-1", Decision(allowed=True, reason="alice may"), NOW
        )
        kept.people.identify(connection, "slack", "U1", "Alice", "11", "code", NOW)
    kept.people.add_token("d" * 64, "laptop", "ALICE", NOW)
    head = kept.audit.head()
    erasure = kept.audit.erase(["github:alice", "slack:U1"], ["alice"], OPERATOR)
    assert (erasure.rows, dict(erasure.others)) == (3, {"decisions": 1, "identities": 1, "links": 0, "tokens": 1})
    (person,) = erasure.persons
    rows = list(kept.audit.rows(Wanted()))
    assert {row.actor for row in rows if row.number in {1, 4, 6}} == {f"erased person {person[:4]}"}
    assert {(row.reason, str(row.details)) for row in rows if row.number in {1, 4, 6}} == {("", "{}")}
    assert {row.actor for row in rows if row.number in {2, 5}} == {"github:bob"}
    assert (rows[-1].what, rows[-1].actor, rows[-1].subject) == ("audit:erased", "cli:root", person)
    assert head is not None
    assert problems(kept, head) == []
    with kept.database.read() as connection:
        told = connection.execute(sa.select(decisions.c.actor, decisions.c.reason)).all()
        linked = connection.execute(sa.select(identities)).all()
    assert (told, linked, kept.people.tokens()) == ([(f"erased person {person[:4]}", "erased")], [], [])
    assert not kept.audit.erase(["github:alice"], ["alice"], OPERATOR).found
    kept.audit.record(entry(9))
    assert [row.actor for row in kept.audit.rows(Wanted(), newest=1)] == ["github:alice"]
    assert problems(kept) == []


def test_an_earlier_login_of_the_same_account_is_erased_too(kept: Store) -> None:
    """Who has renamed their account is one person."""
    kept.audit.record(entry(6, actor=Actor("github", ALICE.id, "alice-new")))
    assert len(kept.audit.erase(["github:alice-new"], ["alice-new"], OPERATOR).persons) == 2
    assert "github:alice" not in {row.actor for row in kept.audit.rows(Wanted())}


def test_a_key_that_vanished_or_was_changed_is_found(kept: Store) -> None:
    """An erasure without its row is told as what it is, and so is somebody else's key."""
    mine = audit_keys.c.person == "github:alice"
    change(kept, sa.update(audit_keys).where(mine).values(key=b"k" * 32))
    assert [words.split(":")[0] for words in problems(kept)] == [
        f"row {number} cannot be read with the key of its person" for number in (1, 4)
    ]
    change(kept, sa.delete(audit_keys).where(mine))
    (told,) = problems(kept)
    assert "named in row 1, is gone, and no row says that they were erased" in told


def test_a_destroyed_key_is_not_on_the_disk(home: Path) -> None:
    """After an erasure the file of SQLite and what lies beside it hold the key no more."""
    url = f"sqlite:///{home}/opus67.sqlite3"
    migrate(url)
    store = Store(url, SECRET)
    store.audit.record(entry())
    with store.database.read() as connection:
        key = bytes(connection.execute(sa.select(audit_keys.c.key)).scalar_one())

    def on_disk() -> bytes:
        return b"".join(path.read_bytes() for path in home.iterdir() if path.is_file())

    assert key in on_disk()
    store.audit.erase(["github:alice"], ["alice"], OPERATOR)
    assert key not in on_disk()
    store.close()

"""The audit: a chain of rows in which every change by somebody else is found, and in which a person can be erased."""

from __future__ import annotations

import os
import signal
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from jobs import scope
from jobs.store import RESTORED, Head, Store, Wanted
from jobs.store.migrations import migrate
from jobs.store.tables import audit, audit_keys, decisions, effects, identities
from jobs.types import Actor, AuditEntry, Decision, Step, Unrecorded, Usage
from tests.store.asking import ALICE, BOB, NOW, running
from tests.store.moving import move
from tests.store.writers import SECRET, entry, write, write_for_ever

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OPERATOR = Actor("cli", "root")
PROCESSES, EACH = 16, 8


@pytest.fixture
def kept(store: Store) -> Iterator[Store]:
    """Yield a store with the installation's key, and five rows: by alice, by bob, and by nobody."""
    opened = Store(store.database.url, SECRET, ("a-secret-of-ours",))
    for number, actor in enumerate((ALICE, BOB, None, ALICE, BOB), 1):
        opened.audit.record(entry(number, actor=actor))
    yield opened
    opened.close()


def problems(store: Store, *heads: Head, old: tuple[bytes, ...] = ()) -> list[str]:
    """Return what is wrong with the chain."""
    return store.audit.verify(heads, old).problems


def change(store: Store, statement: Any) -> None:
    """Change the database as somebody would who does not know the key."""
    with store.write() as connection:
        connection.execute(statement)


def row_of(store: Store, number: int) -> dict[str, Any]:
    """Return a row as it is stored."""
    with store.database.read() as connection:
        return dict(connection.execute(sa.select(audit).where(audit.c.number == number)).mappings().one())


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


def test_a_decision_and_its_row_are_one_transaction(kept: Store) -> None:
    """What is rolled back has no row, what is committed has exactly one, and places and tasks are in it."""
    decision = Decision(allowed=False, reason="she may not write")

    def decide(connection: sa.Connection) -> None:
        kept.records.decided(connection, BOB, "start", "octo/shop issue-12", decision, NOW, "7f3c9a", "slack:C1")

    def decide_and_fail() -> None:
        with kept.write() as connection:
            decide(connection)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        decide_and_fail()
    assert kept.audit.head() == Head(5, row_of(kept, 5)["mac"], pytest.approx(kept.audit.head().at, abs=60))  # type: ignore[union-attr]
    with kept.write() as connection:
        decide(connection)
    (row,) = kept.audit.rows(Wanted(after=5))
    assert (row.what, row.repository, row.subject, row.actor) == (
        "decision:start",
        "octo/shop",
        "issue-12",
        "github:bob",
    )
    assert (row.allowed, row.reason, row.task_id, row.details) == (
        False,
        "she may not write",
        "7f3c9a",
        {"place": "slack:C1"},
    )
    assert problems(kept) == []


def test_each_model_call_is_one_row(kept: Store) -> None:
    """A step is a row when its reply is stored and not again with its results; a charge is one, too."""
    task = running(kept)
    step = Step(0, {"role": "assistant", "content": []}, None, Usage(10, 5), 0.25, "claude-opus-5-5", 1.0)
    kept.runs.record(task.id, 1, step, NOW)
    kept.runs.record(
        task.id, 1, Step(0, step.reply, {"role": "user", "content": []}, step.usage, 0.25, step.model, 1.0), NOW
    )
    kept.runs.charge(task.id, "review", Usage(1, 1), 0.125, "claude-haiku-4-5", NOW)
    rows = list(kept.audit.rows(Wanted(after=5)))
    assert [(row.what, row.model, row.cost, row.task_id) for row in rows] == [
        ("model:step", "claude-opus-5-5", 0.25, task.id),
        ("model:review", "claude-haiku-4-5", 0.125, task.id),
    ]


def test_the_scope_says_who_and_why(kept: Store) -> None:
    """What an entry leaves open comes from the scope, in other threads too; outside it is the bot itself."""
    task = running(kept)
    with scope.acting(scope.of_task(task)), scope.Pool(1) as pool:
        pool.submit(kept.audit.record, AuditEntry("git:push", subject="opus/x")).result(10)
    kept.audit.record(AuditEntry("github:POST app"))
    inside, outside = kept.audit.rows(Wanted(after=5))
    assert (inside.actor, inside.task_id, inside.attempt, inside.reason) == (
        "github:alice",
        task.id,
        1,
        "resolve_issue, attempt 1",
    )
    assert (inside.repository, inside.subject) == ("octo/shop", "opus/x")
    assert (outside.actor, outside.task_id, outside.reason) == ("opus67", "", "")


def test_what_fails_has_a_second_row(kept: Store) -> None:
    """The row of an effect is there before it is tried, and a refusal is told behind it."""

    def fail() -> None:
        with kept.audit.effect(entry(6, what="git:push")):
            assert row_of(kept, 6)["what"] == "git:push"
            raise ValueError("no, a-secret-of-ours is wrong")

    with pytest.raises(ValueError, match="no"):
        fail()
    told, refused = kept.audit.rows(Wanted(after=5))
    assert (told.allowed, refused.allowed, refused.reason) == (True, False, "no, [redacted] is wrong")


def test_nothing_is_done_where_it_cannot_be_told(home: Path) -> None:
    """Without a database the effect is not tried, and what is raised counts as the database being away."""
    store = Store(f"sqlite:///{home}/none.sqlite3", SECRET)
    tried = False
    with pytest.raises(Unrecorded) as raised, store.audit.effect(entry()):
        tried = True
    assert not tried
    assert isinstance(raised.value, Store.UNAVAILABLE)
    store.close()


def test_no_secret_and_nothing_strange_gets_into_a_row(kept: Store) -> None:
    """Secrets are taken out of each text; NULs, halves of characters and long texts do no harm on either engine."""
    token = "ghp_" + "a1B2" * 9
    kept.audit.record(
        entry(
            6,
            reason=f"a\0b\ud800 {token} " + "x" * 9000,
            details={"why": [f"a-secret-of-ours {token}"]},
            subject="s" * 900,
        )
    )
    (row,) = kept.audit.rows(Wanted(after=5))
    assert row.reason.startswith("a\ufffdb? [redacted] xxx")
    assert len(row.subject) == 400
    assert row.details == {"why": ["[redacted] [redacted]"]}
    assert problems(kept) == []


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
        return b"".join(path.read_bytes() for path in home.iterdir())

    assert key in on_disk()
    store.audit.erase(["github:alice"], ["alice"], OPERATOR)
    assert key not in on_disk()
    store.close()


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


def test_sixteen_processes_leave_one_chain(store: Store) -> None:
    """Processes that write at the same moment leave a chain without gaps, in which each row is once."""
    context = get_context("forkserver")
    context.set_forkserver_preload(["tests.store.writers", "psycopg", "sqlalchemy.dialects.postgresql.psycopg"])
    start = context.Barrier(PROCESSES)
    processes = [
        context.Process(target=write, args=(store.database.url, f"p{number}", EACH, start))
        for number in range(PROCESSES)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
        assert process.exitcode == 0
    verifier = Store(store.database.url, SECRET)
    verdict = verifier.audit.verify()
    assert (verdict.problems, verdict.rows, verdict.head.number) == ([], PROCESSES * EACH, PROCESSES * EACH)
    written = [row.task_id for row in verifier.audit.rows(Wanted())]
    assert {name: written.count(name) for name in set(written)} == {f"p{n}": EACH for n in range(PROCESSES)}
    verifier.close()


def test_a_writer_that_is_killed_leaves_a_whole_chain(store: Store) -> None:
    """Killed at any moment, a transaction's rows are all there or none is, and the next writer goes on."""
    context = get_context("forkserver")
    context.set_forkserver_preload(["tests.store.writers", "psycopg", "sqlalchemy.dialects.postgresql.psycopg"])
    verifier = Store(store.database.url, SECRET)
    for _ in range(3):
        begun = context.Event()
        process = context.Process(target=write_for_ever, args=(store.database.url, begun))
        process.start()
        assert begun.wait(60)
        os.kill(process.pid or 0, signal.SIGKILL)
        process.join(30)
        verdict = verifier.audit.verify()
        assert (verdict.problems, verdict.rows % 2) == ([], 0)
    verifier.audit.record(entry(0))
    assert verifier.audit.verify().problems == []
    verifier.close()

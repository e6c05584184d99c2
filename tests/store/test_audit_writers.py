"""Who writes the audit, and what: every decision and effect once, before it is done, from many processes at once."""

from __future__ import annotations

import os
import signal
from multiprocessing import get_context
from typing import TYPE_CHECKING

import pytest

from jobs import scope
from jobs.store import Head, Store, Wanted
from jobs.types import AuditEntry, Decision, Step, Unrecorded, Usage
from tests.store.asking import BOB, NOW, running
from tests.store.auditing import problems, row_of
from tests.store.writers import SECRET, entry, write, write_for_ever

if TYPE_CHECKING:
    from pathlib import Path

    import sqlalchemy as sa


PROCESSES, EACH = 16, 8


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

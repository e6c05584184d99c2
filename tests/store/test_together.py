"""Deliveries of many threads go into one transaction, and each thread hears what became of its own."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from jobs.store import Store
from jobs.store.tables import metadata
from jobs.store.together import MOST
from tests.store.asking import NOW, delivery
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from jobs.types import Delivery

LATER = NOW + 60


@contextmanager
def held_up(store: Store, sent: Sequence[Delivery]) -> Iterator[list[Future[bool]]]:
    """Add these at the same time: the first one waits for another transaction, the others gather meanwhile."""
    with ThreadPoolExecutor(len(sent)) as pool:
        with store.write() as connection:
            store.deliveries.put_off(connection, sent[0], 0.0)
            answers = [pool.submit(store.deliveries.add, sent[0])]
            until(lambda: store.deliveries._together._busy, what="the first one's turn")
            until(lambda: not store.deliveries._together._gathered, what="the first one's transaction")
            answers += [pool.submit(store.deliveries.add, one) for one in sent[1:]]
            until(lambda: len(store.deliveries._together._gathered) == len(sent) - 1, what="the others")
        yield answers


def many(number: int) -> list[Delivery]:
    return [delivery(f"guid-{index:04d}", body=b'{"n": %d}' % index) for index in range(number)]


def test_what_gathers_while_one_is_committed_is_committed_at_once(store: Store) -> None:
    """Thirty that come during a transaction cost one more, and all are stored as they came."""
    commits: list[object] = []
    count = commits.append
    sent = many(31)
    with held_up(store, sent) as answers:
        sa.event.listen(store.database.engine, "commit", count)
        assert all(answer.result(10) for answer in answers)
    assert len(commits) <= 2, "one for the first, one for the rest"
    assert [store.deliveries.claim(one.guid, LATER) for one in sent] == sent


def test_more_than_one_transaction_takes_are_stored_by_the_next(store: Store) -> None:
    """A crowd is stored to the last one, and afterwards the next one is not held up."""
    with held_up(store, many(MOST + 30)) as answers:
        assert all(answer.result(20) for answer in answers)
    assert store.deliveries.counts() == {"new": MOST + 30}
    assert store.deliveries.add(delivery("guid-last"))


def test_one_that_cannot_be_stored_spoils_no_other(store: Store) -> None:
    """Who sent what no database can hold is told so; those that were in its transaction are stored."""
    spoilt = delivery("guid-\ud800-spoilt")
    with held_up(store, [*many(3), spoilt, delivery("guid-good")]) as answers:
        assert isinstance(answers[3].exception(10), ValueError)
        assert all(answer.result(10) for answer in (*answers[:3], answers[4]))
    assert store.deliveries.counts() == {"new": 4}


def test_each_hears_of_its_own(store: Store) -> None:
    """In one transaction what is done means no work, what failed and what is new does, and a GUID twice is one."""
    for one in many(3)[1:]:
        store.deliveries.add(one)
    with store.write() as connection:
        store.deliveries.finish(connection, "guid-0001", NOW)
        connection.execute(sa.text("UPDATE deliveries SET status = 'failed', attempts = 5 WHERE guid = 'guid-0002'"))
    sent = [*many(3), delivery("guid-twice"), delivery("guid-twice")]
    with held_up(store, sent) as answers:
        assert [answer.result(10) for answer in answers] == [True, False, True, True, True]
    assert store.deliveries.counts() == {"new": 3, "done": 1}
    assert store.deliveries.claim("guid-0002", LATER) == sent[2]


def test_while_the_database_is_away_everybody_is_told_and_nobody_is_left_waiting(home: Path) -> None:
    """Without a table all of them hear that it is unavailable, and once it is there the next one is stored."""
    store = Store(f"sqlite:///{home}/empty.sqlite3")
    with ThreadPoolExecutor(20) as pool:
        answers = [pool.submit(store.deliveries.add, one) for one in many(20)]
        assert all(isinstance(answer.exception(20), store.UNAVAILABLE) for answer in answers)
    metadata.create_all(store.database.engine)
    assert store.deliveries.add(delivery())
    store.close()


def test_an_error_names_no_values(store: Store) -> None:
    """What people wrote stands in no error of the database, so in no log."""
    with store.write() as connection:
        connection.execute(sa.text("ALTER TABLE deliveries RENAME TO away"))
    try:
        with pytest.raises(sa.exc.DBAPIError) as caught:
            store.deliveries.add(delivery(body=b'{"word": "confidential"}'))
    finally:
        with store.write() as connection:
            connection.execute(sa.text("ALTER TABLE away RENAME TO deliveries"))
    assert "confidential" not in str(caught.value)


def test_postgresql_compresses_quickly_where_it_can(store: Store) -> None:
    """A large body is compressed with lz4 by a PostgreSQL that knows it; it comes back as it came."""
    sent = delivery(body=b'{"word": "' + b"again " * 20_000 + b'"}')
    store.deliveries.add(sent)
    if not store.database.is_sqlite:
        ways = sa.text("SELECT enumvals FROM pg_settings WHERE name = 'default_toast_compression'")
        used = sa.text("SELECT pg_column_compression(body) FROM deliveries")
        with store.database.read() as connection:
            if "lz4" in (connection.execute(ways).scalar_one_or_none() or []):
                assert connection.execute(used).scalar_one() == "lz4"
    assert store.deliveries.claim(sent.guid, NOW) == sent

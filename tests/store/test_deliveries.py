"""The durable inbox: what was stored is claimed until it is done, and only what is done is ignored."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from jobs.store import tables
from jobs.store.deliveries import ATTEMPTS, LEASE_SECONDS
from jobs.types import LeaseLost
from tests.store.asking import NOW, delivery

if TYPE_CHECKING:
    from jobs.store import Store

LATER = NOW + LEASE_SECONDS + 1


def finish(store: Store, guid: str) -> None:
    with store.write() as connection:
        store.deliveries.finish(connection, guid, NOW)


def test_a_delivery_comes_back_as_it_came(store: Store) -> None:
    """Every byte of the body is kept."""
    sent = delivery(body=bytes(range(256)) * 300)
    assert store.deliveries.add(sent)
    assert store.deliveries.claim(sent.guid, NOW) == sent


def test_seen_is_not_done(store: Store) -> None:
    """The same GUID is stored once; it means work again until it is done, and none afterwards."""
    assert store.deliveries.add(delivery())
    assert store.deliveries.add(delivery(body=b'{"other": 1}'))
    taken = store.deliveries.claim("guid-0001", NOW)
    assert taken is not None
    assert taken.body == b"{}"
    assert not store.deliveries.is_done("guid-0001")
    finish(store, "guid-0001")
    assert store.deliveries.is_done("guid-0001")
    assert not store.deliveries.add(delivery())
    assert store.deliveries.claim("guid-0001", LATER) is None
    assert store.deliveries.counts() == {"done": 1}


def test_a_claimed_delivery_is_nobody_elses_for_a_while(store: Store) -> None:
    """A second worker gets it only when the first one said nothing for too long."""
    store.deliveries.add(delivery())
    assert store.deliveries.claim("guid-0001", NOW) is not None
    assert store.deliveries.claim("guid-0001", NOW + LEASE_SECONDS) is None
    assert list(store.deliveries.due(NOW + LEASE_SECONDS)) == []
    assert list(store.deliveries.due(LATER)) == ["guid-0001"]
    assert store.deliveries.claim("guid-0001", LATER) is not None
    assert store.deliveries.claim("unknown-guid", NOW) is None


def test_two_workers_finish_a_delivery_once(store: Store) -> None:
    """What the slower one would store in the same transaction is not stored."""
    store.deliveries.add(delivery())
    finish(store, "guid-0001")

    def finish_again() -> None:
        with store.write() as connection:
            store.records.once(connection, "the slower one's effect", NOW)
            store.deliveries.finish(connection, "guid-0001", NOW)

    with pytest.raises(LeaseLost):
        finish_again()
    assert store.records.value("the slower one's effect") is None


def test_what_fails_too_often_is_given_up_until_it_is_sent_again(store: Store) -> None:
    """Errors count, outages elsewhere do not; a failed delivery that comes again is new."""
    store.deliveries.add(delivery())
    for turn in range(2 * ATTEMPTS):
        assert store.deliveries.claim("guid-0001", LATER * (turn + 1)) is not None
        store.deliveries.release("guid-0001", "GitHub is away", NOW, counts=False)
    for turn in range(ATTEMPTS):
        assert store.deliveries.counts() == {"new": 1}
        assert store.deliveries.claim("guid-0001", NOW + 1 + turn) is not None
        store.deliveries.release("guid-0001", "KeyError: 'x'", NOW + turn)
    assert store.deliveries.counts() == {"failed": 1}
    assert list(store.deliveries.due(LATER)) == []
    assert store.deliveries.claim("guid-0001", LATER) is None
    assert store.deliveries.add(delivery())
    assert store.deliveries.claim("guid-0001", NOW) is not None
    finish(store, "guid-0001")
    store.deliveries.release("guid-0001", "too late", NOW)
    assert store.deliveries.is_done("guid-0001")


def test_a_released_delivery_waits_until_its_time(store: Store) -> None:
    """``not_before`` is kept by everybody."""
    store.deliveries.add(delivery())
    store.deliveries.claim("guid-0001", NOW)
    store.deliveries.release("guid-0001", "GitHub asked to wait", NOW + 60)
    assert store.deliveries.claim("guid-0001", NOW + 60) is None
    assert store.deliveries.claim("guid-0001", NOW + 61) is not None


def test_the_oldest_are_due_first(store: Store) -> None:
    """Deliveries are taken up in the order in which they came, some at a time."""
    for number in (3, 1, 2):
        store.deliveries.add(delivery(f"guid-000{number}", received_at=NOW + number))
    assert list(store.deliveries.due(NOW + 9)) == ["guid-0001", "guid-0002", "guid-0003"]
    assert list(store.deliveries.due(NOW + 9, limit=1)) == ["guid-0001"]


def test_old_words_are_forgotten_when_they_are_done(store: Store) -> None:
    """A done delivery goes after its time; what was not acted on stays."""
    for number, age in ((1, 10), (2, 10), (3, 0)):
        store.deliveries.add(delivery(f"guid-000{number}", received_at=NOW - age))
    finish(store, "guid-0001")
    finish(store, "guid-0003")
    assert store.deliveries.forget(NOW - 5) == 1
    assert store.deliveries.counts() == {"new": 1, "done": 1}
    assert not store.deliveries.is_done("guid-0001")


def test_what_is_put_off_waits_for_its_time(store: Store) -> None:
    """A delivery of our own comes due later, with the transaction that stored it, once."""
    with store.write() as connection:
        for _ in range(2):
            store.deliveries.put_off(connection, delivery("later"), LATER)
    assert store.deliveries.claim("later", NOW) is None
    assert list(store.deliveries.due(NOW)) == []
    assert list(store.deliveries.due(LATER + 1)) == ["later"]
    assert store.deliveries.claim("later", LATER + 1) == delivery("later")


def test_a_delivery_can_be_read_again(store: Store) -> None:
    """Whatever became of it, until it is forgotten."""
    store.deliveries.add(delivery("one"))
    store.deliveries.claim("one", NOW)
    finish(store, "one")
    assert store.deliveries.read("one") == delivery("one")
    assert store.deliveries.read("two") is None


def test_of_many_stored_at_once_each_is_told_of_its_own(store: Store) -> None:
    """What is done means no work, what failed and what is new does, and a GUID twice is one."""
    for guid in ("done", "failed"):
        store.deliveries.add(delivery(guid))
    finish(store, "done")
    with store.write() as connection:
        connection.execute(sa.text("UPDATE deliveries SET status = 'failed', attempts = 5 WHERE guid = 'failed'"))
    sent = [delivery(guid) for guid in ("twice", "new", "done", "failed", "twice")]
    assert store.deliveries.add_all(sent) == [True, True, False, True, True]
    assert store.deliveries.counts() == {"new": 3, "done": 1}
    assert store.deliveries.claim("failed", LATER) == sent[3]


def test_many_are_one_transaction(store: Store) -> None:
    """The disk is paid once for all of them."""
    commits: list[object] = []
    sa.event.listen(store.database.engine, "commit", commits.append)
    sent = [delivery(f"guid-{number:04d}") for number in range(30)]
    store.deliveries.add_all(sent)
    assert len(commits) == 1
    assert [store.deliveries.claim(one.guid, LATER) for one in sent] == sent


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


def test_a_body_takes_less_of_the_disk_and_comes_back_as_it_came(store: Store) -> None:
    """One that was stored before bodies were compressed is read as well, by either way to read one."""
    sent = delivery(body=b'{"word": "' + b"again " * 2_000 + b'"}')
    store.deliveries.add(sent)
    with store.write() as connection:
        assert connection.execute(sa.text("SELECT length(body) FROM deliveries")).scalar_one() < len(sent.body) / 5
    assert store.deliveries.read(sent.guid) == sent
    with store.write() as connection:
        connection.execute(sa.update(tables.deliveries).values(body=sent.body))
    assert store.deliveries.read(sent.guid) == sent
    assert store.deliveries.claim(sent.guid, NOW) == sent


def test_postgresql_compresses_quickly_where_it_can(store: Store) -> None:
    """What is large beside bodies is compressed with lz4 by a PostgreSQL that knows it."""
    if store.database.is_sqlite:
        pytest.skip("SQLite compresses nothing by itself")
    ways = sa.text("SELECT enumvals, setting FROM pg_settings WHERE name = 'default_toast_compression'")
    with store.database.read() as connection:
        known = connection.execute(ways).one_or_none()
    assert known is None or "lz4" not in known.enumvals or known.setting == "lz4"

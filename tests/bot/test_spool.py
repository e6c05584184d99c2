"""While somebody else has the database locked, webhooks are acknowledged from the disk, and stored afterwards."""

from __future__ import annotations

import stat
import time
from typing import TYPE_CHECKING

import pytest

from bot.app import create_app
from jobs.store import Store
from jobs.store.tables import metadata
from tests.bot.conftest import Sender
from tests.conftest import fresh_database
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from flask import Flask

    from config.settings import Settings

LABELED = {"action": "labeled", "issue": {"number": 1, "title": "Größe \N{PILE OF POO}"}, "label": {"name": "x"}}
GUID = "72d3162e-cc78-11e3-81ab-4c9367dc095{}"


def spooled(settings: Settings) -> list[Path]:
    return sorted((settings.home / "spool").glob("*"))


def test_a_locked_database_keeps_no_webhook_waiting(
    app: Flask, settings: Settings, store: Store, sender: Sender
) -> None:
    """Each gets its 202 within GitHub's patience and is on the disk then, for our eyes; afterwards all are stored."""
    with store.write():
        for number in range(3):
            assert sender.send("issues", LABELED, guid=GUID.format(number)).status_code == 202
        kept = spooled(settings)
        assert len(kept) == 3
        assert {stat.S_IMODE(file.stat().st_mode) for file in kept} == {0o600}
        assert store.deliveries.counts() == {}
    until(lambda: store.deliveries.counts() == {"new": 3}, what="that all are stored")
    until(lambda: not spooled(settings), what="an empty spool")
    found = store.deliveries.read(GUID.format(1))
    assert found is not None
    assert b"assign" not in found.body
    assert found.body.decode().count("Gr\\u00f6\\u00dfe") == 1
    assert time.time() - found.received_at < 60


def test_what_came_twice_is_stored_once(sender: Sender, store: Store) -> None:
    """GitHub's second try of what waits here changes nothing."""
    with store.write():
        for _ in range(2):
            assert sender.send("issues", LABELED, guid=GUID.format(0)).status_code == 202
    until(lambda: store.deliveries.counts() == {"new": 1}, what="that it is stored")


def test_the_next_process_stores_what_a_killed_one_kept(
    sender: Sender, settings: Settings, store: Store, home: Path
) -> None:
    """What is in the spool when a web process starts is stored by it."""
    other = Store(f"sqlite:///{home}/another.sqlite3")
    metadata.create_all(other.database.engine)
    with store.write():
        assert sender.send("issues", LABELED, guid=GUID.format(7)).status_code == 202
        create_app(settings, other)
        until(lambda: other.deliveries.counts() == {"new": 1}, what="that another process stores it")
    other.close()


def test_what_cannot_be_read_keeps_nothing_else_waiting(settings: Settings, store: Store) -> None:
    """A file that nobody can read is set aside."""
    folder = settings.home / "spool"
    folder.mkdir()
    (folder / "00000000000000000001-1-1.deliveries").write_text('["half')
    sender = Sender(create_app(settings, store).test_client())
    assert sender.send("issues", LABELED, guid=GUID.format(3)).status_code == 202
    until(lambda: store.deliveries.counts() == {"new": 1}, what="that the other is stored")
    until(lambda: [file.suffix for file in spooled(settings)] == [".unreadable"], what="that it is set aside")


def test_where_nothing_can_be_kept_github_is_told(sender: Sender, settings: Settings, store: Store) -> None:
    """A 503 has GitHub list the delivery as failed, so that it is asked for again."""
    (settings.home / "spool").write_text("in the way")
    with store.write():
        assert sender.send("issues", LABELED, guid=GUID.format(4)).status_code == 503
    assert sender.send("issues", LABELED, guid=GUID.format(4)).status_code == 202
    assert store.deliveries.counts() == {"new": 1}


@pytest.fixture
def postgresql(postgresql_url: str) -> Iterator[Store]:
    """Yield a store in PostgreSQL."""
    with fresh_database(postgresql_url) as url:
        store = Store(url)
        metadata.create_all(store.database.engine)
        yield store
        store.close()


@pytest.mark.postgresql
def test_a_locked_table_keeps_no_webhook_waiting(settings: Settings, postgresql: Store) -> None:
    """PostgreSQL's locks are waited for as shortly, and the next transaction has its patience again."""
    sender = Sender(create_app(settings, postgresql).test_client())
    with postgresql.write() as connection:
        connection.exec_driver_sql("LOCK TABLE deliveries IN EXCLUSIVE MODE")
        assert sender.send("issues", LABELED, guid=GUID.format(5)).status_code == 202
        assert postgresql.deliveries.counts() == {}
    until(lambda: postgresql.deliveries.counts() == {"new": 1}, what="that it is stored")
    with postgresql.write() as connection:
        assert connection.exec_driver_sql("SHOW lock_timeout").scalar_one() == "10s"

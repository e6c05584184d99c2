"""The clock publishes the audit's head when it has moved, to the log and to a file, and removes rows that are too old."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from jobs import heads
from jobs.heads import DAY, PRUNE_SECONDS, PUBLISH_SECONDS, Keeper
from jobs.store import Head, Store, Wanted
from jobs.store.tables import audit, metadata
from jobs.types import AuditEntry, UserError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Time:
    """A clock that goes on when it is told to."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def store(home: Path) -> Iterator[Store]:
    opened = Store(f"sqlite:///{home}/opus67.sqlite3", b"key")
    metadata.create_all(opened.database.engine)
    yield opened
    opened.close()


def test_the_head_is_told_when_it_has_moved(store: Store, home: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Once a minute at most, and at the end; the same one is not said twice; log and file say the same."""
    caplog.set_level(logging.INFO, "jobs.heads")
    clock, file = Time(), home / "elsewhere" / "heads"
    keeper = Keeper(store, file, 0, clock)
    keeper.look()
    assert not file.exists()
    store.audit.record(AuditEntry("git:push"))
    keeper.look()
    assert not file.exists()
    for _ in range(3):
        clock.now += PUBLISH_SECONDS
        keeper.look()
    store.audit.record(AuditEntry("git:push"))
    keeper.end()
    found, strange = heads.read(file)
    assert ([head.number for head in found], strange) == ([1, 2], 0)
    assert store.audit.verify(found).heads == 2
    said = re.findall(r"the audit's head is (\d+:\w+)", caplog.text)
    assert [heads.parse(one) for one in said] == [Head(head.number, head.mac) for head in found]


def test_a_line_that_was_cut_costs_one_head(store: Store, home: Path) -> None:
    """After a full disk in the middle of a line the next head begins on a line of its own."""
    file = home / "heads"
    keeper = Keeper(store, file, 0, Time())
    for _ in range(2):
        store.audit.record(AuditEntry("git:push"))
        keeper.publish()
    file.write_bytes(file.read_bytes()[:-20])
    store.audit.record(AuditEntry("git:push"))
    keeper.publish()
    found, strange = heads.read(file)
    assert ([head.number for head in found], strange) == ([1, 3], 1)


def test_a_file_that_cannot_be_written_is_tried_again(
    store: Store, home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing else suffers from it, and the head is written once there is a place for it."""
    (home / "taken").write_text("")
    clock, file = Time(), home / "taken" / "heads"
    keeper = Keeper(store, file, 0, clock)
    store.audit.record(AuditEntry("git:push"))
    keeper.look()
    assert "could not be written" in caplog.text
    (home / "taken").unlink()
    clock.now += PUBLISH_SECONDS
    keeper.look()
    assert [head.number for head in heads.read(file)[0]] == [1]


def test_old_rows_go_where_that_is_wanted(store: Store) -> None:
    """Without a number of days everything is kept; with one, what is older goes within the hour."""
    for _ in range(3):
        store.audit.record(AuditEntry("git:push"))
    with store.write() as connection:
        connection.execute(sa.update(audit).where(audit.c.number < 3).values(at=audit.c.at - 3 * DAY))
    clock = Time()
    Keeper(store, None, 0, clock).look()
    assert store.audit.verify().rows == 3
    keeper = Keeper(store, None, 2, clock)
    keeper.look()
    assert [row.number for row in store.audit.rows(Wanted())] == [3, 4]
    clock.now += PRUNE_SECONDS
    keeper.look()
    assert store.audit.verify().removed == 2


@pytest.mark.parametrize("text", ["", "12", "12:abc", "x:" + "a" * 64, "1:" + "g" * 64])
def test_what_is_no_head_is_told(text: str) -> None:
    """A head that was copied wrongly is not taken for one that does not fit."""
    with pytest.raises(UserError, match="no head"):
        heads.parse(text)

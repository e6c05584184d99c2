"""A whole database is taken down and put up again: on both engines, while it is written to, or not at all."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from jobs.store import Store
from jobs.store.copying import snapshot
from jobs.store.migrations import HEAD, current, migrate
from jobs.store.replacing import check_target, replacement
from jobs.store.tables import metadata
from jobs.types import Status, UserError
from tests.conftest import fresh_database
from tests.store.asking import ALICE, claim, delivery, running, submit
from tests.store.moving import content, fill, move
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

ENGINES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)]


@pytest.fixture(params=ENGINES)
def target_url(request: pytest.FixtureRequest, home: Path) -> Iterator[str]:
    """Yield the URL of a second database, without tables: once SQLite, once PostgreSQL."""
    if request.param == "sqlite":
        yield f"sqlite:///{home}/second.sqlite3"
        return
    with fresh_database(request.getfixturevalue("postgresql_url")) as url:
        yield url


def test_all_that_is_remembered_arrives(database_url: str, target_url: str) -> None:
    """Every value of every table is the same on the other side, whatever the engines are."""
    migrate(database_url)
    fill(database_url)
    assert set(content(database_url)) == set(metadata.tables)
    assert move(database_url, target_url) is None
    assert content(target_url) == content(database_url)
    assert current(target_url) == HEAD


def test_numbers_go_on_from_the_highest(target_url: str, home: Path) -> None:
    """What is stored after a restore gets a number that nothing had."""
    database_url = f"sqlite:///{home}/source.sqlite3"
    migrate(database_url)
    source = Store(database_url)
    task = submit(source)
    for word in "abc":
        with source.write() as connection:
            source.runs.say(connection, task.id, word, ALICE, word, 1.0)
    source.close()
    move(database_url, target_url)
    target = Store(target_url)
    with target.write() as connection:
        assert target.runs.say(connection, task.id, "d", ALICE, "d", 1.0)
        assert not target.runs.say(connection, task.id, "a", ALICE, "again", 1.0)
    assert [words for _, _, words in target.runs.unheard(task.id)] == list("abcd")
    target.close()


def test_leases_of_the_old_world_are_void(target_url: str, home: Path) -> None:
    """What was at work is to be had at once, with its next attempt, and nobody counts as having died over it."""
    database_url = f"sqlite:///{home}/source.sqlite3"
    migrate(database_url)
    source, now = Store(database_url), time.time()
    task = running(source, now=now)
    source.deliveries.add(delivery(received_at=now))
    assert source.deliveries.claim("guid-0001", now)
    source.close()
    move(database_url, target_url)
    target = Store(target_url)
    row = target.tasks.row(task.id)
    assert (row.status, row.lease_owner) == (Status.QUEUED, "")
    assert task.id in target.tasks.due(now)
    assert target.deliveries.due(now + 31) == ["guid-0001"]
    taken = claim(target, task.id, now)
    assert (taken.task.attempt, taken.crashes) == (task.attempt + 1, 0)
    target.close()


def test_a_writer_goes_on_and_is_seen_at_one_moment(database_url: str) -> None:
    """A backup blocks no writer and holds no half of a transaction, nor anything that came after its beginning."""
    migrate(database_url)
    store, stop, written = Store(database_url), threading.Event(), []

    def write() -> None:
        while not stop.is_set():
            number = len(written)
            with store.write() as connection:
                store.records.once(connection, f"number-{number}", 1.0)
                store.deliveries.put_off(connection, delivery(f"number-{number}"), 0.0)
            written.append(number)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        until(lambda: len(written) > 5, what="some writes")
        with snapshot(database_url) as found:
            effects = {row[0] for row in found.rows("effects")}
            seen = len(written)
            until(lambda: len(written) > seen + 20, what="writes during the backup")
            guids = {row[0] for row in found.rows("deliveries")}
    finally:
        stop.set()
        writer.join()
        store.close()
    assert effects == guids
    assert 5 < len(guids) <= seen + 1


def test_an_older_backup_is_brought_to_this_version(target_url: str, home: Path) -> None:
    """What the first version's tables held is there in those of now."""
    old = f"sqlite:///{home}/old.sqlite3"
    migrate(old, "0001")
    fill(old)
    with snapshot(old) as found:
        assert found.schema == "0001"
    move(old, target_url)
    assert current(target_url) == HEAD
    store = Store(target_url)
    with store.database.read() as connection:
        titles = connection.execute(sa.select(metadata.tables["tasks"].c.title)).scalars().all()
        assert len(titles) == 3
        assert connection.execute(sa.select(metadata.tables["tasks"].c.listens)).scalars().all() == ["", "", ""]
    store.close()


def test_what_is_there_is_replaced_by_force_only(target_url: str, home: Path) -> None:
    """A database with rows is refused; with force it is replaced, and a SQLite file is kept."""
    source = f"sqlite:///{home}/source.sqlite3"
    migrate(source)
    migrate(target_url)
    fill(source, 2)
    fill(target_url, 3)
    before = content(target_url)
    with pytest.raises(UserError, match="not empty"):
        check_target(target_url, force=False)
    with pytest.raises(UserError, match="not empty"):
        move(source, target_url)
    assert content(target_url) == before
    kept = move(source, target_url, force=True)
    assert {len(rows) for rows in content(target_url).values()} == {2}
    if target_url.startswith("sqlite"):
        assert kept is not None
        assert content(f"sqlite:///{kept}") == before


def test_nothing_is_replaced_under_workers(target_url: str, home: Path) -> None:
    """While somebody holds a task a restore is refused, by force too."""
    source = f"sqlite:///{home}/source.sqlite3"
    migrate(source)
    migrate(target_url)
    store = Store(target_url)
    task = running(store, now=time.time())
    store.close()
    with pytest.raises(UserError, match=f"at work on {task.id}"):
        move(source, target_url, force=True)
    assert len(content(target_url)["tasks"]) == 1


def test_a_newer_database_is_left_alone(target_url: str, home: Path) -> None:
    """The tables of a version that is not known are not replaced."""
    source = f"sqlite:///{home}/source.sqlite3"
    migrate(source)
    migrate(target_url)
    store = Store(target_url)
    with store.write() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    store.close()
    with pytest.raises(UserError, match="newer version"):
        move(source, target_url, force=True)
    assert current(target_url) == "9999"


def spoiled(source: str, target: str, row: Any) -> None:
    """Take the tasks to another database, and then a row that does not fit."""
    with snapshot(source) as found, replacement(target, found.schema, found.columns, force=True) as loader:
        loader.add("tasks", list(found.rows("tasks")))
        loader.add("effects", [row])


def test_half_a_restore_changes_nothing(target_url: str, home: Path) -> None:
    """When the rows turn out to be wrong in the middle, the database is as it was and no file is left behind."""
    source = f"sqlite:///{home}/source.sqlite3"
    migrate(source)
    migrate(target_url)
    fill(source)
    fill(target_url)
    before, files = content(target_url), sorted(path.name for path in home.iterdir())
    wrong = (["a", "b"], [None] * 6, ["c", "d", "e", "f", {}, 1.0], 7)
    for row in wrong:
        with pytest.raises(UserError):
            spoiled(source, target_url, row)
    assert content(target_url) == before
    assert [name for name in files if not (home / name).exists()] == []
    assert [path for path in home.iterdir() if "restoring" in path.name] == []


def test_a_file_that_somebody_has_open_is_not_replaced(home: Path) -> None:
    """A process that would go on with the old SQLite file is noticed, though it holds no task."""
    source, target = f"sqlite:///{home}/source.sqlite3", f"sqlite:///{home}/target.sqlite3"
    migrate(source)
    migrate(target)
    store = Store(target)
    store.tasks.recent()
    with pytest.raises(UserError, match=r"has .* open"):
        move(source, target)
    store.close()
    move(source, target)


def test_a_broken_file_is_kept_and_replaced_by_force(home: Path) -> None:
    """What a restore is often for: the database here cannot be read any more."""
    source, file = f"sqlite:///{home}/source.sqlite3", Path(home) / "broken.sqlite3"
    migrate(source)
    fill(source)
    file.write_bytes(b"no database " * 1000)
    with pytest.raises(UserError, match="cannot be read"):
        move(source, f"sqlite:///{file}")
    kept = move(source, f"sqlite:///{file}", force=True)
    assert kept is not None
    assert kept.read_bytes() == b"no database " * 1000
    assert {len(rows) for rows in content(f"sqlite:///{file}").values()} == {3}


@pytest.mark.postgresql
def test_what_postgresql_does_not_take_is_told(postgresql_database_url: str, home: Path) -> None:
    """A NUL in a text, which SQLite keeps, becomes a mark; a text that is too long ends the restore in words."""
    source = f"sqlite:///{home}/source.sqlite3"
    migrate(source)
    store = Store(source)
    store.records.keep("nul", "a\0b", 1.0)
    move(source, postgresql_database_url)
    moved = Store(postgresql_database_url)
    assert moved.records.value("nul") == "a\ufffdb"
    moved.close()
    store.records.keep("k" * 400, "", 1.0)
    store.close()
    with pytest.raises(UserError, match=r"too long.*nothing was changed"):
        move(source, postgresql_database_url, force=True)
    assert len(content(postgresql_database_url)["effects"]) == 1

"""Both engines: migrations, writers that meet, and a database that is busy or gone."""

from __future__ import annotations

import multiprocessing
import threading
from concurrent.futures import ThreadPoolExecutor
from importlib import resources
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from jobs.store import LEASE_SECONDS, Store
from jobs.store.health import examine
from jobs.store.migrations import HEAD, current, migrate
from jobs.store.tables import metadata
from jobs.types import UserError
from tests.store.asking import ALICE, NOW, claim, delivery, request, running, submit
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def test_migrations_make_the_tables(database_url: str) -> None:
    """What the migrations make is what the code expects, on both engines; a second run changes nothing."""
    assert current(database_url) is None
    migrate(database_url)
    migrate(database_url)
    assert current(database_url) == HEAD
    store = Store(database_url)
    with store.database.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection, {"compare_type": True}), metadata) == []
    store.close()
    health = examine(database_url)
    assert health.version == HEAD
    assert health.durable == database_url.startswith("sqlite")  # the tests' PostgreSQL runs without fsync


def test_the_head_is_the_newest_migration() -> None:
    """``HEAD`` is the last file of the folder."""
    folder = resources.files("jobs.store.migrations.versions")
    names = sorted(file.name.partition("_")[0] for file in folder.iterdir() if file.name[:4].isdigit())
    assert names[-1] == HEAD
    assert len(set(names)) == len(names)


def test_a_database_that_is_not_there_is_told_in_words(home: Path) -> None:
    """The doctor says what to check."""
    with pytest.raises(UserError, match="DATABASE_URL"):
        examine(f"postgresql://nobody@/none?host={home}")


class Stop(BaseException):
    """What breaks work off, and is no error."""


def test_what_breaks_a_statement_off_is_no_lost_database(database_url: str) -> None:
    """It goes on as what it is, as no error of the database does; the next statement has a good connection."""
    store = Store(database_url)
    store.create()

    def stop(*_given: Any) -> None:
        raise Stop

    sa.event.listen(store.database.engine, "do_execute", stop)
    with pytest.raises(Stop):
        store.tasks.due(NOW)
    sa.event.remove(store.database.engine, "do_execute", stop)
    assert store.tasks.due(NOW) == []
    store.close()


def together(count: int, act: Callable[[int], Any]) -> list[Any]:
    """Call ``act`` from so many threads at the same moment."""
    start = threading.Barrier(count)

    def one(number: int) -> Any:
        start.wait(10)
        return act(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


def test_twenty_requests_at_once_are_one_task(store: Store) -> None:
    """Whoever comes first makes the task; all others join it, and nobody is turned away."""

    def ask(_number: int) -> tuple[str, bool]:
        with store.write() as connection:
            task, created = store.tasks.submit(connection, request(), NOW)
        return task.id, created

    answers = together(12, ask)
    assert len({task_id for task_id, _ in answers}) == 1
    assert sum(created for _, created in answers) == 1


def test_one_of_many_workers_gets_a_task(store: Store) -> None:
    """A task and a delivery are claimed by one, however many reach for it."""
    task = submit(store)
    store.deliveries.add(delivery())
    assert sum(taken is not None for taken in together(8, lambda n: store.tasks.claim(task.id, f"{n}", NOW))) == 1
    assert sum(taken is not None for taken in together(8, lambda _: store.deliveries.claim("guid-0001", NOW))) == 1


def test_limits_at_once_hold_when_all_reach_at_once(store: Store) -> None:
    """As many tasks begin as may run, also when workers claim them in the same moment."""
    tasks = [submit(store, request(number, at_once=(2, 2))) for number in range(8)]
    together(8, lambda number: store.tasks.claim(tasks[number].id, f"{number}", NOW))
    assert store.tasks.counts()["in_progress"] == 2


def test_nobody_takes_a_task_from_under_a_transaction(store: Store) -> None:
    """Once the fencing token was checked in a transaction, the next attempt begins after that transaction."""
    task = running(store)
    later = NOW + LEASE_SECONDS + 1
    with ThreadPoolExecutor(1) as pool:
        with store.write() as connection:
            store.tasks.hold(connection, task.id, 1)
            taken = pool.submit(claim, store, task.id, later)
            with pytest.raises(TimeoutError):
                taken.result(0.4)
        assert taken.result(10).task.attempt == 2


def _write_many(database_url: str, name: str, count: int) -> None:
    store = Store(database_url)
    for number in range(count):
        store.deliveries.add(delivery(f"{name}-{number:08}"))
        with store.write() as connection:
            store.runs.say(connection, "7f3c9a", f"{name}:{number}", ALICE, "words", NOW)
    store.close()


def test_processes_and_threads_write_at_once(store: Store) -> None:
    """Writers wait for each other; nothing fails and nothing is lost."""
    context, database_url = multiprocessing.get_context("spawn"), store.database.url
    others = [context.Process(target=_write_many, args=(database_url, f"process{n}", 20)) for n in range(2)]
    for process in others:
        process.start()
    together(4, lambda number: _write_many(database_url, f"threads{number}", 10))
    for process in others:
        process.join(60)
        assert process.exitcode == 0
    assert store.deliveries.counts() == {"new": 80}
    assert len(store.runs.unheard("7f3c9a")) == 80


def test_a_busy_database_is_waited_for(store: Store) -> None:
    """A writer that meets another one waits for its end instead of failing."""
    waiting = threading.Event()

    def add() -> bool:
        waiting.set()
        return store.deliveries.add(delivery())

    with ThreadPoolExecutor(1) as pool:
        with store.write() as connection:
            connection.execute(sa.text("INSERT INTO effects (key, value, at) VALUES ('x', '', 0)"))
            lock(store, connection)
            added = pool.submit(add)
            waiting.wait(5)
            with pytest.raises(TimeoutError):
                added.result(0.3)
        assert added.result(10)


def lock(store: Store, connection: sa.Connection) -> None:
    """Keep every other writer from the inbox, as SQLite's one writer does anyway."""
    if not store.database.is_sqlite:
        connection.execute(sa.text("LOCK TABLE deliveries IN ACCESS EXCLUSIVE MODE"))


def test_a_database_that_stays_busy_is_unavailable(store: Store) -> None:
    """After its patience a writer gives up with an error that everybody knows, and stored nothing."""
    impatient = Store(store.database.url)
    setting = "PRAGMA busy_timeout=50" if store.database.is_sqlite else "SET lock_timeout = 50"

    @sa.event.listens_for(impatient.database.engine, "checkout")
    def be_impatient(connection: Any, *_more: object) -> None:
        cursor = connection.cursor()
        cursor.execute(setting)
        cursor.close()

    with store.write() as connection:
        lock(store, connection)
        with pytest.raises(Store.UNAVAILABLE):
            impatient.deliveries.add(delivery())
    assert impatient.deliveries.add(delivery())
    impatient.close()


def test_patience_has_an_end_on_both_engines(store: Store) -> None:
    """Neither engine waits for a lock for ever."""
    question = "PRAGMA busy_timeout" if store.database.is_sqlite else "SHOW lock_timeout"
    with store.database.read() as connection:
        assert str(connection.exec_driver_sql(question).scalar_one()) in {"10000", "10s"}


def test_a_full_disk_is_unavailable_and_loses_nothing(home: Path) -> None:
    """SQLite without room says so; what was stored before is still there, and it goes on when there is room."""
    store = Store(f"sqlite:///{home}/full.sqlite3")
    metadata.create_all(store.database.engine)
    store.deliveries.add(delivery("guid-before"))

    @sa.event.listens_for(store.database.engine, "checkout")
    def fill(connection: Any, *_more: object) -> None:
        connection.execute(f"PRAGMA max_page_count={most}").close()

    most = 1
    with pytest.raises(Store.UNAVAILABLE, match="full"):
        store.deliveries.add(delivery("guid-after", b"x" * 1_000_000))
    assert store.deliveries.counts() == {"new": 1}
    most = 1_000_000
    assert until(lambda: store.deliveries.add(delivery("guid-after", b"x" * 1_000_000)), seconds=5)
    store.close()


@pytest.mark.postgresql
def test_a_lost_connection_is_opened_again(postgresql_database_url: str) -> None:
    """After PostgreSQL cut all connections the next call works."""
    store = Store(postgresql_database_url)
    metadata.create_all(store.database.engine)
    store.deliveries.add(delivery())
    with store.database.read() as first, store.database.read() as second:
        mine = second.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
        first.exec_driver_sql(f"SELECT pg_terminate_backend({mine})")
    assert store.deliveries.claim("guid-0001", NOW) is not None
    store.close()


@pytest.mark.postgresql
def test_who_stands_still_in_a_transaction_loses_it(postgresql_database_url: str) -> None:
    """PostgreSQL takes the locks of a process that stopped between two statements, and tells it that it is away."""
    migrate(postgresql_database_url)
    store = Store(postgresql_database_url)
    asleep = sa.text("SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'")

    def goes_on_too_late() -> None:
        with store.write() as connection:
            connection.execute(sa.text("SET LOCAL idle_in_transaction_session_timeout = '50ms'"))
            store.database.alone(connection, "something")
            until(nobody_sleeps, what="the end of the transaction")
            connection.execute(sa.text("SELECT 1"))

    def nobody_sleeps() -> bool:
        with store.database.read() as other:
            return not other.execute(asleep).scalar_one()

    with pytest.raises(store.UNAVAILABLE):
        goes_on_too_late()
    with store.write() as connection:
        store.database.alone(connection, "something")
    store.close()

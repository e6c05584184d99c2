"""One database, SQLite or PostgreSQL, and the two ways to use it: a read, and a transaction that writes."""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar

import sqlalchemy as sa
import sqlalchemy.exc
from sqlalchemy import event
from sqlalchemy.util import LRUCache

from jobs.store.turns import turn
from jobs.types import Unrecorded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

BUSY_SECONDS = 10.0
"""How long a writer waits for another one before it gives up."""
STANDSTILL_SECONDS = 8.0
"""How long a process may stand still in a transaction of PostgreSQL before it loses it."""
UNAVAILABLE = (
    sqlalchemy.exc.OperationalError,
    sqlalchemy.exc.InterfaceError,
    sqlalchemy.exc.TimeoutError,
    Unrecorded,
)
"""What is raised while the database cannot be reached, is locked for too long, or its disk is full."""
DAMAGED = sqlalchemy.exc.DatabaseError
"""What is raised, beside what is above, where a database is there and cannot be read any more."""
COMPILED = 500
"""How many statements are kept, as SQLAlchemy does by itself."""
LOCKED, LOCK_TIMEOUT = ("SQLITE_BUSY", "SQLITE_LOCKED"), "55P03"
"""What SQLite's and PostgreSQL's errors say of a lock that somebody else has."""
IMPATIENT = "impatient"
"""Under which name a connection keeps that it waits less than others."""
PENDING = "audit"
"""Under which name a connection keeps what is to be written last in its transaction."""


def default_url(home: Path) -> str:
    """Return the URL of the embedded SQLite database."""
    return f"sqlite:///{home.resolve()}/opus67.sqlite3"


class Database:
    """The connection pool of one process; make a new one after a fork."""

    _shared: ClassVar[dict[str, tuple[sa.Dialect, LRUCache[Any, Any]]]] = {}
    """What turns statements into text, and those that it has turned already, by the dialect's name."""

    before_commit: Callable[[sa.Connection, Sequence[Any]], None] | None = None
    """Writes what a transaction has left pending, as the last thing before it is committed."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.is_sqlite = url.startswith("sqlite")
        self._file = sa.make_url(url).database or "" if self.is_sqlite else ""
        options: dict[str, Any] = {"connect_args": {"timeout": BUSY_SECONDS}} if self.is_sqlite else {}
        if not self.is_sqlite:
            options = {"pool_pre_ping": True, "pool_size": 4, "connect_args": {"connect_timeout": 5}}
        # An error tells its statement, not its values: they are people's words, and a log is no place for them.
        self.engine = sa.create_engine(url, hide_parameters=True, **options)
        if shared := self._shared.get(self.engine.dialect.name):
            self._use(*shared)
        self._insert = import_module(f"sqlalchemy.dialects.{self.engine.dialect.name}").insert
        event.listen(self.engine, "checkin", _wait_as_ever)
        event.listen(self.engine, "handle_error", _say_that_it_is_away)
        event.listen(self.engine, "connect", _prepare_sqlite if self.is_sqlite else _prepare_postgresql)

    def share(self) -> None:
        """Have all databases of this kind that are opened later, here or after a fork, use what this one compiles.

        A statement takes 30 kB and more; a worker that compiled its own would have 2 MB of them at its first request.
        """
        with self.engine.connect():  # a dialect learns at its first connection whom it speaks to
            self._shared[self.engine.dialect.name] = (self.engine.dialect, LRUCache(COMPILED))
        self._use(*self._shared[self.engine.dialect.name])

    def _use(self, dialect: sa.Dialect, compiled: LRUCache[Any, Any]) -> None:
        self.engine.dialect = dialect  # they are kept by the dialect that made them, as well as by what they say
        self.engine.update_execution_options(compiled_cache=compiled)

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """Give a connection for reading; nothing is locked."""
        with self.engine.connect() as connection:
            yield connection.execution_options(isolation_level="AUTOCOMMIT")

    @contextmanager
    def moment(self) -> Iterator[sa.Connection]:
        """Give a connection that sees one moment, however long it reads; others go on writing and nothing is locked.

        In SQLite's WAL a transaction that reads sees what was there at its first read
        (https://sqlite.org/isolation.html), in PostgreSQL one that is REPEATABLE READ does.
        """
        with self.engine.connect() as connection:
            if self.is_sqlite:
                connection.exec_driver_sql("BEGIN")
            else:
                connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
                connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")
            yield connection

    @contextmanager
    def write(self, patience: float = BUSY_SECONDS) -> Iterator[sa.Connection]:
        """Give a connection in a transaction that is committed at the end, or rolled back by an exception.

        Who has other ways waits less than others for a lock: ``patience`` is in seconds.

        SQLite takes the write lock at once: a transaction that reads first and writes later would fail
        with "database is locked" without waiting (https://sqlite.org/isolation.html).
        """
        with turn(self._file, patience) if self._file else nullcontext(), self.engine.connect() as connection:
            if patience != BUSY_SECONDS:
                _wait_less(connection, patience)
            if self.is_sqlite:
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            pending = connection.info[PENDING] = []
            yield connection
            if pending and self.before_commit is not None:
                self.before_commit(connection, pending)
            connection.commit()

    def alone(self, connection: sa.Connection, what: str) -> None:
        """Let one transaction at a time go on from here; in SQLite a writer is alone from its start."""
        if not self.is_sqlite:
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtext(what))))

    def insert_new(self, connection: sa.Connection, table: sa.Table, values: Mapping[str, Any]) -> bool:
        """Insert a row unless one with a key of it is there; tell whether it was inserted."""
        statement = self._insert(table).values(**values)
        # What was inserted is asked for, since the row count of an INSERT is not known with every driver.
        inserted = connection.execute(statement.on_conflict_do_nothing().returning(*table.primary_key))
        return inserted.one_or_none() is not None

    def insert_many(self, connection: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> bool:
        """Insert the rows whose keys are not there yet; tell whether that was every one of them.

        All go in one plain statement: per row, or by SQLAlchemy's own way, other threads are let in between so often
        that many small requests wait for each other.
        """
        columns, mark = list(rows[0]), "?" if self.is_sqlite else "%s"
        places = ", ".join([f"({', '.join([mark] * len(columns))})"] * len(rows))
        statement = f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES {places} ON CONFLICT DO NOTHING"
        values = tuple(row[column] for row in rows for column in columns)
        return connection.exec_driver_sql(statement, values).rowcount == len(rows)

    def upsert(
        self, connection: sa.Connection, table: sa.Table, values: Mapping[str, Any], *, key: Sequence[str]
    ) -> None:
        """Insert a row or replace the other columns of the row with the same ``key`` columns."""
        statement = self._insert(table).values(**values)
        rest = {name: value for name, value in values.items() if name not in key}
        connection.execute(statement.on_conflict_do_update(index_elements=list(key), set_=rest))

    def scrub(self, table: str) -> None:
        """Have what was deleted from a table leave the disk, as far as the engine can do that."""
        with self.read() as connection:
            if self.is_sqlite:
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
            else:
                connection.exec_driver_sql(f"VACUUM {table}")

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def preload(url: str) -> None:
    """Import what opening a database would import, in a process that is going to be forked."""
    dialect = sa.make_url(url).get_dialect()
    dialect.import_dbapi()
    import_module(f"sqlalchemy.dialects.{dialect.name}")


def is_locked(error: BaseException) -> bool:
    """Tell whether an error says that somebody else has the database, or a part of it, locked for too long."""
    cause = getattr(error, "orig", None)
    return getattr(cause, "sqlite_errorname", "").startswith(LOCKED) or getattr(cause, "sqlstate", "") == LOCK_TIMEOUT


def _wait_less(connection: sa.Connection, patience: float) -> None:
    """Have one transaction wait less for locks; SQLite keeps that with the connection, until it is given back."""
    milliseconds = int(patience * 1000)
    if connection.dialect.name != "sqlite":
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = {milliseconds}")
        return
    connection.exec_driver_sql(f"PRAGMA busy_timeout = {milliseconds}")
    connection.info[IMPATIENT] = True


def _wait_as_ever(connection: Any, record: Any, *_more: Any) -> None:
    """Undo what ``_wait_less`` did, when a connection is given back."""
    if connection is not None and record.info.pop(IMPATIENT, False):
        connection.execute(f"PRAGMA busy_timeout = {int(BUSY_SECONDS * 1000)}").close()


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    """Set what SQLite keeps per connection; transactions are begun by us, not by the driver."""
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _say_that_it_is_away(context: Any) -> None:
    """Raise the error of a lost connection as what it is, whatever class its driver has for the reason.

    What broke a statement off, such as a lost lease, loses its connection too; that goes on as what it is.
    """
    lost = context.is_disconnect and isinstance(context.original_exception, Exception)
    if lost and not isinstance(context.sqlalchemy_exception, UNAVAILABLE):
        raise sqlalchemy.exc.OperationalError(None, None, context.original_exception)


def _prepare_postgresql(connection: Any, _record: Any) -> None:
    """Have PostgreSQL give up on a lock as SQLite does, and compress large values quickly where it knows how to.

    Who stands still in a transaction loses it: nobody else could go on with what it has locked.
    """
    cursor = connection.cursor()
    cursor.execute(f"SET lock_timeout = '{BUSY_SECONDS:g}s'")
    cursor.execute(f"SET idle_in_transaction_session_timeout = '{STANDSTILL_SECONDS:g}s'")
    # Its own way to compress takes longer than all the rest of storing a webhook; versions before 14 know no other.
    cursor.execute(
        "SELECT set_config(name, 'lz4', false) FROM pg_settings "
        "WHERE name = 'default_toast_compression' AND 'lz4' = ANY (enumvals)"
    )
    cursor.close()
    connection.commit()

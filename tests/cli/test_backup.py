"""``opus67 backup`` and ``opus67 restore``, as an operator types them."""

from __future__ import annotations

import gzip
import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from bot.cli import main
from config import dotenv
from jobs.store import Store
from jobs.store.migrations import migrate
from tests.cli.conftest import alive
from tests.store.asking import submit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.cli.conftest import Stage

KEY = "-----BEGIN RSA PRIVATE KEY-----\nc2VjcmV0\n-----END RSA PRIVATE KEY-----\n"
HOLD = """
import pathlib, sys, time
from bot.up import only_one
with only_one(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""
SETTINGS = """\
GITHUB_APP_ID=7
GITHUB_PRIVATE_KEY_PATH=./key.pem
GITHUB_WEBHOOK_SECRET="a secret of many letters"
OPUS67_HOME=./elsewhere
PORT=8099
"""


@dataclass(frozen=True)
class Said:
    """How a command ended, and what it said."""

    returncode: int
    stdout: bytes
    stderr: bytes


Shell = Callable[..., Said]


@pytest.fixture
def opus67(monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]) -> Iterator[Shell]:
    """Return a function that runs the command line in a folder whose ``var`` is its home; without a process: quicker."""
    hook = sys.excepthook

    def run(folder: Path, *words: str, **environment: str) -> Said:
        with monkeypatch.context() as here:
            here.chdir(folder)
            for name, value in {"OPUS67_HOME": str(folder / "var"), **environment}.items():
                here.setenv(name, value)
            capsysbinary.readouterr()
            code = main(words)
        return Said(code, *capsysbinary.readouterr())

    yield run
    sys.excepthook = hook


def prepared(folder: Path) -> str:
    """Make a database with one task, and return the task's id."""
    (folder / "var").mkdir(parents=True)
    url = f"sqlite:///{folder}/var/opus67.sqlite3"
    migrate(url)
    store = Store(url)
    task = submit(store)
    store.close()
    return task.id


def titles(folder: Path) -> list[str]:
    """Return the ids of the tasks in a folder's database."""
    store = Store(f"sqlite:///{folder}/var/opus67.sqlite3")
    try:
        return [task.id for task in store.tasks.recent()]
    finally:
        store.close()


def test_a_backup_is_made_and_restored_elsewhere(opus67: Shell, home: Path) -> None:
    """One command here, one there; the file is for its owner's eyes, and holds no key."""
    here, there = home / "here", home / "there"
    task = prepared(here)
    (here / ".env").write_text(SETTINGS)
    (here / "key.pem").write_text(KEY)
    made = json.loads(opus67(here, "backup", "--json").stdout)
    file = here / made["data"]["file"]
    assert made["ok"]
    assert "No key is in it" in made["text"]
    assert file.name.startswith("opus67-")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    unpacked = gzip.decompress(file.read_bytes())
    assert b"a secret of many letters" not in unpacked
    assert b"PRIVATE KEY" not in unpacked
    there.mkdir()
    restored = opus67(there, "restore", str(file))
    assert restored.returncode == 0, restored.stderr
    assert b"Restored 1 task" in restored.stdout
    assert b"`opus67 up` goes on from there" in restored.stdout
    assert titles(there) == [task]
    assert stat.S_IMODE((there / "var" / "opus67.sqlite3").stat().st_mode) == 0o600
    again = opus67(there, "restore", str(file))
    assert again.returncode == 2
    assert b"is not empty (tasks)" in again.stderr
    forced = opus67(there, "restore", str(file), "--force")
    assert b"The database of before is " in forced.stdout
    assert titles(there) == [task]


def test_a_backup_replaces_nothing(opus67: Shell, home: Path) -> None:
    """A file of that name stays as it is, and nothing half-written is left where it cannot be written."""
    prepared(home)
    (home / "mine.tar.gz").write_text("mine")
    refused = opus67(home, "backup", "mine.tar.gz")
    assert refused.returncode == 2
    assert b"is there already" in refused.stderr
    assert (home / "mine.tar.gz").read_text() == "mine"
    nowhere = opus67(home, "backup", "nowhere/mine.tar.gz")
    assert nowhere.returncode == 1
    assert b"could not be written" in nowhere.stderr
    assert sorted(path.name for path in home.iterdir()) == ["mine.tar.gz", "var"]


def test_a_backup_goes_through_a_pipe(opus67: Shell, home: Path) -> None:
    """With ``-`` the file is all that is on standard output; what there is to say is on the other."""
    task = prepared(home)
    environment = {"OPUS67_HOME": str(home / "var"), "PATH": "/usr/bin:/bin"}
    command = [sys.executable, "-P", "-m", "bot.cli", "backup", "-"]
    piped = subprocess.run(command, cwd=home, env=environment, capture_output=True, timeout=60, check=True)
    assert b"Saved 1 task" in piped.stderr
    (home / "piped.tar.gz").write_bytes(piped.stdout)
    assert opus67(home, "restore", "piped.tar.gz", OPUS67_HOME=str(home / "b" / "var")).returncode == 0
    assert titles(home / "b") == [task]


def test_settings_go_with_it_when_asked(opus67: Shell, home: Path) -> None:
    """``--with-secrets`` takes all keys along, said plainly; they become a ``.env`` where there is none."""
    here, there = home / "here", home / "there"
    prepared(here)
    (here / ".env").write_text(SETTINGS)
    (here / "key.pem").write_text(KEY)
    made = opus67(here, "backup", "all.tar.gz", "--with-secrets", ANTHROPIC_API_KEY="sk-from-outside")
    assert b"who has it can act as your App" in made.stdout
    refused = opus67(here, "restore", "all.tar.gz", "--with-secrets", "--force")
    assert refused.returncode == 2
    assert b"is not replaced" in refused.stderr
    assert (here / ".env").read_text() == SETTINGS
    there.mkdir()
    restored = opus67(there, "restore", str(here / "all.tar.gz"), "--with-secrets")
    assert restored.returncode == 0, restored.stderr
    assert stat.S_IMODE((there / ".env").stat().st_mode) == 0o600
    assert dotenv.parse((there / ".env").read_text()).values == {
        "GITHUB_APP_ID": "7",
        "GITHUB_PRIVATE_KEY": KEY.strip(),
        "GITHUB_WEBHOOK_SECRET": "a secret of many letters",
        "ANTHROPIC_API_KEY": "sk-from-outside",
        "PORT": "8099",
    }


def test_what_cannot_be_restored_changes_nothing(opus67: Shell, home: Path) -> None:
    """A file that is damaged, cut, none at all or a pipe ends in one message, and no home is made for it."""
    here = home / "here"
    prepared(here)
    whole = opus67(here, "backup", "-").stdout
    there = home / "there"
    there.mkdir()
    (there / "cut").write_bytes(whole[:-20])
    for name, words in {
        "cut": b"damaged or incomplete",
        "none": b"cannot be opened",
        "/dev/zero": b"is no file",
    }.items():
        refused = opus67(there, "restore", name)
        assert refused.returncode == 2
        assert refused.stderr.startswith(b"opus67: ")
        assert words in refused.stderr
        assert refused.stderr.count(b"\n") == 1
    assert sorted(path.name for path in there.iterdir()) == ["cut"]


def test_without_a_database_there_is_nothing_to_save(opus67: Shell, home: Path) -> None:
    """It says where it looked, and makes no database there."""
    refused = opus67(home, "backup")
    assert refused.returncode == 2
    assert b"no database to save" in refused.stderr
    assert list(home.iterdir()) == []


def test_a_broken_database_is_told_in_words(opus67: Shell, home: Path) -> None:
    """What cannot be read is not saved, and no file pretends that it was."""
    (home / "var").mkdir()
    (home / "var" / "opus67.sqlite3").write_bytes(b"no database " * 1000)
    refused = opus67(home, "backup")
    assert refused.returncode == 4
    assert b"file is not a database" in refused.stderr
    assert [path.name for path in home.iterdir()] == ["var"]


def test_a_database_that_is_away_is_told_in_words(opus67: Shell, home: Path) -> None:
    """PostgreSQL that does not answer: neither saved nor restored, without a traceback."""
    prepared(home)
    away = f"postgresql://nobody@/none?host={home}"
    assert opus67(home, "backup", "mine.tar.gz").returncode == 0
    refused = opus67(home, "backup", "other.tar.gz", DATABASE_URL=away)
    assert refused.returncode == 4
    assert b"does not answer" in refused.stderr
    refused = opus67(home, "restore", "mine.tar.gz", DATABASE_URL=away)
    assert refused.returncode == 2
    assert b"nothing was changed" in refused.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can leave files that are another user's")
def test_root_leaves_nothing_in_another_users_home(opus67: Shell, home: Path) -> None:
    """The service could not open what root restored, so root is told to be that user."""
    prepared(home)
    assert opus67(home, "backup", "mine.tar.gz").returncode == 0
    (home / "other").mkdir()
    os.chown(home / "other", 12345, 12345)
    refused = opus67(home, "restore", "mine.tar.gz", OPUS67_HOME=str(home / "other"))
    assert refused.returncode == 2
    assert b"sudo -u '#12345'" in refused.stderr
    assert list((home / "other").iterdir()) == []


def test_a_newer_backup_is_refused_in_words(opus67: Shell, home: Path) -> None:
    """What a later version wrote says which, and what to do."""
    prepared(home)
    store = Store(f"sqlite:///{home}/var/opus67.sqlite3")
    with store.write() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9001'")
    store.close()
    assert opus67(home, "backup", "new.tar.gz").returncode == 0
    refused = opus67(home, "restore", "new.tar.gz", OPUS67_HOME=str(home / "b"))
    assert refused.returncode == 1
    assert b"made by a newer version of Opus 67 (0.1.0, tables 9001" in refused.stderr
    assert not (home / "b").exists()


def test_nothing_is_restored_under_a_running_product(opus67: Shell, stage: Stage, home: Path) -> None:
    """While `opus67 up` has the home, a restore is refused by the process's number."""
    prepared(home)
    assert opus67(home, "backup", "mine.tar.gz").returncode == 0
    holder = stage.start(
        [
            sys.executable,
            "-c",
            HOLD,
            str(home / "var"),
        ]
    )
    holder.until_says("held")
    assert alive(holder.popen.pid)
    refused = opus67(home, "restore", "mine.tar.gz", "--force")
    assert refused.returncode == 2
    assert f"Another `opus67 up` (process {holder.popen.pid}) works in".encode() in refused.stderr


@pytest.mark.postgresql
def test_it_moves_house(opus67: Shell, home: Path, postgresql_database_url: str) -> None:
    """What SQLite had goes to PostgreSQL and back again by the same two commands."""
    task = prepared(home)
    assert opus67(home, "backup", "a.tar.gz").returncode == 0
    there = opus67(home, "restore", "a.tar.gz", DATABASE_URL=postgresql_database_url, OPUS67_HOME=str(home / "b"))
    assert b"into PostgreSQL" in there.stdout, there.stderr
    assert opus67(home, "backup", "b.tar.gz", DATABASE_URL=postgresql_database_url).returncode == 0
    assert opus67(home, "restore", "b.tar.gz", OPUS67_HOME=str(home / "c" / "var")).returncode == 0
    assert titles(home / "c") == [task]

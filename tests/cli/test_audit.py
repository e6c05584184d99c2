"""``opus67 audit``, as an operator types it: verify, export, tail and erase."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import stat
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from bot.cli import main
from config.settings import load
from jobs.heads import Keeper
from jobs.store import Store
from jobs.store.migrations import migrate
from jobs.store.tables import audit
from jobs.types import Actor, AuditEntry, Decision
from tests.cli.conftest import alive
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.cli.conftest import Stage

ADA, EVE = Actor("github", "7", "ada"), Actor("slack", "U7")
KEY = "-----BEGIN RSA PRIVATE KEY-----\nc2VjcmV0\n-----END RSA PRIVATE KEY-----\n"
ESCAPE = "\x1b]0;owned\x07\x1b[31m"


@dataclass(frozen=True)
class Said:
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class House:
    """A home with a few rows, its store, and the command line."""

    folder: Path
    store: Store
    run: Callable[..., Said]

    def change(self, statement: object) -> None:
        with self.store.write() as connection:
            connection.execute(statement)  # type: ignore[call-overload]


@pytest.fixture
def house(home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[House]:
    """Yield a house in which ada was allowed something, eve was not, and a comment was written."""
    hook = sys.excepthook
    environment = {"OPUS67_HOME": str(home / "var"), "GITHUB_PRIVATE_KEY": KEY}
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(home)
    (home / "var").mkdir()
    settings = load(environment, dotenv=None)
    migrate(settings.database_url)
    store = Store.of(settings)

    def run(*words: str) -> Said:
        capsys.readouterr()
        code = main(["audit", *words])
        return Said(code, *capsys.readouterr())

    with store.write() as connection:
        store.records.decided(
            connection, ADA, "start", "acme/shop issue-1", Decision(allowed=True, reason="=1+1"), 1.0, "7f3c9a"
        )
    store.audit.record(AuditEntry("github:POST issues/comments", "acme/shop", "issues/1/comments", ADA, reason=ESCAPE))
    store.audit.record(AuditEntry("decision:bg", "acme/site", "bg", EVE, allowed=False, reason="+who is that?"))
    store.audit.record(AuditEntry("model:step", "acme/shop", model="claude-opus-5-5", image="@box", cost=0.5))
    yield House(home, store, run)
    store.close()
    sys.excepthook = hook


def test_a_whole_audit_is_said_to_be(house: House) -> None:
    """How many rows, which head, and that no published head was compared; with --json the same as facts."""
    said = house.run("verify")
    head = house.store.audit.head()
    assert head is not None
    assert (said.code, said.err) == (0, "")
    assert "The audit is whole: 4 rows, from 1 to 4." in said.out
    assert f"Head: 4:{head.mac}" in said.out
    assert "No published head was compared" in said.out
    data = json.loads(house.run("verify", "--json", "--head", f"4:{head.mac}").out)["data"]
    assert (data["whole"], data["rows"], data["heads"], data["problems"]) == (True, 4, 1, [])


def test_a_broken_audit_ends_with_1(house: House) -> None:
    """The row is named, to people and to programs."""
    house.change(sa.update(audit).where(audit.c.number == 3).values(allowed=True))
    said = house.run("verify")
    assert said.code == 1
    assert "NOT whole" in said.err
    assert "row 3 is not as it was written" in said.err
    found = json.loads(house.run("verify", "--json").out)
    assert (found["ok"], found["data"]["problems"]) == (
        False,
        ["row 3 is not as it was written, or not written by Opus 67"],
    )


def test_the_end_is_held_to_the_file_of_heads(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the clock has published to OPUS67_AUDIT_FILE, or to a copy of it, shows that rows are missing at the end."""
    file = house.folder / "heads"
    Keeper(house.store, file, 0).publish()
    monkeypatch.setenv("OPUS67_AUDIT_FILE", str(file))
    assert "1 published heads fit" in house.run("verify").out
    house.change(sa.delete(audit).where(audit.c.number == 4))
    assert "row 4 was published" in house.run("verify").err
    monkeypatch.delenv("OPUS67_AUDIT_FILE")
    assert house.run("verify").code == 0
    assert house.run("verify", "--heads", str(file)).code == 1
    missing = house.run("verify", "--heads", "nowhere")
    assert (missing.code, "cannot be read" in missing.err) == (2, True)


def test_the_key_of_before_is_a_file(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the App has a new private key, the old one verifies the old rows; without any there is nothing to say."""
    (house.folder / "old.pem").write_text(KEY)
    monkeypatch.setenv("GITHUB_PRIVATE_KEY", KEY.replace("c2VjcmV0", "YW5vdGhlcg=="))
    assert "key that is not known here" in house.run("verify").err
    assert house.run("verify", "--old-key", "old.pem").code == 0
    monkeypatch.delenv("GITHUB_PRIVATE_KEY")
    none = house.run("verify")
    assert (none.code, "private key is not set" in none.err) == (2, True)


def test_rows_are_exported_as_json(house: House) -> None:
    """A line of ASCII for each row, of those that are wanted."""
    rows = [json.loads(line) for line in house.run("export").out.splitlines()]
    assert [row["number"] for row in rows] == [1, 2, 3, 4]
    assert rows[1]["reason"] == ESCAPE
    assert "\x1b" not in house.run("export").out
    assert (rows[3]["model"], rows[3]["cost"], rows[3]["actor"]) == ("claude-opus-5-5", 0.5, "opus67")

    def wanted(*words: str) -> list[int]:
        return [json.loads(line)["number"] for line in house.run("export", *words).out.splitlines()]

    assert wanted("--repo", "acme/site") == wanted("--actor", "slack:U7") == [3]
    assert wanted("--actor", "@ada") == [1, 2]
    assert wanted("--since", "2000-01-01", "--until", "2100-01-01T00:00") == [1, 2, 3, 4]
    assert wanted("--until", "2000-01-01") == []
    assert "takes a day or a time" in house.run("export", "--since", "yesterday").err


def test_no_cell_of_a_table_is_a_formula(house: House) -> None:
    """What a spreadsheet would carry out is text, and no control character is raw."""
    said = house.run("export", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(said.out)))
    assert [row["reason"] for row in rows] == ["'=1+1", "\\x1b]0;owned\\x07\\x1b[31m", "'+who is that?", ""]
    assert rows[3]["image"] == "'@box"
    assert "\x1b" not in said.out
    assert all(cell[:1] not in set("=+-@\t\r") for row in rows for cell in row.values())


def test_an_export_into_a_file_replaces_nothing(house: House) -> None:
    """The file is its owner's alone; a second export needs another name."""
    said = json.loads(house.run("export", "rows.jsonl", "--json").out)
    assert said["data"] == {"rows": 4, "file": "rows.jsonl"}
    assert stat.S_IMODE((house.folder / "rows.jsonl").stat().st_mode) == 0o600
    assert len((house.folder / "rows.jsonl").read_text().splitlines()) == 4
    assert "is there already" in house.run("export", "rows.jsonl").err
    assert house.run("export", "--json").code == 2


def test_the_newest_rows_are_shown_to_people(house: House) -> None:
    """One line each, oldest first; nothing in them can command a terminal; refusals stand out."""
    said = house.run("tail", "-n", "3")
    lines = said.out.splitlines()
    assert [line.split()[0] for line in lines] == ["2", "3", "4"]
    assert "\x1b" not in said.out
    assert "\x07" not in said.out
    assert "slack:U7  decision:bg  acme/site bg  NO  +who is that?" in lines[1]
    assert lines[2].endswith("claude-opus-5-5  @box  $0.5000")
    assert [row["number"] for row in json.loads(house.run("tail", "-n", "1", "--json").out)["data"]["rows"]] == [4]
    assert house.run("tail", "-n", "-1").code == 2


def test_rows_are_followed_as_they_come(house: House, stage: Stage) -> None:
    """``--follow`` shows what is written meanwhile, until Ctrl-C."""
    environment = {"OPUS67_HOME": str(house.folder / "var"), "GITHUB_PRIVATE_KEY": KEY}
    running = stage.opus67("audit", "tail", "-n", "1", "--follow", **environment)
    running.until_says("model:step")
    house.store.audit.record(AuditEntry("git:push", "acme/shop", "opus/issue-1"))
    running.until_says("git:push  acme/shop opus/issue-1")
    os.kill(running.popen.pid, signal.SIGINT)
    assert running.ends() == 130
    until(lambda: not alive(running.popen.pid), what="its end")


def test_a_person_is_erased(house: House) -> None:
    """The chain stays whole, the rows name nobody, and it is said what remains; a stranger is told as such."""
    said = house.run("erase", "ada")
    assert said.code == 0, said.err
    assert "2 rows of the audit name “erased person" in said.out
    assert "1 decisions" in said.out
    assert "What remains: the titles and texts of tasks" in said.out
    assert "github:ada" not in house.run("tail").out
    assert "erased person" in house.run("tail").out
    assert house.run("verify").code == 0
    assert house.run("erase", "ada").code == 1
    assert house.run("erase", "slack:U7").code == 0
    assert house.run("erase", "not a login").code == 2
    database = b"".join(path.read_bytes() for path in (house.folder / "var").glob("opus67.sqlite3*"))
    assert b"github:ada" not in database


def test_a_token_of_the_command_line_is_told(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    """Who gives somebody a key to the service, or takes it away, stands in the audit; the key does not."""
    assert main(["token", "create", "laptop", "--login", "ada"]) == 0
    token = capsys.readouterr().out.split()[0]
    assert main(["token", "revoke", "laptop"]) == 0
    rows = house.run("export").out
    assert [json.loads(line)["what"] for line in rows.splitlines()][-2:] == ["token:create", "token:revoke"]
    assert token not in rows


def test_a_restored_state_says_so(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a restore the audit verifies, goes on, and explains the heads that were published since the backup."""
    assert main(["backup", "state.tar.gz"]) == 0
    house.store.audit.record(AuditEntry("git:push", "acme/shop", "opus/issue-1"))
    Keeper(house.store, house.folder / "heads", 0).publish()
    house.store.close()
    assert main(["restore", "state.tar.gz", "--force"]) == 0
    monkeypatch.setenv("OPUS67_AUDIT_FILE", str(house.folder / "heads"))
    said = house.run("verify")
    assert said.code == 0, said.err
    assert "1 were published before the state was put back from a backup" in said.out
    assert "audit:restored" in house.run("tail").out


def test_without_a_database_it_is_said_what_to_do(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is made by looking, and a damaged file is told as such."""
    monkeypatch.setenv("OPUS67_HOME", str(home))
    monkeypatch.chdir(home)
    assert main(["audit", "verify"]) == 2
    assert "There is no database yet" in capsys.readouterr().err
    (home / "opus67.sqlite3").write_bytes(b"SQLite format 3\0" + b"rubbish" * 999)
    assert main(["audit", "verify"]) == 1
    assert "The database is damaged" in capsys.readouterr().err

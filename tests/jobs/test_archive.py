"""The file of a backup: what was written is read, and what somebody cut, changed or made up is refused in words."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import random
import tarfile
from typing import TYPE_CHECKING, Any

import pytest

from jobs import archive
from jobs.types import UserError

if TYPE_CHECKING:
    from collections.abc import Sequence

ROWS = [[number, f"row {number} \u2028\n", None, 1.5] for number in range(40_000)]
NAME = "tables/tasks/000001.jsonl"


def written(rows: Sequence[Sequence[Any]] = ROWS, settings: bytes = b"A=1\n") -> bytes:
    """Return a backup."""
    out = io.BytesIO()
    writer = archive.Writer(out, archive.Manifest("0.1.0", "0003", "2026-11-21T10:00:00Z", "sqlite"))
    writer.table("effects", ["key"], [])
    writer.table("tasks", ["a", "b", "c", "d"], rows)
    writer.part(archive.SETTINGS, settings)
    writer.close()
    return out.getvalue()


def made_up(*parts: tuple[tarfile.TarInfo, bytes], changes: dict[str, Any] | None = None) -> io.BytesIO:
    """Return an archive that somebody made who knows the form; its manifest is right but for ``changes``."""
    digests = {
        info.name: {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        for info, data in parts
        if info.name != archive.MANIFEST
    }
    manifest = {"version": "0.1.0", "schema": "0003", "made_at": "2026-11-21T10:00:00Z", "engine": "sqlite"}
    said = {**manifest, "format": 1, "columns": {"tasks": ["a"]}, "rows": {"tasks": 1}, "parts": digests}
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz", format=tarfile.USTAR_FORMAT) as made:
        for info, data in [*parts, plain(archive.MANIFEST, json.dumps({**said, **(changes or {})}).encode())]:
            made.addfile(info, io.BytesIO(data))
    # tarfile fills the end up with zeros, which ours does not.
    data = gzip.decompress(out.getvalue()).rstrip(b"\0")
    return io.BytesIO(gzip.compress(data + bytes(-len(data) % 512) + bytes(1024)))


def plain(name: str, data: bytes = b"", kind: bytes = tarfile.REGTYPE) -> tuple[tarfile.TarInfo, bytes]:
    """Return a member and its content."""
    info = tarfile.TarInfo(name)
    info.size, info.type, info.linkname = len(data), kind, "/etc/passwd"
    return info, data


def refused(file: io.BytesIO | bytes) -> str:
    """Read a backup as a restore does, and return the words of the refusal."""
    file = io.BytesIO(file) if isinstance(file, bytes) else file
    with pytest.raises(UserError) as told:
        list(archive.tables(file, archive.verify(file)))
    words = str(told.value)
    assert "\n" not in words
    assert words.isprintable()
    return words


def test_what_was_written_is_read() -> None:
    """Rows and settings come out as they went in, in several parts that any tar can list."""
    file = io.BytesIO(written())
    manifest = archive.verify(file)
    found = [row for name, rows in archive.tables(file, manifest) if name == "tasks" for row in rows]
    assert found == ROWS
    assert archive.settings(file) == "A=1\n"
    assert manifest.rows == {"effects": 0, "tasks": len(ROWS)}
    assert (manifest.version, manifest.schema, manifest.has_settings) == ("0.1.0", "0003", True)
    file.seek(0)
    with tarfile.open(fileobj=file) as members:
        names = members.getnames()
    assert names[0] == NAME
    assert len(names) > 3
    assert all(part.bytes <= archive.PART + 100 for part in manifest.parts.values())


def test_a_cut_backup_is_refused() -> None:
    """Wherever it ends too early, and when there is something behind its end."""
    whole = written(ROWS[:300])
    for length in [0, 1, 5, 100, len(whole) // 2, len(whole) - 9, len(whole) - 8, len(whole) - 1]:
        assert "damaged or incomplete" in refused(whole[:length]), length
    assert "damaged" in refused(whole + b"more")
    assert "damaged" in refused(whole + whole)


def test_a_changed_byte_is_found() -> None:
    """Whichever byte of the file is another one, nothing of it is believed, or it does not matter for what is read."""
    whole, chosen = written(ROWS[:300]), random.Random(5)  # noqa: S311 - any bytes will do
    for place in [0, 1, 2, *chosen.sample(range(10, len(whole)), 150)]:
        changed = bytearray(whole)
        changed[place] ^= 1 << chosen.randrange(8)
        assert "damaged" in refused(bytes(changed)), place


@pytest.mark.parametrize(
    "data", [b"", b"hello", b"PK\x03\x04" + bytes(500), gzip.compress(b"hello", mtime=0), bytes(5000)]
)
def test_another_file_is_refused(data: bytes) -> None:
    """What is no backup at all is told apart from one."""
    assert "damaged" in refused(data)


@pytest.mark.parametrize(
    "member",
    [
        plain("../../etc/cron.d/x", b"x"),
        plain("/etc/passwd", b"x"),
        plain("tables/../../x/000001.jsonl", b"x"),
        plain("tables/tasks/000001.jsonl\n", b"x"),
        plain("settings.env", kind=tarfile.SYMTYPE),
        plain(NAME, kind=tarfile.LNKTYPE),
        plain(NAME, kind=tarfile.DIRTYPE),
        plain(NAME, kind=tarfile.CHRTYPE),
        plain(NAME, kind=tarfile.FIFOTYPE),
        plain(NAME, b"\x80" * 12, kind=tarfile.GNUTYPE_LONGNAME),
        plain(NAME, b"12 path=x\n", kind=tarfile.XHDTYPE),
        plain(NAME, b"x", kind=tarfile.GNUTYPE_SPARSE),
        plain("other.txt", b"x"),
    ],
    ids=lambda member: f"{member[0].name!r}-{member[0].type!r}",
)
def test_what_no_backup_holds_is_refused(member: tuple[tarfile.TarInfo, bytes]) -> None:
    """Names that lead elsewhere, links, devices, long headers: none is followed."""
    assert "that no backup of Opus 67 does" in refused(made_up(member))


def test_parts_that_do_not_fit_the_manifest_are_refused() -> None:
    """Doubles, other tables, other counts, rows that are none."""
    good = plain(NAME, b"[1]\n")
    file = made_up(good)
    assert list(archive.tables(file, archive.verify(file))) == [("tasks", [[1]])]
    assert "twice" in refused(made_up(good, good))
    assert "no table others" in refused(made_up(good, plain("tables/others/000001.jsonl", b"[1]\n")))
    assert "other rows" in refused(made_up(plain(NAME, b"[1]\n[2]\n")))
    assert "other rows" in refused(made_up())
    for data in (b"1\n", b"{}\n", b"[1\n", b"[" * 100_000, b"\xff\n"):
        assert "row" in refused(made_up(plain(NAME, data)))


@pytest.mark.parametrize(
    "changes",
    [
        {"parts": {}},
        {"parts": {NAME: {"bytes": 4, "sha256": "0" * 64}}},
        {"parts": []},
        {"columns": {"tasks": ["a", "a"]}},
        {"columns": 7},
        {"rows": {}},
        {"schema": "../x"},
        {"schema": 3},
        {"version": "\x1b[31mred"},
        {"version": None},
        {"made_at": "yesterday"},
        {"format": "x"},
        {"format": None},
    ],
    ids=str,
)
def test_a_manifest_that_is_none_is_refused(changes: dict[str, Any]) -> None:
    """It is believed as far as its form is right; nothing of it reaches a terminal unseen."""
    assert "damaged" in refused(made_up(plain(NAME, b"[1]\n"), changes=changes))


def test_a_newer_form_is_told_apart() -> None:
    """A backup of a later version says what to do."""
    assert "Upgrade" in refused(made_up(plain(NAME, b"[1]\n"), changes={"format": 2}))


def test_bombs_do_not_fill_the_memory() -> None:
    """What unpacks to much more than it has is given up before it is held."""
    big = bytearray(plain(NAME)[0].tobuf(tarfile.USTAR_FORMAT))
    info = tarfile.TarInfo(NAME)
    info.size = archive.MOST_BYTES + 1
    assert "no backup" in refused(gzip.compress(info.tobuf(tarfile.USTAR_FORMAT) + bytes(1 << 20)))
    assert "too many rows" in refused(made_up(plain(NAME, b"[]\n" * 1_000_000), changes={"rows": {"tasks": 1_000_000}}))
    assert "follows its end" in refused(gzip.compress(bytes(1024) + bytes(50 << 20)))
    assert "damaged" in refused(gzip.compress(bytes(big[:-1]) + b"x"))

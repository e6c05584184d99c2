"""A workspace that was prepared for a run not known yet: it comes to the run's commit as a new checkout would."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from jobs.workspace import checkout, checkout_beforehand, export, restore
from tests.waiting import until
from tests.workspace.box import Box

if TYPE_CHECKING:
    from pathlib import Path

    from tests.workspace.fixtures import Place

pytestmark = pytest.mark.bubblewrap
STATE = "git status --porcelain --ignored && git rev-parse HEAD work && git describe --tags --always && git fsck"


@pytest.fixture
def spare(place: Place, tmp_path: Path) -> Box:
    """Return a box that was prepared at the first commit, some time ago."""
    box = Box(tmp_path / "spare", place.snapshot.path)
    checkout_beforehand(box, place.base)
    return box


def push(place: Place, changes: dict[str, str | bytes | None]) -> str:
    """Change files on the default branch, one commit each, have the mirror hold that, and return the newest commit."""
    new = place.base
    for path, content in changes.items():
        new = place.github.commit_file(place.repository, "main", path, content)
    place.mirror.fetch(place.repository, place.token, want=new)
    return new


def files(box: Box) -> dict[str, bytes]:
    """Return all files of a workspace but git's own."""
    found = (path for path in box.workspace.rglob("*") if path.is_file())
    pairs = ((str(path.relative_to(box.workspace)), path) for path in found)
    return {name: path.read_bytes() for name, path in pairs if not name.startswith(".git/")}


def is_as_new(place: Place, box: Box, commit: str, folder: Path) -> bool:
    """Tell whether a workspace is what a new checkout of a commit is."""
    new = Box(folder / "new", place.snapshot.path)
    checkout(new, commit)
    assert files(box) == files(new)
    assert sorted(path.name for path in (box.workspace / ".git").iterdir()) == sorted(
        path.name for path in (new.workspace / ".git").iterdir()
    )
    return box.must(STATE) == new.must(STATE)


def test_the_same_commit_is_there_at_once(place: Place, spare: Box, tmp_path: Path) -> None:
    """Nothing is written again, and the workspace is no spare any more."""
    written = (spare.workspace / "app.py").stat().st_mtime_ns
    checkout(spare, place.base)
    assert (spare.workspace / "app.py").stat().st_mtime_ns == written
    assert is_as_new(place, spare, place.base, tmp_path)


def test_a_newer_commit_is_brought_in(place: Place, spare: Box, tmp_path: Path) -> None:
    """Changed, new and deleted files, folders that are files now, and tags are what the newer commit has."""
    changed: dict[str, str | bytes | None] = {"app.py": "new = 1\n", "package/deep/er/leaf.txt": None, "new/x.txt": "x"}
    new = push(place, {**changed, "package/deep": "a file now\n"})
    origin = place.github.world.repository(place.repository).path
    (origin / "refs" / "tags" / "v2.0").write_text(f"{new}\n")
    newest = push(place, {"last.txt": "last"})
    untouched = (spare.workspace / "package" / "module.py").stat().st_mtime_ns
    checkout(spare, newest)
    assert (spare.workspace / "package" / "module.py").stat().st_mtime_ns == untouched
    assert spare.must("git describe --tags").startswith("v2.0-1-g")
    assert is_as_new(place, spare, newest, tmp_path)


def test_other_attributes_write_all_files_anew(place: Place, spare: Box, tmp_path: Path) -> None:
    """A file whose line ends depend on them is what the newer commit wants, though the commit did not touch it."""
    new = push(place, {"package/.gitattributes": "*.py text eol=crlf\n"})
    checkout(spare, new)
    assert (spare.workspace / "package" / "module.py").read_bytes() == b"value = 1\r\n"
    assert is_as_new(place, spare, new, tmp_path)


def test_kept_work_is_restored_onto_a_spare(place: Place, spare: Box, tmp_path: Path) -> None:
    """The clean room of the checks holds the work and nothing else, at whatever commit the spare was."""
    new = push(place, {"app.py": "new = 1\n"})
    agent = Box(tmp_path / "agent", place.snapshot.path)
    checkout(agent, new)
    agent.must("echo work > work.txt; rm crlf.txt; echo x > .git/opus67-spare")
    bundle = export(agent, new)
    assert bundle is not None
    restore(spare, new, bundle)
    assert spare.must("git status --porcelain") == " D crlf.txt\n?? work.txt\n"
    assert files(spare) == files(agent)
    assert export(spare, new) is not None


def test_a_spare_whose_worker_died_on_the_way_is_begun_anew(place: Place, spare: Box, tmp_path: Path) -> None:
    """What was left half is no obstacle to the next attempt."""
    (spare.workspace / "app.py").write_text("half")
    (spare.workspace / ".git" / "opus67-incomplete").touch()
    checkout(spare, place.base)
    assert is_as_new(place, spare, place.base, tmp_path)


def test_a_spare_is_not_read_file_by_file(place: Place, spare: Box) -> None:
    """The index is later than the files, so git trusts what it knows of them."""
    index, file = spare.workspace / ".git" / "index", spare.workspace / "app.py"
    until(lambda: int(time.time()) > int(file.stat().st_mtime), seconds=10, what="the next second")
    checkout(spare, place.base)
    assert int(index.stat().st_mtime) > int(file.stat().st_mtime)

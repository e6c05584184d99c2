"""A merge of the base: made in the sandbox, judged on the host against what git makes of it, a commit of two parents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from jobs.types import PatchRefused, UserError
from jobs.workspace import checkout, contains, export, merge, restore, titles
from jobs.workspace.merging import marks_left
from tests.workspace.box import Box
from tests.workspace.forge import FILE, LINK, SUBMODULE, Forge

if TYPE_CHECKING:
    from pathlib import Path

    from tests.workspace.fixtures import Place

OURS = "def main():\n    return 'ours'\n"
THEIRS = "def main():\n    return 'theirs'\n"
BRANCH = "opus/issue-12-7f3c9a"
TOKEN = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"


@dataclass
class Split:
    """A branch and a base that went apart, both in the mirror."""

    place: Place
    head: str
    base: str

    def receive(self, bundle: bytes, **changes: Any) -> Any:
        """Receive a merge as a worker would."""
        return self.place.receive(bundle, **{"base": self.head, "merges": self.base, **changes})


def part(place: Place, ours: dict[str, str | None], theirs: dict[str, str | None]) -> Split:
    """Commit on a branch and on the base."""
    head = base = place.base
    for path, content in ours.items():
        head = place.github.commit_file(place.repository, BRANCH, path, content, by="ada")
    for path, content in theirs.items():
        base = place.github.commit_file(place.repository, "main", path, content, by="bob")
    for commit in (head, base):
        place.mirror.fetch(place.repository, place.token, want=commit)
    return Split(place, head, base)


@pytest.fixture
def split(place: Place) -> Split:
    """Return a branch that conflicts with its base in one file."""
    return part(place, {"app.py": OURS, "ours.txt": "1\n"}, {"app.py": THEIRS, "theirs.txt": "2\n"})


def opened(split: Split, folder: Path) -> Box:
    """Return a sandbox with a checkout of the branch."""
    box = Box(folder, split.place.snapshot.path)
    checkout(box, split.head)
    return box


def commit_of(place: Place, commit: str) -> str:
    """Return a commit as it is stored on the local GitHub."""
    return place.mirror.git.text(place.github.world.repository(place.repository).path, "cat-file", "commit", commit)


def test_conflicts_are_resolved_in_the_sandbox(split: Split, tmp_path: Path) -> None:
    """Git leaves its marks, what is resolved is a commit with both sides as parents, and the patch tells just that."""
    box = opened(split, tmp_path / "box")
    assert merge(box, split.head, split.base) == ("app.py",)
    marked = box.must("cat app.py")
    assert marked.index("<<<<<<<") < marked.index("ours") < marked.index("|||||||") < marked.index("theirs")
    box.write("/workspace/app.py", b"def main():\n    return 'both'\n")
    bundle = export(box, split.head, merges=split.base)
    assert bundle is not None
    quarantine = split.place.quarantine()
    patch = split.receive(bundle, quarantine=quarantine)
    quarantine.push(patch.commit, BRANCH, split.place.token, expected=split.head)
    header = commit_of(split.place, patch.commit).splitlines()
    assert header[1:3] == [f"parent {split.head}", f"parent {split.base}"]
    assert [file.path for file in patch.files] == ["app.py"]
    assert "+    return 'both'" in patch.diff
    assert split.place.github.file(split.place.repository, "theirs.txt", BRANCH) == b"2\n"
    assert quarantine.conflicts(patch.commit, split.base) == []


def test_a_clean_merge_is_taken_whole(place: Place, tmp_path: Path) -> None:
    """Files that only the base has come along, ignored ones and a removed one too, and nothing is told as a change."""
    theirs: dict[str, str | None] = {"build/kept.txt": "kept\n", "node_modules/a.js": "a\n", "package/module.py": None}
    split = part(place, {"app.py": OURS}, theirs)
    box = opened(split, tmp_path / "box")
    assert merge(box, split.head, split.base) == ()
    bundle = export(box, split.head, merges=split.base)
    assert bundle is not None
    quarantine = place.quarantine()
    patch = split.receive(bundle, quarantine=quarantine)
    assert (patch.files, patch.diff) == ((), "")
    quarantine.push(patch.commit, BRANCH, place.token, expected=split.head)
    assert place.github.file(place.repository, "build/kept.txt", BRANCH) == b"kept\n"
    assert place.github.file(place.repository, "node_modules/a.js", BRANCH) == b"a\n"
    assert place.github.file(place.repository, "package/module.py", BRANCH) is None
    assert place.github.file(place.repository, "app.py", BRANCH) == OURS.encode()


def test_a_merge_that_was_kept_goes_on_in_another_sandbox(split: Split, tmp_path: Path) -> None:
    """The checkpoint holds the marks and what was done, and the new sandbox leaves by the same way."""
    box = opened(split, tmp_path / "box")
    merge(box, split.head, split.base)
    box.write("/workspace/new.txt", b"new\n")
    bundle = export(box, split.head, merges=split.base)
    assert bundle is not None
    other = Box(tmp_path / "other", split.place.snapshot.path)
    restore(other, split.head, bundle, merges=split.base)
    assert "<<<<<<<" in other.must("cat app.py")
    assert other.must("cat new.txt theirs.txt ours.txt") == "new\n2\n1\n"
    other.write("/workspace/app.py", THEIRS.encode())
    again = export(other, split.head, merges=split.base)
    assert again is not None
    assert {file.path for file in split.receive(again).files} == {"app.py", "new.txt"}


def test_one_side_may_be_chosen(split: Split, tmp_path: Path) -> None:
    """Taking the branch's side everywhere is a merge, too, though it changes nothing on the branch."""
    box = opened(split, tmp_path / "box")
    merge(box, split.head, split.base)
    box.must("git checkout -q --ours app.py && rm theirs.txt")
    bundle = export(box, split.head, merges=split.base)
    assert bundle is not None
    assert {file.path for file in split.receive(bundle).files} == {"app.py", "theirs.txt"}


def test_a_merge_begins_anew_from_the_branch(split: Split, tmp_path: Path) -> None:
    """What a set-up changed, or a merge that was broken off, is in nobody's way."""
    box = opened(split, tmp_path / "box")
    box.must("echo changed > app.py; echo changed > README.md")
    assert merge(box, split.head, split.base) == ("app.py",)
    box.must("echo half > app.py")
    assert merge(box, split.head, split.base) == ("app.py",)
    assert box.must("cat README.md") == "# Sample\n"


def test_a_merge_that_cannot_begin_says_why(split: Split, tmp_path: Path) -> None:
    """A file that nobody committed stands in the way."""
    box = opened(split, tmp_path / "box")
    box.must("echo mine > theirs.txt")
    with pytest.raises(UserError, match="git could not begin to merge"):
        merge(box, split.head, split.base)


def forged(split: Split, folder: Path, changes: dict[str | bytes, Any]) -> bytes:
    """Return a bundle as an attacker makes it: the base's side with these changes, and the branch's one file."""
    forge = Forge(folder / "forge.git", split.place.snapshot.path, split.base)
    commit = forge.commit(forge.tree({"app.py": (FILE, OURS), **changes}), split.head, split.base)
    header = f"# v2 git bundle\n-{split.head} x\n-{split.base} x\n{commit} refs/heads/work\n\n"
    return header.encode() + forge.pack()


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({".github/workflows/ci.yml": (FILE, "on: [push]\n")}, "the path is protected"),
        ({".github/workflows/evil.yml": (FILE, "on: [push]\n")}, "the path is protected"),
        ({"CODEOWNERS": (FILE, None)}, "the path is protected"),
        ({"CODEOWNERS": (FILE, "* @octo\n")}, "the path is protected"),
        ({"key.txt": (FILE, f"token = {TOKEN}\n")}, "line 1 would publish what looks like"),
        ({"away": (LINK, "/etc/passwd")}, "link"),
        ({"sub": (SUBMODULE, "1" * 40)}, "submodules"),
        ({".gitattributes": (FILE, "* filter=evil\n")}, "attribute"),
        ({"app.py": (FILE, f"<<<<<<< HEAD\n{OURS}=======\n{THEIRS}>>>>>>> x\n")}, "marks of a conflict"),
        ({"README.md": (FILE, "<<<<<<< HEAD\n")}, "marks of a conflict"),
    ],
)
def test_what_a_patch_may_not_a_merge_may_not(place: Place, tmp_path: Path, changes: Any, rule: str) -> None:
    """Beyond what git makes of the merge all rules hold; a protected path is as git merges it, not as one side was."""
    split = part(place, {"app.py": OURS}, {"app.py": THEIRS, "CODEOWNERS": "* @bob\n"})
    with pytest.raises(PatchRefused, match=rule):
        split.receive(forged(split, tmp_path, changes))


def test_what_the_base_brings_is_not_judged(place: Place, tmp_path: Path) -> None:
    """A workflow, a key and a link of the base's are its people's, and come along."""
    theirs: dict[str, str | None] = {".github/workflows/new.yml": "on: push\n", "key.txt": f"{TOKEN}\n"}
    split = part(place, {"app.py": OURS}, theirs)
    patch = split.receive(forged(split, tmp_path, {}))
    assert patch.files == ()


@pytest.mark.parametrize("lie", ["second parent", "one parent", "unknown"])
def test_only_commits_of_the_repository_are_merged(split: Split, tmp_path: Path, lie: str) -> None:
    """The second side comes from GitHub alone, and a bundle that builds on anything else is refused."""
    forge = Forge(tmp_path / "forge.git", split.place.snapshot.path, split.head)
    own = forge.commit(forge.tree({"evil.txt": (FILE, "x")}))
    bundle = forge.bundle(forge.commit(forge.tree({}), split.head, own))
    changes = {"second parent": {"merges": own}, "one parent": {}, "unknown": {"merges": "1" * 40}}[lie]
    with pytest.raises(PatchRefused):
        split.receive(bundle, **changes)


def test_marks_that_were_there_before_are_no_marks() -> None:
    """A text about conflicts has them on one side already; only new ones tell of a conflict."""
    text = b"<<<<<<< HEAD\na\n=======\nb\n>>>>>>> x\n"
    assert marks_left(text)
    assert marks_left(b"a\r\n>>>>>>> x\r\n")
    assert not marks_left(text, b"", text)
    assert not marks_left(b"<<<<<<<<< nine\nx <<<<<<< HEAD\n=======\n")


def test_history_tells_what_a_side_has(split: Split) -> None:
    """Titles of what the other side lacks, newest first; whether one commit holds another."""
    mirror, repository = split.place.mirror, split.place.repository
    assert contains(mirror, repository, split.head, split.place.base)
    assert not contains(mirror, repository, split.head, split.base)
    assert len(titles(mirror, repository, split.head, without=split.base)) == 2
    assert len(titles(mirror, repository, split.head, without=split.base, most=1)) == 1
    with pytest.raises(ValueError, match="40 hexadecimal"):
        contains(mirror, repository, "--help", split.base)

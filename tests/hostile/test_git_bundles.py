"""Bundles that an attacker made: nothing of them runs, nothing forbidden in them is published, each refusal has words."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from jobs.types import PatchRefused
from tests.hostile.packs import bundled, deep_folders, delta_bomb, entry, huge_blob, packed
from tests.workspace.forge import ENVIRONMENT, FILE, FOLDER, LINK, Entry, Forge

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.workspace.fixtures import Place

Changes = dict[str | bytes, Entry]
X = (FILE, "x")
SHA = "1" * 40


def raw(entries: Callable[[Forge], list[tuple[bytes, bytes, str]]]) -> Callable[[Forge], bytes]:
    return lambda forge: forge.bundle(forge.commit(forge.raw_tree(entries(forge))))


def twice(forge: Forge) -> list[tuple[bytes, bytes, str]]:
    return [(FILE, b"a", forge.blob("1")), (FILE, b"a", forge.blob("2"))]


def both(forge: Forge) -> list[tuple[bytes, bytes, str]]:
    below = forge.raw_tree([(FILE, b"x", forge.blob("1"))])
    return [(LINK, b"a", forge.blob("/tmp")), (FOLDER, b"a", below)]


def with_header(head: str) -> Callable[[Forge], bytes]:
    def make(forge: Forge) -> bytes:
        commit = forge.commit(forge.tree({"a": X}))
        return head.format(base=forge.base, commit=commit).encode() + forge.pack()

    return make


def missing_blob(forge: Forge) -> list[tuple[bytes, bytes, str]]:
    return [(FILE, b"a", SHA)]


def only(forge: Forge, commit: str) -> bytes:
    return bundled(forge, commit, packed(entry(3, b"nothing to do with it")))


def flipped(bundle: bytes) -> bytes:
    return bundle[:-40] + bytes([bundle[-40] ^ 1]) + bundle[-39:]


def tag(forge: Forge) -> bytes:
    commit = forge.commit(forge.tree({"a": X}))
    text = f"object {commit}\ntype commit\ntag v1\ntagger m <m> 0 +0000\n\nx\n"
    made = forge.git("hash-object", "-w", "-t", "tag", "--stdin", data=text.encode()).decode().strip()
    return forge.bundle(made)


def many_files(forge: Forge) -> bytes:
    blob = forge.blob("x")
    return forge.bundle(forge.commit(forge.raw_tree([(FILE, b"f%06d" % number, blob) for number in range(100_001)])))


def commit_with(author: bytes) -> Callable[[Forge], bytes]:
    def make(forge: Forge) -> bytes:
        tree, base = forge.tree({"a": X}), forge.base
        text = f"tree {tree}\nparent {base}\n".encode() + author + b"\ncommitter a <a> 0 +0000\n\nx\n"
        return forge.bundle(forge.raw("commit", text))

    return make


GOOD = "# v2 git bundle\n-{base} x\n{commit} refs/heads/work\n\n"
BUNDLES: list[tuple[str, Callable[[Forge], bytes]]] = [
    ("nothing at all", lambda _: b""),
    ("nonsense", lambda _: b"nonsense" * 1000),
    ("a header only", with_header("# v2 git bundle\n")),
    ("another version", with_header(GOOD.replace("v2", "v3"))),
    (
        "a filter in the header",
        with_header("# v3 git bundle\n@filter=blob:none\n-{base}\n{commit} refs/heads/work\n\n"),
    ),
    ("no base", with_header("# v2 git bundle\n{commit} refs/heads/work\n\n")),
    ("another base", with_header(GOOD.replace("{base}", SHA))),
    ("two bases", with_header(GOOD.replace("-{base}", f"-{SHA} y\n-{{base}}"))),
    ("two branches", with_header(GOOD.replace("\n\n", "\n{commit} refs/heads/main\n\n"))),
    ("another branch", with_header(GOOD.replace("refs/heads/work", "refs/heads/main"))),
    ("a branch that is a path", with_header(GOOD.replace("refs/heads/work", "refs/heads/../../config"))),
    ("a branch that is an option", with_header(GOOD.replace("refs/heads/work", "--upload-pack=id"))),
    ("a pack that is cut off", lambda forge: forge.work({"a": X})[:-30]),
    (
        "a pack with a flipped bit",
        lambda forge: flipped(forge.work({"a": X})),
    ),
    ("something behind the pack", lambda forge: forge.work({"a": X}) + b"PACK and more"),
    ("a pack without the commit", lambda forge: only(forge, "2" * 40)),
    ("a blob that nobody has", raw(missing_blob)),
    ("the same name twice", raw(twice)),
    ("a link and a folder of one name", raw(both)),
    ("an empty name", raw(lambda forge: [(FILE, b"", forge.blob("1"))])),
    ("a name that is a dot", raw(lambda forge: [(FOLDER, b".", forge.tree({}))])),
    ("a name that is the parent", raw(lambda forge: [(FOLDER, b"..", forge.tree({}))])),
    ("a name with a slash", raw(lambda forge: [(FILE, b"../../etc/cron.d/x", forge.blob("1"))])),
    ("names out of order", raw(lambda forge: [(FILE, b"b", forge.blob("1")), (FILE, b"a", forge.blob("1"))])),
    ("a mode with zeros before", raw(lambda forge: [(b"0100644", b"a", forge.blob("1"))])),
    ("a device", raw(lambda forge: [(b"60000", b"a", forge.blob("1"))])),
    ("a file that is a folder", raw(lambda forge: [(FILE, b"a", forge.tree({}))])),
    ("a folder that is a file", raw(lambda forge: [(FOLDER, b"a", forge.blob("1"))])),
    ("a header with other line ends", with_header(GOOD.replace("\n", "\r\n"))),
    ("a header of a megabyte", with_header(GOOD.replace("x", "x" * 1024**2))),
    (
        "the address of more bundles",
        with_header("# v2 git bundle\n@bundle.uri=file:///etc/passwd\n-{base}\n{commit} refs/heads/work\n\n"),
    ),
    (
        "other names for objects",
        with_header("# v3 git bundle\n@object-format=sha256\n-{base}\n{commit} refs/heads/work\n\n"),
    ),
    (
        "a tag and HEAD beside the branch",
        with_header(GOOD.replace("\n\n", "\n{commit} refs/tags/v1\n{commit} HEAD\n\n")),
    ),
    ("a replaced object as its branch", with_header(GOOD.replace("refs/heads/work", "refs/replace/{base}"))),
    ("a folder of a hundred thousand files", many_files),
    ("folders deeper than any system takes", deep_folders),
    ("an author with a line end", commit_with(b"author a\nb <a> 0 +0000")),
    ("an author without a name and a time", commit_with(b"author <>")),
    ("the base itself", lambda forge: forge.bundle(forge.base)),
    ("an unpacked size beyond all memory", delta_bomb),
    ("a blob that unpacks to gigabytes", huge_blob),
]


FORM, BRANCH = "did not come out of the sandbox as a bundle", "not one branch on the base"
REASONS: dict[str, str] = {
    **dict.fromkeys(("nothing at all", "nonsense", "a header only", "another version", "a filter in the header"), FORM),
    **dict.fromkeys(("a header with other line ends", "a header of a megabyte", "other names for objects"), FORM),
    "a pack that is cut off": "early EOF",
    "a pack with a flipped bit": "inflate",
    "something behind the pack": "junk at the end",
    "a pack without the commit": "no commit in it",
    "a blob that nobody has": "did not receive expected object",
    "the same name twice": "duplicateEntries",
    "a link and a folder of one name": "duplicateEntries",
    "an empty name": "empty filename",
    "a name that is a dot": "hasDot",
    "a name that is the parent": "hasDotdot",
    "a name with a slash": "fullPathname",
    "names out of order": "treeNotSorted",
    "a mode with zeros before": "zeroPaddedFilemode",
    "a device": "`a`: submodules may not be added",
    "a file that is a folder": "expected type blob, found tree",
    "a folder that is a file": "is a blob, not a tree",
    "a folder of a hundred thousand files": "100010 files are changed",
    "folders deeper than any system takes": "could not be checked|too long",
    "an author with a line end": "missingEmail",
    "an author without a name and a time": "missingNameBeforeEmail",
    "the base itself": "Nothing is changed",
    "an unpacked size beyond all memory": "Out of memory",
    "a blob that unpacks to gigabytes": "has 268435456 bytes; at most",
}
"""What the refusal says, so that none has another cause; of the rest that it is another branch or base."""


@pytest.mark.parametrize(("name", "make"), BUNDLES, ids=[row[0] for row in BUNDLES])
def test_a_bundle_that_is_not_sound_is_refused(settled: Place, smith: Forge, name: str, make: Callable[[Forge], bytes]):
    """What is not one sound commit's worth of objects on the base is refused for that reason, in words, and quickly."""
    with pytest.raises(PatchRefused, match=REASONS.get(name, BRANCH)) as caught:
        settled.receive(make(smith))
    assert "\n\n" not in str(caught.value)


HEADS: list[tuple[str, bytes]] = [
    ("a signature", b"gpgsig -----BEGIN PGP SIGNATURE-----\n \n x\n -----END PGP SIGNATURE-----\n"),
    ("a merged tag", b"mergetag object " + b"1" * 40 + b"\n type commit\n tag v1\n tagger m <m> 0 +0000\n \n x\n"),
    ("another encoding", b"encoding UTF-7\n"),
    ("a header of its own", b"x-opus67 approve\n"),
    ("the header of another parent's tree", b"HG:extra rebase\n"),
]


@pytest.mark.parametrize(("head", "words"), [(head, b"x") for _, head in HEADS] + [(b"", b"x" * 1024**2), (b"", b"\xff\xfe\x1b[2J fixes #1")],
    ids=[*(name for name, _ in HEADS), "a message of a megabyte", "a message that is no text"])  # fmt: skip
def test_nothing_of_a_commit_counts_but_its_files(place: Place, forge: Forge, head: bytes, words: bytes):
    """Headers, signatures, people, times, encodings and words of the agent's commit are not in the one that is pushed."""
    people = b"author octo <octo@x> 9999999999 +1400\ncommitter octo <octo@x> 1 -1200\n"
    text = f"tree {forge.tree({'app.py': X})}\nparent {forge.base}\n".encode() + people + head + b"\n" + words
    quarantine, before = place.quarantine(), place.references()
    patch = place.receive(forge.bundle(forge.raw("commit", text)), quarantine)
    quarantine.push(patch.commit, "opus/issue-1-abc", place.token)
    assert place.references() == {**before, "refs/heads/opus/issue-1-abc": patch.commit}
    path = place.github.world.repository(place.repository).path
    lines = forge.git(f"--git-dir={path}", "cat-file", "commit", patch.commit).decode().splitlines()
    assert [line.partition(" ")[0] for line in lines[:5]] == ["tree", "parent", "author", "committer", ""]
    assert lines[1] == f"parent {forge.base}"
    assert lines[2] == "author opus-67[bot] <67+opus-67[bot]@users.noreply.github.com> 1790000000 +0000"
    assert lines[5:] == ["Fix it", "", "Co-authored-by: Ada <ada@users.noreply.github.com>"]


def test_strange_modes_become_plain_ones(place: Place, forge: Forge):
    """A file that says it is set-uid, or writable for all, is published as an executable or plain file of ours."""
    old = forge.git("ls-tree", "-z", place.base).split(b"\0")[:-1]
    entries = [
        (line.split(b" ")[0].lstrip(b"0"), line.split(b"\t")[1], line.split(b" ")[2][:40].decode()) for line in old
    ]
    strange = [(b"106777", b"zz1", forge.blob("1")), (b"100666", b"zz2", forge.blob("2"))]
    quarantine = place.quarantine()
    patch = place.receive(forge.bundle(forge.commit(forge.raw_tree(entries + strange))), quarantine)
    quarantine.push(patch.commit, "opus/issue-1-abc", place.token)
    origin = place.github.world.repository(place.repository).path
    raw_tree = forge.git(f"--git-dir={origin}", "cat-file", "tree", f"{patch.commit}^{{tree}}")
    assert b"100755 zz1\0" in raw_tree
    assert b"100644 zz2\0" in raw_tree


def test_a_file_and_a_folder_may_change_places(settled: Place, smith: Forge):
    """What was a file may become a folder and the other way round, in one patch."""
    changes: Changes = {
        "app.py": (FILE, None),
        "app.py/a": X,
        "package/module.py": (FILE, None),
        "package/deep/er/leaf.txt": (FILE, None),
        "package": X,
    }
    assert {(file.path, file.status) for file in settled.receive(smith.work(changes)).files} >= {
        ("app.py/a", "A"),
        ("package", "A"),
    }


def test_a_tag_is_taken_for_the_tree_behind_it(settled: Place, smith: Forge):
    """Only the tree counts, whatever object leads to it."""
    assert [file.path for file in settled.receive(tag(smith)).files] == ["a"]


def test_commits_of_the_agent_are_never_published(place: Place, forge: Forge):
    """A forged author, a hidden message and a merge of strange parents do not reach GitHub."""
    other = forge.git("commit-tree", "-m", "secret history", forge.tree({"secret": X})).decode().strip()
    bundle = forge.bundle(forge.commit(forge.tree({"a": X}), place.base, other))
    quarantine = place.quarantine()
    patch = place.receive(bundle, quarantine)
    quarantine.push(patch.commit, "opus/issue-1-abc", place.token)
    origin = place.github.world.repository(place.repository).path
    command = ["git", f"--git-dir={origin}", "log", "--all", "--format=%H %an %s"]
    log = subprocess.run(command, check=True, capture_output=True, text=True, env=ENVIRONMENT).stdout
    assert "secret history" not in log
    assert "mallory" not in log
    assert log.count("\n") == 2

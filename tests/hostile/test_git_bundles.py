"""Bundles that an attacker made: nothing of them runs, nothing forbidden in them is published, each refusal has words."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from jobs.types import PatchRefused
from jobs.workspace import PatchRules
from tests.hostile.packs import bundled, delta_bomb, entry, huge_blob, packed
from tests.workspace.forge import ENVIRONMENT, FILE, FOLDER, LINK, SUBMODULE, Entry, Forge

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.workspace.fixtures import Place

Changes = dict[str | bytes, Entry]
X = (FILE, "x")
SHA = "1" * 40
DRAWN = "q7Zr2mVx9TbKw4LsYp8NcJd3HfGa6Qe1Uu5o"
"""As a service draws a token at random; nobody gave it out."""
KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\n" + "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQ\n" * 3

TREES: list[tuple[str, Changes, str]] = [
    ("a .git folder", {".git/config": X}, "sound|.git"),
    ("a .git folder below", {"package/.git/hooks/post-checkout": X}, "sound|.git"),
    (".git in capitals", {"package/.GIT/config": X}, "sound|.git"),
    (".git in mixed case", {".gIt/config": X}, "sound|.git"),
    (".git with a trailing dot", {"package/.git./config": X}, "sound|.git"),
    (".git with a trailing blank", {"package/.git /config": X}, "sound|.git"),
    (".git with many dots and blanks", {"package/.git . ./config": X}, "sound|.git"),
    (".git as Windows' short name", {"GIT~1/config": X}, "sound|.git"),
    (".git with a data stream", {".git::$INDEX_ALLOCATION/config": X}, "sound|.git"),
    (".git with a zero-width non-joiner", {".g\u200cit/config": X}, "sound|.git"),
    (".git with a direction mark", {"\u202e.git/config": X}, "sound|.git"),
    (".git with a byte order mark", {".git\ufeff/config": X}, "sound|.git"),
    (".git in full width", {"\uff0eｇｉｔ/config": X}, ".git"),  # noqa: RUF001 - on purpose
    (".git behind a backslash", {"package\\.git\\config": X}, "sound|.git"),
    (".git as a file", {"package/.git": (FILE, "gitdir: /tmp/x")}, "sound|.git"),
    (".git as a link", {".git": (LINK, "/tmp/x")}, "sound|.git"),
    ("a submodule", {"sub": (SUBMODULE, SHA)}, "submodules"),
    ("a file turned into a submodule", {"app.py": (SUBMODULE, SHA)}, "submodules"),
    ("a list of submodules", {".gitmodules": (FILE, '[submodule "a"]\n\tpath = a\n\turl = ./b\n')}, "submodules"),
    (
        "a list of submodules with a command",
        {".gitmodules": (FILE, '[submodule "a"]\n\tupdate = !id\n')},
        "sound|submodules",
    ),
    (
        "a list of submodules as an option",
        {".gitmodules": (FILE, '[submodule "a"]\n\turl = --upload-pack=id\n')},
        "sound|subm",
    ),
    ("a list of submodules in capitals", {".GITMODULES": X}, "sound|submodules"),
    ("a list of submodules by its short name", {"GITMOD~1": X}, "sound|submodules"),
    ("a list of submodules as a link", {".gitmodules": (LINK, "app.py")}, "sound|submodules"),
    ("a link to the host", {"link": (LINK, "/etc/passwd")}, "out of the repository"),
    ("a link to the parent", {"link": (LINK, "../secret")}, "out of the repository"),
    ("a link up too far from below", {"package/deep/link": (LINK, "../../../x")}, "out of the repository"),
    ("a link in and out again", {"link": (LINK, "package/../../x")}, "out of the repository"),
    ("a link into .git", {"link": (LINK, ".git/config")}, "into .git"),
    ("a link into .git by case", {"package/link": (LINK, "../.GiT/hooks")}, "into .git"),
    ("a link with backslashes", {"link": (LINK, "..\\..\\x")}, "mean something else"),
    ("a link to a drive", {"link": (LINK, "c:/windows")}, "mean something else"),
    ("a link with a line end", {"link": (LINK, "app.py\nx")}, "mean something else"),
    ("a link with an end of text", {"link": (LINK, b"app.py\0/etc")}, "mean something else|sound"),
    ("an empty link", {"link": (LINK, "")}, "empty or too long"),
    ("an endless link", {"link": (LINK, "a/" * 5000)}, "empty or too long|sound"),
    ("a link to itself", {"link": (LINK, "link")}, "circle"),
    ("links in a circle", {"a": (LINK, "b"), "b": (LINK, "a/x")}, "circle"),
    (
        "a link that leads out through another",
        {"package/deep/up": (LINK, "../.."), "far": (LINK, "package/deep/up/../secret")},
        "out of the repository",
    ),
    (
        "a link that leads out through another, by case",
        {"package/deep/up": (LINK, "../.."), "far": (LINK, "package/DEEP/Up/../secret")},
        "out of the repository",
    ),
    ("attributes with a filter", {".gitattributes": (FILE, "*.py filter=evil\n")}, "attribute"),
    ("attributes with a filter below", {"package/.gitattributes": (FILE, "* filter=lfs\n")}, "attribute"),
    ("attributes with a diff driver", {".gitattributes": (FILE, "*.py diff=evil\n")}, "attribute"),
    ("attributes that hide a diff", {".gitattributes": (FILE, "*.py -diff\n")}, "attribute"),
    ("attributes with a merge driver", {".gitattributes": (FILE, "*.py merge=evil\n")}, "attribute"),
    ("attributes with another encoding", {".gitattributes": (FILE, "*.py working-tree-encoding=UTF-7\n")}, "attribute"),
    ("attributes behind a quoted pattern", {".gitattributes": (FILE, '"a b" text filter=evil\n')}, "attribute"),
    ("attributes behind a comment's look", {".gitattributes": (FILE, "a\x0b# filter=evil\n")}, "attribute"),
    ("attributes behind a byte order mark", {".gitattributes": (FILE, "\ufeff* filter=evil\n")}, "attribute"),
    ("attributes by a macro", {".gitattributes": (FILE, "[attr]nice filter=evil\n*.py nice\n")}, "attribute"),
    ("attributes in capitals", {".GITATTRIBUTES": (FILE, "* filter=evil\n")}, "attribute"),
    ("attributes by their short name", {"GITATT~1": (FILE, "* filter=evil\n")}, "attribute|short"),
    ("attributes in a giant file", {".gitattributes": (FILE, "# \n" * 200_000 + "* filter=evil\n")}, "attribute"),
    ("a control character in a name", {"a\x1b[2Jb": X}, "control"),
    ("a line end in a name", {"a\nb": X}, "control"),
    ("a direction override in a name", {"exe.\u202etxt": X}, "invisible"),
    ("an invisible tag in a name", {"a\U000e0041b": X}, "invisible"),
    ("a name that is no UTF-8", {b"a\xff\xfe": X}, "not UTF-8"),
    ("a name with a trailing dot", {"app.py.": X}, "Windows"),
    ("a name with a data stream", {"app.py:hidden": X}, "Windows"),
    ("a name that is another by case", {"App.py": X}, "case or form"),
    ("a folder that is another by case", {"Package/other.py": X}, "case or form"),
    ("two names that differ in form", {"caf\u00e9": X, "cafe\u0301": X}, "case or form"),
    ("a workflow changed", {".github/workflows/ci.yml": X}, "protected"),
    ("a workflow removed", {".github/workflows/ci.yml": (FILE, None)}, "protected"),
    ("a workflow added below", {".github/workflows/deep/new.yaml": X}, "protected"),
    ("a workflow as a link", {".github/workflows/x.yml": (LINK, "../../app.py")}, "protected"),
    ("a workflow in capitals", {".GitHub/Workflows/evil.yml": X}, "protected"),
    ("a workflow with a dot behind", {".github./workflows/evil.yml": X}, "protected"),
    ("a workflow with an invisible mark", {".git\u200dhub/workflows/evil.yml": X}, "protected"),
    ("a workflow in full width", {".github/ｗｏｒｋｆｌｏｗｓ/evil.yml": X}, "protected"),  # noqa: RUF001 - on purpose
    ("a workflow with backslashes", {".github\\workflows\\evil.yml": X}, "protected"),
    ("a workflow by a short name", {"GITHUB~1/workflows/evil.yml": X}, "short form"),
    (
        "a workflow moved away",
        {".github/workflows/ci.yml": (FILE, None), "ci.yml": (FILE, "on: push\n")},
        "protected",
    ),
    ("our own settings", {".github/opus67.yml": X}, "protected"),
    ("our own settings by case", {".github/OPUS67.yml": X}, "protected"),
    ("the code owners", {"CODEOWNERS": X}, "protected"),
    ("the code owners elsewhere", {"docs/CodeOwners": X}, "protected"),
    ("a GitHub token", {"a.txt": (FILE, "t = ghs_67_" + f"{DRAWN}.{DRAWN}")}, "a.txt`: line 1 .* a GitHub token"),
    ("a fine-grained token", {"a.txt": (FILE, f"\n\ngithub_pat_{DRAWN}")}, "a.txt`: line 3 .* a GitHub token"),
    ("an Anthropic key", {"a.txt": (FILE, f"sk-ant-api03-{DRAWN}")}, "an Anthropic key"),
    ("an OpenAI key", {"a.txt": (FILE, f"sk-proj-{DRAWN}")}, "an OpenAI key"),
    ("an AWS key", {"a.txt": (FILE, "AKIA" + "Q3EGTI2JWBNM7XYZ")}, "an AWS access key"),
    ("a Slack token", {"a.txt": (FILE, f"xoxb-76543210987-{DRAWN}")}, "a Slack token"),
    ("a Discord token", {"a.txt": (FILE, f"MTE4NTQ2ODE3NjU0MzIxMDk4.G4kLmn.{DRAWN}")}, "a Discord token"),
    ("a Stripe key", {"a.txt": (FILE, f"sk_live_{DRAWN}")}, "a Stripe key"),
    ("a private key", {"id": (FILE, KEY)}, "a private key"),
    ("a private key in one line", {"id.json": (FILE, KEY.replace("\n", "\\n"))}, "a private key"),
    ("a token in a binary file", {"a.bin": (FILE, b"\0\1ghp_" + DRAWN.encode() + b"\0")}, "a GitHub token"),
    ("a token in a link", {"a": (LINK, f"ghp_{DRAWN}")}, "a GitHub token"),
    ("a token as the name of a file", {f"ghp_{DRAWN}.txt": X}, "name of a new file.*: it would publish"),
    ("a token as the name of a folder", {f"a/ghp_{DRAWN}/b.txt": X}, "name of a new file.*: it would publish"),
]


@pytest.mark.parametrize(("changes", "words"), [row[1:] for row in TREES], ids=[row[0] for row in TREES])
def test_a_forbidden_tree_is_refused(settled: Place, smith: Forge, changes: Changes, words: str):
    """What must not be in a repository is refused by its rule, however it is spelled, and no secret is repeated."""
    with pytest.raises(PatchRefused, match=words) as caught:
        settled.receive(smith.work(changes))
    message = str(caught.value)
    assert message.replace("\n", "").isprintable()
    assert "ghs_67" not in message
    assert "AKIA" not in message


def test_all_violations_are_told_at_once(settled: Place, smith: Forge):
    """A refusal names each path with its rule, up to ten, and then the number of the others."""
    changes: Changes = {f".github/workflows/{number}.yml": X for number in range(14)}
    with pytest.raises(PatchRefused) as caught:
        settled.receive(smith.work(changes))
    assert str(caught.value).count("the path is protected (.github/workflows/**)") == 10
    assert "and 4 more" in str(caught.value)


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
    ("a device", raw(lambda forge: [(b"060000", b"a", forge.blob("1"))])),
    ("a file that is a folder", raw(lambda forge: [(FILE, b"a", forge.tree({}))])),
    ("a folder that is a file", raw(lambda forge: [(FOLDER, b"a", forge.blob("1"))])),
    ("an unpacked size beyond all memory", delta_bomb),
    ("a blob that unpacks to gigabytes", huge_blob),
]


@pytest.mark.parametrize("make", [row[1] for row in BUNDLES], ids=[row[0] for row in BUNDLES])
def test_a_bundle_that_is_not_sound_is_refused(settled: Place, smith: Forge, make: Callable[[Forge], bytes]):
    """What is not one sound commit's worth of objects on the base is refused in words, and quickly."""
    with pytest.raises(PatchRefused) as caught:
        settled.receive(make(smith))
    assert "\n\n" not in str(caught.value)


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


def test_what_was_there_before_may_stay(place: Place, forge: Forge):
    """A repository that already has odd things can still be worked on; only what is new is judged."""
    odd: Changes = {
        "Case.txt": X,
        "case.txt": X,
        "out": (LINK, "/etc/hosts"),
        ".gitattributes": (FILE, "*.bin filter=lfs diff=lfs merge=lfs -text\n"),
        "key.pem": (FILE, KEY),
        "back\\slash": X,
    }
    commit = forge.commit(forge.tree(odd))
    forge.git("update-ref", "refs/heads/odd", commit)
    origin = place.github.world.repository(place.repository).path
    forge.git("push", "-q", str(origin), f"{commit}:refs/heads/odd")
    place.mirror.fetch(place.repository, place.token, want=commit)
    forge.base = commit
    work: Changes = {
        "case.txt": (FILE, "changed"),
        ".gitattributes": (FILE, "*.bin filter=lfs diff=lfs merge=lfs -text\n*.sh text eol=lf\n"),
        "key.pem": (FILE, None),
        "moved/key.pem": (FILE, KEY),
        "fine": (LINK, "case.txt"),
        "back\\slash": (FILE, "changed"),
    }
    patch = place.receive(forge.work(work), base=commit)
    assert len(patch.files) == 5


def test_protected_paths_of_the_repository_are_kept(settled: Place, smith: Forge):
    """Globs of the policy protect in every spelling; a pattern without a slash holds anywhere."""
    rules = PatchRules(protected=("deploy/**", "*.tf", "/app.py", "docs/*/index.md", "secret/"))
    refused = [
        "deploy/a/b",
        "Deploy/x",
        "deploy",
        "main.tf",
        "a/b/MAIN.TF",
        "app.py",
        "APP.PY",
        "docs/a/index.md",
        "secret/x",
    ]
    for path in refused:
        with pytest.raises(PatchRefused, match="the path is protected"):
            settled.receive(smith.work({path: (FILE, "changed")}), rules=rules)
    fine: Changes = dict.fromkeys(("deployed/a", "a.tfx", "package/app.py", "docs/index.md", "docs/a/b/index.md"), X)
    assert len(settled.receive(smith.work(fine), rules=rules).files) == 5


@pytest.mark.parametrize("mode", [FILE, LINK])
def test_nothing_takes_the_place_of_a_protected_folder(settled: Place, smith: Forge, mode: bytes):
    """A file or link named like the folder that holds protected paths would hide them."""
    rules = PatchRules(protected=("infra/live/**",))
    with pytest.raises(PatchRefused, match=r"place of a protected folder \(infra/live"):
        settled.receive(smith.work({"infra": (mode, "app.py")}), rules=rules)

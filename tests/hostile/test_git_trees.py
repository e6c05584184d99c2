"""Trees that an attacker made: what must not be in a repository is refused by its rule, however it is spelled."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from jobs.types import PatchRefused
from jobs.workspace import PatchRules
from tests.workspace.forge import FILE, LINK, RUNNABLE, SUBMODULE, Entry, Forge

if TYPE_CHECKING:
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
    ("a name that no disk takes", {"a" * 256: X}, "too long"),
    ("a name that no disk takes, in letters of four bytes", {"\U0001d4d0" * 64: X}, "too long|case or form"),
    ("a path that no system takes", {"/".join(["folder"] * 600): X}, "too long"),
    ("a name with a delete character", {"a\x7fb": X}, "control"),
    ("a name with a zero-width joiner", {"a\u200db": X}, "invisible"),
    ("a device of Windows", {"package/aux.py:": X}, "Windows"),
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
    ("a workflow with a blank behind the folder", {".github/workflows /evil.yml": X}, "protected"),
    ("a workflow in a data stream", {".github::$INDEX_ALLOCATION/workflows/evil.yml": X}, "protected"),
    ("a workflow with a soft hyphen", {".github/work\u00adflows/evil.yml": X}, "protected"),
    ("a workflow by the short name of its folder", {".github/WORKFL~1/evil.yml": X}, "short form"),
    (
        "a file instead of the folder of workflows",
        {".github/workflows/ci.yml": (FILE, None), ".github/workflows": X},
        "protected",
    ),
    (
        "a link instead of .github",
        {".github/workflows/ci.yml": (FILE, None), ".github/opus67.yml": (FILE, None), ".github": (LINK, "package")},
        "protected",
    ),
    ("our own settings in a data stream", {".github/opus67.yml::$DATA": X}, "protected"),
    ("our own settings as a program", {".github/opus67.yml": (RUNNABLE, "mode: balanced\n")}, "protected"),
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

"""The repository into a sandbox and the work out of it, whatever the agent did to .git in between."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from jobs.types import PatchRefused, SandboxError
from jobs.workspace import checkout, export, restore
from tests.workspace.box import Box
from tests.workspace.fixtures import FILES, Place
from tests.workspace.forge import FILE, SUBMODULE, Forge

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.bubblewrap
CHANGE = "printf 'def main():\\n    return 2\\n' > app.py; echo new > new.txt"


def paths(place: Place, bundle: bytes | None) -> dict[str, str]:
    assert bundle is not None
    return {file.path: file.status for file in place.receive(bundle).files}


def fresh(place: Place, folder: Path) -> Box:
    return Box(folder / "fresh", place.snapshot.path)


def test_a_checkout_has_the_files_and_the_branch(place: Place, box: Box):
    """The workspace is clean, on the local branch ``work`` at the base, and has no remote."""
    assert (box.workspace / "app.py").read_bytes() == FILES["app.py"].encode()
    assert box.must("git status --porcelain; git branch --show-current; git remote; git rev-parse HEAD").split() == [
        "work",
        place.base,
    ]
    assert box.must("git log --oneline | wc -l").strip() == "1"


def test_a_checkout_shares_the_objects(place: Place, box: Box):
    """The checkout copies no history: its objects are the mirror's."""
    assert box.must("git count-objects -v | grep -E '^(count|in-pack):'").split() == ["count:", "0", "in-pack:", "0"]


def test_the_agent_may_commit(box: Box):
    """An identity is set, so that a commit of the agent's does not fail."""
    box.must(f"{CHANGE}; git add -A && git commit -qm done && git log --format=%an -1")


def test_tags_are_there_for_versions_made_of_them(place: Place, tmp_path: Path):
    """``git describe`` works where a build takes its version from a tag."""
    origin = place.github.world.repository(place.repository).path
    box = Box(tmp_path / "host", origin)
    tag = Box.run(box, f"git --git-dir=/mirror rev-parse {place.base}", timeout=20).output.strip()
    (origin / "refs" / "tags" / "v1.0").write_text(f"{tag}\n")
    new = place.github.commit_file(place.repository, "main", "x.txt", "x")
    place.mirror.fetch(place.repository, place.token, want=new)
    made = fresh(place, tmp_path)
    checkout(made, new)
    assert made.must("git describe --tags").startswith("v1.0-1-g")


def test_a_finished_checkout_is_left_alone(place: Place, box: Box):
    """On a resumed sandbox a checkout does nothing, even when the agent removed .git or moved on."""
    box.must(f"{CHANGE}; rm -rf .git")
    checkout(box, place.base)
    assert (box.workspace / "new.txt").exists()
    assert not (box.workspace / ".git").exists()


def test_a_checkout_that_was_cut_off_is_made_again(place: Place, box: Box):
    """A worker that died in the middle leaves a mark, and the next one starts from nothing."""
    box.must("rm app.py; touch .git/opus67-incomplete half")
    checkout(box, place.base)
    assert (box.workspace / "app.py").exists()
    assert not (box.workspace / "half").exists()


def test_a_checkout_of_another_commit_is_told(place: Place, box: Box):
    """Work on one base is never measured against another."""
    with pytest.raises(SandboxError, match="another commit"):
        checkout(box, place.github.commit_file(place.repository, "main", "x.txt", "x"))


def test_a_checkout_that_fails_is_told(place: Place, tmp_path: Path):
    """A commit that the mirror lacks ends in words, and leaves the sandbox for another try."""
    made = fresh(place, tmp_path)
    with pytest.raises(SandboxError, match="checkout in the sandbox failed"):
        checkout(made, "1" * 40)
    checkout(made, place.base)
    assert (made.workspace / "app.py").exists()


def test_nothing_changed_gives_nothing(place: Place, box: Box):
    """A workspace as it was, ignored files and what tools leave behind aside, gives no bundle."""
    box.must(
        "mkdir -p build __pycache__ node_modules/x; touch build/a b.log __pycache__/a.pyc node_modules/x/y; touch app.py"
    )
    assert export(box, place.base) is None


def test_all_changes_come_out(place: Place, box: Box):
    """Changed, new, removed, renamed and executable files are in the patch, staged or not."""
    box.must(f"{CHANGE}; git rm -q README.md; chmod +x package/module.py; git mv package/deep other; ln -s app.py link")
    assert paths(place, export(box, place.base)) == {
        "README.md": "D",
        "app.py": "M",
        "link": "A",
        "new.txt": "A",
        "other/er/leaf.txt": "R",
        "package/module.py": "M",
    }
    assert not list(box.temporary.glob("opus67*"))


def test_an_empty_file_mode_change_and_odd_names_come_out(place: Place, box: Box):
    """Spaces, quotes, leading dashes and other languages in names are nothing special."""
    names = ["-n", "a b", "quote'\"", "häß", "日本", "$(id)", "*star", "new"]
    for name in names:
        (box.workspace / name).write_text("x")
    assert paths(place, export(box, place.base)) == dict.fromkeys(names, "A")


@pytest.mark.parametrize(
    "state",
    [
        "git add -A && git commit -qm one && echo more >> new.txt && git commit -qam two",
        "git checkout -q --detach && git add -A && git commit -qm x",
        "git checkout -q --orphan other && git add -A && git commit -qm x",
        "git checkout -qb side && git add -A && git commit -qm x && git checkout -q work && git merge -q side; git rebase side",
        "git add -A && git stash -q && git stash pop -q",
        "rm -rf .git",
        "rm .git/index",
        "echo garbage > .git/index",
        "echo garbage > .git/HEAD",
        "rm -rf .git/objects .git/refs",
        "rm -rf .git && git init -q && git add -A && git -c user.name=x -c user.email=x commit -qm x",
        "rm -rf .git && echo 'gitdir: /etc' > .git",
        "rm -rf .git && ln -s /etc .git",
        "git update-index --assume-unchanged app.py",
        "git update-index --skip-worktree app.py",
        "git config core.sparseCheckout true && echo /README.md > .git/info/sparse-checkout",
        "touch .git/index.lock .git/HEAD.lock",
        "mkdir -p .git/rebase-merge && touch .git/MERGE_HEAD .git/CHERRY_PICK_HEAD",
        "git config core.worktree /tmp && git config core.bare true",
        "git config core.fileMode false && git config core.autocrlf true",
        "echo '*' > .git/info/exclude",
        "git replace HEAD $(git commit-tree -m x HEAD^{tree}) || true",
        "git config extensions.objectFormat sha256",
    ],
)
def test_the_work_is_what_the_files_are(place: Place, box: Box, state: str):
    """Whatever the agent did with git, the patch is the difference of the files."""
    box.run(f"{CHANGE}; {state}", timeout=60)
    assert paths(place, export(box, place.base)) == {"app.py": "M", "new.txt": "A"}


def test_a_conflict_left_behind_comes_out_as_it_is(place: Place, box: Box):
    """An unfinished merge does not stop the export: the file with its marks is what there is."""
    box.run(
        "git checkout -qb side; echo a > app.py; git commit -qam a; git checkout -q work; echo b > app.py;"
        "git commit -qam b; git merge side",
        timeout=60,
    )
    bundle = export(box, place.base)
    assert bundle is not None
    assert "<<<<<<<" in place.receive(bundle).diff


def test_another_repository_inside_is_left_out(place: Place, box: Box):
    """A clone inside the workspace, with commits or without, is not published as a link to nowhere."""
    box.must(f"{CHANGE}; git clone -q /mirror reference; git init -q empty; touch empty/file; git init -q package")
    box.must("echo 2 > package/module.py")
    assert paths(place, export(box, place.base)) == {"app.py": "M", "new.txt": "A", "package/module.py": "M"}


def test_unreadable_files_are_made_readable(place: Place, box: Box):
    """Permissions that the agent took away do not lose its work."""
    box.must(f"{CHANGE}; mkdir shut; echo x > shut/file; chmod 0 new.txt shut")
    assert paths(place, export(box, place.base)) == {"app.py": "M", "new.txt": "A", "shut/file": "A"}


def test_pipes_and_sockets_do_not_hang_it(place: Place, box: Box):
    """What is no file is no work."""
    box.must(f"{CHANGE}; mkfifo pipe; mkfifo package/pipe")
    assert paths(place, export(box, place.base)) == {"app.py": "M", "new.txt": "A"}


def test_a_giant_file_is_named(place: Place, box: Box):
    """A file too large to publish is told by its name, before it is read."""
    box.must("truncate -s 5T giant; truncate -s 5T build.log")
    with pytest.raises(PatchRefused, match=r"^giant: "):
        export(box, place.base)


def test_work_over_the_cap_is_told(place: Place, box: Box):
    """A bundle over its cap is refused in words."""
    box.must("head -c 3000000 /dev/urandom > noise")
    with pytest.raises(PatchRefused, match="All may have 1 MB"):
        export(box, place.base, limit=1024 * 1024)


def test_line_ends_of_untouched_files_do_not_change(place: Place, box: Box):
    """A file with CRLF that nobody touched is no part of the patch."""
    box.must("touch crlf.txt; echo new > new.txt")
    assert paths(place, export(box, place.base)) == {"new.txt": "A"}


def test_files_that_git_takes_for_changed_at_once_are_left_out(place: Place, tmp_path: Path):
    """A committed file whose line ends are not what .gitattributes says is no part of the patch until it is touched."""
    place.github.commit_file(place.repository, "main", ".gitattributes", "*.txt text\n")
    snapshot = place.mirror.fetch(place.repository, place.token)
    place.snapshot = snapshot
    box = fresh(place, tmp_path)
    checkout(box, snapshot.base_sha)
    assert export(box, place.base) is None
    box.must(f"touch crlf.txt; {CHANGE}; echo more >> package/deep/er/leaf.txt")
    found = paths(place, export(box, place.base))
    assert found == {"app.py": "M", "new.txt": "A", "package/deep/er/leaf.txt": "M"}
    box.must("echo three >> crlf.txt")
    assert paths(place, export(box, place.base)) == {**found, "crlf.txt": "M"}


def test_a_submodule_of_the_base_stays(place: Place, forge: Forge, tmp_path: Path):
    """A submodule is an empty folder in the sandbox, and stays in the tree as it was."""
    commit = forge.commit(forge.tree({"sub": (SUBMODULE, "1" * 40), ".gitmodules": (FILE, "")}))
    forge.git("push", "-q", str(place.github.world.repository(place.repository).path), f"{commit}:refs/heads/main")
    place.snapshot = place.mirror.fetch(place.repository, place.token)
    box = fresh(place, tmp_path)
    checkout(box, commit)
    assert export(box, commit) is None
    box.must(CHANGE)
    assert paths(place, export(box, commit)) == {"app.py": "M", "new.txt": "A"}
    box.must("rmdir sub")
    with pytest.raises(PatchRefused, match="`sub`: submodules may not be"):
        place.receive(export(box, commit) or b"")


def test_a_checkpoint_comes_back_uncommitted(place: Place, box: Box, tmp_path: Path):
    """In a new sandbox the files are as they were, on top of the base, and export the same."""
    box.must(f"{CHANGE}; git add -A; git commit -qm x; rm README.md; chmod +x package/module.py")
    bundle = export(box, place.base)
    assert bundle is not None
    other = fresh(place, tmp_path)
    restore(other, place.base, bundle)
    status = other.must("git rev-parse HEAD; git status --porcelain")
    assert status.split("\n")[0] == place.base
    assert sorted(status.splitlines()[1:]) == [" D README.md", " M app.py", " M package/module.py", "?? new.txt"]
    assert export(other, place.base) == bundle


def test_a_checkpoint_is_not_brought_back_over_newer_work(place: Place, box: Box):
    """Restoring into a sandbox that is still alive does nothing."""
    box.must(CHANGE)
    bundle = export(box, place.base)
    assert bundle is not None
    box.must("echo newer > new.txt")
    restore(box, place.base, bundle)
    assert (box.workspace / "new.txt").read_text() == "newer\n"


def test_a_restore_that_was_cut_off_is_made_again(place: Place, box: Box):
    """A worker that died while bringing work back leaves a mark, and nothing of the checkpoint is lost."""
    box.must(CHANGE)
    bundle = export(box, place.base)
    assert bundle is not None
    box.must("rm new.txt app.py; touch .git/opus67-incomplete")
    restore(box, place.base, bundle)
    assert (box.workspace / "new.txt").read_text() == "new\n"


def test_a_broken_checkpoint_is_told(place: Place, tmp_path: Path):
    """A checkpoint that is none ends in words, and a checkout still works after it."""
    made = fresh(place, tmp_path)
    with pytest.raises(SandboxError, match="checkout in the sandbox failed"):
        restore(made, place.base, b"nonsense")
    checkout(made, place.base)
    assert (made.workspace / "app.py").exists()


def test_a_base_that_is_no_commit_never_reaches_a_shell(box: Box):
    """What is put into the script is 40 hexadecimal digits."""
    with pytest.raises(ValueError, match="not a commit"):
        checkout(box, "$(touch /tmp/x)")

"""From a bundle to one commit of ours, and the push of it."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest

from jobs.types import GitHubUnavailable, PatchRefused, UserError
from jobs.workspace import PatchRules, PushConflict, PushRefused, Quarantine, sweep
from tests.workspace.fixtures import BOT, Place, mint
from tests.workspace.forge import FILE, LINK, RUNNABLE, Forge

BRANCH = "opus/issue-12-7f3c9a"
FIX = {"app.py": (FILE, "def main():\n    return 2\n"), "new.txt": (FILE, "new\n")}


def stored(place: Place, commit: str) -> str:
    path = place.github.world.repository(place.repository).path
    command = ["git", f"--git-dir={path}", "-c", "safe.directory=*", "cat-file", "commit", commit]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_the_work_becomes_one_commit_of_the_bot(place: Place, forge: Forge):
    """Author, committer, date and message are ours; of the agent's commits only the files count."""
    first = forge.commit(forge.tree({"app.py": (FILE, "x")}))
    bundle = forge.bundle(forge.commit(forge.tree(FIX), first))
    quarantine = place.quarantine()
    patch = place.receive(bundle, quarantine)
    quarantine.push(patch.commit, BRANCH, place.token)
    who = f"{BOT[0]} <{BOT[1]}> 1790000000 +0000"
    tree = forge.tree(FIX)
    assert stored(place, patch.commit) == (
        f"tree {tree}\nparent {place.base}\nauthor {who}\ncommitter {who}\n\n"
        "Fix it\n\nCo-authored-by: Ada <ada@users.noreply.github.com>\n"
    )


def test_the_patch_tells_files_and_lines(place: Place, forge: Forge):
    """Status, additions and deletions of each file, renames among them, and the diff as text."""
    changes = {
        **FIX,
        "package/deep/er/leaf.txt": (FILE, None),
        "package/leaf.txt": (FILE, "leaf\n"),
        "package/module.py": (RUNNABLE, "value = 1\n"),
        "binary": (FILE, b"\0\1\2"),
        "README.md": (FILE, None),
    }
    patch = place.receive(forge.work(changes))
    assert {(file.path, file.status, file.additions, file.deletions) for file in patch.files} == {
        ("README.md", "D", 0, 1),
        ("app.py", "M", 1, 1),
        ("binary", "A", 0, 0),
        ("new.txt", "A", 1, 0),
        ("package/leaf.txt", "R", 0, 0),
        ("package/module.py", "M", 0, 0),
    }
    assert patch.base == place.base
    assert "-    return 1\n+    return 2\n" in patch.diff
    assert "rename from package/deep/er/leaf.txt" in patch.diff


def test_a_second_attempt_makes_the_same_commit(place: Place, forge: Forge):
    """The same work received again, by another process, is the same commit."""
    bundle = forge.work(FIX)
    assert place.receive(bundle).commit == place.receive(bundle, place.quarantine("other")).commit


def test_a_long_diff_is_cut(place: Place, forge: Forge):
    """The diff says that it is cut, and the commit holds all."""
    patch = place.receive(forge.work({"long.txt": (FILE, "line\n" * 5000)}), rules=PatchRules(diff_bytes=2000))
    assert len(patch.diff) < 2100
    assert patch.diff.endswith("\n[cut at 2000 bytes]\n")
    assert patch.additions == 5000


def test_names_and_messages_cannot_forge_a_header(place: Place, forge: Forge):
    """Line ends and angle brackets in a name do not reach the commit's header, nor a line end the trailers."""
    quarantine = place.quarantine()
    patch = place.receive(
        forge.work(FIX),
        quarantine,
        author=("Evil\ncommitter x <x> 0", "a@b>\nparent 1"),
        co_author="Eve\n\nSigned-off-by: Bob <b@b>",
        message="\0\n  Subject\n\nBody\n",
    )
    quarantine.push(patch.commit, BRANCH, place.token)
    header, _, text = stored(place, patch.commit).partition("\n\n")
    who = "Evilcommitter x x 0 <a@bparent 1> 1790000000 +0000"
    assert header.splitlines()[1:] == [f"parent {place.base}", f"author {who}", f"committer {who}"]
    assert text == "Subject\n\nBody\n\nCo-authored-by: Eve Signed-off-by: Bob <b@b>\n"


def test_salvage_of_refused_work_is_readable(place: Place, forge: Forge):
    """Work that may not be pushed is still there as a patch for people."""
    bundle = forge.work({**FIX, ".github/workflows/ci.yml": (FILE, "on: [push]\n")})
    quarantine = place.quarantine()
    with pytest.raises(PatchRefused, match=r"`\.github/workflows/ci\.yml`: the path is protected"):
        place.receive(bundle, quarantine)
    text = quarantine.diff_text(bundle, base=place.base, limit=10_000)
    assert "+on: [push]" in text
    assert "+    return 2" in text
    assert quarantine.diff_text(b"nonsense", base=place.base, limit=100) == ""


def test_conflicts_with_a_moved_base_are_named(place: Place, forge: Forge):
    """Before the push it is known which files conflict with the newest base, and which do not."""
    quarantine = place.quarantine()
    patch = place.receive(forge.work(FIX), quarantine)
    clean = place.github.commit_file(place.repository, "main", "README.md", "other")
    place.mirror.fetch(place.repository, place.token, want=clean)
    assert quarantine.conflicts(patch.commit, clean) == []
    moved = place.github.commit_file(place.repository, "main", "app.py", "other")
    place.mirror.fetch(place.repository, place.token, want=moved)
    assert quarantine.conflicts(patch.commit, moved) == ["app.py"]
    with pytest.raises(UserError, match="could not be compared"):
        quarantine.conflicts(patch.commit, "1" * 40)


def test_one_branch_is_pushed_and_nothing_else(place: Place, forge: Forge):
    """A push makes one branch; a second push of the same commit does nothing."""
    before = place.github.branches(place.repository)
    quarantine = place.quarantine()
    patch = place.receive(forge.work(FIX), quarantine)
    quarantine.push(patch.commit, BRANCH, place.token)
    assert place.github.branches(place.repository) == {**before, BRANCH: patch.commit}
    quarantine.push(patch.commit, BRANCH, place.token)
    there = [push for push in place.github.pushes if push.repository == place.repository]
    assert [push.new for push in there if push.ref == f"refs/heads/{BRANCH}"] == [patch.commit]


def test_a_branch_that_somebody_moved_is_left_alone(place: Place, forge: Forge):
    """A branch that is there already, or moved since, is a conflict in words and stays as it is."""
    quarantine = place.quarantine()
    patch = place.receive(forge.work(FIX), quarantine)
    theirs = place.github.commit_file(place.repository, BRANCH, "theirs.txt", "x")
    with pytest.raises(PushConflict, match="moved by somebody else"):
        quarantine.push(patch.commit, BRANCH, place.token)
    with pytest.raises(PushConflict):
        quarantine.push(patch.commit, BRANCH, place.token, expected=place.base)
    assert place.github.branches(place.repository)[BRANCH] == theirs
    quarantine.push(patch.commit, BRANCH, place.token, expected=theirs)
    assert place.github.branches(place.repository)[BRANCH] == patch.commit


def test_only_branches_of_ours_can_be_pushed(place: Place, forge: Forge):
    """A branch outside ``opus/`` is a mistake in the program, and nothing is sent."""
    quarantine = place.quarantine()
    patch = place.receive(forge.work(FIX), quarantine)
    before = place.github.branches(place.repository)
    for branch in (
        *("main", "opus", "opus/", "opus/../main", "opus/a..b", "opus/a.lock", "opus/a b", "opus/a:refs/heads/main"),
        *(
            "refs/heads/opus/a",
            "Opus/a",
            "opus//a",
            "opus/a/b",
            "opus/-a",
            "opus/a-",
            "opus/a\n",
            "opus/a~1",
            "opus/@{0}",
        ),
        *("+opus/a", "--delete", "opus/*", "", "opus/ä", f"opus/{'a' * 300}", "refs/tags/opus/a"),
    ):
        with pytest.raises(ValueError, match="may push to opus/"):
            quarantine.push(patch.commit, branch, place.token)
    assert place.github.branches(place.repository) == before


def test_a_push_without_permission_is_told(place: Place, forge: Forge):
    """A token that may read only, one that is wrong, and one for another repository: each in words."""
    quarantine = place.quarantine()
    patch = place.receive(forge.work(FIX), quarantine)
    for token in (mint(place.github, place.repository, {"contents": "read"}), "ghs_wrong"):
        with pytest.raises(PushRefused, match="may read and write contents"):
            quarantine.push(patch.commit, BRANCH, token)
    place.github.create_repository(f"{place.repository}-b", {"a": "a"})
    with pytest.raises(PushRefused, match="not found"):
        quarantine.push(patch.commit, BRANCH, mint(place.github, f"{place.repository}-b"))


def test_a_rule_of_the_repository_is_told(place: Place, forge: Forge):
    """A ruleset that refuses the branch is named, with the cure."""
    hook = place.github.world.repository(place.repository).path / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\necho 'error: GH013: Repository rule violations found' >&2\nexit 1\n")
    quarantine = place.quarantine()
    patch = place.receive(forge.work(FIX), quarantine)
    with pytest.raises(PushRefused, match=r"ruleset covers it.*opus/"):
        quarantine.push(patch.commit, BRANCH, place.token)


def test_any_other_refusal_is_told_in_the_servers_words(place: Place, forge: Forge):
    """What the server said is passed on."""
    hook = place.github.world.repository(place.repository).path / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\necho 'commits must be signed' >&2\nexit 1\n")
    quarantine = place.quarantine()
    patch = place.receive(forge.work(FIX), quarantine)
    with pytest.raises(PushRefused, match="commits must be signed"):
        quarantine.push(patch.commit, BRANCH, place.token)


@pytest.mark.parametrize("fault", [{"status": 502}, {"drop": True}])
def test_a_push_whose_answer_was_lost_is_found_done(place: Place, forge: Forge, fault: dict[str, Any]):
    """Where GitHub did what was asked and the answer was lost, the branch is found as it should be."""
    quarantine = place.quarantine()
    patch = place.receive(forge.work(FIX), quarantine)
    place.github.faults.add("POST", f"{place.repository}.git/git-receive-pack", after=True, **fault)
    quarantine.push(patch.commit, BRANCH, place.token)
    assert place.github.branches(place.repository)[BRANCH] == patch.commit


def test_a_push_that_was_not_done_is_worth_another_try(place: Place, forge: Forge):
    """Where the server failed before it did anything, the next try pushes."""
    quarantine = place.quarantine()
    patch = place.receive(forge.work(FIX), quarantine)
    place.github.faults.add("POST", f"{place.repository}.git/git-receive-pack", status=502)
    with pytest.raises(GitHubUnavailable):
        quarantine.push(patch.commit, BRANCH, place.token)
    quarantine.push(patch.commit, BRANCH, place.token)
    assert place.github.branches(place.repository)[BRANCH] == patch.commit


def test_a_server_in_trouble_is_worth_another_try(place: Place, forge: Forge):
    """A 503 to a push is no fault of the person."""
    quarantine = place.quarantine()
    patch = place.receive(forge.work(FIX), quarantine)
    place.github.faults.add("*", f"{place.repository}.git", times=2, status=503)
    with pytest.raises(GitHubUnavailable):
        quarantine.push(patch.commit, BRANCH, place.token)


def test_a_quarantine_is_removed(place: Place, forge: Forge):
    """After a task nothing of it is left, and what a dead worker left is swept."""
    quarantine = place.quarantine()
    place.receive(forge.work(FIX), quarantine)
    other = place.quarantine("dead")
    place.receive(forge.work(FIX), other)
    quarantine.discard()
    quarantine.discard()
    folder = place.home / "quarantine"
    assert [path.name for path in folder.iterdir()] == ["dead"]
    sweep(place.home, ["dead"])
    assert [path.name for path in folder.iterdir()] == ["dead"]
    sweep(place.home, [])
    assert list(folder.iterdir()) == []


def test_a_task_id_cannot_lead_elsewhere(place: Place):
    """A task's folder is one name."""
    with pytest.raises(ValueError, match="not the id"):
        Quarantine(place.mirror, place.repository, "../mirrors")


def test_work_without_changes_is_told(place: Place, forge: Forge):
    """A bundle whose tree is the base's has nothing to publish."""
    with pytest.raises(PatchRefused, match="Nothing is changed"):
        place.receive(forge.work({}))


def test_links_inside_the_repository_are_fine(place: Place, forge: Forge):
    """A relative link to a file or folder of the tree, or to nothing yet, may be published."""
    links = {
        "link": (LINK, "app.py"),
        "package/up": (LINK, "../README.md"),
        "package/deep/far": (LINK, "../../package/deep/./er"),
        "dangling": (LINK, "not/there/yet"),
    }
    assert len(place.receive(forge.work(links)).files) == 4


def test_harmless_attributes_are_fine(place: Place, forge: Forge):
    """Line ends, binary files and linguist hints run nothing."""
    content = "*.txt text eol=lf\n*.png binary\ngen/** linguist-generated=true\n# *.x filter=lfs\n"
    assert place.receive(forge.work({".gitattributes": (FILE, content)})).additions == 4


def test_the_rules_count_and_weigh(place: Place, forge: Forge):
    """Too many files, a file too large and too much in all are told with the numbers."""
    bundle = forge.work({f"f{number}": (FILE, f"{number}" * 100) for number in range(20)})
    for rules, words in (
        (PatchRules(files=19), "20 files are changed; at most 19"),
        (PatchRules(file_bytes=150), r"`f10`: the file has 200 bytes; at most 150"),
        (PatchRules(total_bytes=2500), "have 3000 bytes; at most 2500"),
    ):
        with pytest.raises(PatchRefused, match=words):
            place.receive(bundle, rules=rules)

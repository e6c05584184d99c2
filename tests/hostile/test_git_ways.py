"""The other ways out: a merge, a branch that goes on, and each real sandbox, with an agent that does what it is told."""

from __future__ import annotations

import subprocess
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from jobs.testing.models import call
from jobs.types import Conclusion, PatchRefused
from jobs.workspace import PushConflict, checkout, export, merge
from tests.jobs.workshop import FIXED, WORKSHOP, Workshop, finish, write
from tests.sandbox.places import PROVIDERS, start
from tests.workspace.box import Box
from tests.workspace.forge import FILE, Forge

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from jobs.store import Store
    from jobs.testing.github import LocalGitHub
    from tests.workspace.fixtures import Place

BRANCH = "opus/issue-1-abc"
PROGRAM = "/tmp/run"
POISON = f"""
set -e
printf '#!/bin/sh\\ntouch /tmp/mark\\ncat\\n' > {PROGRAM}; chmod +x {PROGRAM}
mkdir -p .git/hooks
for hook in post-checkout pre-commit reference-transaction pre-push post-index-change post-merge; do
  cp {PROGRAM} .git/hooks/$hook
done
for setting in core.fsmonitor core.sshCommand diff.external gpg.program filter.evil.clean filter.evil.smudge \\
  merge.evil.driver diff.evil.textconv credential.helper core.alternateRefsCommand; do git config $setting {PROGRAM}; done
git config filter.evil.required true
echo '* filter=evil merge=evil diff=evil' > .git/info/attributes
git config url.ext::{PROGRAM}.insteadOf https://
test -x .git/hooks/reference-transaction
test "$(git config merge.evil.driver)" = {PROGRAM}
"""
"""Traps of many sorts at once, and the proof that they are in place."""
ESCAPES = f"""
git config core.fsmonitor false; rm -rf .git/hooks; git config --unset filter.evil.required
for name in main release/1 opus/other; do git branch -f $name 2>/dev/null || true; done
git tag -f v9; git update-ref refs/pull/1/head HEAD; git symbolic-ref HEAD refs/heads/main
git remote add origin $(git config --get remote.origin.url || echo https://github.com/{WORKSHOP}) 2>/dev/null || true
git push --force origin HEAD:main HEAD:refs/tags/v9 && exit 1
test "$(git symbolic-ref HEAD)" = refs/heads/main
"""
"""Everything that an agent with git would try to move, which it cannot reach."""


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_real_sandbox_that_is_poisoned_gives_its_files_only(place: Place, provider: str) -> None:
    """Nothing of it runs while the work leaves; one branch is new, and all else on GitHub is where it was."""
    name = f"{place.repository.rpartition('-')[2]}-poisoned"
    with closing(start(provider, place.home, name=name, mirror=str(place.snapshot.path))) as sandbox:
        checkout(sandbox, place.base)
        done = sandbox.run(f"echo changed > app.py; {POISON} rm -f /tmp/mark", timeout=60)
        assert done.exit_code == 0, done.output
        before, bundle = place.references(), export(sandbox, place.base)
        assert sandbox.run("test ! -e /tmp/mark", timeout=60).exit_code == 0
        assert sandbox.run("git add -A; test -e /tmp/mark", timeout=60).exit_code == 0, "the traps were real"
    assert bundle is not None
    quarantine = place.quarantine()
    patch = place.receive(bundle, quarantine)
    quarantine.push(patch.commit, BRANCH, place.token)
    assert [file.path for file in patch.files] == ["app.py"]
    assert place.references() == {**before, f"refs/heads/{BRANCH}": patch.commit}


class TestMerges:
    """A merge of the base into a branch of ours."""

    @pytest.fixture
    def apart(self, place: Place) -> tuple[str, str]:
        """Return the heads of a branch of ours and of its base, which conflict; the base has attributes of its own."""
        github, name = place.github, place.repository
        attributes = "*.py merge=evil filter=evil diff=evil\n"
        github.commit_file(name, BRANCH, ".gitattributes", attributes, by="ada")
        head = github.commit_file(name, BRANCH, "app.py", "ours\n", by="ada")
        github.commit_file(name, "main", ".gitattributes", attributes, by="bob")
        base = github.commit_file(name, "main", "app.py", "theirs\n", by="bob")
        for commit in (head, base):
            place.mirror.fetch(name, place.token, want=commit)
        return head, base

    def test_it_has_two_parents_and_runs_nothing(self, place: Place, apart: tuple[str, str], tmp_path: Path) -> None:
        """Drivers named by attributes on both sides run neither in the export nor on the host."""
        head, base = apart
        box = Box(tmp_path / "box", place.snapshot.path)
        checkout(box, head)
        assert merge(box, head, base) == ("app.py",)
        box.must(
            f"echo both > app.py; {POISON} rm -f /tmp/mark; git rev-parse HEAD > .git/ORIG_HEAD; echo x > .git/MERGE_HEAD"
        )
        before, bundle = place.references(), export(box, head, merges=base)
        assert bundle is not None
        assert not (box.temporary / "mark").exists()
        quarantine = place.quarantine()
        patch = place.receive(bundle, quarantine, base=head, merges=base)
        quarantine.push(patch.commit, BRANCH, place.token, expected=head)
        assert place.references() == {**before, f"refs/heads/{BRANCH}": patch.commit}
        path = place.github.world.repository(place.repository).path
        made = subprocess.run(
            ["git", "-c", "safe.directory=*", f"--git-dir={path}", "show", "-s", "--format=%P", patch.commit],
            check=True,
            capture_output=True,
            text=True,
        )
        assert made.stdout.split() == [head, base]

    @pytest.mark.parametrize(
        ("path", "words"),
        [
            (".GitHub/Workflows/evil.yml", "protected"),
            (".git./config", "sound|.git"),
            ("App.PY", "case or form"),
            ("sub/.gitmodules", "sound|submodules"),
            ("x/.gitattributes", "attribute"),
        ],
    )
    def test_what_is_in_neither_side_is_judged(
        self, place: Place, apart: tuple[str, str], tmp_path: Path, path: str, words: str
    ) -> None:
        """A merge is no way around a rule, however the path is spelled."""
        head, base = apart
        forge = Forge(tmp_path / "forge.git", place.snapshot.path, base)
        content = "* filter=evil\n" if path.endswith("attributes") else '[submodule "a"]\n\tpath = a\n\turl = ./b\n'
        commit = forge.commit(forge.tree({"app.py": (FILE, "both\n"), path: (FILE, content)}), head, base)
        header = f"# v2 git bundle\n-{head} x\n-{base} x\n{commit} refs/heads/work\n\n".encode()
        with pytest.raises(PatchRefused, match=words):
            place.receive(header + forge.pack(), base=head, merges=base)

    def test_a_parent_that_is_not_the_base_is_refused(
        self, place: Place, apart: tuple[str, str], tmp_path: Path
    ) -> None:
        """Neither a bundle that needs another commit nor a merge of a commit that is not in the repository."""
        head, base = apart
        forge = Forge(tmp_path / "forge.git", place.snapshot.path, head)
        work = forge.work({"app.py": (FILE, "both\n")})
        with pytest.raises(PatchRefused, match="not one branch on the base"):
            place.receive(work, base=head, merges=base)
        with pytest.raises(PatchRefused, match="is no commit of this repository"):
            place.receive(work, base=head, merges="1" * 40)


@pytest.fixture
def followed(home: Path, local: LocalGitHub, store: Store) -> Iterator[Workshop]:
    """Yield a workshop whose agent was told to move everything, twice: for a new branch and to go on with it."""
    with Workshop.open(home, local, store) as workshop:
        script = call("bash", command=f"{POISON}{ESCAPES} echo escaped-all")
        workshop.plays(work=[write(), script, finish()])
        first = workshop.task()
        assert workshop.run(first).conclusion == Conclusion.SUCCESS
        workshop.plays(work=[write(FIXED + "# again\n"), script, finish("Again.", "Again")])
        again = workshop.task(title="Again", text="More.", follows=first.id, onto=first.branch)
        assert workshop.run(again).conclusion == Conclusion.SUCCESS
        yield workshop


@pytest.mark.bubblewrap
def test_an_obedient_agent_moves_one_branch_forward(followed: Workshop) -> None:
    """Two runs: two pushes to one branch, the second on top of the first; main, tags and HEAD are where they were."""
    told = str([one.body["messages"][-1] for one in followed.model.requests])
    assert "escaped-all" in told, "the agent did all of it"
    pushes = [push for push in followed.github.pushes if push.by.endswith("[bot]")]
    branch = pushes[0].ref
    assert branch.startswith("refs/heads/opus/bg-")
    assert [push.ref for push in pushes] == [branch, branch]
    assert pushes[1].old == pushes[0].new
    path = followed.github.world.repository(WORKSHOP).path
    git = ["git", "-c", "safe.directory=*", f"--git-dir={path}"]
    shown = subprocess.run([*git, "log", "--format=%P", branch], check=True, capture_output=True, text=True).stdout
    main = followed.github.branches(WORKSHOP)["main"]
    assert shown.split() == [pushes[0].new, main]
    names = subprocess.run([*git, "for-each-ref", "--format=%(refname)"], check=True, capture_output=True, text=True)
    assert set(names.stdout.split()) == {"refs/heads/main", branch, f"refs/pull/{followed.pull().number}/head"}


def test_a_branch_that_somebody_moved_is_left_alone(place: Place, forge: Forge) -> None:
    """Neither a person's commit on our branch, nor one's own branch of that name, is overwritten."""
    quarantine = place.quarantine()
    patch = place.receive(forge.work({"app.py": (FILE, "x")}), quarantine)
    quarantine.push(patch.commit, BRANCH, place.token)
    theirs = place.github.commit_file(place.repository, BRANCH, "mine.txt", "mine\n", by="ada")
    before = place.references()
    other = place.quarantine("8f3c9b")
    later = place.receive(forge.work({"app.py": (FILE, "y")}), other)
    for expected in (None, patch.commit, place.base):
        with pytest.raises(PushConflict, match="moved by somebody else"):
            other.push(later.commit, BRANCH, place.token, expected=expected)
    assert place.references() == before
    assert before[f"refs/heads/{BRANCH}"] == theirs


@pytest.mark.parametrize(
    "name",
    [
        *("main", "refs/heads/main", "opus", "opus/", "opus/../main", "opus/x/../../main", "OPUS/x", "opus//x"),
        *("opus/x.lock", "opus/.x", "opus/x y", "opus/x\n", "opus/x:main", "+opus/x", "opus/x~1", "opus/x^{}", "opus/@{-1}"),
        *("opus/\u200bx", "opus/x\\y", "opus/-x", "--mirror", "opus/x*", "HEAD", "refs/tags/v1", "opus\u2215x", "opus/" + "x" * 300),
    ],
)  # fmt: skip
def test_no_name_leads_elsewhere(settled: Place, name: str) -> None:
    """What is not plainly a branch under ``opus/`` is not pushed to, and GitHub is not even asked."""
    asked = len(settled.github.requests)
    with pytest.raises(ValueError, match="may push to opus/"):
        settled.quarantine().push(settled.base, name, settled.token)
    assert len(settled.github.requests) == asked

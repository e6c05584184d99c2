"""An agent that poisons its checkout: the work still comes out as what the files are, and nothing of it runs outside."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from jobs.types import PatchRefused, SandboxError
from jobs.workspace import checkout, export, restore
from tests.conftest import short_folder
from tests.workspace.box import Box
from tests.workspace.forge import FILE, Forge

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.workspace.fixtures import Place

pytestmark = pytest.mark.bubblewrap

WORK = "echo changed > app.py; "
HOOKS = "post-checkout pre-commit post-commit reference-transaction pre-push post-index-change pre-auto-gc fsmonitor-watchman"
FILTER = (
    "git config filter.x.clean /tmp/run; git config filter.x.smudge /tmp/run; git config filter.x.process /tmp/run;"
)

POISONS: list[tuple[str, str]] = [
    ("hooks of every name", f"mkdir -p .git/hooks; for hook in {HOOKS}; do cp /tmp/run .git/hooks/$hook; done"),
    (
        "a folder of hooks elsewhere",
        "mkdir /tmp/h; cp /tmp/run /tmp/h/reference-transaction; git config core.hooksPath /tmp/h",
    ),
    ("a file monitor", "git config core.fsmonitor /tmp/run"),
    (
        "a file monitor of the second version",
        "git config core.fsmonitor /tmp/run; git config core.fsmonitorHookVersion 2",
    ),
    ("a filter by the repository's own attributes", f"{FILTER} echo '* filter=x' > .git/info/attributes"),
    (
        "a filter by attributes of the user",
        f"{FILTER} echo '* filter=x' > /tmp/a; git config core.attributesFile /tmp/a",
    ),
    ("a filter that must run", f"{FILTER} git config filter.x.required true; echo '* filter=x' > .git/info/attributes"),
    (
        "a diff driver",
        "git config diff.x.textconv /tmp/run; git config diff.external /tmp/run; echo '* diff=x' > .git/info/attributes",
    ),
    ("a merge driver", "git config merge.x.driver /tmp/run; echo '* merge=x' > .git/info/attributes"),
    (
        "a signature program",
        "git config gpg.program /tmp/run; git config commit.gpgSign true; git config tag.gpgSign true",
    ),
    (
        "a signature by ssh",
        "git config gpg.format ssh; git config gpg.ssh.program /tmp/run; git config commit.gpgSign true",
    ),
    (
        "an editor and a pager",
        "git config core.editor /tmp/run; git config core.pager /tmp/run; git config sequence.editor /tmp/run",
    ),
    ("a credential helper", "git config credential.helper '!/tmp/run'; git config core.askPass /tmp/run"),
    (
        "a transport command",
        "git config core.sshCommand /tmp/run; git config core.gitProxy /tmp/run; git config protocol.allow always",
    ),
    ("an upload-pack hook", "git config uploadpack.packObjectsHook /tmp/run"),
    ("a remote that runs", "git remote add origin 'ext::/tmp/run'; git config remote.origin.receivepack /tmp/run"),
    (
        "an address that is another",
        "git config url.ext::/tmp/run.insteadOf http; git config url.ext::/tmp/run.pushInsteadOf http",
    ),
    (
        "aliases of git's own commands",
        "for name in add init status bundle; do git config alias.$name '!/tmp/run'; done",
    ),
    (
        "a configuration that includes another",
        "printf '[core]\\nfsmonitor=/tmp/run\\n' > /tmp/c; git config include.path /tmp/c",
    ),
    (
        "a configuration of the work tree",
        "git config extensions.worktreeConfig true; git config --worktree core.fsmonitor /tmp/run",
    ),
    (
        "a configuration of the user",
        "mkdir -p /tmp/git; printf '[core]\\nfsmonitor=/tmp/run\\n' > /tmp/.gitconfig; cp /tmp/.gitconfig /tmp/git/config",
    ),
    (
        "another repository as .git",
        "git init -q --bare /tmp/r; git -C /tmp/r config core.fsmonitor /tmp/run; rm -rf .git; echo 'gitdir: /tmp/r' > .git",
    ),
    (
        "a link as .git",
        "mv .git /tmp/moved; git --git-dir=/tmp/moved config core.fsmonitor /tmp/run; ln -s /tmp/moved .git",
    ),
    (
        "a bare repository in a folder",
        "git init -q --bare build/bare; git -C build/bare config core.fsmonitor /tmp/run",
    ),
    (
        "alternates that lead elsewhere",
        "echo /proc/self/root > .git/objects/info/alternates; echo /nonexistent >> .git/objects/info/alternates",
    ),
    ("a replaced object", "git replace -f $(git rev-parse HEAD:README.md) $(git hash-object -w app.py)"),
    ("a graft", "echo $(git rev-parse HEAD) > .git/info/grafts; git rev-parse HEAD > .git/shallow"),
    (
        "a submodule's folder in .git",
        "mkdir -p .git/modules/x; cp .git/config .git/modules/x; git config submodule.x.update '!/tmp/run'",
    ),
    ("an index with an extension of its own", "printf 'DIRC\\0\\0\\0\\2\\377\\377\\377\\377' > .git/index"),
    ("a pipe as the index", "rm .git/index; mkfifo .git/index"),
    ("a pipe as the configuration", "rm .git/config; mkfifo .git/config"),
    ("a giant configuration", "truncate -s 3T .git/config"),
    (
        "references to the host's files",
        "rm .git/HEAD; ln -s /etc/passwd .git/HEAD; ln -s /etc/shadow .git/refs/heads/x",
    ),
    ("scripts in front of git in the path", "mkdir -p /tmp/bin; cp /tmp/run /tmp/bin/git; export PATH=/tmp/bin:$PATH"),
    (
        "start files of the shell",
        "cp /tmp/run /tmp/.bashrc; cp /tmp/run /tmp/.bash_profile",
    ),
    (
        "links where the export is written",
        "ln -s /workspace /tmp/opus67-export; ln -s /etc/passwd /tmp/opus67-restore.bundle",
    ),
    (
        "folders where the export is written",
        "mkdir -p /tmp/opus67-export/git/hooks; cp /tmp/run /tmp/opus67-export/git/hooks/reference-transaction",
    ),
    ("attributes that are committed nowhere", f"{FILTER} printf '[attr]binary filter=x\\n' > .git/info/attributes"),
    (
        "a maintenance task",
        "git config maintenance.auto true; git config gc.auto 1; git config gc.autoDetach false; mkdir .git/hooks; cp /tmp/run .git/hooks/pre-auto-gc",
    ),
    ("trace files", "git config trace2.eventTarget /tmp/trace; git config trace2.normalTarget af_unix:/tmp/x"),
    (
        "a common folder elsewhere",
        "git init -q --bare /tmp/r; git -C /tmp/r config core.fsmonitor /tmp/run; echo /tmp/r > .git/commondir",
    ),
    ("a work tree elsewhere", "git config core.worktree /etc"),
    (
        "files at which git shall not look",
        "git update-index --assume-unchanged app.py; git update-index --skip-worktree README.md",
    ),
    ("a sparse checkout of nothing", "git config core.sparseCheckout true; echo /nothing > .git/info/sparse-checkout"),
    ("an index with a file monitor's extension", "git config core.fsmonitor /tmp/run; git update-index --fsmonitor"),
    ("an index in two parts", "git update-index --split-index; rm .git/sharedindex.*; touch .git/sharedindex.gone"),
    (
        "a promisor that runs",
        "printf '[remote \"evil\"]\\nurl = ext::/tmp/run\\npromisor = true\\n[extensions]\\npartialClone = evil\\n' >> .git/config",
    ),
    ("a HEAD that climbs", "printf 'ref: refs/heads/../../../../etc/passwd' > .git/HEAD"),
    (
        "branches, tags and notes of its own",
        "for name in main release/1 opus/issue-2-def; do git branch $name; done; git tag v1; git tag -a v2 -m x; git notes add -m x",
    ),
    (
        "commits in somebody's name",
        "git -c user.name=mallory -c user.email=m@x commit -qam 'evil [skip ci] fixes #1' --author 'octo <octo@x>'",
    ),
    (
        "a configuration for one folder",
        "printf '[core]\\nfsmonitor=/tmp/run\\n' > /tmp/c; git config includeIf.gitdir:/.path /tmp/c",
    ),
    (
        "a folder of templates",
        "mkdir -p /tmp/t/hooks; cp /tmp/run /tmp/t/hooks/reference-transaction; git config init.templateDir /tmp/t",
    ),
    ("the address of a bundle", "git config fetch.bundleURI file:///tmp/evil; git config transfer.bundleURI true"),
    (
        "variables for the next commands",
        "for file in .profile .bash_env .gitconfig; do echo 'export GIT_EXTERNAL_DIFF=/tmp/run GIT_EXEC_PATH=/tmp' > /tmp/$file; done",
    ),
    (
        "an object that is none",
        "object=$(git hash-object -w app.py); file=.git/objects/${object:0:2}/${object:2}; chmod u+w $file; echo junk > $file",
    ),
    ("locks on everything", "touch .git/index.lock .git/HEAD.lock .git/config.lock .git/packed-refs.lock"),
    (
        "commands for trailers, templates and references",
        "git config trailer.x.command /tmp/run; git config core.alternateRefsCommand /tmp/run; git config commit.template /tmp/run",
    ),
    (
        "folders that cannot be entered",
        "mkdir -p build/locked; chmod 000 build/locked; mkdir .git/locked; chmod 000 .git/locked",
    ),
]

PROOFS: dict[str, str] = {
    "hooks of every name": "test -x .git/hooks/reference-transaction",
    "a folder of hooks elsewhere": "test -x $(git config core.hooksPath)/reference-transaction",
    "alternates that lead elsewhere": "grep -q /proc/self/root .git/objects/info/alternates",
    "a replaced object": "git replace -l | grep -q .",
    "a graft": "test -s .git/shallow -a -s .git/info/grafts",
    "an index with an extension of its own": "test $(stat -c %s .git/index) = 12",
    "a pipe as the index": "test -p .git/index",
    "a pipe as the configuration": "test -p .git/config",
    "a giant configuration": "test $(stat -c %s .git/config) -gt 3000000000000",
    "references to the host's files": "test -L .git/HEAD -a -L .git/refs/heads/x",
    "scripts in front of git in the path": "test -x /tmp/bin/git",
    "start files of the shell": "test -x /tmp/.bashrc -a -x /tmp/.bash_profile",
    "links where the export is written": "test -L /tmp/opus67-export -a -L /tmp/opus67-restore.bundle",
    "folders where the export is written": "test -x /tmp/opus67-export/git/hooks/reference-transaction",
    "a maintenance task": "test -x .git/hooks/pre-auto-gc && git config maintenance.auto",
    "trace files": "git config trace2.eventTarget",
    "a work tree elsewhere": "grep -q 'worktree = /etc' .git/config",
    "files at which git shall not look": "git ls-files -v | grep -q '^h app.py' && git ls-files -v | grep -q '^S README'",
    "a sparse checkout of nothing": "git config core.sparseCheckout && grep -q nothing .git/info/sparse-checkout",
    "an index with a file monitor's extension": "grep -q FSMN .git/index",
    "an index in two parts": "grep -q link .git/index",
    "a HEAD that climbs": "grep -q etc/passwd .git/HEAD",
    "branches, tags and notes of its own": "test $(git for-each-ref | wc -l) -ge 7",
    "commits in somebody's name": "git log -1 --format=%an | grep -q octo",
    "a folder of templates": "test -x $(git config init.templateDir)/hooks/reference-transaction",
    "the address of a bundle": "git config fetch.bundleURI",
    "an object that is none": "! git cat-file blob $(git hash-object app.py) 2>/dev/null",
    "locks on everything": "test -f .git/index.lock -a -f .git/config.lock",
    "folders that cannot be entered": "test $(stat -c %a .git/locked) = 0",
}
"""How it is seen that the trick is in place; where none is named, that git's files name the program."""
NAMED = "grep -rqsF --exclude=run /tmp/run .git /tmp build"


@dataclass
class Trap:
    """A program under one path inside and on the host, and the marks that it leaves wherever it runs."""

    program: str
    marks: tuple[Path, ...]

    def set_in(self, script: str) -> str:
        """Return a script that is about this program."""
        return script.replace("/tmp/run", self.program)

    def forget(self) -> None:
        """Take away the marks that were left so far."""
        for mark in self.marks:
            mark.unlink(missing_ok=True)

    @property
    def sprung(self) -> list[Path]:
        """The marks that there are."""
        return [mark for mark in self.marks if mark.exists()]


@pytest.fixture
def trap(box: Box) -> Iterator[Trap]:
    """Put the program in place, so that a path in a configuration names it for the host's git, too."""
    with short_folder("o67-trap-") as folder:
        (box.temporary / folder.name).mkdir()
        marks = (folder / "mark", box.temporary / folder.name / "mark")
        for program in (folder / "run", box.temporary / folder.name / "run"):
            program.write_text(f"#!/bin/sh\ntouch {folder}/mark\ncat\n")
            program.chmod(0o755)
        yield Trap(str(folder / "run"), marks)


@pytest.mark.parametrize("name", [name for name, _ in POISONS])
def test_a_poisoned_checkout_runs_nothing(place: Place, box: Box, trap: Trap, name: str):
    """Whatever is in .git, the export, the checks and the push run none of it, and the work is published, and only it."""
    box.must(trap.set_in(f"set -e; {WORK}{dict(POISONS)[name]}"))
    box.must(trap.set_in(PROOFS.get(name, NAMED)))
    trap.forget()
    before = place.references()
    bundle = export(box, place.base)
    assert bundle is not None
    quarantine = place.quarantine()
    patch = place.receive(bundle, quarantine)
    quarantine.push(patch.commit, "opus/issue-1-abc", place.token)
    assert [file.path for file in patch.files] == ["app.py"]
    assert not trap.sprung
    assert place.references() == {**before, "refs/heads/opus/issue-1-abc": patch.commit}
    assert place.message(patch.commit) == "Fix it\n\nCo-authored-by: Ada <ada@users.noreply.github.com>\n"


@pytest.mark.parametrize(
    "name", ["hooks of every name", "a file monitor", "a filter that must run", "a signature program"]
)
def test_the_traps_are_real(box: Box, trap: Trap, name: str):
    """The same poison runs where somebody uses git there, on the host as inside: so its silence above means something."""
    box.run(trap.set_in(f"{WORK}{dict(POISONS)[name]}; git add -A; git commit -m x"), timeout=60)
    assert trap.marks[1].exists()
    trap.forget()
    (box.workspace / "app.py").write_text("again\n")
    environment = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent"}
    environment["GIT_ALTERNATE_OBJECT_DIRECTORIES"] = str(box.mirror / "objects")
    for command in ("add -A", "commit -m x"):
        git = ["git", "-C", str(box.workspace), *command.split()]
        subprocess.run(git, check=False, capture_output=True, env=environment)
    assert trap.marks[0].exists()


@pytest.mark.parametrize("attribute", ["filter=x", "filter=x diff=x merge=x", "working-tree-encoding=UTF-16"])
def test_poisoned_attributes_of_the_work_run_nothing(place: Place, box: Box, trap: Trap, attribute: str):
    """A .gitattributes in the work itself runs no driver, and is refused by its rule."""
    box.must(trap.set_in(f"{WORK}{FILTER} echo '*.nothing {attribute}' > .gitattributes"))
    trap.forget()
    bundle = export(box, place.base)
    assert bundle is not None
    with pytest.raises(PatchRefused, match="attribute"):
        place.receive(bundle)
    assert not trap.sprung


@pytest.mark.parametrize(
    ("script", "path"),
    [
        ("mkdir -p .GIT/hooks; echo x > .GIT/config", ".GIT"),
        ("mkdir -p package/.Git; echo x > package/.Git/config", ".Git"),
        ("mkdir -p GIT~1; echo x > GIT~1/config", "GIT~1"),
    ],
)
def test_folders_that_some_system_takes_for_git_do_not_come_out(place: Place, box: Box, script: str, path: str):
    """Git itself leaves them out, and the rest of the work is published."""
    box.must(f"{WORK}{script}")
    bundle = export(box, place.base)
    assert bundle is not None
    assert [file.path for file in place.receive(bundle).files] == ["app.py"], path


class Liar(Box):
    """A sandbox that the agent owns wholly: it answers what it wants."""

    answer: bytes = b""
    code = 0

    def run(self, _: str, **options):  # type: ignore[override]
        """Say that all went well, or not, without doing anything."""
        result = super().run("true", **options)
        return type(result)(self.code, "x" * 100 + "\n\x1b[31m`rm -rf /`\n", 0.0)

    def read(self, _: str, *, limit: int) -> bytes:
        """Return what the agent likes."""
        return self.answer[:limit]


def test_a_sandbox_that_lies_gets_nothing_published(place: Place, tmp_path: Path):
    """The host believes no word of the sandbox: what is not a sound bundle is refused, and its words are made plain."""
    liar = Liar(tmp_path / "liar", place.snapshot.path)
    for answer in (b"", b"x" * 1000, b"# v2 git bundle\n\nPACK"):
        liar.answer = answer
        bundle = export(liar, place.base)
        assert bundle == answer
        with pytest.raises(PatchRefused):
            place.receive(bundle)
    liar.code = 1
    with pytest.raises(SandboxError) as caught:
        export(liar, place.base)
    assert "\x1b" not in str(caught.value)
    with pytest.raises(SandboxError):
        checkout(liar, place.base)


def test_a_poisoned_checkpoint_runs_nothing_in_the_next_sandbox(place: Place, forge: Forge, trap: Trap, tmp_path: Path):
    """Bringing a checkpoint back runs no hook and no filter that its tree asks for."""
    other = Box(tmp_path / "other", place.snapshot.path)
    bundle = forge.work(
        {".gitattributes": (FILE, "* filter=x\n"), ".git-hooks/post-checkout": (b"100755", "touch /tmp/canary\n")}
    )
    restore(other, place.base, bundle)
    assert (other.workspace / ".gitattributes").exists()
    assert not (other.temporary / "canary").exists()
    assert not trap.sprung


def test_a_checkpoint_cannot_write_over_the_new_git_folder(place: Place, forge: Forge, tmp_path: Path):
    """A tree that holds .git is refused by git in the sandbox as well."""
    other = Box(tmp_path / "other", place.snapshot.path)
    with pytest.raises(SandboxError):
        restore(other, place.base, forge.work({".git/hooks/post-index-change": (b"100755", "touch /tmp/canary\n")}))
    assert not (other.temporary / "canary").exists()

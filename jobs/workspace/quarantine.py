"""The bare repository of one task on the host, where its work is checked and becomes one commit of ours."""

from __future__ import annotations

import re
import secrets
import shutil
from typing import TYPE_CHECKING

from jobs.types import FileChange, Patch, PatchRefused, UserError
from jobs.workspace import attributes, pack
from jobs.workspace.git import MEBIBYTE, GitFailed
from jobs.workspace.merging import marks_left
from jobs.workspace.mirror import COMMIT, Mirror
from jobs.workspace.objects import Objects
from jobs.workspace.push import push_branch
from jobs.workspace.rules import (
    ABSENT,
    SUBMODULE_MODE,
    Change,
    PatchRules,
    Tree,
    Violation,
    protected_paths,
    secret_violation,
    size_violations,
    tree_violations,
)

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from jobs.workspace.objects import Entries

MOST_CHANGES = 100_000
SHOWN_VIOLATIONS = 10
DIFF_SECONDS = 60.0
MARKED_FILE_LIMIT = 10 * MEBIBYTE
"""Larger files are not text that anybody resolves."""

_TASK = re.compile(r"[A-Za-z0-9_-]{1,64}")
_DIFF = ("diff-tree", "-r", "-z", "--no-ext-diff", "--no-textconv", "--no-color")


class Quarantine:
    """Receives the work of one task, checks it, and pushes it; nothing that an agent wrote runs here."""

    def __init__(self, mirror: Mirror, repository: str, task: str) -> None:
        if not _TASK.fullmatch(task):
            raise ValueError(f"not the id of a task: {task[:80]!r}")
        self.repository = repository
        self._mirror = mirror
        self._git = mirror.git
        self._folder = mirror.home / "quarantine" / task
        self._path = self._folder / f"{secrets.token_hex(4)}.git"
        self._objects = Objects(self._git, self._path)

    def receive(
        self,
        bundle: bytes,
        *,
        base: str,
        message: str,
        author: tuple[str, str],
        co_author: str = "",
        when: int,
        rules: PatchRules,
        merges: str = "",
    ) -> Patch:
        """Make one commit on ``base`` of the tree in ``bundle``, by ``author`` at ``when`` (seconds since the epoch).

        The same arguments give the same commit. Raises ``PatchRefused`` with each path and the rule that it breaks.
        With ``merges``, a commit of the mirror, it is the second parent; files and diff then tell what differs from
        what git makes of the merge by itself, and that alone is judged, but for what is as one of the sides has it.
        """
        try:
            tree = self._tree_of(bundle, base, merges)
            before = self._merged(base, merges)[0] if merges else base
            changes = self._changes(before, tree)
            judged = self._own(base, merges, changes, rules) if merges else changes
            self._check(before, tree, judged, rules, nothing=bool(merges))
            parents = (base, merges) if merges else (base,)
            commit = self._commit(parents, self._rebuilt(before, changes), _message(message, co_author), author, when)
            return Patch(base, commit, self._files(before, commit), self._diff(before, commit, rules.diff_bytes))
        except GitFailed as failure:
            raise PatchRefused(
                f"The work could not be checked ({failure}). Ask for less at once, or run it again."
            ) from failure

    def diff_text(self, bundle: bytes, *, base: str, limit: int, merges: str = "") -> str:
        """Return work that was refused as plain text for people, cut to ``limit`` bytes; empty when unreadable."""
        try:
            tree = self._tree_of(bundle, base, merges)
            return self._diff(self._merged(base, merges)[0] if merges else base, tree, limit)
        except (PatchRefused, GitFailed):
            return ""

    def conflicts(self, commit: str, onto: str) -> list[str]:
        """Return the paths that conflict when ``commit`` is merged with the mirror's commit ``onto``."""
        try:
            return self._merged(onto, commit)[1]
        except GitFailed as failure:
            raise UserError(
                f"The work could not be compared with {onto[:12]} ({failure}). Run the task again."
            ) from failure

    def push(self, commit: str, branch: str, token: str, *, expected: str | None = None) -> None:
        """Push ``commit`` to ``branch``, which must be absent or at ``expected``; nothing to do when it is there.

        Raises ``ValueError`` for a branch outside ``opus/``, ``PushConflict`` when somebody else moved the branch,
        ``PushRefused`` when GitHub says no, and ``GitHubUnavailable`` when another try may succeed.
        """
        if not COMMIT.fullmatch(commit) or (expected is not None and not COMMIT.fullmatch(expected)):
            raise ValueError("a commit is named by its 40 hexadecimal digits")
        url = self._mirror.url(self.repository)
        push_branch(self._git, self._path, url, self.repository, commit, branch, token, expected=expected)

    def discard(self) -> None:
        """Remove all that is kept on the host for this task; does nothing the second time."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _merged(self, commit: str, other: str) -> tuple[str, list[str]]:
        """Return the tree that git makes of a merge, marks of conflicts in it, and the paths that conflict."""
        arguments = ("merge-tree", "--write-tree", "--name-only", "--no-messages", "-z", commit, other)
        result = self._git.run(self._path, *arguments, seconds=DIFF_SECONDS, accept=(0, 1))
        merged, *names = result.output.split(b"\0")
        tree = merged.decode(errors="replace")
        if not COMMIT.fullmatch(tree):
            raise GitFailed("merge-tree", result.exit_code, f"{commit[:12]} or {other[:12]} is not here")
        return tree, [name.decode(errors="backslashreplace") for name in names if name and result.exit_code == 1]

    def _own(self, base: str, merges: str, changes: list[Change], rules: PatchRules) -> list[Change]:
        """Return the changes of a merge that are somebody's own: as neither side has them, or on a protected path.

        Of a protected path not even one side may be chosen against git: that would undo what the other side did.
        """
        protected = protected_paths(changes, rules)
        sides = [self._objects.entries(side) for side in (base, merges)]
        own = [
            change
            for change in changes
            if change.path in protected
            or all(side.get(change.path, (ABSENT, ABSENT)) != _entry(change) for side in sides)
        ]
        self._must_be_resolved(own, sides)
        return own

    def _must_be_resolved(self, changes: list[Change], sides: list[Entries]) -> None:
        """Refuse a merge in which marks of a conflict are left."""
        kept = {change.path: change for change in changes if change.new_mode not in {ABSENT, SUBMODULE_MODE}}
        known = [[side[path][1] for path in kept if path in side] for side in sides]
        contents = self._objects.contents(
            [change.new_id for change in kept.values()] + known[0] + known[1], MARKED_FILE_LIMIT
        )
        left = [
            Violation(change.shown, "marks of a conflict are left in it")
            for path, change in kept.items()
            if marks_left(
                contents.get(change.new_id, b""),
                *(contents.get(side[path][1], b"") for side in sides if path in side),
            )
        ]
        if left:
            raise PatchRefused(_refusal(left))

    def _tree_of(self, bundle: bytes, base: str, merges: str = "") -> str:
        """Take the bundle into a fresh repository; only the tree of its commit counts from here on."""
        if merges and not self._mirror.holds(self.repository, merges):
            raise PatchRefused(f"{merges[:12]} is no commit of this repository. Run the task again.")
        commit, objects = pack.split(bundle, base, *([merges] if merges else []))
        shutil.rmtree(self._path, ignore_errors=True)
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._git.run(self._path, "init", "--bare", "--quiet", "--template=", "--initial-branch=main", str(self._path))
        alternates = self._path / "objects" / "info" / "alternates"
        alternates.parent.mkdir(exist_ok=True)
        alternates.write_text(f"{self._mirror.path(self.repository) / 'objects'}\n")
        pack.take_in(self._git, self._path, objects)
        try:
            return self._git.text(self._path, "rev-parse", "--verify", "--end-of-options", f"{commit}^{{tree}}")
        except GitFailed as failure:
            raise PatchRefused("The work has no commit in it. Run the task again.") from failure

    def _changes(self, base: str, tree: str) -> list[Change]:
        raw = self._git.run(self._path, *_DIFF, "--raw", "--no-renames", "--no-abbrev", base, tree).output
        fields = raw.split(b"\0")[:-1]
        if len(fields) > 2 * MOST_CHANGES:
            raise PatchRefused(
                f"{len(fields) // 2} files are changed; that is too many to check. Ask for less at once."
            )
        changes = []
        for meta, path in zip(fields[::2], fields[1::2], strict=True):
            old_mode, new_mode, old_id, new_id, _ = meta.decode().removeprefix(":").split(" ")
            changes.append(Change(path.decode(errors="surrogateescape"), old_mode, new_mode, old_id, new_id))
        return self._sized(changes)

    def _sized(self, changes: list[Change]) -> list[Change]:
        """Fill in the sizes of the new contents, which git tells without unpacking them."""
        wanted = [change.new_id for change in changes if change.new_mode not in {ABSENT, SUBMODULE_MODE}]
        sizes = self._objects.sizes(wanted)
        return [
            Change(
                change.path, change.old_mode, change.new_mode, change.old_id, change.new_id, sizes.get(change.new_id, 0)
            )
            for change in changes
        ]

    def _check(self, base: str, tree: str, changes: list[Change], rules: PatchRules, *, nothing: bool = False) -> None:
        if not changes and not nothing:
            raise PatchRefused("Nothing is changed, so there is nothing to publish.")
        violations = size_violations(changes, rules)
        if not violations:
            violations = tree_violations(self._tree(base, tree, changes), rules)
            violations += self._secrets(changes, rules)
        if violations:
            raise PatchRefused(_refusal(violations))

    def _secrets(self, changes: list[Change], rules: PatchRules) -> list[Violation]:
        kept = [change for change in changes if change.new_mode not in {ABSENT, SUBMODULE_MODE}]
        after = self._objects.contents((change.new_id for change in kept), rules.file_bytes)
        suspects = [change for change in kept if secret_violation(change, b"", after[change.new_id], rules)]
        if not suspects:
            return []
        old = [change.old_id for change in changes if change.old_mode not in {ABSENT, SUBMODULE_MODE}]
        before = b"\n".join(self._objects.contents(old, rules.file_bytes).values())
        found = (secret_violation(change, before, after[change.new_id], rules) for change in suspects)
        return [violation for violation in found if violation]

    def _tree(self, base: str, tree: str, changes: list[Change]) -> Tree:
        entries_before, entries_after = self._objects.entries(base), self._objects.entries(tree)
        of_interest = {change.path for change in changes if attributes.is_attributes_file(change.path)} | {
            ".gitattributes"
        }
        return Tree(
            changes,
            list(entries_after),
            self._objects.links(entries_before),
            self._objects.links(entries_after),
            self._objects.files(entries_before, of_interest),
            self._objects.files(entries_after, of_interest),
        )

    def _rebuilt(self, base: str, changes: list[Change]) -> str:
        """Write the tree anew from the base and the changes that were checked, so that nothing else can be in it."""
        self._git.run(self._path, "read-tree", base)
        gone = [f"0 {change.old_id}\t{change.path}\0" for change in changes]
        there = [
            f"{change.new_mode} {change.new_id}\t{change.path}\0" for change in changes if change.new_mode != ABSENT
        ]
        # What is replaced goes first: a folder may take the place of a file.
        lines = "".join([*gone, *there]).encode(errors="surrogateescape")
        self._git.run(self._path, "update-index", "-z", "--index-info", data=lines)
        return self._git.text(self._path, "write-tree")

    def _commit(self, parents: tuple[str, ...], tree: str, message: str, author: tuple[str, str], when: int) -> str:
        name, email = (_identity(part) for part in author)
        people = {"GIT_AUTHOR_NAME": name, "GIT_AUTHOR_EMAIL": email, "GIT_AUTHOR_DATE": f"@{when} +0000"}
        people |= {key.replace("AUTHOR", "COMMITTER"): value for key, value in people.items()}
        named = [option for parent in parents for option in ("-p", parent)]
        arguments = ("commit-tree", "--no-gpg-sign", *named, "-F", "-", tree)
        return (
            self._git.run(self._path, *arguments, data=message.encode(errors="replace"), environment=people)
            .output.decode()
            .strip()
        )

    def _diff(self, base: str, commit: str, limit: int) -> str:
        arguments = (
            "diff-tree",
            "-r",
            "-p",
            "-M",
            "-l400",
            "--no-ext-diff",
            "--no-textconv",
            "--no-color",
            "--full-index",
        )
        result = self._git.run(self._path, *arguments, base, commit, seconds=DIFF_SECONDS, output_limit=limit)
        text = result.output.decode(errors="replace")
        return f"{text.rpartition(chr(10))[0]}\n[cut at {limit} bytes]\n" if result.truncated else text

    def _files(self, base: str, commit: str) -> tuple[FileChange, ...]:
        options = ("-M", "-l400", base, commit)
        raw = self._git.run(self._path, *_DIFF, "--name-status", *options, seconds=DIFF_SECONDS).output.split(b"\0")[
            :-1
        ]
        counts = self._git.run(self._path, *_DIFF, "--numstat", *options, seconds=DIFF_SECONDS).output
        lines = _counts(counts.split(b"\0")[:-1])
        files, fields = [], iter(raw)
        for status in fields:
            letter, path = status.decode()[:1], next(fields)
            if letter in {"R", "C"}:
                path = next(fields)
            files.append(FileChange(path.decode(errors="backslashreplace"), letter, *lines.get(path, (0, 0))))
        return tuple(files)


def sweep(home: Path, alive: Iterable[str]) -> None:
    """Remove what tasks left in quarantine that are not among ``alive`` any more."""
    kept = set(alive)
    for folder in (home / "quarantine").glob("*"):
        if folder.name not in kept:
            shutil.rmtree(folder, ignore_errors=True)


def _counts(fields: list[bytes]) -> dict[bytes, tuple[int, int]]:
    """Read ``--numstat -z``: a rename has an empty path and then two of its own; a binary file has dashes."""
    counts, rest = {}, iter(fields)
    for field in rest:
        added, deleted, path = field.split(b"\t", 2)
        if not path:
            next(rest)
            path = next(rest)
        counts[path] = (int(added) if added != b"-" else 0, int(deleted) if deleted != b"-" else 0)
    return counts


def _message(message: str, co_author: str) -> str:
    text = message.replace("\0", "").strip() or "Changes"
    trailer = " ".join(co_author.split())
    return f"{text}\n\nCo-authored-by: {trailer}\n" if trailer else f"{text}\n"


def _entry(change: Change) -> tuple[str, str]:
    return (ABSENT, ABSENT) if change.new_mode == ABSENT else (change.new_mode, change.new_id)


def _identity(text: str) -> str:
    """Make a name or an address safe for a commit's header."""
    return (
        "".join(character for character in text if character.isprintable() and character not in "<>").strip()
        or "unknown"
    )


def _refusal(violations: list[Violation]) -> str:
    first = list({violation.path: violation for violation in reversed(violations)}.values())[::-1]
    shown = [f"- {violation}" for violation in first[:SHOWN_VIOLATIONS]]
    if len(first) > SHOWN_VIOLATIONS:
        shown.append(f"- and {len(first) - SHOWN_VIOLATIONS} more")
    return "\n".join(["The work may not be published as it is:", *shown, "Change these, or apply the patch by hand."])

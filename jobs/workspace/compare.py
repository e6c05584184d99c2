"""Two commits of a mirror compared: what is different between them, file by file, without a checkout."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from jobs.types import UserError
from jobs.workspace.git import GitFailed
from jobs.workspace.mirror import COMMIT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jobs.workspace.git import GitResult
    from jobs.workspace.mirror import Mirror

COMPARE_SECONDS = 60.0
LIST_LIMIT = 16 * 1024 * 1024
UNKNOWN_COMMIT = 128
_DIFF = ("diff-tree", "-r", "-M", "-l400", "--no-ext-diff", "--no-textconv", "--no-color")


@dataclass(frozen=True, slots=True)
class ChangedFile:
    """One path that differs; ``previous`` is its name before where it was moved, ``status`` is git's letter."""

    path: str
    status: str
    additions: int
    deletions: int
    binary: bool = False
    previous: str = ""

    @property
    def named(self) -> bool:
        """Tell whether its names are text that can be written back as it was read."""
        return "\N{REPLACEMENT CHARACTER}" not in self.path + self.previous


class Comparison:
    """What leads from one commit to another in the mirror of a repository."""

    def __init__(self, mirror: Mirror, repository: str, base: str, commit: str) -> None:
        """Compare ``base`` with ``commit``; the mirror must hold both."""
        if not (COMMIT.fullmatch(base) and COMMIT.fullmatch(commit)):
            raise ValueError("a commit is named by its 40 hexadecimal digits")
        self.base, self.commit = base, commit
        self._git, self._path = mirror.git, mirror.path(repository)

    @property
    def descends(self) -> bool:
        """Tell whether ``commit`` has ``base`` in its history; a base that nobody has any more is in none."""
        arguments = ("merge-base", "--is-ancestor", self.base, self.commit)
        return self._run(*arguments, accept=(0, 1, UNKNOWN_COMMIT)).exit_code == 0

    def fork_point(self) -> str:
        """Return the commit that both have in common, from which GitHub shows the difference of a pull request."""
        found = self._run("merge-base", self.base, self.commit, accept=(0, 1)).output.decode().strip()
        if not COMMIT.fullmatch(found):
            raise UserError(
                f"{self.commit[:12]} has no history in common with its base branch, so there is nothing to compare it "
                "with. Rebase it and ask again."
            )
        return found

    def files(self) -> tuple[ChangedFile, ...]:
        """Return what differs, without the contents."""
        raw = self._run(*_DIFF, "--raw", "-z", "--numstat", self.base, self.commit, limit=LIST_LIMIT)
        if raw.truncated:
            raise UserError("This changes more files than can be looked at. Ask for a review of a smaller part.")
        return tuple(_read(raw.output))

    def patch(self, file: ChangedFile, limit: int, *, context: int = 3) -> str | None:
        """Return the unified diff of one file, or None where it has more than ``limit`` bytes."""
        paths = [path for path in (file.previous, file.path) if path]
        arguments = (*_DIFF, "-p", f"-U{context}", "--inter-hunk-context=0", "--full-index", "--irreversible-delete")
        result = self._run(*arguments, self.base, self.commit, "--", *paths, limit=limit)
        return None if result.truncated else result.output.decode(errors="replace")

    def _run(self, *arguments: str, accept: tuple[int, ...] = (0,), limit: int = LIST_LIMIT) -> GitResult:
        try:
            return self._git.run(
                self._path,
                *arguments,
                seconds=COMPARE_SECONDS,
                output_limit=limit,
                accept=accept,
                environment={"GIT_LITERAL_PATHSPECS": "1"},
            )
        except GitFailed as failure:
            words = f"{self.base[:12]} and {self.commit[:12]} could not be compared ({failure}). Run the task again."
            raise UserError(words) from failure


def _read(output: bytes) -> Iterator[ChangedFile]:
    """Read ``--raw --numstat -z``: first a line with modes for each path, then one with counts for each."""
    fields = iter(output.split(b"\0")[:-1])
    letters: dict[str, str] = {}
    for field in fields:
        if field.startswith(b":"):
            letter, path = field.split(b" ")[-1].decode()[:1], next(fields)
            if letter in {"R", "C"}:  # the old name, and then the new one
                path = next(fields)
            letters[_text(path)] = letter
            continue
        added, deleted, name = field.split(b"\t", 2)
        previous = b""
        if not name:  # a rename: both names follow
            previous, name = next(fields), next(fields)
        binary = added == b"-"
        counts = (0, 0) if binary else (int(added), int(deleted))
        shown = _text(name)
        yield ChangedFile(shown, letters.get(shown, "M"), *counts, binary, _text(previous))


def _text(name: bytes) -> str:
    return name.decode(errors="replace")

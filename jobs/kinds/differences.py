"""A pull request's difference as the review needs it: which lines can be commented on, which files are read. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from jobs.text import strip_invisible

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from jobs.workspace import ChangedFile

MOST_FILES = 300
MOST_LINES = 4_000
"""A file with more changed lines than this is not read."""
LONGEST_LINE = 2_000
HUNK = re.compile(r"@@ -(\d+)(?:,\d+)? \+(\d+)(?:,(\d+))? @@")
GENERATED = re.compile(
    r"(?:^|/)(?:package-lock\.json|npm-shrinkwrap\.json|pnpm-lock\.yaml|yarn\.lock|bun\.lockb?|[^/]+\.lock|go\.sum"
    r"|gradle\.lockfile|packages\.lock\.json)$"
    r"|\.min\.(?:js|css)$|\.(?:js|css)\.map$|\.snap$|_pb2(?:_grpc)?\.pyi?$|\.pb\.(?:go|cc|h)$|\.g\.dart$"
    r"|(?:^|/)(?:node_modules|vendor|third_party|__snapshots__)/"
)
TESTS = re.compile(r"(?:^|/)(?:tests?|specs?|__tests__)/|(?:^|/)(?:test_[^/]+|[^/]+[_.](?:test|spec))\.\w+$")
PROSE = re.compile(r"\.(?:md|rst|txt|adoc|csv|svg)$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Hunk:
    """The lines from ``first`` to ``last`` of the new file that a diff shows together."""

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class FileDifference:
    """One file's part of the difference: its hunks, the lines that were changed, and the text of the new lines.

    Where lines were only deleted, the lines beside them count as changed: there is no other place to speak of it.
    """

    path: str
    hunks: tuple[Hunk, ...] = ()
    changed: frozenset[int] = frozenset()
    lines: dict[int, str] = field(default_factory=dict, hash=False, compare=False)
    shown: str = field(default="", compare=False)
    """The patch with the numbers of the new lines, as a model reads it."""

    def hunk_of(self, line: int) -> Hunk | None:
        """Return the hunk that shows a line."""
        return next((hunk for hunk in self.hunks if hunk.first <= line <= hunk.last), None)


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file that was not read, and why in a word or two."""

    path: str
    reason: str


def choose(files: Iterable[ChangedFile]) -> tuple[list[ChangedFile], list[Skipped]]:
    """Return the files that are worth reading, code before tests before prose, and those that are not, with reasons."""
    wanted: list[ChangedFile] = []
    skipped: list[Skipped] = []
    for file in sorted(files, key=lambda one: (bool(PROSE.search(one.path)), bool(TESTS.search(one.path)), one.path)):
        reason = _why_not(file)
        if not reason and len(wanted) >= MOST_FILES:
            reason = "beyond what is read at once"
        if reason:
            skipped.append(Skipped(file.path, reason))
        else:
            wanted.append(file)
    return wanted, skipped


def _why_not(file: ChangedFile) -> str:
    if not file.named:
        return "its name is not text"
    if file.binary:
        return "binary"
    if GENERATED.search(file.path):
        return "generated"
    return "too large" if file.additions + file.deletions > MOST_LINES else ""


def read(path: str, patch: str, note: str = "") -> FileDifference:
    """Read the unified diff of one file; ``note`` stands behind its name where a model reads it."""
    reading = _Reading()
    for line in _body(patch):
        reading.take(line)
    reading.close_gap()
    shown = "\n".join([f"=== {path}{note and f' ({note})'} ===", *reading.shown])
    return FileDifference(path, tuple(reading.hunks), frozenset(reading.changed), reading.lines, shown)


class _Reading:
    """What is known of a patch after some of its lines; ``new`` is the number of the next line of the new file."""

    def __init__(self) -> None:
        self.hunks: list[Hunk] = []
        self.changed: set[int] = set()
        self.lines: dict[int, str] = {}
        self.shown: list[str] = []
        self.new = 0
        self.gap = False
        """Whether lines were deleted here that nothing has replaced yet."""

    def take(self, line: str) -> None:
        if header := HUNK.match(line):
            self.close_gap()
            count = int(header[3]) if header[3] is not None else 1
            self.new = int(header[2])
            self.hunks.append(Hunk(self.new, self.new + count - 1))
            self.shown.append(header.group())
        elif line.startswith("-"):
            self.gap = True
            self.shown.append(_numbered("", line))
        elif line.startswith(("+", " ")):
            self._take_new(line)

    def _take_new(self, line: str) -> None:
        self.lines[self.new] = line[1:].removesuffix("\r")
        if line.startswith("+"):
            self.changed.add(self.new)
            self.gap = False
        self.close_gap()
        self.shown.append(_numbered(str(self.new), line))
        self.new += 1

    def close_gap(self) -> None:
        """Count the lines beside a deletion as changed."""
        if self.gap:
            last = self.hunks[-1]
            self.changed |= {line for line in (self.new - 1, self.new) if last.first <= line <= last.last}
        self.gap = False


def _body(patch: str) -> Iterator[str]:
    """Yield the lines of a patch from its first hunk on; a newline alone ends one, or the numbers would be wrong."""
    begun = False
    for line in patch.split("\n"):
        begun = begun or line.startswith("@@ ")
        if begun and line:
            yield line


def _numbered(number: str, line: str) -> str:
    visible = strip_invisible(line)[0] if not line.isascii() else line
    text = visible if len(visible) <= LONGEST_LINE else f"{visible[:LONGEST_LINE]} [the line goes on]"
    return f"{number:>6} {text}"


def narrowed(whole: FileDifference, newer: FileDifference) -> FileDifference:
    """Return what of a file's difference was also changed since an earlier commit: those lines, in the same hunks."""
    return FileDifference(whole.path, whole.hunks, whole.changed & newer.changed, whole.lines, newer.shown)


def within(parts: Iterable[FileDifference], limit: int) -> tuple[list[FileDifference], list[Skipped]]:
    """Return the parts that fit into ``limit`` characters together, in order, and those beyond."""
    kept: list[FileDifference] = []
    beyond: list[Skipped] = []
    used = 0
    for part in parts:
        if used + len(part.shown) > limit:
            beyond.append(Skipped(part.path, "beyond what is read at once"))
            continue
        used += len(part.shown)
        kept.append(part)
    return kept, beyond

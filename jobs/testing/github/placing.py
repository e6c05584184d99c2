"""Where a comment on lines stands: in the diff that it was written about, and after each push since."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.testing.github import diffs, git
from jobs.testing.github.review_records import Thread
from jobs.testing.github.shapes import pulls

if TYPE_CHECKING:
    from jobs.testing.github.records import Issue
    from jobs.testing.github.review_records import LineComment
    from jobs.testing.github.world import World

SIDES = ("LEFT", "RIGHT")


class NotInDiff(LookupError):
    """A comment is about what the pull request's diff does not have; the message is GitHub's."""


class Diff:
    """What a pull request changes up to one of its commits."""

    def __init__(self, issue: Issue, commit: str) -> None:
        self.path, self.commit = issue.repository.path, commit
        self.base = git.merge_base(self.path, pulls.must(issue).base_sha, commit) or pulls.must(issue).base_sha
        changes = git.diff(self.path, self.base, commit)
        self._files = {one.path: tuple(filter(None, (one.previous, one.path))) for one in changes}
        self._spots: dict[str, dict[tuple[str, int], diffs.Spot]] = {}

    def spots(self, file: str) -> dict[tuple[str, int], diffs.Spot] | None:
        """Return the lines of a file that can be commented on; None where the file is not part of the diff."""
        if file not in self._files:
            return None
        if file not in self._spots:
            self._spots[file] = diffs.spots(git.patch(self.path, self.base, self.commit, *self._files[file]))
        return self._spots[file]


def begin(world: World, issue: Issue, diff: Diff, comment: LineComment) -> Thread:
    """Return a new thread where the comment stands, brought to the newest commit; raises ``NotInDiff``."""
    spots = diff.spots(comment.path)
    if spots is None:
        raise NotInDiff("Path could not be resolved")
    spot = spots.get((comment.side, comment.line))
    if spot is None:
        raise NotInDiff("Line could not be resolved")
    start, start_side = comment.start_line, comment.start_side or comment.side
    if start is not None:
        first = spots.get((start_side, start))
        if first is None or first.hunk != spot.hunk or first.position >= spot.position:
            raise NotInDiff("Start line must precede the end line and be part of the same hunk")
    return _newest(
        Thread(
            id=world.new_id(),
            issue=issue,
            path=comment.path,
            side=comment.side,
            original_line=comment.line,
            original_start_line=start,
            start_side=start_side,
            commit=diff.commit,
            base=diff.base,
            hunk=spot.text,
            original_position=spot.position,
            line=comment.line,
            start_line=start,
            position=spot.position,
            latest_commit=diff.commit,
        )
    )


def begin_about_file(world: World, issue: Issue, diff: Diff, path: str) -> Thread:
    """Return a new thread about a whole file; raises ``NotInDiff``."""
    if diff.spots(path) is None:
        raise NotInDiff("Path could not be resolved")
    none = {"original_line": None, "original_start_line": None, "line": None, "start_line": None}
    return _newest(
        Thread(
            id=world.new_id(),
            issue=issue,
            path=path,
            side="RIGHT",
            start_side="RIGHT",
            commit=diff.commit,
            base=diff.base,
            hunk="",
            original_position=1,
            position=1,
            latest_commit=diff.commit,
            **none,  # type: ignore[arg-type] # all four may be None
        )
    )


def carry(issue: Issue) -> None:
    """Find each thread's place in the newest diff of a pull request; those without one are outdated."""
    pull = pulls.must(issue)
    if not pull.threads:
        return
    diff = Diff(issue, pull.head_sha)
    for thread in pull.threads:
        if not thread.about_file:
            _carry(thread, diff)


def _carry(thread: Thread, diff: Diff) -> None:
    """Bring a thread from the diff in which it began to another: each line must be there, unchanged."""
    old, new = (thread.commit, diff.commit) if thread.side == "RIGHT" else (thread.base, diff.base)
    patch = git.patch(diff.path, old, new, thread.path, context=0)
    last = thread.original_line or 0
    first = last if thread.start_side != thread.side else thread.original_start_line or last
    lines = [diffs.carried(patch, line) for line in range(first, last + 1)]
    spot = (diff.spots(thread.path) or {}).get((thread.side, lines[-1] or 0))
    if None in lines or spot is None:
        thread.line = thread.start_line = thread.position = None
        return
    thread.line, thread.position, thread.latest_commit = lines[-1], spot.position, diff.commit
    same_side = thread.start_side == thread.side and thread.original_start_line is not None
    thread.start_line = lines[0] if same_side else thread.original_start_line


def _newest(thread: Thread) -> Thread:
    """Bring a new thread to the newest commit, where it began at an older one."""
    pull = pulls.must(thread.issue)
    if thread.commit != pull.head_sha and not thread.about_file:
        _carry(thread, Diff(thread.issue, pull.head_sha))
    return thread

"""What the local GitHub keeps of reviews: themselves, their threads, and the comments on lines."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jobs.testing.github.records import Account, Issue, Reaction

FIRST_COMMENT_ID = 2**31
"""Ids of comments on lines are longer than GraphQL's Int by now, which is why ``databaseId`` is none of them."""


@dataclass(frozen=True, slots=True)
class LineComment:
    """A comment that a review brings: on ``line``, or on the lines from ``start_line`` to it; side LEFT or RIGHT."""

    path: str
    line: int
    body: str
    side: str = "RIGHT"
    start_line: int | None = None
    start_side: str = ""


@dataclass(slots=True, eq=False)
class Review:
    """A review of a pull request; ``submitted_at`` is empty while it is PENDING."""

    id: int
    author: Account
    state: str
    body: str
    commit_id: str
    submitted_at: str


@dataclass(slots=True, eq=False)
class Thread:
    """What is said about one place of a pull request.

    It began at ``commit``, whose diff from ``base`` has it at ``position``. ``line`` and ``start_line`` are where the
    place is now; ``line`` is None where a push changed it (or where the thread is about a whole file).
    """

    id: int
    issue: Issue
    path: str
    side: str
    original_line: int | None
    original_start_line: int | None
    start_side: str
    commit: str
    base: str
    hunk: str
    original_position: int
    line: int | None
    start_line: int | None
    position: int | None
    latest_commit: str
    comments: list[ReviewComment] = field(default_factory=list)
    resolved_by: Account | None = None

    @property
    def about_file(self) -> bool:
        """Whether it is about a file and not about lines."""
        return self.original_line is None

    @property
    def outdated(self) -> bool:
        """Whether a push changed its lines."""
        return self.line is None and not self.about_file


@dataclass(slots=True, eq=False)
class ReviewComment:
    """A comment in a thread, which came with a review; ``reply_to`` is the thread's first comment for all others."""

    id: int
    thread: Thread
    review: Review
    body: str
    author: Account
    created_at: str
    updated_at: str
    reply_to: ReviewComment | None = None
    reactions: list[Reaction] = field(default_factory=list)

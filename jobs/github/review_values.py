"""What GitHub tells of reviews and their threads, cut to the fields that are read, and what a review of ours brings."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class SubmittedReview:
    """A review of a pull request; ``submitted_at`` is in seconds since the epoch.

    ``state`` is APPROVED, CHANGES_REQUESTED, COMMENTED or DISMISSED. A single comment on a line, and each answer in a
    thread, comes with a review of its own that has no body. ``author_id`` is empty for accounts that are gone.
    """

    id: int
    author: str
    author_id: str
    is_bot: bool
    ours: bool
    state: str
    commit: str
    submitted_at: float
    url: str
    body: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ThreadComment:
    """A comment in a review thread, written ``at`` seconds since the epoch; ``review`` is the review it came with.

    ``author`` is the login as REST tells it: a bot's ends in ``[bot]``. ``association`` is GitHub's word for how the
    author stands to the repository: OWNER, MEMBER, COLLABORATOR, CONTRIBUTOR, …, NONE.
    """

    id: int
    author: str
    author_id: str
    is_bot: bool
    ours: bool
    association: str
    review: int
    at: float
    url: str
    body: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Thread:
    """A review thread with its comments, oldest first.

    ``line`` is 0 where the thread is about a whole file, or a push changed its lines since: then it is ``outdated``,
    and ``original_line`` tells where it began. ``start_line`` is 0 where it is about one line. ``side`` is RIGHT for
    the new file and LEFT for the old one.
    """

    id: str
    resolved: bool
    outdated: bool
    path: str
    line: int
    start_line: int
    original_line: int
    side: str
    comments: tuple[ThreadComment, ...]


@dataclass(frozen=True, slots=True)
class LineRemark:
    """A comment that a review of ours brings: on ``line`` of a file, or on the lines from ``start_line`` to it."""

    path: str
    line: int
    body: str
    start_line: int = 0
    side: str = "RIGHT"

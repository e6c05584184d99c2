"""What people say in the reviews of a pull request that waits for an answer, and what of it is left alone."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from jobs.agent.requests import AskedThread
from jobs.kinds.rights import Rights
from jobs.text import clean, line

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from config.repository import RepositoryConfig
    from jobs.execute import Attempt
    from jobs.github.review_values import SubmittedReview, Thread, ThreadComment

ASKING = frozenset({"CHANGES_REQUESTED", "COMMENTED"})
"""The states of a review whose words may ask for something."""
MOST_THREADS = 60
"""Threads of one batch; what is more waits for the next round."""
MOST_NAMED = 10
LEFT_OUT = "(A comment of somebody without write permission in this repository, which was left out.)"
YOU = "You"
COUNTED = ("answered", "asking", "read")


@dataclass(frozen=True, slots=True)
class Waiting:
    """A thread that waits: its id on GitHub, and what the model is shown.

    ``answered`` are the comments that were answered before, ``asking`` those that count and were not, ``read`` all of
    other people that were there. The newest alone would not do: what somebody submits later may have an older number.
    """

    id: str
    answered: tuple[int, ...]
    asking: tuple[int, ...]
    read: tuple[int, ...]
    shown: AskedThread


@dataclass(frozen=True, slots=True)
class Batch:
    """What is worked on together, and what is not.

    ``bodies`` are what reviews say as a whole, by author; ``reviews`` are the numbers of all that were read so far.
    ``outdated`` and ``strangers`` are the authors of what is left alone; ``more`` is how many threads wait for the next
    round. ``removed`` tells in words what was hidden in the comments and was left out.
    """

    threads: tuple[Waiting, ...] = ()
    bodies: tuple[tuple[str, str], ...] = ()
    reviews: tuple[int, ...] = ()
    outdated: tuple[str, ...] = ()
    strangers: tuple[str, ...] = ()
    more: int = 0
    removed: tuple[str, ...] = ()
    outdated_count: int = 0
    strangers_count: int = 0

    @property
    def empty(self) -> bool:
        """Whether nothing waits."""
        return not self.threads and not self.bodies

    def newer_than(self, other: Batch) -> bool:
        """Tell whether something came in that the other batch did not have."""
        known = {(thread.id, number) for thread in other.threads for number in thread.asking}
        new = [thread for thread in self.threads if any((thread.id, one) not in known for one in thread.asking)]
        return bool(self.bodies or new)

    @property
    def names(self) -> tuple[str, ...]:
        """The names by which the model knows the threads."""
        return tuple(thread.shown.name for thread in self.threads)

    @property
    def shown(self) -> tuple[AskedThread, ...]:
        """The threads as the model is shown them."""
        return tuple(thread.shown for thread in self.threads)

    @classmethod
    def load(cls, values: Mapping[str, Any]) -> Batch:
        """Rebuild what ``dataclasses.asdict`` took apart."""
        threads = (
            Waiting(**{**one, **{name: tuple(one[name]) for name in COUNTED}, "shown": _asked(one["shown"])})
            for one in values["threads"]
        )
        pairs = tuple((who, text) for who, text in values["bodies"])
        lists = {name: tuple(values[name]) for name in ("reviews", "outdated", "strangers", "removed")}
        return cls(**{**values, **lists, "threads": tuple(threads), "bodies": pairs})


@dataclass(slots=True)
class _Left:
    outdated: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)


class Reader:
    """Reads the reviews of a pull request as they stand now."""

    def __init__(self, attempt: Attempt, number: int, config: RepositoryConfig) -> None:
        self._attempt, self._number = attempt, number
        self._rights = Rights(attempt, config)
        self._left = _Left()

    def read(self) -> Batch:
        """Return what waits: unresolved threads with a word that counts and that was not answered, and new reviews."""
        self._left = _Left()
        found = [self._waiting(thread) for thread in self._attempt.repository.review_threads(self._number)]
        waiting = [thread for thread in found if thread is not None]
        bodies, reviews = self._bodies()
        taken = tuple(_named(thread, place) for place, thread in enumerate(waiting[:MOST_THREADS], 1))
        left = self._left
        return Batch(
            threads=taken,
            bodies=bodies,
            reviews=reviews,
            outdated=_names(left.outdated),
            strangers=_names(left.strangers),
            more=len(waiting) - len(taken),
            removed=tuple(dict.fromkeys(left.removed)),
            outdated_count=len(left.outdated),
            strangers_count=len(left.strangers),
        )

    def _waiting(self, thread: Thread) -> Waiting | None:
        """Return a thread if it waits for us; one that is outdated does only where it goes on behind our answer."""
        if thread.resolved:
            return None
        answered = answered_in(self._attempt, thread)
        others = [one for one in thread.comments if not one.ours and one.id not in answered]
        new = [one for one in others if self._rights.may(one)]
        self._left.strangers += [one.author for one in others if one not in new]
        if not new:
            return None
        if thread.outdated and not any(one.ours for one in thread.comments):
            self._left.outdated.append(new[-1].author)
            return None
        talk = tuple(self._said(one) for one in thread.comments)
        asking, read = _numbers_of(new), _numbers_of(one for one in thread.comments if not one.ours)
        return Waiting(thread.id, tuple(sorted(answered)), asking, read, AskedThread("", _place(thread), talk))

    def _said(self, comment: ThreadComment) -> tuple[str, str]:
        if comment.ours:
            return YOU, self._clean(comment.body)
        if not self._rights.may(comment):
            return "Somebody else", LEFT_OUT
        return f"@{comment.author}", self._clean(comment.body)

    def _bodies(self) -> tuple[tuple[tuple[str, str], ...], tuple[int, ...]]:
        """Return what reviews say as a whole that were not read yet, and the numbers of all that there are."""
        repository, store = self._attempt.task.repository, self._attempt.services.store
        known = numbers(store.records.value(review_key(repository, self._number)))
        reviews = [one for one in self._attempt.repository.reviews_of(self._number) if not one.ours]
        new = [one for one in reviews if one.id not in known]
        saying = [one for one in new if one.state in ASKING and one.body.strip()]
        counting = [one for one in saying if self._rights.may(one)]
        self._left.strangers += [one.author for one in saying if one not in counting]
        return tuple(self._review(one) for one in counting), tuple(one.id for one in reviews)

    def _review(self, review: SubmittedReview) -> tuple[str, str]:
        return f"@{review.author}", self._clean(review.body)

    def _clean(self, text: str) -> str:
        cleaned = clean(text)
        self._left.removed += cleaned.removed
        return cleaned.text


def review_key(repository: str, number: int) -> str:
    """Return the key under which it is kept which reviews of a pull request were read."""
    return f"reviews-read:{repository.lower()}#{number}"


def thread_key(repository: str, thread_id: str) -> str:
    """Return the key under which it is kept which comments of a thread were answered."""
    return f"answered:{repository.lower()}:{thread_id}"


def numbers(kept: str | None) -> frozenset[int]:
    """Return the numbers of reviews or comments that are kept."""
    return frozenset(int(one) for one in (kept or "").split(",") if one)


def answered_in(attempt: Attempt, thread: Thread) -> frozenset[int]:
    """Return the comments in a thread that were answered; where none are kept, those before our own newest one."""
    kept = attempt.services.store.records.value(thread_key(attempt.task.repository, thread.id))
    if kept is not None:
        return numbers(kept)
    last = max((one.id for one in thread.comments if one.ours), default=0)
    return frozenset(one.id for one in thread.comments if one.id < last)


def left_alone(batch: Batch) -> str:
    """Say what was not worked on, and why; empty where that is nothing."""
    said = []
    if batch.outdated_count:
        said.append(
            f"{_count(batch.outdated_count)} outdated and left alone: of {_listed(batch.outdated)}. "
            "Write a new comment on the lines as they are now where it still matters."
        )
    if batch.strangers_count:
        said.append(
            "Left alone, since only people with write permission can ask for changes here: "
            f"{_comments(batch.strangers_count)} of {_listed(batch.strangers)}."
        )
    if batch.removed:
        said.append(f"Hidden in the comments, and left out: {'; '.join(batch.removed)}.")
    return "\n\n".join(said)


def _numbers_of(comments: Iterable[ThreadComment]) -> tuple[int, ...]:
    return tuple(one.id for one in comments)


def _count(number: int) -> str:
    return f"{number} thread{' is' if number == 1 else 's are'}"


def _comments(number: int) -> str:
    return f"{number} comment{'' if number == 1 else 's'}"


def _listed(names: Sequence[str]) -> str:
    shown = [f"`{line(name, 60)}`" for name in names[:MOST_NAMED]]
    return ", ".join(shown) + (f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else "")


def _names(authors: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(authors))


def _place(thread: Thread) -> str:
    last = thread.line or thread.original_line
    if not last:
        return thread.path
    side = " (as it was before the pull request)" if thread.side == "LEFT" else ""
    first = f"{thread.start_line}-" if thread.start_line and thread.start_line != last else ""
    return f"{thread.path}:{first}{last}{side}"


def _named(thread: Waiting, place: int) -> Waiting:
    return replace(thread, shown=replace(thread.shown, name=f"T{place}"))


def _asked(values: Mapping[str, Any]) -> AskedThread:
    return AskedThread(values["name"], values["place"], tuple((who, text) for who, text in values["talk"]))

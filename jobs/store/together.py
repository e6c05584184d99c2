"""Commits in one transaction what many threads want to store at the same time: the disk is paid once for all."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

import sqlalchemy.exc

from jobs.store.database import UNAVAILABLE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Item = TypeVar("Item")
Answer = TypeVar("Answer")

MOST = 64
"""Items that one transaction takes at most."""
UNSTORABLE = (sqlalchemy.exc.SQLAlchemyError, ValueError, TypeError)
"""What one item can raise because of what is in it, such as text that the database cannot hold."""


@dataclass(slots=True, eq=False)
class _Waiting(Generic[Item, Answer]):
    """An item whose thread waits for its answer, or for its turn to write for all."""

    item: Item
    answer: Answer | None = None
    error: Exception | None = None
    leads: bool = False
    turn: threading.Lock = field(default_factory=threading.Lock)


class Together(Generic[Item, Answer]):
    """Has one of the waiting threads write for all of them; there is no thread of its own that could be left behind.

    While one transaction is committed the next ones gather; who comes to an idle database is not held up.
    """

    def __init__(self, write: Callable[[Sequence[Item]], Sequence[Answer]]) -> None:
        """Take the function that stores items in one transaction and returns an answer to each."""
        self._write = write
        self._gathered: list[_Waiting[Item, Answer]] = []
        self._busy = False
        self._lock = threading.Lock()

    def add(self, item: Item) -> Answer:
        """Store an item and return its answer once that is committed; raises what its transaction raised."""
        mine: _Waiting[Item, Answer] = _Waiting(item)
        mine.turn.acquire()
        with self._lock:
            self._gathered.append(mine)
            mine.leads, self._busy = not self._busy, True
        if not mine.leads:
            mine.turn.acquire()
        if mine.leads:
            self._lead(mine)
        if mine.error is not None:
            # Several threads raise the same error, each from here; its cause tells where it came from.
            raise mine.error.with_traceback(None)
        # What was in a transaction that another item spoilt is stored in one of its own.
        return self._write([item])[0] if mine.answer is None else mine.answer

    def _lead(self, mine: _Waiting[Item, Answer]) -> None:
        """Write what has gathered, then hand the turn on and wake those whose items were written."""
        with self._lock:
            batch, self._gathered = self._gathered[:MOST], self._gathered[MOST:]
        try:
            self._store(batch)
        finally:
            with self._lock:
                following = self._gathered[0] if self._gathered else None
                self._busy = following is not None
            if following is not None:
                following.leads = True
                following.turn.release()
            for one in batch:
                if one is not mine:
                    one.turn.release()

    def _store(self, batch: Sequence[_Waiting[Item, Answer]]) -> None:
        try:
            answers = self._write([one.item for one in batch])
        except UNAVAILABLE as error:
            for one in batch:
                one.error = error
        except UNSTORABLE:
            return
        else:
            for one, answer in zip(batch, answers, strict=True):
                one.answer = answer

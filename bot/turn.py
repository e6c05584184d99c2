"""Whose turn it is to tell on a chat: one process has the say, for as long as it lives and is not silent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.owners import is_dead

if TYPE_CHECKING:
    from collections.abc import Callable

    from jobs.store import Store

LEAD_SECONDS = 30.0


class Turn:
    """The time within one round, and whether this process still has the say: a slow service makes a round long."""

    def __init__(self, store: Store, surface: str, owner: str, now: float, clock: Callable[[], float]) -> None:
        self._store, self._surface, self._owner, self._clock = store, surface, owner, clock
        self._began, self._start, self._until = clock(), now, 0.0

    @property
    def now(self) -> float:
        """The time now, by the clock that the round was begun with."""
        return self._start + self._clock() - self._began

    def is_ours(self) -> bool:
        """Tell whether no other process tells on the surface, and see to it that it stays so."""
        now = self.now
        if now < self._until:
            return True
        self._until = now + LEAD_SECONDS / 3
        showing = self._store.showing
        if showing.lead(self._surface, self._owner, now, LEAD_SECONDS):
            return True
        leader = showing.leader(self._surface)
        if not is_dead(leader):
            return False
        showing.lead(self._surface, leader, now, -1.0)
        return showing.lead(self._surface, self._owner, now, LEAD_SECONDS)

"""What kills the process of a chat is done no more: a new process begins carefully, and finds what killed the last."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jobs.store.records import Records

DEATHS = 2
"""So many processes that began carefully may die of the same; the first one before them was not careful."""


class Caution:
    """Writes down what is done next in the first round of a process; when that went well, nothing more is written."""

    def __init__(self, records: Records, surface: str) -> None:
        self._records, self._key, self._died = records, f"careful:{surface}", f"died:{surface}:"
        self._careful, self._begun = True, False
        self._done: list[str] = []

    def may(self, what: str, now: float) -> bool:
        """Tell whether something may be done: False where it killed the processes before this one."""
        if not self._careful:
            return True
        self._begin(now)
        if int(self._records.value(f"{self._died}{what}") or 0) >= DEATHS:
            return False
        self._records.keep(self._key, what, now)
        self._done.append(what)
        return True

    def over(self, now: float) -> None:
        """Say that a whole round went well."""
        if self._careful:
            self._begin(now)
            self._records.drop([self._key, *(f"{self._died}{what}" for what in self._done)])
            self._careful = False

    def _begin(self, now: float) -> None:
        """Count what the process before this one was at when it died."""
        if self._begun:
            return
        self._begun = True
        what = self._records.value(self._key)
        if what is not None:
            died = f"{self._died}{what}"
            self._records.keep(died, str(int(self._records.value(died) or 0) + 1), now)
            self._records.drop([self._key])

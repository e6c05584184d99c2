"""What CI says of a mend, against what it said before; and how long it is waited for. Pure."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

SILENCE_SECONDS = 1800.0
"""A commit that no CI run was seen for after this time has none."""
PATIENCE_SECONDS = 6 * 3600.0
SHORTEST_PAUSE, LONGEST_PAUSE = 60.0, 900.0


class Verdict(StrEnum):
    """How a red run after a mend stands to the one before it."""

    SAME = "same"
    """The same failures: the mend does not reach them."""
    FEWER = "fewer"
    OTHER = "other"
    WORSE = "worse"
    """More failures than before, or something is red that was green."""


def compare(before: AbstractSet[str], after: AbstractSet[str], *, newly_red: bool) -> Verdict:
    """Compare the signatures of the failures before and after; ``newly_red``: a workflow that was green is red now."""
    if newly_red or len(after) > len(before):
        return Verdict.WORSE
    if after == before:
        return Verdict.SAME
    return Verdict.FEWER if after < before else Verdict.OTHER


def pause(waited: float) -> float:
    """Return for how many seconds to wait for CI without looking, after having waited so long."""
    return min(max(SHORTEST_PAUSE, waited / 2), LONGEST_PAUSE)

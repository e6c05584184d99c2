"""The bounds of a run, as pure arithmetic: what was spent, what is near, what is reached."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jobs.types import Limits, Step

NEAR = 0.8


@dataclass(frozen=True, slots=True)
class Meter:
    """One limit and what was used of it, in words that people read."""

    name: str
    used: float
    limit: float
    words: str

    @property
    def near(self) -> bool:
        """Tell whether four fifths are used."""
        return self.used >= NEAR * self.limit

    @property
    def reached(self) -> bool:
        """Tell whether nothing is left."""
        return self.used >= self.limit


def read(limits: Limits, steps: Sequence[Step], minutes: float) -> list[Meter]:
    """Return a meter for each limit; steps of earlier attempts count too."""
    dollars = sum(step.cost for step in steps)
    tokens = sum(step.usage.total for step in steps)
    return [
        Meter("dollars", dollars, limits.dollars, f"${dollars:.2f} of ${limits.dollars:.2f}"),
        Meter("tokens", tokens, limits.tokens, f"{tokens:,} of {limits.tokens:,} tokens"),
        Meter("steps", len(steps), limits.steps, f"{len(steps)} of {limits.steps} steps"),
        Meter("minutes", minutes, limits.minutes, f"{minutes:.0f} of {limits.minutes:g} minutes"),
    ]

"""A kind of task whose run ends in whatever way a test wants; registered in the table of kinds as any kind is."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from jobs.execute import Attempt
    from jobs.types import Outcome

PLAYS: list[Callable[[Attempt], Outcome]] = []
"""What the next runs do, in order."""


def end(attempt: Attempt) -> Outcome:
    """End as the test says."""
    return PLAYS.pop(0)(attempt)

"""How a run ends that a limit or a loop stopped."""

from __future__ import annotations

from jobs.types import Conclusion, LimitReached, LoopDetected, Outcome


def stopped(end: LimitReached | LoopDetected) -> Outcome:
    """Return the ending with its words and nothing else."""
    if isinstance(end, LoopDetected):
        return Outcome(Conclusion.FAILURE, str(end))
    conclusion = Conclusion.TIMED_OUT if end.limit == "minutes" else Conclusion.ACTION_REQUIRED
    return Outcome(conclusion, str(end))

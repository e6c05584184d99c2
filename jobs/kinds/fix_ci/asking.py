"""Asking before something is paid for: what would be done, in words, until a person approves or rejects it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from jobs.kinds.fix_ci import words
from jobs.kinds.fix_ci.deciding import Place
from jobs.types import Approval, Conclusion, Mode, NeedsApproval, Outcome

if TYPE_CHECKING:
    from jobs.execute import Attempt
    from jobs.kinds.fix_ci.case import Case
    from jobs.kinds.fix_ci.diagnosing import Known

ASKED = "asked"
"""The stage that holds what people were asked."""


def ask(attempt: Attempt, case: Case, known: Known) -> Outcome:
    """Raise NeedsApproval with the proposal; return the ending where people said no to it."""
    task, runs = attempt.task, attempt.services.store.runs
    if rejected(attempt):
        return Outcome(Conclusion.NEUTRAL, words.rejected(runs.unheard(task.id)))
    stored = runs.stage(task.id, ASKED)
    if stored is None:
        suggest = case.place is Place.OTHER and task.mode is not Mode.AGGRESSIVE
        stored = {"words": words.proposal(known, case, task.limits, suggest=suggest)}
        runs.finish_stage(task.id, task.attempt, ASKED, stored, time.time())
    raise NeedsApproval(stored["words"])


def rejected(attempt: Attempt) -> bool:
    """Tell whether people were asked, and said something else than yes."""
    task, runs = attempt.task, attempt.services.store.runs
    asked = runs.stage(task.id, ASKED) is not None and task.approval is Approval.WANTED
    return asked and bool(runs.unheard(task.id))

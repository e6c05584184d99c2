"""A mend for somebody else's pull request: suggestions on its lines where they fit, else a patch in the comment."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from jobs.github.review_values import LineRemark
from jobs.kinds.change import BUNDLE
from jobs.kinds.fix_ci.suggesting import suggestions
from jobs.kinds.publishing import PATCH_LIMIT
from jobs.text import neutralise, redact
from jobs.types import Conclusion, Outcome, UserError
from jobs.workspace import Quarantine

if TYPE_CHECKING:
    from jobs.execute import Attempt
    from jobs.kinds.base import Base
    from jobs.kinds.fix_ci.case import Case
    from jobs.kinds.fix_ci.suggesting import Suggestion

SUGGESTED = "The change is offered as suggestions on the pull request; nothing was pushed."
PATCH = "The change is below as a patch, to apply with `git apply`; nothing was pushed."
LEFT = "Nothing was changed, so there is nothing to offer."


def offer(attempt: Attempt, case: Case, base: Base, worked: Outcome) -> Outcome:
    """Offer the work and push nothing."""
    bundle = attempt.services.store.runs.checkpoint(attempt.task.id) if worked.kept == BUNDLE else None
    outcome = replace(worked, kept="")
    if bundle is None:
        if worked.salvage:
            return worked
        conclusion = outcome.conclusion if outcome.draft_reason else Conclusion.NEUTRAL
        return replace(outcome, conclusion=conclusion, summary=f"{outcome.summary}\n\n{LEFT}".strip())
    diff = _diff(attempt, base, bundle)
    made = _fitting(attempt, case, diff)
    if made:
        attempt.lease.check()
        _review(attempt, case, made, outcome)
        return replace(outcome, summary=f"{SUGGESTED}\n\n{outcome.summary}")
    return replace(outcome, summary=f"{PATCH}\n\n{outcome.summary}", salvage=redact(diff, attempt.services.redacted))


def _diff(attempt: Attempt, base: Base, bundle: bytes) -> str:
    quarantine = Quarantine(attempt.services.mirror, attempt.task.repository, attempt.task.id)
    try:
        return quarantine.diff_text(bundle, base=base.commit, limit=PATCH_LIMIT)
    finally:
        quarantine.discard()


def _fitting(attempt: Attempt, case: Case, diff: str) -> tuple[Suggestion, ...]:
    """Return the suggestions, where all of the change lies on lines that the pull request shows and holds no secret."""
    if redact(diff, attempt.services.redacted) != diff:
        return ()
    try:
        lines = attempt.repository.diff_lines(case.pull)
    except UserError:
        return ()
    return suggestions(diff, {path: found.shown for path, found in lines.items()})


def _review(attempt: Attempt, case: Case, made: tuple[Suggestion, ...], outcome: Outcome) -> None:
    """Write the review once; it is found again by the task's marker."""
    text = neutralise(outcome.summary, limit=8_000)
    body = f"{attempt.task.marker}\nThis makes CI pass in the sandbox.\n\n{redact(text, attempt.services.redacted)}"
    remarks = [
        LineRemark(one.path, one.end, one.body, start_line=one.start if one.start != one.end else 0) for one in made
    ]
    attempt.repository.ensure_review(case.pull, case.sha, attempt.task.marker, body, "COMMENT", remarks)

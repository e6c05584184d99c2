"""Title and body of the draft pull request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.answer import sections
from jobs.answer.comment import EDITED_BEFORE
from jobs.text import cut, line, neutralise, plain

if TYPE_CHECKING:
    from jobs.answer.view import TaskView
    from jobs.types import Outcome

LIMIT = 65_000
"""GitHub takes 65,536 characters for the body and 256 for the title."""
_TITLE = 120

STEER = (
    "Comment on the issue: `/opus retry` starts again from the beginning, `/opus why` says why something was done. "
    "Or push to this branch: it is yours."
)
INDEPENDENT_REVIEW = "By a second model conversation that saw only the request and the patch."
NO_REVIEW = "No review was made."


def pull_request_title(view: TaskView) -> str:
    """Return one line of at most 120 characters that pings nobody and closes nothing."""
    offered = (view.outcome.title if view.outcome else "", view.task.title)
    shown = next((title for told in offered if (title := " ".join(plain(told).split()).rstrip("."))), "")
    shown = shown or f"Work on {view.task.subject}"
    return shown if len(shown) <= _TITLE else f"{shown[: _TITLE - 1].rstrip()}\u2026"


def pull_request_body(view: TaskView) -> str:
    """Return the body for a task whose view has an outcome; it closes the issue only where the checks passed."""
    outcome = view.outcome
    if outcome is None:
        raise ValueError("a pull request is written for an outcome")
    parts = [_opening(view)]
    if outcome.draft_reason:
        parts.append(
            f"> \U0001f7e1 **Not complete:** {neutralise(' '.join(outcome.draft_reason.split()), limit=1_000)}"
        )
    parts += ["### What was done", neutralise(outcome.summary, limit=16_000) or "The model gave no summary."]
    if changed := sections.files(outcome):
        parts.append(sections.details("Changed files", changed))
    parts += ["### Checks", sections.evidence(outcome.evidence)]
    parts += ["### Review", _review(outcome)]
    if outcome.blocked:
        parts += ["### Blocked by the sandbox", sections.blocked(outcome.blocked)]
    parts += ["### What it cost", sections.receipt(view), "### How to go on", STEER]
    parts.append(sections.removed(view))
    if view.task.edited:
        parts.append(EDITED_BEFORE)
    parts.append(_asked(view))
    body = "\n\n".join(part for part in parts if part)
    return f"{view.task.marker}\n{cut(body, LIMIT)}"


def _opening(view: TaskView) -> str:
    """Name the issue; only ``Fixes`` closes it when the pull request is merged."""
    number = view.task.subject.number
    return f"Fixes #{number}" if view.checks_passed else f"For #{number}, which merging this does not close."


def _review(outcome: Outcome) -> str:
    if not outcome.review.strip():
        return NO_REVIEW
    return f"{neutralise(outcome.review, limit=12_000)}\n\n<sub>{INDEPENDENT_REVIEW}</sub>"


def _asked(view: TaskView) -> str:
    task = view.task
    who = line(task.actor.login or task.actor.id, 60)
    asked = neutralise(task.text, keep_code=True, limit=6_000).strip() or "(no text)"
    quoted = "\n".join(f"> {line}".rstrip() for line in asked.split("\n"))
    title = line(task.title, 250)
    page = f' \u00b7 <a href="{view.page_url}">every step</a>' if view.page_url else ""
    footer = f"<sub>Asked for by {who} \u00b7 task <code>{task.id}</code> \u00b7 mode {task.mode}{page}</sub>"
    return f"{sections.details('What was asked', f'**{title}**{chr(10)}{chr(10)}{quoted}')}\n\n{footer}"

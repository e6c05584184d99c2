"""Title and body of the draft pull request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.answer import sections
from jobs.answer.comment import EDITED_BEFORE
from jobs.answer.diagnosis import diagnosis
from jobs.answer.words import PLACES, asked_for
from jobs.text import cut, line, neutralise, plain
from jobs.types import MARKER, Kind

if TYPE_CHECKING:
    from jobs.answer.view import TaskView
    from jobs.types import Outcome

LIMIT = 65_000
"""GitHub takes 65,536 characters for the body and 256 for the title."""
_TITLE = 120
_ROOM = 200
"""Characters between the sections of several runs."""

STEER = (
    "Comment here with `@opus67` and what should be different: the next run goes on in this pull request. "
    "`/opus why` says why something was done. Or push to this branch: it is yours."
)
AGAIN = "On the issue, `/opus retry` starts again from the beginning."
WITHOUT_WORDS = frozenset({Kind.FIX_CI, Kind.ADDRESS_REVIEW, Kind.RESOLVE_CONFLICTS})
"""Kinds of work that are about something on GitHub, and not about a text."""
ANY_MARKER = MARKER.partition("{")[0]
DONE = "### What was done"
INDEPENDENT_REVIEW = "By a second model conversation that saw only the request and the patch."
NO_REVIEW = "No review was made."


def pull_request_title(view: TaskView) -> str:
    """Return one line of at most 120 characters that pings nobody and closes nothing."""
    offered = (view.outcome.title if view.outcome else "", view.task.title)
    shown = next((title for told in offered if (title := " ".join(plain(told).split()).rstrip("."))), "")
    shown = shown or (f"Work on {view.task.subject}" if view.task.subject.number else "Work of Opus 67")
    return shown if len(shown) <= _TITLE else f"{shown[: _TITLE - 1].rstrip()}\u2026"


def pull_request_body(view: TaskView) -> str:
    """Return the body for a task whose view has an outcome; it closes the issue only where the checks passed."""
    steer = f"{AGAIN} {STEER}" if view.task.kind is Kind.RESOLVE_ISSUE else STEER
    parts = [_opening(view), *_red(view), *_work(view), "### How to go on", steer, *_asked(view)]
    body = "\n\n".join(part for part in parts if part)
    return f"{view.task.marker}\n{cut(body, LIMIT)}"


def continued_body(existing: str, view: TaskView) -> str:
    """Return the body of a pull request that a task goes on with: what it said before, and this run's section.

    A section of this task that is there already is replaced, wherever it stands.
    """
    before, found, rest = existing.partition(view.task.marker)
    _, others, after = rest.partition(ANY_MARKER) if found else ("", "", "")
    title = line((view.outcome.title if view.outcome else "") or view.task.title, 250)
    parts = [f"{view.task.marker}\n## Then: {title}", *_red(view), *_work(view), *_asked(view)]
    section = cut("\n\n".join(part for part in parts if part), LIMIT // 2)
    kept = _closed(
        cut(before if found else existing, LIMIT - len(section) - _ROOM).rstrip().removesuffix("---").rstrip()
    )
    later = f"\n\n---\n\n{others}{after}" if others else ""
    return cut(f"{kept}\n\n---\n\n{section}".lstrip("\n-") + later, LIMIT)


def concluded_body(existing: str, marker: str, ending: str) -> str:
    """Return the body with the ending of a task's work before what it did; all else stays as it is."""
    before, found, section = existing.partition(marker)
    if not found or not ending or ending in section or DONE not in section:
        return existing
    opening, _, rest = section.partition(DONE)
    return cut(f"{before}{found}{opening}{DONE}\n\n{neutralise(ending, limit=2_000)}{rest}", LIMIT)


def _closed(text: str) -> str:
    """Close the sections that a cut left open, so that what follows is not hidden in them."""
    return text + "\n\n</details>" * max(0, text.count("<details>") - text.count("</details>"))


def _work(view: TaskView) -> list[str]:
    """Return what every run says of its work."""
    outcome = view.outcome
    if outcome is None:
        raise ValueError("a pull request is written for an outcome")
    parts = []
    if outcome.draft_reason:
        reason = neutralise(" ".join(outcome.draft_reason.split()), limit=1_000)
        parts.append(f"> \U0001f7e1 **Not complete:** {reason}")
    parts += [DONE, neutralise(outcome.summary, limit=16_000) or "The model gave no summary."]
    if changed := sections.files(outcome):
        parts.append(sections.details("Changed files", changed))
    parts += ["### Checks", sections.evidence(outcome.evidence)]
    parts += ["### Review", _review(outcome)]
    if outcome.blocked:
        parts += ["### Blocked by the sandbox", sections.blocked(outcome.blocked)]
    return [*parts, "### What it cost", sections.receipt(view)]


def _red(view: TaskView) -> list[str]:
    """Return what is known of the red run that the work is about."""
    return ["### What was red", diagnosis(view.diagnosis)] if view.diagnosis is not None else []


def _by_itself(view: TaskView) -> bool:
    return view.task.kind is Kind.FIX_CI and view.task.about.get("asked") is False


def _opening(view: TaskView) -> str:
    """Say where the work came from; only ``Fixes`` closes an issue when the pull request is merged."""
    task, number = view.task, view.task.subject.number
    if task.kind is Kind.RESOLVE_ISSUE and view.checks_passed:
        return f"Fixes #{number}"
    if task.subject.kind == "issue" and number:
        return f"For #{number}, which merging this does not close."
    if _by_itself(view):
        return f"CI was red, so this was begun without being asked for, on behalf of {_who(view)}."
    return f"{_who(view)} asked for this {_where(view)}."


def _who(view: TaskView) -> str:
    return line(view.task.actor.login or view.task.actor.id, 60)


def _where(view: TaskView) -> str:
    task = view.task
    if task.subject.number:
        return f"on #{task.subject.number}"
    return PLACES.get(task.actor.platform) or f"by way of {line(task.actor.platform, 30)}"


def _review(outcome: Outcome) -> str:
    if not outcome.review.strip():
        return NO_REVIEW
    shown = neutralise(outcome.review, limit=12_000)
    return shown if outcome.review.startswith("No review") else f"{shown}\n\n<sub>{INDEPENDENT_REVIEW}</sub>"


def _asked(view: TaskView) -> list[str]:
    task = view.task
    asked = neutralise(task.text, keep_code=True, limit=6_000).strip() or "(no text)"
    asked_in_words = task.kind not in WITHOUT_WORDS
    quoted = "\n".join(f"> {line}".rstrip() for line in asked.split("\n"))
    page = f' \u00b7 <a href="{view.page_url}">every step</a>' if view.page_url else ""
    came = f" {_where(view)}" if task.actor.platform != "github" else ""
    asker = f"{asked_for(task)} {_who(view)}{came}"
    footer = f"<sub>{asker} \u00b7 task <code>{task.id}</code> \u00b7 mode {task.mode}{page}</sub>"
    return [
        sections.removed(view),
        EDITED_BEFORE if task.edited else "",
        sections.approved(view),
        sections.details("What was asked", f"**{line(task.title, 250)}**\n\n{quoted}") if asked_in_words else "",
        footer,
    ]

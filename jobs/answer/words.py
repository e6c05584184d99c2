"""The sentences for each state and ending, and how numbers are written."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from jobs.text import code, line
from jobs.types import Approval, Cause, Conclusion, Kind, Phase, Status

if TYPE_CHECKING:
    from jobs.answer.view import TaskView
    from jobs.types import Task

PHASES = {
    Phase.PREPARING: "preparing the sandbox",
    Phase.PLANNING: "planning",
    Phase.CODING: "coding",
    Phase.TESTING: "running the checks",
    Phase.REVIEWING: "reviewing the patch",
    Phase.PUBLISHING: "publishing",
}


@dataclass(frozen=True, slots=True)
class Headline:
    """How a state is called: a mark, a few words, and what a person can do next."""

    mark: str
    words: str
    next: str = ""

    def __str__(self) -> str:
        return f"{self.mark} **{self.words}**"


_CENT = 0.01
_MINUTE = 60
_SHORT = 10 * _MINUTE
_THOUSAND = 1000

RETRY = "`/opus retry` starts again from the beginning."
QUEUED = Headline("\U0001f552", "Queued")
WORKING = Headline("\U0001f6e0\ufe0f", "Working on it")
CANCELLING = Headline("\U0001f6d1", "Cancelling")
LISTENING = Headline("\U0001f440", "Waiting for CI", "`/opus cancel` ends this. Nothing is spent while it waits.")
RESTING = Headline(
    "\U0001f552",
    "Waiting until something is back",
    "It goes on by itself, and nothing is spent while it waits. `/opus cancel` ends it.",
)
PAUSED = Headline("\u23f8\ufe0f", "Paused", "`/opus resume` goes on, `/opus cancel` ends the work.")
QUESTION = Headline(
    "\u2753",
    "Waiting for your answer",
    "Answer with a comment that begins with `/opus answer`, for example: `/opus answer use the second option`. "
    "Nothing is spent while this waits.",
)
PLAN = Headline(
    "\U0001f4cb",
    "The plan waits for your approval",
    "`/opus approve` starts the work; `/opus reject` and what should be different asks for another plan, for example: "
    "`/opus reject keep the old name as an alias`. Nothing is spent while this waits.",
)
MEND = Headline(
    "\U0001f527",
    "It asks before it mends this",
    "`/opus approve` or the check run's button lets it begin; `/opus reject` and why leaves it to you. "
    "Nothing is spent while this waits.",
)
ELSEWHERE = {
    PAUSED: "`/opus resume {id}` goes on, `/opus bg cancel {id}` ends the work.",
    QUESTION: "`/opus answer {id}` and your words let it go on. Nothing is spent while this waits.",
    PLAN: "`/opus approve {id}` starts the work, `/opus reject {id}` and your reason ask for another plan. "
    "Nothing is spent while this waits.",
    MEND: "`/opus approve {id}` lets it begin, `/opus reject {id}` and why leaves it to you. "
    "Nothing is spent while this waits.",
}
"""What a person can do about a task that has no comment on GitHub: in a chat, or on the command line."""
REVIEW_AGAIN = "`/opus review` on the pull request has it reviewed again."
ANSWERED = Headline("\U0001f4ac", "Answered")
MERGED = Headline("\U0001f7e3", "Merged")
DONE = Headline("\u2705", "Done: a draft pull request is ready for review")
DONE_WITHOUT_CHECKS = Headline("\u2705", "Done: a draft pull request is ready for review, but no checks were run")
DONE_WITHOUT_PULL_REQUEST = Headline("\u2705", "Done")
INCOMPLETE = Headline(
    "\U0001f7e1",
    "There is a draft pull request, but the work is not complete",
    f"Take it over from the branch, or say more in the issue: {RETRY}",
)
ON_PULL = {
    DONE: Headline("\u2705", "Done: the pull request has the change", "Look at it as you would at anybody's work."),
    DONE_WITHOUT_CHECKS: Headline("\u2705", "Done: the pull request has the change, but no checks were run"),
    INCOMPLETE: Headline("\U0001f7e1", "The pull request has the change, but it is not complete"),
}
"""The same for work that went on with a pull request, which need not be a draft any more."""
NOTHING_TO_DO = Headline(
    "\u26aa",
    "Nothing was changed",
    f"If you see it otherwise, say in the issue what should be different: {RETRY}",
)
FAILED = Headline("\u274c", "This did not work out", RETRY)
CANCELLED = Headline("\U0001f6d1", "Cancelled", RETRY)
OVER_LIMIT = Headline(
    "\u23f1\ufe0f",
    "Stopped at a limit",
    f"To go further, raise `limits.run` in `.github/opus67.yml` on the default branch; then {RETRY}",
)
NEEDS_PERSON = Headline("\u270b", "A person is needed here", RETRY)
SKIPPED = Headline("\u23ed\ufe0f", "Not started", RETRY)

AGAIN = {
    Kind.FIX_CI: "Take it over from the branch, or have it tried again: `/opus fix`.",
    Kind.ADDRESS_REVIEW: "Take it over from the branch, or say more in the review: `/opus address` goes on with it.",
    Kind.RESOLVE_CONFLICTS: "Take it over from the branch, or have it tried again: `/opus update`.",
}
LOOK_AGAIN = "`/opus fix` has it looked at again."
GREEN_AGAIN = Headline("\u2705", "CI is green again, without a change")
OFFERED = Headline("\u2705", "Done: a mend is offered here", "Nothing was pushed: taking it over is up to you.")
"""Endings of work on a red run that has no pull request of its own."""

LOGIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9]|-(?=[A-Za-z0-9])){0,38}")
"""A login as GitHub gives them to people: letters, digits and single hyphens."""
PLACES = {
    "github": "on GitHub",
    "slack": "in Slack",
    "discord": "in Discord",
    "api": "on the command line",
    "repository": "through its CI",
}

_ENDINGS = {
    Conclusion.NEUTRAL: NOTHING_TO_DO,
    Conclusion.FAILURE: FAILED,
    Conclusion.CANCELLED: CANCELLED,
    Conclusion.TIMED_OUT: OVER_LIMIT,
    Conclusion.ACTION_REQUIRED: NEEDS_PERSON,
    Conclusion.SKIPPED: SKIPPED,
}


def headline(view: TaskView) -> Headline:
    """Return how the state of a task is called."""
    task = view.task
    if task.listens and task.status in {Status.QUEUED, Status.IN_PROGRESS} and not task.cancel:
        return LISTENING
    match task.status:
        case Status.QUEUED:
            found = RESTING if view.rests else QUEUED
        case Status.IN_PROGRESS:
            found = CANCELLING if task.cancel else WORKING
        case Status.WAITING:
            found = _waiting(task)
        case Status.COMPLETED:
            found = _ending(view)
    return found


def _waiting(task: Task) -> Headline:
    found = PAUSED
    if task.question:
        asked = MEND if task.kind is Kind.FIX_CI else PLAN
        found = asked if task.approval is Approval.ASKED else QUESTION
    return found if task.subject.number else replace(found, next=ELSEWHERE[found].format(id=task.id))


def _ending(view: TaskView) -> Headline:
    conclusion = conclusion_of(view)
    if view.task.kind is Kind.REVIEW_PULL_REQUEST and view.outcome and view.outcome.title:
        mark = {Conclusion.SUCCESS: DONE.mark, Conclusion.FAILURE: FAILED.mark}.get(conclusion, INCOMPLETE.mark)
        return Headline(mark, view.outcome.title, REVIEW_AGAIN)
    if view.merged:
        return MERGED
    if conclusion is Conclusion.SUCCESS:
        return ANSWERED if view.task.kind is Kind.ASK else _on_pull(view, _success(view))
    if view.task.kind is Kind.FIX_CI and conclusion is Conclusion.NEUTRAL and not view.pull_request:
        return replace(NOTHING_TO_DO, next=LOOK_AGAIN)
    if view.pull_request and conclusion in {Conclusion.NEUTRAL, Conclusion.FAILURE}:
        return _on_pull(view, INCOMPLETE)
    return _on_pull(view, _ENDINGS[conclusion])


def _on_pull(view: TaskView, found: Headline) -> Headline:
    """Return the ending as it is called where the work went on with a pull request, with what people can do there."""
    again = AGAIN.get(view.task.kind, "")
    if not again:
        return found
    called = ON_PULL.get(found, found) if view.task.onto else found
    return replace(called, next=again) if found in {INCOMPLETE, NOTHING_TO_DO} else called


def _success(view: TaskView) -> Headline:
    if not view.pull_request:
        return _without_pull_request(view)
    if view.outcome and view.outcome.draft_reason:
        return INCOMPLETE
    if view.checks_passed:
        return DONE
    return INCOMPLETE if view.outcome and view.outcome.evidence else DONE_WITHOUT_CHECKS


def _without_pull_request(view: TaskView) -> Headline:
    if view.task.kind is not Kind.FIX_CI:
        return DONE_WITHOUT_PULL_REQUEST
    passing = view.diagnosis is not None and view.diagnosis.cause in {Cause.FLAKY, Cause.INFRASTRUCTURE}
    return OFFERED if view.outcome and view.outcome.evidence and not passing else GREEN_AGAIN


def conclusion_of(view: TaskView) -> Conclusion:
    """Return how a completed task ended; one that left no outcome behind was a failure, never a success."""
    if view.outcome:
        return view.outcome.conclusion
    return view.task.conclusion or Conclusion.FAILURE


def phase_of(task: Task) -> str:
    """Return what a running task does now."""
    if task.kind in {Kind.ASK, Kind.REVIEW_PULL_REQUEST} and task.phase is Phase.PLANNING:
        return "reading the code"
    return PHASES[task.phase]


def needs_people(view: TaskView) -> bool:
    """Tell whether this is a moment that people must hear of: a question, a plan, a result, a failure."""
    if view.task.status is Status.WAITING:
        return bool(view.task.question)
    ended = view.task.status is Status.COMPLETED
    return ended and conclusion_of(view) not in {Conclusion.CANCELLED, Conclusion.SKIPPED}


def asked_for(task: Task) -> str:
    """Return the words before the name of whom a task is for: work may have begun without being asked for."""
    return "On behalf of" if task.about.get("asked") is False else "Asked for by"


def mention(login: str) -> str:
    """Return a login so that GitHub tells its owner; what could be anything else is shown as code and pings nobody."""
    return f"@{login}" if LOGIN.fullmatch(login) else code(line(login, 60))


def money(dollars: float) -> str:
    """Return US dollars with as many places as say something."""
    return f"${dollars:.4f}" if 0 < dollars < _CENT else f"${dollars:.2f}"


def duration(seconds: float) -> str:
    """Return a length of time as people say it."""
    whole = max(round(seconds), 0)
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _SHORT:
        return f"{whole // _MINUTE} min {whole % _MINUTE:02d} s"
    return _minutes(whole // _MINUTE)


def rough_duration(seconds: float) -> str:
    """Return a length of time in whole minutes, so that a comment is not edited for each second."""
    minutes = int(max(seconds, 0) // _MINUTE)
    return _minutes(minutes) if minutes else "less than a minute"


def _minutes(minutes: int) -> str:
    return f"{minutes} min" if minutes < _MINUTE else f"{minutes // _MINUTE} h {minutes % _MINUTE:02d} min"


def count(number: int, one: str, many: str = "") -> str:
    """Return a number with its noun."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def thousands(number: int) -> str:
    """Return a big number shortly: 950, 12 k, 3.4 M."""
    if number < _THOUSAND:
        return str(number)
    rounded = round(number / _THOUSAND)
    return f"{rounded} k" if rounded < _THOUSAND else f"{number / _THOUSAND**2:.1f} M"

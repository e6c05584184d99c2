"""Why a run is red, from what its logs tell and what was known before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.triage.culprit import find
from jobs.types import Cause, Diagnosis, FailureKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jobs.types import Failure, History, Reading

RERUNS = 2
"""How often the failed jobs of one commit are run again."""
_CERTAIN = frozenset({FailureKind.COMPILE, FailureKind.LINT, FailureKind.FORMAT, FailureKind.TYPES})
"""Tools of these kinds say the same of the same code every time."""
_SIMPLE = frozenset({FailureKind.LINT, FailureKind.FORMAT, FailureKind.TYPES})
_WORDS = {
    FailureKind.TEST: ("test fails", "tests fail"),
    FailureKind.COMPILE: ("error of the build", "errors of the build"),
    FailureKind.TYPES: ("error of types", "errors of types"),
    FailureKind.LINT: ("complaint of a linter", "complaints of linters"),
    FailureKind.FORMAT: ("file is not formatted", "files are not formatted"),
    FailureKind.OTHER: ("error", "errors"),
}


def diagnose(reading: Reading, history: History) -> Diagnosis:
    """Return the class of a failure, its reason in one sentence, and the commit to blame where that is clear."""
    cause, reason, confidence = _why(reading, history)
    blame = find(reading, history.changes) if cause is Cause.DETERMINISTIC else None
    if blame:
        reason = f"{reason}; {blame.reason}"
        confidence = min(confidence, blame.confidence)
    return Diagnosis(
        cause=cause,
        reason=f"{reason}.",
        failures=reading.failures,
        culprit=blame.change if blame else None,
        green=history.green,
        changes=len(history.changes),
        confidence=confidence,
        command=reading.command,
        excerpt=reading.excerpt,
        simple=_is_simple(reading.failures),
    )


def may_rerun(reading: Reading, history: History) -> bool:
    """Say whether the failed jobs are worth running again before anything is paid; never more than twice a commit."""
    if history.reruns >= RERUNS or history.passed_again:
        return False
    if history.passed_on_commit or _all_in(reading.failures, history.known_flaky):
        return True
    if any(failure.kind in _CERTAIN for failure in reading.failures):
        return False
    return bool(reading.infrastructure or reading.flaky_hint)


def _why(reading: Reading, history: History) -> tuple[Cause, str, float]:
    failures = reading.failures
    if came_and_went := _flaky(failures, history):
        return Cause.FLAKY, *came_and_went
    if reading.infrastructure:
        return Cause.INFRASTRUCTURE, f"Not the code: {reading.infrastructure}", 0.75 if failures else 0.9
    if _all_in(failures, history.base_signatures):
        return Cause.BASE_RED, "The base branch fails in the same way", 0.9
    if failures:
        return Cause.DETERMINISTIC, _told(reading), _confidence(reading)
    return Cause.UNKNOWN, "Nothing in the log tells what went wrong", 0.2


def _flaky(failures: Sequence[Failure], history: History) -> tuple[str, float] | None:
    """Return by what a failure is known to come and go, and how sure that is."""
    if history.passed_again:
        return "The same commit was green when it was run again", 0.95
    if history.passed_on_commit:
        return "The same workflow was green on the same commit before", 0.9
    if _all_in(failures, history.known_flaky):
        return f"{_count(failures)}, and each of them came and went before", 0.8
    return None


def _told(reading: Reading) -> str:
    words = _count(reading.failures)
    return (
        f"{words}, though with a sign of failures that come and go ({reading.flaky_hint})"
        if reading.flaky_hint
        else words
    )


def _confidence(reading: Reading) -> float:
    kinds = {failure.kind for failure in reading.failures}
    if kinds <= _CERTAIN:
        return 0.95
    if reading.flaky_hint:
        return 0.6
    return 0.6 if kinds == {FailureKind.OTHER} else 0.85


def _count(failures: Sequence[Failure]) -> str:
    """Return how much of what failed, in words without a word from the log."""
    kinds = list(dict.fromkeys(failure.kind for failure in failures))
    counts = [(sum(failure.kind is kind for failure in failures), _WORDS[kind]) for kind in kinds]
    return ", ".join(f"{number} {words[0] if number == 1 else words[1]}" for number, words in counts)


def _all_in(failures: Sequence[Failure], known: frozenset[str]) -> bool:
    return bool(failures) and all(failure.signature in known for failure in failures)


def _is_simple(failures: Sequence[Failure]) -> bool:
    """Say whether one tool of lint, format or types complains, or one single test fails."""
    if not failures:
        return False
    if all(failure.kind in _SIMPLE for failure in failures):
        return len({failure.tool for failure in failures}) == 1
    return len(failures) == 1 and failures[0].kind is FailureKind.TEST

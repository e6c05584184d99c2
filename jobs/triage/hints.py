"""What is typical of failures that come and go."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from jobs.types import FailureKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jobs.types import Failure

_HINTS: tuple[tuple[re.Pattern[str], str], ...] = (
    (
        re.compile(r"address already in use|EADDRINUSE|port \d+ is (?:already )?(?:in use|allocated)", re.IGNORECASE),
        "a port was in use already",
    ),
    (
        re.compile(
            r"connection (?:was )?(?:refused|reset|aborted)|ECONNREFUSED|ECONNRESET|EPIPE|broken pipe|socket hang up",
            re.IGNORECASE,
        ),
        "a connection was refused or broken",
    ),
    (
        re.compile(
            r"name resolution|EAI_AGAIN|\bENOTFOUND\b|no such host|\b(?:502|503|504)\b.{0,30}(?:gateway|unavailable)",
            re.IGNORECASE,
        ),
        "a service could not be reached",
    ),
    (
        re.compile(
            r"DATA RACE|\brace (?:condition|detected)|deadlock|concurrent map|ConcurrentModification", re.IGNORECASE
        ),
        "a race between threads",
    ),
    (
        re.compile(
            r"\btimed? ?-?out\b|Timeout(?:Error|Exception|Expired)?\b|exceeded timeout of|deadline exceeded",
            re.IGNORECASE,
        ),
        "a timeout",
    ),
    (
        re.compile(
            r"\bflak(?:y|iness)\b|\bintermittent|\bretr(?:y|ies|ied) ?[#(\d]|after \d+ (?:retries|attempts)",
            re.IGNORECASE,
        ),
        "the log itself speaks of retries or flakiness",
    ),
    (
        re.compile(
            r"StaleElementReference|detached from the DOM|\bEBUSY\b|\bENOTEMPTY\b|database is locked|lock wait",
            re.IGNORECASE,
        ),
        "something was busy or gone for a moment",
    ),
)
_ORDER = re.compile(
    r"random(?:ly|ized|ised)?[- _](?:seed|order)|Randomized with seed|shuffl(?:e|ing) (?:the )?tests"
    r"|-test\.shuffle|--shuffle",
    re.IGNORECASE,
)
_FEW = 3


def hint(failures: Sequence[Failure], text: str) -> str:
    """Return in words what in the failing tests, or where none is known in the step's end, is typical, or nothing."""
    tests = [failure for failure in failures if failure.kind is FailureKind.TEST]
    if failures and not tests:
        return ""
    told = "\n".join(f"{test.message}\n{test.excerpt}" for test in tests) if tests else text[-8_000:]
    found = next((words for pattern, words in _HINTS if pattern.search(told)), "")
    if not found and 0 < len(tests) <= _FEW and _ORDER.search(text):
        return "the tests run in random order"
    return found

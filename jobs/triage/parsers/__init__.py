"""The table of parsers: each reads the output of one family of tools and yields what failed."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from jobs.triage.failures import MOST, distinct
from jobs.triage.parsers import (
    cargo,
    checkers,
    compilers,
    fallback,
    formatters,
    go,
    javascript,
    others,
    pytest,
    tap,
    unittest,
    workflow,
)
from jobs.types import FailureKind

if TYPE_CHECKING:
    from jobs.triage.failures import Section
    from jobs.types import Failure

PARSERS = (pytest, unittest, javascript, go, cargo, compilers, checkers, formatters, others, tap)
"""Each module has ``parse`` and ``WORDS``, of which a text must hold one to be worth reading."""


def parse(section: Section) -> tuple[Failure, ...]:
    """Return what failed in a step, as the parsers of known tools read it; of one place told twice, the first."""
    found: list[Failure] = []
    text = f"\n{section.text}"
    for parser in PARSERS:
        if any(word in text for word in parser.WORDS):
            found.extend(islice(parser.parse(section), 5 * MOST))
    places = {(failure.path, failure.line) for failure in found if failure.line}
    found.extend(failure for failure in workflow.parse(section) if (failure.path, failure.line) not in places)
    found = _without_echoes(found)
    if len({failure.tool for failure in found}) > 1:
        found.sort(key=lambda failure: text.find(failure.excerpt.partition("\n")[0]))
    return distinct(found)


def guess(section: Section, code: int | None) -> tuple[Failure, ...]:
    """Return what the end of a step's output looks like, where no parser knows it."""
    return tuple(fallback.parse(section, code))


def _without_echoes(found: list[Failure]) -> list[Failure]:
    """Leave out what another parser reads from inside the story of a failing test."""
    tests = [failure for failure in found if failure.kind is FailureKind.TEST]
    return [
        failure
        for failure in found
        if failure.kind is FailureKind.TEST
        or not any(
            failure.tool != test.tool and failure.excerpt and failure.excerpt.split("\n")[0] in test.excerpt
            for test in tests
        )
    ]

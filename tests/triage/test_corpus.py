"""The reader is right about every log of the corpus (tests/ci_logs)."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from jobs.triage import diagnose, join, read_junit, read_log
from jobs.types import Diagnosis, Failure, History, Reading

CORPUS = Path(__file__).parents[1] / "ci_logs"
CASES = sorted(path.parent.name for path in CORPUS.glob("*/case.yml"))
REPORTS = sorted(path.parent.name for path in CORPUS.glob("*/junit.xml"))


@cache
def expected(name: str) -> dict[str, Any]:
    """Return what a person reads in a log."""
    loaded: dict[str, Any] = yaml.safe_load((CORPUS / name / "case.yml").read_text(encoding="utf-8"))
    return loaded


@cache
def reading(name: str) -> Reading:
    """Return what the reader reads in it."""
    return join([read_log([(CORPUS / name / "log.txt").read_bytes()])])


def diagnosis(name: str) -> Diagnosis:
    """Return what follows from a log and its history."""
    history = expected(name).get("history", {})
    return diagnose(reading(name), History(**{key: _frozen(value) for key, value in history.items()}))


def _frozen(value: object) -> Any:
    return frozenset(value) if isinstance(value, list) else value


def is_it(wanted: dict[str, Any], found: Failure) -> bool:
    """Tell whether a failure is the one that a person sees, in all that the log tells of it."""
    path = wanted.get("path", found.path)
    return (
        wanted.get("name", found.name) == found.name
        and (path == found.path or found.path.endswith(f"/{path}"))
        and wanted.get("line", found.line) == found.line
        and wanted.get("kind", found.kind) == found.kind
        and wanted.get("message", "") in found.message
    )


@pytest.mark.parametrize("name", CASES)
def test_the_class_is_right(name: str) -> None:
    """A log is of the class that a person gives it; green is where nothing failed."""
    nothing = not reading(name).failures and not reading(name).infrastructure
    assert ("green" if nothing else diagnosis(name).cause.value) == expected(name)["class"]


@pytest.mark.parametrize("name", CASES)
def test_the_failures_are_found(name: str) -> None:
    """Each failure is found with name, place, kind and message, and nothing else is."""
    invented = list(reading(name).failures)
    for wanted in expected(name)["failures"]:
        found = next((one for one in invented if is_it(wanted, one)), None)
        assert found, f"{wanted} is not among {invented}"
        invented.remove(found)
    assert invented == []


@pytest.mark.parametrize("name", [name for name in CASES if expected(name)["failures"]])
def test_the_command_is_found(name: str) -> None:
    """The command that failed is the one to reproduce it with."""
    assert reading(name).command == expected(name)["command"]


@pytest.mark.parametrize("name", [name for name in CASES if {"same_as", "differs_from"} & set(expected(name))])
def test_signatures_tell_runs_from_failures(name: str) -> None:
    """The same failure has the same signatures in another run, another failure has others."""
    case = expected(name)
    mine = diagnosis(name).signatures
    if "same_as" in case:
        assert mine == diagnosis(case["same_as"]).signatures
    if "differs_from" in case:
        assert mine != diagnosis(case["differs_from"]).signatures


@pytest.mark.parametrize("name", REPORTS)
def test_the_report_tells_the_same_as_the_log(name: str) -> None:
    """A JUnit report adds no failure to those of the log of the same run, and lacks none."""
    failures = read_junit((CORPUS / name / "junit.xml").read_bytes())
    assert len(failures) == len(reading(name).failures)
    joined = join([reading(name), Reading(failures=failures)])
    assert joined.failures == reading(name).failures

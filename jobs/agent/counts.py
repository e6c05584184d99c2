"""How many tests passed, failed and were skipped, read from the output of the test tools that are met most. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from jobs.agent.context import ESCAPES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Counts = tuple[int | None, int | None, int | None]
"""Passed, failed, skipped."""
UNKNOWN: Counts = (None, None, None)
READ_AT_MOST = 400_000
WORDS = {
    "passed": 0, "passing": 0, "pass": 0, "xfailed": 0, "successes": 0,
    "failed": 1, "failing": 1, "fail": 1, "error": 1, "errors": 1, "failures": 1, "failure": 1, "xpassed": 1,
    "skipped": 2, "pending": 2, "todo": 2, "ignored": 2, "deselected": 3, "warning": 3, "warnings": 3,
}  # fmt: skip


def parse_counts(output: str) -> Counts:
    """Return passed, failed and skipped tests; None for each where the output tells none.

    Several summaries of one tool, as of several packages, are added up. Tests that failed as expected count as passed.
    """
    text = ESCAPES.sub("", output[-READ_AT_MOST:]).replace("\r", "")
    for read in READERS:
        counts = read(text)
        if counts is not None:
            return counts
    return UNKNOWN


def _sum(lines: Iterable[str]) -> Counts | None:
    """Add up what lines such as ``3 passed, 1 failed`` say."""
    totals, seen = [0, 0, 0, 0], False
    for line in lines:
        for number, word in re.findall(r"(\d{1,9}) (?:tests? )?([a-z]+)", line):
            if word in WORDS:
                totals[WORDS[word]] += int(number)
                seen = True
    return (totals[0], totals[1], totals[2]) if seen else None


def _pytest(text: str) -> Counts | None:
    return _sum(re.findall(r"^(?:=+ )?(\d{1,9} [a-z]+(?:, \d{1,9} [a-z]+)* in [\d.:]+ ?s.*)$", text, re.MULTILINE)[-1:])


def _unittest(text: str) -> Counts | None:
    runs = re.findall(r"^Ran (\d{1,9}) tests? in .*\n+(OK|FAILED|NO TESTS RAN)(?: \((.*)\))?", text, re.MULTILINE)
    if not runs:
        return None
    passed = failed = skipped = 0
    for ran, _, details in runs:
        found = {name: int(number) for name, number in re.findall(r"([a-z ]+)=(\d{1,9})", details)}
        named = {name.strip(): number for name, number in found.items()}
        bad = named.get("failures", 0) + named.get("errors", 0) + named.get("unexpected successes", 0)
        failed, skipped = failed + bad, skipped + named.get("skipped", 0)
        passed += max(0, int(ran) - bad - named.get("skipped", 0))
    return passed, failed, skipped


def _jest_or_vitest(text: str) -> Counts | None:
    return _sum(re.findall(r"^[ \t]*Tests:?[ \t]+(\d+ (?:failed|passed|skipped|todo|pending).*)$", text, re.MULTILINE))


def _cargo(text: str) -> Counts | None:
    return _sum(re.findall(r"^test result: \w+\. (.*?); \d+ measured", text, re.MULTILINE))


def _go(text: str) -> Counts | None:
    """Count verbose lines; without them Go names packages only, which are no tests."""
    results = re.findall(r"^[ \t]*--- (PASS|FAIL|SKIP): ", text, re.MULTILINE)
    if "PASS" not in results:
        return None
    return results.count("PASS"), results.count("FAIL"), results.count("SKIP")


def _mocha(text: str) -> Counts | None:
    return _sum(re.findall(r"^[ \t]*(\d+ (?:passing|failing|pending))\b", text, re.MULTILINE))


def _node(text: str) -> Counts | None:
    """Read the summary of Node's own test runner."""
    found = dict(re.findall(r"^(?:# |\u2139 )(pass|fail|skipped|todo) (\d{1,9})$", text, re.MULTILINE))
    if "pass" not in found:
        return None
    return int(found["pass"]), int(found.get("fail", 0)), int(found.get("skipped", 0)) + int(found.get("todo", 0))


def _rspec(text: str) -> Counts | None:
    found = re.findall(
        r"^(\d{1,9}) (?:examples?|tests?), (\d{1,9}) failures?(?:, (\d{1,9}) pending)?", text, re.MULTILINE
    )
    return _from_totals((int(all_), int(bad), int(rest or 0)) for all_, bad, rest in found)


def _minitest(text: str) -> Counts | None:
    pattern = (
        r"^(\d{1,9}) (?:runs|tests), \d+ assertions, (\d{1,9}) failures, (\d{1,9}) errors"
        r"(?:, (\d{1,9}) (?:skips|pendings))?"
    )
    found = re.findall(pattern, text, re.MULTILINE)
    return _from_totals((int(all_), int(bad) + int(worse), int(rest or 0)) for all_, bad, worse, rest in found)


def _junit(text: str) -> Counts | None:
    """Read Maven's summary, the last of which is the whole, or else the attributes of JUnit's XML."""
    found = re.findall(r"Tests run: (\d{1,9}), Failures: (\d{1,9}), Errors: (\d{1,9}), Skipped: (\d{1,9})", text)[-1:]
    if not found:
        for suite in re.findall(r"<testsuite\b[^>]{0,2000}>", text):
            values = dict(re.findall(r'(\w+)="(\d{1,9})"', suite))
            if "tests" in values:
                found.append(tuple(values.get(name, "0") for name in ("tests", "failures", "errors", "skipped")))
    return _from_totals((int(all_), int(bad) + int(worse), int(rest)) for all_, bad, worse, rest in found)


def _phpunit(text: str) -> Counts | None:
    fine = re.findall(r"^OK \((\d{1,9}) tests?, \d+ assertions?\)", text, re.MULTILINE)
    if fine:
        return _from_totals((int(all_), 0, 0) for all_ in fine)
    totals = []
    for line in re.findall(r"^Tests: \d+, Assertions: .*$", text, re.MULTILINE):
        values = {name: int(number) for name, number in re.findall(r"(\w+): (\d{1,9})", line)}
        rest = values.get("Skipped", 0) + values.get("Incomplete", 0)
        totals.append((values["Tests"], values.get("Failures", 0) + values.get("Errors", 0), rest))
    return _from_totals(totals)


def _tap(text: str) -> Counts | None:
    if not re.search(r"^1\.\.\d+", text, re.MULTILINE):
        return None
    lines = re.findall(r"^(not )?ok\b(.*)$", text, re.MULTILINE)
    skipped = sum(1 for _, rest in lines if re.search(r"# (skip|todo)", rest, re.IGNORECASE))
    failed = sum(1 for bad, rest in lines if bad and not re.search(r"# (skip|todo)", rest, re.IGNORECASE))
    return len(lines) - skipped - failed, failed, skipped


def _from_totals(totals: Iterable[tuple[int, int, int]]) -> Counts | None:
    listed = list(totals)
    if not listed:
        return None
    every, failed, skipped = (sum(part) for part in zip(*listed, strict=True))
    return max(0, every - failed - skipped), failed, skipped


READERS: tuple[Callable[[str], Counts | None], ...] = (
    _pytest,
    _unittest,
    _jest_or_vitest,
    _cargo,
    _go,
    _node,
    _minitest,
    _rspec,
    _junit,
    _phpunit,
    _mocha,
    _tap,
)

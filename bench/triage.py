"""How often the reader of CI logs is right, over the corpus in ``tests/ci_logs``, and what a log of 50 MB costs it."""

from __future__ import annotations

import resource
import time
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from throwaway import table

from jobs.triage import diagnose, join, read_junit, read_log
from jobs.types import Diagnosis, Failure, History, Reading

if TYPE_CHECKING:
    from collections.abc import Iterator

CORPUS = Path(__file__).parents[1] / "tests/ci_logs"
CLASSES = ("deterministic", "infrastructure", "flaky", "green")
MEGABYTE = 1_000_000
LARGE = 50 * MEGABYTE
LINE = "2026-11-20T08:15:42.1234567Z DEBUG shop.orders order 1a2b3c: E   error: retry 3 of 5 in tests/test_cart.py:12\n"


@dataclass(frozen=True)
class Case:
    """A log, what a person reads in it, and what the reader does."""

    name: str
    expected: dict[str, Any]

    @cached_property
    def reading(self) -> Reading:
        """What was read."""
        return join([read_log([(CORPUS / self.name / "log.txt").read_bytes()])])

    @cached_property
    def diagnosis(self) -> Diagnosis:
        """What follows from it."""
        return diagnose(self.reading, History(**self.expected.get("history", {})))

    @property
    def predicted(self) -> str:
        """The class that the reader gives it."""
        nothing = not self.reading.failures and not self.reading.infrastructure
        return "green" if nothing else self.diagnosis.cause.value

    def compared(self) -> tuple[list[bool], list[dict[str, Any]], list[Failure]]:
        """Tell of each failure that was found whether its message is right, which were missed, which are not there."""
        messages, missed, invented = [], [], list(self.reading.failures)
        for wanted in self.expected["failures"]:
            found = next((one for one in invented if is_it(wanted, one)), None)
            if found is None:
                missed.append(wanted)
            else:
                invented.remove(found)
                messages.append(wanted.get("message", "") in found.message)
        return messages, missed, invented


def is_it(wanted: dict[str, Any], found: Failure) -> bool:
    """Tell whether a failure is the one that a person read, in all that the log tells of it."""
    return words(wanted.get("name", found.name)) == words(found.name) and (
        is_there(wanted.get("path", found.path), wanted.get("line", found.line), found)
        or ("also" in wanted and is_there(*parted(wanted["also"]), found))
    )


def is_there(path: str, line: int, found: Failure) -> bool:
    """Tell whether a failure is at a place; some logs know the end of a path only."""
    return line == found.line and (path == found.path or found.path.endswith(f"/{path}"))


def parted(place: str) -> tuple[str, int]:
    """Return path and line of a place."""
    path, _, line = place.rpartition(":")
    return path, int(line)


def words(name: str) -> list[str]:
    """Return a name without the signs that stand between a suite and its tests, which each tool has of its own."""
    return [word for word in name.split() if word not in {"\N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK}", ">"}]


def main() -> None:
    """Print the tables; the large logs come first, since a process's peak of memory never falls."""
    large = [measured("lines", of_lines()), measured("one line", of_one_line())]
    cases = [
        Case(path.parent.name, yaml.safe_load(path.read_text(encoding="utf-8")))
        for path in sorted(CORPUS.glob("*/case.yml"))
    ]
    print(f"Triage of {len(cases)} logs; the reader was mended on them, so a log that is new to it may be read worse\n")
    table(("class", "logs", "precision", "recall"), [class_row(cases, name) for name in CLASSES])
    print()
    table(("what", "precision", "recall"), [*failure_rows(cases), command_row(cases), report_row(cases)])
    print()
    table(("signatures", "pairs", "right"), signature_rows({case.name: case for case in cases}))
    print()
    table(("50 MB of", "seconds", "limit", "memory, MB", "failures found"), large)
    print_mistakes(cases)


def class_row(cases: list[Case], name: str) -> tuple[str, ...]:
    """Return one class's row."""
    right = sum(case.predicted == name == case.expected["class"] for case in cases)
    said = sum(case.predicted == name for case in cases)
    there = sum(case.expected["class"] == name for case in cases)
    return name, str(there), share(right, said), share(right, there)


def failure_rows(cases: list[Case]) -> list[tuple[str, ...]]:
    """Return the rows of all failures in all logs."""
    messages, missed, invented = [], 0, 0
    for case in cases:
        right, absent, extra = case.compared()
        messages += right
        missed, invented = missed + len(absent), invented + len(extra)
    found = len(messages)
    return [
        ("failures: name, path, line", share(found, found + invented), share(found, found + missed)),
        ("of those found, the message", share(sum(messages), found), ""),
    ]


def command_row(cases: list[Case]) -> tuple[str, ...]:
    """Return how often the command that failed was read."""
    told = [case for case in cases if "command" in case.expected]
    right = sum(case.reading.command == case.expected["command"] for case in told)
    return (
        "the command that failed",
        share(right, sum(bool(case.reading.command) for case in told)),
        share(right, len(told)),
    )


def report_row(cases: list[Case]) -> tuple[str, ...]:
    """Return the row of the JUnit reports, by the messages in them."""
    right, read, there = 0, 0, 0
    for case in cases:
        report = CORPUS / case.name / "junit.xml"
        if report.exists():
            failures = read_junit(report.read_bytes())
            wanted = [failure["message"] for failure in case.expected["failures"]]
            right += sum(any(message in failure.message for failure in failures) for message in wanted)
            read, there = read + len(failures), there + len(wanted)
    return "failures in JUnit reports: message", share(right, read), share(right, there)


def signature_rows(cases: dict[str, Case]) -> list[tuple[str, ...]]:
    """Return how many signatures stay the same in another run, and how many differ where the failure does."""
    rows: list[tuple[str, ...]] = []
    for relation, label in (("same_as", "same failure, another run"), ("differs_from", "another failure")):
        pairs = Counter(
            stays(case, cases[case.expected[relation]]) == (relation == "same_as")
            for case in cases.values()
            if relation in case.expected
        )
        rows.append((label, str(pairs.total()), share(pairs[True], pairs.total())))
    return rows


def stays(case: Case, other: Case) -> bool:
    """Tell whether two logs have the same signatures."""
    return case.diagnosis.signatures == other.diagnosis.signatures


def share(part: int, whole: int) -> str:
    """Return a share with its numbers."""
    return f"{part / whole:.3f} ({part} of {whole})" if whole else "none"


def measured(name: str, chunks: Iterator[bytes]) -> tuple[str, ...]:
    """Read a large log; return its row."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.perf_counter()
    reading = read_log(chunks)
    seconds = time.perf_counter() - started
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    return name, f"{seconds:.1f}", "10", f"{grown:.0f}", str(len(reading.failures))


def of_lines() -> Iterator[bytes]:
    """Yield a failing log with tens of megabytes of talk before its failure."""
    head, tail = failing()
    yield head
    for _ in range(LARGE // (len(LINE) * 500)):
        yield (LINE * 500).encode()
    yield tail


def of_one_line() -> Iterator[bytes]:
    """Yield a failing log with one line of tens of megabytes."""
    head, tail = failing()
    yield head
    yield LINE[:29].encode()
    for _ in range(LARGE // 65_536):
        yield b"[" * 65_536
    yield b"\n"
    yield tail


def failing() -> tuple[bytes, bytes]:
    """Return a failing log, parted before the tool's output."""
    before, mark, after = (CORPUS / "pytest-assert/log.txt").read_bytes().rpartition(b"##[endgroup]\n")
    return before + mark, after


def print_mistakes(cases: list[Case]) -> None:
    """Name the logs that were read otherwise than a person does."""
    by_name = {case.name: case for case in cases}
    for case in cases:
        messages, missed, invented = case.compared()
        wrong = (
            [f"is {case.expected['class']}, said {case.predicted}"] if case.predicted != case.expected["class"] else []
        )
        wrong += ["finds what fails, with another message"] * messages.count(False)
        wrong += [f"missed {wanted}" for wanted in missed]
        wrong += [f"read {one.name!r} at {one.path}:{one.line}: {one.message[:80]!r}" for one in invented]
        command = case.expected.get("command", case.reading.command)
        wrong += [f"read the command {case.reading.command!r}"] if command != case.reading.command else []
        same, other = case.expected.get("same_as"), case.expected.get("differs_from")
        wrong += [f"signatures differ from {same}"] if same and not stays(case, by_name[same]) else []
        wrong += [f"signatures are those of {other}"] if other and stays(case, by_name[other]) else []
        if wrong:
            print(f"\n{case.name}:", *wrong, sep="\n  ")


if __name__ == "__main__":
    main()

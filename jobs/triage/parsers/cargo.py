"""Rust: tests, panics, the compiler, clippy, rustfmt."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from jobs.triage.failures import MOST, Section, failed
from jobs.triage.signatures import is_foreign, relative
from jobs.types import FailureKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jobs.types import Failure

WORDS = ("panicked at", "test result: FAILED", "\nerror[", "\nerror: ", "\nDiff in ")
_LONGEST = 60
_STDOUT = re.compile(r"^---- (\S.*?) stdout ----$|^--- (?:STDERR|STDOUT): +\S+ (\S+) ---$")
_NEXTEST = re.compile(r"^ +FAIL \[ *[\d.]+s\](?: \([ \d/]+\))? +(\S+) (\S+)$")
_PANICKED = re.compile(r"^thread '([^\n]*?)'(?: \(\d+\))? panicked at (?:'(.*)', )?(\S+?):(\d+):\d+:?$")
_RESULT = re.compile(r"^test (\S.*?) \.\.\. FAILED$")
_ERROR = re.compile(r"^(error|warning)(?:\[([\w:-]+)\])?: (.+)$")
_ARROW = re.compile(r"^ *--> ([^\s:][^:\n]{0,300}):(\d+):\d+")
_RULE = re.compile(r"`-[DFW] ([\w:-]+)`|\bimplied by `-D|`#\[deny\(([\w:-]+)\)\]`|#([a-z_]+)$")
_DOCTEST = re.compile(r"^(\S+\.rs) - (?:.* )?\(line (\d+)\)$")
_DIFF = re.compile(r"^Diff in (.+?)(?: at line |:)(\d+):$")
_ENDS = re.compile(r"^(?:---- |failures:|test result: |error: test failed|successes:| +(?:FAIL|PASS|SIGABRT) \[|-{8,})")


def parse(section: Section) -> Iterator[Failure]:
    """Yield what failed of cargo's."""
    lines, text = section.lines, section.text
    tests = list(_tests(lines))
    yield from tests
    if not tests:
        yield from _alone(lines)
    if "\n  --> " in text or " --> " in text:
        yield from _errors(lines)
    if "Diff in " in text:
        yield from _unformatted(lines)


def _tests(lines: list[str]) -> Iterator[Failure]:
    if "test result: FAILED" not in "\n".join(lines[-4_000:]) and not any(_NEXTEST.match(line) for line in lines):
        return
    told: dict[str, Failure] = {}
    for at in [at for at, line in enumerate(lines) if line.startswith("---") and _STDOUT.match(line)][:MOST]:
        found = _STDOUT.match(lines[at])
        name = (found[1] or found[2]) if found else ""
        block = _block(lines, at)
        path, line, message = _panic(block)
        if doc := _DOCTEST.match(name):
            path, line = doc[1], doc[2]
        if message or name not in told:
            told[name] = failed(
                "cargo", FailureKind.TEST, name, message or "the test failed", path, line, "\n".join(block)
            )
    for line in lines:
        found = _RESULT.match(line)
        name = found[1] if found else ((match := _NEXTEST.match(line)) and match[2]) or ""
        if name and name not in told and len(told) < MOST:
            told[name] = _of_nextest(name, lines) or failed(
                "cargo", FailureKind.TEST, name, "the test failed", excerpt=line
            )
    yield from told.values()


def _of_nextest(name: str, lines: list[str]) -> Failure | None:
    """Return a failure whose panic is told, indented, elsewhere."""
    for at, line in enumerate(lines):
        if name in line and (found := _PANICKED.match(line.strip())) and found[1] == name:
            block = [one.strip() for one in lines[at : at + 12]]
            path, number, message = _panic(block)
            return failed("cargo", FailureKind.TEST, name, message, path, number, "\n".join(block))
    return None


def _block(lines: list[str], start: int) -> list[str]:
    end = start + 1
    while end < min(len(lines), start + _LONGEST) and not _ENDS.match(lines[end]):
        end += 1
    return lines[start:end]


def _panic(block: list[str]) -> tuple[str, str, str]:
    """Return place and words of a panic, or the error that a test returned."""
    for at, line in enumerate(block):
        if found := _PANICKED.match(line):
            rest = [one.rstrip() for one in block[at + 1 : at + 12]]
            message = (
                [found[2]]
                if found[2]
                else rest[
                    : next(
                        (n for n, one in enumerate(rest) if not one or one.startswith(("note: ", "stack backtrace:"))),
                        12,
                    )
                ]
            )
            place = (relative(found[3]), found[4]) if not is_foreign(found[3]) else ("", "")
            return *place, "\n".join(message[:4])
    words = next((line for line in block if line.startswith("Error: ")), "")
    codes = next((found for line in block if (found := _ERROR.match(line)) and found[1] == "error"), None)
    return "", "", words or (codes.group() if codes else "")


def _alone(lines: list[str]) -> Iterator[Failure]:
    """Yield the panic of a program that is no test."""
    for at, line in enumerate(lines):
        if _PANICKED.match(line):
            path, number, message = _panic(lines[at : at + 12])
            yield failed("rust", FailureKind.OTHER, "panic", message, path, number, "\n".join(lines[at : at + 12]))
            return


def _errors(lines: list[str]) -> Iterator[Failure]:
    for at, line in enumerate(lines):
        found = _ERROR.match(line) if line.startswith("error") else None
        if not found:
            continue
        block = lines[
            at : next(
                (end for end in range(at + 1, min(at + _LONGEST, len(lines))) if not lines[end].strip()), at + _LONGEST
            )
        ]
        arrow = next((match for one in block[1:4] if (match := _ARROW.match(one))), None)
        if arrow is None or not arrow[1].endswith(".rs"):
            continue
        rule = next(
            (match[1] or match[2] for one in block if (match := _RULE.search(one)) and (match[1] or match[2])), ""
        )
        rule = rule or next(
            (match[0].rpartition("#")[2] for one in block if (match := re.search(r"rust-clippy/\S+#\w+", one))), ""
        )
        if found[2] or not rule:
            yield failed(
                "cargo", FailureKind.COMPILE, found[2] or "error", found[3], arrow[1], arrow[2], "\n".join(block)
            )
        else:
            rule = rule.replace("_", "-") if "::" not in rule and "rust-clippy" not in "\n".join(block) else rule
            clippy = rule.startswith("clippy::") or "rust-clippy" in "\n".join(block)
            rule = rule if not clippy or rule.startswith("clippy::") else f"clippy::{rule}"
            yield failed(
                "clippy" if clippy else "cargo",
                FailureKind.LINT,
                rule.replace("-", "_"),
                found[3],
                arrow[1],
                arrow[2],
                "\n".join(block),
            )


def _unformatted(lines: list[str]) -> Iterator[Failure]:
    for at, line in enumerate(lines):
        if found := _DIFF.match(line):
            yield failed(
                "rustfmt",
                FailureKind.FORMAT,
                "rustfmt",
                "would be formatted differently",
                found[1],
                found[2],
                "\n".join(lines[at : at + 12]),
            )

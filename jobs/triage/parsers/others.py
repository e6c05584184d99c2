"""Test runners of other languages: RSpec, Minitest, PHPUnit, .NET, Maven, Gradle, CTest, GoogleTest."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from jobs.triage.failures import MOST, Section, failed
from jobs.triage.signatures import is_foreign, relative
from jobs.types import FailureKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jobs.types import Failure

WORDS = (
    "rspec ./",
    "Failure:",
    "Error:",
    "PHPUnit",
    "Failed ",
    "[ERROR] ",
    " FAILED",
    "tests FAILED",
    "FAILURES!",
)
_LONGEST = 40
_RSPEC = re.compile(r"^rspec (\./)?(\S{1,300}?)(?::(\d+)|\[[\d:]+\]) # (.+)$")
_RSPEC_BLOCK = re.compile(r"^  \d+\) (.+)$")
_MINITEST = re.compile(r"^(?:  \d+\) )?(?:Failure|Error):$")
_MINITEST_NAME = re.compile(r"^([A-Z][\w:]*#\S+)(?: \[([^\s:\]]{1,300}):(\d+)\])?:?$")
_PHPUNIT = re.compile(r"^\d+\) ([A-Z][\w\\]*::\w+.*)$")
_PHP_PLACE = re.compile(r"^((?:/|[A-Za-z]:\\)?[^\s:]{1,300}\.php):(\d+)$")
_DOTNET = re.compile(r"^\s+Failed ([\w.`+]+(?:\(.*\))?) \[[\d<].{0,20}\]$")
_DOTNET_PLACE = re.compile(r"^\s+at .{1,300} in ((?:/|[A-Za-z]:\\)[^:\n]{1,300}):line (\d+)$")
_MAVEN = re.compile(r"^\[ERROR\]   ?([A-Z]\w*)[.>](\w+)(?:\[\d+\]|\(.*?\))?(?:->\w+\.\w+)*:(\d+)(?:->\S+)? ?(.*)$")
_MAVEN_CLASS = re.compile(r"^\[ERROR\] Tests run: .{1,120}<<< (?:FAILURE|ERROR)! -+ in ([\w.$]+)$")
_GRADLE = re.compile(r"^([A-Z][\w.$]*(?: > .+?)?) > (.+?) FAILED$")
_GOOGLE = re.compile(r"^\[  FAILED  \] (\w+(?:/\w+)?\.\w+(?:/\w+)?)(?:, where .*)? \(\d+ ms\)$")
_GOOGLE_PLACE = re.compile(r"^([^\s:]{1,300}):(\d+): Failure$")
_CTEST = re.compile(
    r"^\s+\d+ - (\S+) \((Failed|Timeout|SEGFAULT|Not Run|Subprocess aborted|ILLEGAL|Exit code .*)\)\s*(?:\S+)?$"
)


def parse(section: Section) -> Iterator[Failure]:
    """Yield the tests that failed."""
    text, lines = section.text, section.lines
    if "rspec ./" in text:
        yield from _rspec(lines)
    if "#test" in text or "Minitest" in text:
        yield from _minitest(lines)
    if "PHPUnit" in text or "FAILURES!" in text or "ERRORS!" in text:
        yield from _phpunit(lines)
    if "  Failed " in text:
        yield from _dotnet(lines)
    if "[ERROR] " in text:
        yield from _maven(lines)
    if " FAILED\n" in text:
        yield from _gradle(lines)
    if "[  FAILED  ]" in text:
        yield from _google(lines)
    elif "tests FAILED:" in text:
        yield from (
            failed("ctest", FailureKind.TEST, found[1], found[2], excerpt=line)
            for line in lines
            if (found := _CTEST.match(line))
        )


def _rspec(lines: list[str]) -> Iterator[Failure]:
    blocks = {found[1].strip(): at for at, line in enumerate(lines) if (found := _RSPEC_BLOCK.match(line))}
    for line in lines:
        if found := _RSPEC.match(line):
            at = blocks.get(found[4].strip())
            block = lines[at : at + 20] if at is not None else [line]
            end = next((n for n, one in enumerate(block[1:], 1) if _RSPEC_BLOCK.match(one)), len(block))
            told = [one.strip() for one in block[1:end] if one.strip()]
            place = next(
                (
                    match
                    for one in told
                    if (match := re.match(r"# (?:\./)?(\S+?):(\d+):in", one)) and match[1] == found[2]
                ),
                None,
            )
            message = " ".join(told[:3]).removeprefix("Failure/Error: ")
            yield failed(
                "rspec",
                FailureKind.TEST,
                found[4],
                message,
                found[2],
                place[2] if place else found[3],
                "\n".join(block[:end]),
            )


def _minitest(lines: list[str]) -> Iterator[Failure]:
    for at, line in enumerate(lines[:-1]):
        found = _MINITEST_NAME.match(lines[at + 1]) if _MINITEST.match(line) else None
        if found:
            block = _until_blank(lines, at + 1)
            message = " ".join(one.strip() for one in block[1:3])
            place = (found[2], found[3]) if found[2] else _ruby_place(block)
            yield failed("minitest", FailureKind.TEST, found[1], message, *place, "\n".join(block))


def _ruby_place(block: list[str]) -> tuple[str, str]:
    frames = [match for one in block if (match := re.match(r"\s+(?:\./)?([^\s:]{1,300}\.rb):(\d+):in", one))]
    near = [match for match in frames if not is_foreign(match[1])]
    return (relative(near[0][1]), near[0][2]) if near else ("", "")


def _phpunit(lines: list[str]) -> Iterator[Failure]:
    for at, line in enumerate(lines):
        if found := _PHPUNIT.match(line):
            block = next(
                (lines[at:end] for end in range(at + 1, min(at + _LONGEST, len(lines))) if _PHPUNIT.match(lines[end])),
                lines[at : at + 15],
            )
            places = [match for one in block if (match := _PHP_PLACE.match(one)) and not is_foreign(match[1])]
            place = (places[-1][1], places[-1][2]) if places else ("", "")
            yield failed(
                "phpunit", FailureKind.TEST, found[1], block[1] if len(block) > 1 else "", *place, "\n".join(block)
            )


def _dotnet(lines: list[str]) -> Iterator[Failure]:
    for at in [at for at, line in enumerate(lines) if _DOTNET.match(line)][:MOST]:
        found = _DOTNET.match(lines[at])
        block = next(
            (lines[at:end] for end in range(at + 1, min(at + _LONGEST, len(lines))) if _DOTNET.match(lines[end])),
            lines[at : at + 20],
        )
        said = next((n for n, one in enumerate(block) if one.strip() == "Error Message:"), 0)
        message = " ".join(one.strip() for one in block[said + 1 : said + 4] if one.strip() != "Stack Trace:")
        place = next(((match[1], match[2]) for one in block if (match := _DOTNET_PLACE.match(one))), ("", ""))
        if found:
            yield failed("dotnet", FailureKind.TEST, found[1], message, *place, "\n".join(block))


def _maven(lines: list[str]) -> Iterator[Failure]:
    full = {found[1].rpartition(".")[2]: found[1] for line in lines if (found := _MAVEN_CLASS.match(line))}
    for line in lines:
        if found := _MAVEN.match(line):
            name = f"{full.get(found[1], found[1])}.{found[2]}"
            yield failed("maven", FailureKind.TEST, name, found[4].strip(), f"{found[1]}.java", found[3], line)


def _gradle(lines: list[str]) -> Iterator[Failure]:
    for at, line in enumerate(lines):
        found = _GRADLE.match(line) if line.endswith(" FAILED") else None
        if found:
            block = _until_blank(lines, at)
            test = found[2].removesuffix("()")
            own = rf"\bat (?:\S*/)?([\w.$]*\b{re.escape(found[1])})\.{re.escape(test)}\(([^\s:()]+):(\d+)\)"
            frame = next((match for one in block if (match := re.search(own, one))), None)
            name, path, number = frame.groups() if frame else (found[1], "", "")
            message = block[1].strip() if len(block) > 1 else "the test failed"
            yield failed("gradle", FailureKind.TEST, f"{name}.{test}", message, path, number, "\n".join(block))


def _google(lines: list[str]) -> Iterator[Failure]:
    for at, line in enumerate(lines):
        if found := _GOOGLE.match(line):
            run = next((back for back in range(at, max(at - _LONGEST, -1), -1) if lines[back].startswith("[ RUN ")), at)
            place = next((n for n in range(run, at) if _GOOGLE_PLACE.match(lines[n])), None)
            match = _GOOGLE_PLACE.match(lines[place]) if place is not None else None
            message = (
                " ".join(one.strip() for one in lines[place + 1 : min(place + 4, at)])
                if place is not None
                else "the test failed"
            )
            yield failed(
                "googletest",
                FailureKind.TEST,
                found[1],
                message,
                match[1] if match else "",
                match[2] if match else "",
                "\n".join(lines[run : at + 1]),
            )


def _until_blank(lines: list[str], start: int) -> list[str]:
    end = start + 1
    while end < min(len(lines), start + _LONGEST) and lines[end].strip():
        end += 1
    return lines[start:end]

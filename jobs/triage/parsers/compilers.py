"""Compilers and what links and builds with them: gcc, clang, ld, make, CMake, javac, Maven, Gradle, Kotlin, tsc, C#."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from jobs.triage.failures import Section, failed
from jobs.types import FailureKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jobs.types import Failure

WORDS = ("error", "undefined reference", "undefined symbol", "*** ", "CMake Error", "[ERROR] ", "\ne: ")
_EXCERPT = 6
_TSC = re.compile(r"^([^\s:(][^:(\n]{0,300})(?:\((\d+),\d+\): |:(\d+):\d+ - )error (TS\d+): (.+)$")
_NATIVE = re.compile(
    r"^([^\s:][^:\n]{0,300}\.(?:c|h|cc|hh|cpp|hpp|cxx|hxx|m|mm|cu|inl|S|f90"
    r"|swift)):(\d+)(?::\d+)?: (?:fatal )?error: (.+?)(?: \[(-W[\w=+,-]+)\])?$"
)
_JAVAC = re.compile(r"^([^\s:][^:\n]{0,300}\.java):(\d+): error: (.+)$")
_MAVEN = re.compile(r"^\[ERROR\] ([^\s:\[][^:\[\n]{0,300}\.(?:java|kt|scala)):\[?(\d+),\d+\]? (.+)$")
_KOTLIN = re.compile(r"^e: (?:file://)?([^\s:][^:\n]{0,300}\.kts?):(?: \()?(\d+)[:,] ?\d+\)?:? (.+)$")
_CSHARP = re.compile(
    r"^\s*([^\s:(][^(\n]{0,300}\.(?:cs|vb|fs|cpp|c"
    r"|h))\((\d+)(?:,\d+)?\)\s?: (?:fatal )?error ([A-Z]+\d+): (.+?)(?: \[[^\]\n]*\])?$"
)
_UNDEFINED = re.compile(
    r"^(?:\S*\bld(?:\.\w+)?: )?(?:([^\s:][^:\n]{0,300}?)(?::(\d+)"
    r"|:\(\.\w[^)\n]*\))?: )?(?:error: )?(undefined (?:reference to|symbol:?) .+|multiple definition of .+)$"
)
_LIBRARY = re.compile(
    r"^(?:\S*\bld(?:\.\w+)?: )(?:error: )?(cannot find .+|library not found for .+|symbol\(s\) not found.*)$"
)
_MAKE = re.compile(
    r"^g?make(?:\[\d+\])?: \*\*\* (?:\[(?:([^\s:\]]+):(\d+): )?([^\]\n]+)\] (Error \d+|Segmentation fault.*)"
    r"|(No rule to make target .+|.*missing separator.*))$"
)
_CMAKE = re.compile(r"^CMake Error(?: at ([^\s:]+):(\d+) \((\w+)\))?:\s*(.*)$")


def parse(section: Section) -> Iterator[Failure]:
    """Yield what compilers and linkers complain of; what make says only where nothing else told why."""
    lines, found, native = section.lines, False, _compiler(section)
    for at, line in enumerate(lines):
        if failure := _compiled(line, "\n".join(lines[at : at + _EXCERPT]), native) or _linked(line, lines, at):
            found = True
            yield failure
        elif match := _CMAKE.match(line):
            found = True
            words = match[4] or next((one.strip() for one in lines[at + 1 : at + 4] if one.strip()), "")
            yield failed(
                "cmake",
                FailureKind.COMPILE,
                match[3] or "error",
                words,
                match[1] or "",
                match[2],
                "\n".join(lines[at : at + 12]),
            )
    if not found:
        yield from _made(lines)


def _compiled(line: str, excerpt: str, native: str) -> Failure | None:
    if "error" not in line and not line.startswith(("[ERROR] ", "e: ")):
        return None
    if match := _TSC.match(line):
        return failed("tsc", FailureKind.TYPES, match[4], match[5], match[1], match[2] or match[3], excerpt)
    if match := _NATIVE.match(line):
        tool = "swift" if match[1].endswith(".swift") else native
        return failed(tool, FailureKind.COMPILE, match[4] or "error", match[3], match[1], match[2], excerpt)
    if match := _CSHARP.match(line):
        return failed("dotnet", FailureKind.COMPILE, match[3], match[4], match[1], match[2], excerpt)
    for tool, pattern in (("javac", _JAVAC), ("javac", _MAVEN), ("kotlinc", _KOTLIN)):
        if match := pattern.match(line):
            return failed(tool, FailureKind.COMPILE, "error", match[3], match[1], match[2], excerpt)
    return None


def _compiler(section: Section) -> str:
    """Return which of the two it is; only clang counts what it generated."""
    return (
        "clang"
        if "clang" in section.command or re.search(r"^\d+ errors? generated\.", section.text, re.MULTILINE)
        else "gcc"
    )


def _linked(line: str, lines: list[str], at: int) -> Failure | None:
    excerpt = "\n".join(lines[max(at - 1, 0) : at + 2])
    if match := _UNDEFINED.match(line) if "undefined " in line or "multiple definition" in line else None:
        path = match[1] if match[1] and re.search(r"\.\w{1,4}$", match[1]) else ""
        return failed("ld", FailureKind.COMPILE, "link", match[3], path, match[2], excerpt)
    if match := _LIBRARY.match(line) if "ld" in line else None:
        return failed("ld", FailureKind.COMPILE, "link", match[1], excerpt=excerpt)
    return None


def _made(lines: list[str]) -> Iterator[Failure]:
    for at, line in enumerate(lines):
        match = _MAKE.match(line) if "*** " in line else None
        if match and match[5]:
            yield failed(
                "make", FailureKind.COMPILE, "make", match[5], excerpt="\n".join(lines[max(at - 3, 0) : at + 1])
            )

"""Formatters that would change files: ruff, black, isort, prettier, gofmt, clang-format, dotnet format."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from jobs.triage.failures import Section, failed
from jobs.types import FailureKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jobs.types import Failure

WORDS = (
    "ould reformat",
    "unformatted",
    "would be re",
    "Code style issues",
    "[error] ",
    "gofmt",
    ".go\n",
    "goimports",
    "gofumpt",
    "incorrectly sorted",
    "clang-format",
    ".orig",
    "WHITESPACE",
)
_SAME = "would be formatted differently"
_LINES: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("ruff", re.compile(r"^Would reformat: (\S.{0,300})$")),
    ("black", re.compile(r"^would reformat (\S.{0,300}?)$")),
    ("isort", re.compile(r"^ERROR: (\S.{0,300}?) Imports are incorrectly sorted and/or formatted\.$")),
    ("clang-format", re.compile(r"^([^\s:]{1,300}):(\d+):\d+: (?:error|warning): code should be clang-formatted.*$")),
    ("dotnet format", re.compile(r"^\s*([^\s(]{1,300}\.(?:cs|vb|fs))\((\d+),\d+\): error WHITESPACE: .*$")),
    ("gofmt", re.compile(r"^diff (?:-u )?(?:\S+\.orig )?(\S{1,300}\.go)(?:\.orig \S+)?$")),
)
_UNFORMATTED = re.compile(r"^unformatted: ")
_ARROW = re.compile(r"^ *--> ([^\s:][^:\n]{0,300}):(\d+):\d+$")
_PRETTIER = re.compile(r"^\[(warn|error)\] (\S.{0,300}?\.\w{1,10})(?:: (.+?)(?: \((\d+):\d+\))?)?$")
_GO_FILE = re.compile(r"^(\S{1,300}\.go)$")


def parse(section: Section) -> Iterator[Failure]:
    """Yield the files that are not formatted, and those that could not be read."""
    lines, text = section.lines, section.text
    for at, line in enumerate(lines):
        for tool, pattern in _LINES:
            if found := pattern.match(line):
                number = found[2] if pattern.groups > 1 else 0
                yield failed(tool, FailureKind.FORMAT, tool, _SAME, found[1], number, line)
        if _UNFORMATTED.match(line) and (
            arrow := next((one for one in map(_ARROW.match, lines[at + 1 : at + 2]) if one), None)
        ):
            yield failed("ruff", FailureKind.FORMAT, "ruff", _SAME, arrow[1], 0, "\n".join(lines[at : at + 10]))
    if "Code style issues" in text or "Prettier" in text or "prettier" in section.command:
        yield from _prettier(lines)
    if re.search(r"\b(?:gofmt|goimports|gofumpt)\b[^\n|;]* -l\b|\bgofmt -l", section.command):
        for line in lines:
            if found := _GO_FILE.match(line):
                yield failed("gofmt", FailureKind.FORMAT, "gofmt", _SAME, found[1], 0, line)


def _prettier(lines: list[str]) -> Iterator[Failure]:
    for line in lines:
        found = _PRETTIER.match(line)
        if found and not found[2].startswith(("Code style issues", "All matched")):
            wrong = found[3] if found[1] == "error" else ""
            yield failed(
                "prettier", FailureKind.FORMAT, "prettier", wrong or _SAME, found[2], found[4] if wrong else 0, line
            )

"""Test runners of JavaScript: jest, vitest, mocha, Node's own, Playwright."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from jobs.triage.failures import MOST, Section, failed
from jobs.triage.signatures import is_foreign, relative
from jobs.types import FailureKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from jobs.types import Failure

WORDS = (
    "\u25cf ",
    " FAIL  ",
    "\u23af Unhandled",
    "FAIL ",
    " failing\n",
    "\u2716 failing tests",
    "\u203a",
    "coverage threshold for",
)
_LONGEST = 120
_FILE = r"[\w@()\[\].\-+/\\ ]{1,300}?\.(?:[cm]?[jt]sx?|vue|svelte)"
_FRAME = re.compile(
    rf"^\s*(?:at |\u276f )(?:async )?(?:[^\n(]{{0,200}}\()?(?:file://)?((?:[A-Za-z]:)?(?:/|\\|\.\.?/)?{_FILE}):(\d+):(\d+)\)?\s*$"
)
_JEST_FILE = re.compile(rf"^\s{{0,2}}FAIL (?!\s*\|)(?:.{{1,60}}? )??({_FILE})(?: \([\d.]+ m?s\))?\s*$")
_JEST_NAME = re.compile(r"^  \u25cf (\S.*)$")
_JEST_SYNTAX = re.compile(rf"^SyntaxError: ({_FILE}): [^\n]{{1,300}} \((\d{{1,8}}):\d+\)$", re.MULTILINE)
_JEST_END = re.compile(
    r"^(?:Test Suites?:|Tests:|Snapshot Summary|Ran all test suites|Summary of all failing tests| *(?:PASS|FAIL) )"
)
_NOTICES = ("Console", "Validation Warning", "Deprecation Warning", "Cannot log after tests are done")
_JEST_COVERAGE = re.compile(
    r"^Jest: (.{1,200}coverage threshold.*)$|^ERROR: (Coverage for \w+ .*does not meet.*)$", re.MULTILINE
)
_VITEST = re.compile(rf"^ FAIL  (?:\|?[\w.-]{{1,40}}\|? )??({_FILE})(?: > (.*)| \[ .* \])?$")
_VITEST_END = re.compile(r"^\u23af{3,}|^ *(?:Test Files|Tests) +\d")
_UNHANDLED = re.compile(r"^\u23af+ (Unhandled (?:Rejection|Error|Exception)|Uncaught Exception) \u23af+$")
_MOCHA = re.compile(r"^  (\d+)\) (\S.*)$")
_NODE_PLACE = re.compile(rf"^test at ({_FILE}):(\d+):\d+$")
_NODE_NAME = re.compile(r"^\u2716 (.*?)(?: \([\d.]+ms\))?$")
_PLAYWRIGHT = re.compile(rf"^  \d+\) (?:\[[\w -]+\] \u203a )?({_FILE}):(\d+):\d+ \u203a (.*?)[ \u2500]*$")


def parse(section: Section) -> Iterator[Failure]:
    """Yield the tests that failed, whichever of the runners ran them."""
    lines, text = section.lines, section.text
    if "\u23af\u23af Failed" in text or "\u23af Unhandled" in text or "\n RUN  v" in text:
        yield from _vitest(lines)
    elif "  \u25cf " in text or "Test Suites: " in text:
        yield from _jest(lines)
    if " failing\n" in text:
        yield from _mocha(lines)
    if "\u2716 failing tests" in text:
        yield from _node(lines)
    if ".ts:" in text or ".js:" in text:
        yield from _playwright(lines)
    for found in _JEST_COVERAGE.finditer(text):
        yield failed(
            "jest" if found[1] else "vitest", FailureKind.OTHER, "coverage", found[1] or found[2], excerpt=found.group()
        )


def _jest(lines: list[str]) -> Iterator[Failure]:
    path, names = "", 0
    for at, line in enumerate(lines):
        if line.startswith("Summary of all failing tests"):
            return
        if found := _JEST_FILE.match(line):
            path = relative(found[1])
        elif (found := _JEST_NAME.match(line)) and path and not found[1].startswith(_NOTICES):
            names += 1
            if names > MOST:
                return
            yield _jest_failure(
                path, found[1].rstrip(), _block(lines, at, lambda one: _JEST_NAME.match(one) or _JEST_END.match(one))
            )


def _jest_failure(path: str, name: str, block: list[str]) -> Failure:
    told = [line.strip() for line in block[1:] if line.strip()]
    message = _jest_message(told)
    own, line = _place(block, path)
    if name == "Test suite failed to run":
        name = path
        if found := re.search(rf"({_FILE}):(\d+):(\d+)(?:$| - error)", "\n".join(told[:12]), re.MULTILINE):
            own, line = relative(found[1]), int(found[2][:8])
        elif found := _JEST_SYNTAX.search("\n".join(told)):
            own, line = relative(found[1]), int(found[2])
    return failed("jest", FailureKind.TEST, name, message, own or path, line, "\n".join(block))


def _jest_message(told: Sequence[str]) -> str:
    """Return the first line, with what was expected and received where that is told."""
    if not told:
        return ""
    values = [line for line in told[1:14] if re.match(r"(?:Expected|Received)[\w ]{0,30}:", line)]
    return "\n".join([told[0], *values[:2]])


def _vitest(lines: list[str]) -> Iterator[Failure]:
    at = 0
    for _ in range(MOST):
        at = next(
            (one for one in range(at, len(lines)) if _VITEST.match(lines[one]) or _UNHANDLED.match(lines[one])),
            len(lines),
        )
        if at >= len(lines):
            return
        # Tests that fail in the same way are named one after the other, above one error.
        names = []
        while at < len(lines) and (found := _VITEST.match(lines[at])):
            names.append((relative(found[1]), (found[2] or "").strip()))
            at += 1
        start = at - 1 if names else at
        block = _block(lines, start, lambda line: _VITEST.match(line) or _VITEST_END.match(line))
        at = start + len(block)
        told = [line.strip() for line in block[1:] if line.strip()]
        for path, name in names or [("", "Unhandled error")]:
            own, line = _place(block, path)
            message = told[0] if told else ""
            yield failed("vitest", FailureKind.TEST, name or path, message, own or path, line, "\n".join(block))


def _mocha(lines: list[str]) -> Iterator[Failure]:
    start = next(at for at, line in enumerate(lines) if line.rstrip().endswith(" failing"))
    for at in [at for at in range(start, len(lines)) if _MOCHA.match(lines[at])][:MOST]:
        block = _block(lines, at, _MOCHA.match)
        title, rest = [lines[at].partition(") ")[2]], 1
        while rest < len(block) and block[rest].strip() and not title[-1].endswith(":"):
            title.append(block[rest].strip())
            rest += 1
        told = [line.strip() for line in block[rest:] if line.strip()]
        if told and title[-1].endswith(":"):
            path, line = _place(block, "")
            name = " ".join(part.rstrip(":") for part in title)
            yield failed("mocha", FailureKind.TEST, name, told[0], path, line, "\n".join(block))


def _node(lines: list[str]) -> Iterator[Failure]:
    start = next(at for at, line in enumerate(lines) if "\u2716 failing tests" in line)
    for at in [at for at in range(start, len(lines)) if _NODE_PLACE.match(lines[at])][:MOST]:
        place = _NODE_PLACE.match(lines[at])
        found = _NODE_NAME.match(lines[at + 1]) if at + 1 < len(lines) else None
        if place and found:
            block = _block(lines, at + 1, _NODE_PLACE.match)
            told = [line.strip() for line in block[1:] if line.strip()]
            own, line = _place(block, relative(place[1]))
            message = told[0] if told else ""
            yield failed(
                "node", FailureKind.TEST, found[1], message, place[1], line if own else place[2], "\n".join(block)
            )


def _playwright(lines: list[str]) -> Iterator[Failure]:
    for at in [at for at, line in enumerate(lines) if _PLAYWRIGHT.match(line)][:MOST]:
        found = _PLAYWRIGHT.match(lines[at])
        if found:
            block = _block(lines, at, lambda line: _PLAYWRIGHT.match(line) or re.match(r"  \d+ (?:failed|flaky)", line))
            told = next((line.strip() for line in block[1:] if re.match(r"\s+\w*(?:Error|expect)", line)), "")
            own, line = _place(block, found[1])
            yield failed(
                "playwright", FailureKind.TEST, found[3], told, own or found[1], line or found[2], "\n".join(block)
            )


def _block(lines: list[str], start: int, ends: Callable[[str], object]) -> list[str]:
    """Return the lines from one on until the next of which ``ends`` is true."""
    end = start + 1
    while end < min(len(lines), start + _LONGEST) and not ends(lines[end]):
        end += 1
    return lines[start:end]


def _place(block: list[str], path: str) -> tuple[str, int]:
    """Return file and line of the first frame in the repository: the innermost comes first."""
    frames = [(relative(found[1]), int(found[2][:8])) for line in block if (found := _FRAME.match(line))]
    near = next((frame for frame in frames if not is_foreign(frame[0])), ("", 0))
    # A test's path may be told from another folder than the frames are.
    return (path, near[1]) if path and path.endswith(f"/{near[0]}") else near

"""unittest, and what speaks like it, such as Django's runner."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from jobs.triage.failures import MOST, Section, failed
from jobs.triage.signatures import is_foreign, relative
from jobs.types import FailureKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jobs.types import Failure

WORDS = ("\nFAIL: ", "\nERROR: ", "\nUNEXPECTED SUCCESS: ")
_RULE = "=" * 70
_LONGEST = 400
"""Lines of the last failure, where nothing tells its end."""
_HEADING = re.compile(r"^(FAIL|ERROR|UNEXPECTED SUCCESS): (\S+) \(([\w.<>]+)\)(.*)$")
_PLACE = re.compile(r'^\s*File "([^"\n]{1,400})", line (\d+), in (.*)$')
_TOLD = re.compile(r"^(?:[A-Za-z_][\w.]{0,200}(?:: |$))")


def parse(section: Section) -> Iterator[Failure]:
    """Yield the failures and errors of unittest."""
    lines = section.lines
    headings = [
        (at + 1, heading)
        for at, line in enumerate(lines[:-1])
        if line == _RULE and (heading := _HEADING.match(lines[at + 1]))
    ][:MOST]
    for index, (start, heading) in enumerate(headings):
        limit = headings[index + 1][0] - 1 if index + 1 < len(headings) else min(start + _LONGEST, len(lines))
        end = next((at for at in range(start + 2, limit) if re.match(r"Ran \d+ tests? in ", lines[at])), limit)
        yield _failure(heading, lines[start:end])


def _failure(heading: re.Match[str], lines: list[str]) -> Failure:
    function, owner, rest = heading[2], heading[3], heading[4].strip()
    if "_FailedTest" in owner:
        name = owner.partition("_FailedTest.")[2] or function
    elif function in {"setUpClass", "tearDownClass", "setUpModule", "tearDownModule"}:
        name = f"{owner}.{function}"
    else:
        name = owner if owner.endswith(f".{function}") else f"{owner}.{function}"
    path, line = _place(lines)
    excerpt = "\n".join(lines).rstrip("\n-= ")
    return failed("unittest", FailureKind.TEST, f"{name} {rest}".strip(), _message(lines), path, line, excerpt)


def _place(lines: list[str]) -> tuple[str, str]:
    found = [match for line in lines if (match := _PLACE.match(line))]
    near = [match for match in found if not is_foreign(match[1])] or found
    return (relative(near[-1][1]), near[-1][2]) if near else ("", "")


def _message(lines: list[str]) -> str:
    """Return the last error of the last traceback, which is the one that ended the test."""
    traces = [at for at, line in enumerate(lines) if line.startswith("Traceback (most recent call last)")]
    if not traces:
        return lines[0]
    for line in lines[traces[-1] + 1 :]:
        if _TOLD.match(line):
            return line
    return lines[0]

"""The Test Anything Protocol, which Node's runner, bats and prove speak."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from jobs.triage.failures import MOST, Section, failed
from jobs.triage.signatures import is_foreign, relative
from jobs.types import FailureKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jobs.types import Failure

WORDS = ("not ok ",)
_LONGEST = 60
_FAILED = re.compile(r"^( *)not ok \d+ -? ?(\S.*?)(?: # time=.*)?$")
_VERDICT = re.compile(r"^ *(?:not )?ok \d+")
_EXCUSED = re.compile("# (?:SKIP|T[O]DO)")
_SUBTEST = re.compile(r"^( *)# Subtest: (.+)$")
_LOCATION = re.compile(r"^\s*(?:location|at): '?((?:file://)?(?:/|[A-Za-z]:\\)?[^\s:']{1,300}):(\d+)")
_FRAME = re.compile(r"^\s+(?:at )?(?:[^\n(]{1,200} )?\(?((?:file://)?(?:/|[A-Za-z]:\\)[^\s:()]{1,300}):(\d+):\d+\)?$")
_BATS = re.compile(r"^#?\s*\(.{0,60}in (?:test )?file (\S+?), line (\d+)\)")
_PERL = re.compile(r"^\s*#\s+at (\S{1,300}) line (\d+)\.")
_TELLS = re.compile(r"^\s*error: ?(?:\|-|'(.*)'|\"(.*)\"|(.*))$")


def parse(section: Section) -> Iterator[Failure]:
    """Yield what is not ok, but for what is to be done or was skipped, and for suites whose tests are told."""
    lines = section.lines
    tool = "node" if "# Subtest: " in section.text else "tap"
    parents: dict[int, str] = {}
    found = 0
    for at, line in enumerate(lines):
        if subtest := _SUBTEST.match(line):
            parents[len(subtest[1])] = subtest[2]
        failing = _FAILED.match(line) if "not ok" in line and not _EXCUSED.search(line) else None
        block = _block(lines, at) if failing else []
        if failing is None or any("subtestsFailed" in one for one in block):
            continue
        names = [name for level, name in sorted(parents.items()) if level < len(failing[1])]
        name, place = " > ".join((*names, failing[2])), _place(block)
        yield failed(tool, FailureKind.TEST, name, _message(block), *place, "\n".join(block))
        found += 1
        if found == MOST:
            return


def _block(lines: list[str], start: int) -> list[str]:
    end = start + 1
    while end < min(len(lines), start + _LONGEST) and not _VERDICT.match(lines[end]) and not _SUBTEST.match(lines[end]):
        end += 1
    return lines[start:end]


def _message(block: list[str]) -> str:
    for at, line in enumerate(block):
        if found := _TELLS.match(line):
            words = found[1] or found[2] or found[3]
            rest = [one.strip() for one in block[at + 1 : at + 6] if one.strip()]
            return words or "\n".join(rest[:2])
    return next((line.strip(" #") for line in block[1:] if "failed" in line.lower()), "the test failed")


def _place(block: list[str]) -> tuple[str, str]:
    """Return the innermost frame in the repository, else where the test is."""
    for pattern in (_FRAME, _BATS, _PERL, _LOCATION):
        places = [(relative(found[1]), found[2]) for line in block if (found := pattern.match(line))]
        near = [place for place in places if not is_foreign(place[0])]
        if near:
            return near[0]
    return "", ""

"""pytest: the failures section, errors at set-up and in collection, and the short summary."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jobs.triage.failures import MOST, Section, failed
from jobs.triage.signatures import is_foreign, relative
from jobs.types import FailureKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jobs.types import Failure

WORDS = (
    "test session starts",
    "short test summary info",
    "= FAILURES =",
    "= ERRORS =",
    "ImportError while loading conftest",
    "Required test coverage",
    "INTERNALERROR>",
    "Coverage failure",
    "no tests ran in",
)
_SECTION = re.compile(r"^=+ (.{1,200}?) =+$")
_END = re.compile(
    r"^(?:=+ )?\d+ (?:failed|passed|errors?|skipped|deselected|warnings?|xfailed|xpassed)\b.* in [\d.]+s\b"
)
_BLOCK = re.compile(r"^_{2,} (.+?) _{2,}$")
_SUMMARY = re.compile(r"^(?:FAILED|ERROR|SUBFAIL(?:ED)?(?:[(\[].{0,200}?[)\]])?) (?!\[)(.+)$")
_ID = re.compile(r"^([^\s:]+(?: [^\s:]+)*?\.(?:pyi?|txt|md|rst|ya?ml|feature))((?:::.*)?)$")
_PLACE = re.compile(r"^((?:[A-Za-z]:[\\/])?[^\s:][^:\n]{0,300}\.\w{1,8}):(\d+): (.*)$")
_NATIVE = re.compile(r'^\s*File "([^"\n]{1,400})", line (\d+)(?:, in (.*))?$')
_ERROR = re.compile(r"^E {2,}(\S.*)$")
_SHORT_ERROR = re.compile(r"^E +(\S.*)$")
_VERBOSE = re.compile(
    r"^(?:\[gw\d+\] \[ *\d+%\] (?:FAILED|ERROR) (\S+::.*)|(\S+::.{1,300}?) (?:FAILED|ERROR) +\[ *\d+%\])$"
)
_SYNTAX = re.compile(r"^E +((?:Syntax|Indentation|Tab)Error: .*)$")
_NEAR = 1_000
_DASHES = 20
"""Places that may part an id from its message, of which so many are tried."""
_WHEN = re.compile(r"^ERROR (?:at (?:setup|teardown) of|collecting) (.*)$")
_COVERAGE = re.compile(
    r"^(?:ERROR: |FAIL )?(?:Coverage failure: (total of .*)|(Required test coverage of .* not reached.*))$",
    re.MULTILINE,
)
_NOTHING = re.compile(r"^(?:=+ )?(no tests ran) in [\d.]+s", re.MULTILINE)
_CONFTEST = re.compile(r"^(?:E +)?ImportError while loading conftest '([^'\n]{1,400})'", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class _Block:
    """One failure as its section tells it."""

    title: str
    lines: tuple[str, ...]

    @property
    def subject(self) -> str:
        """The test's name, with dots for classes, or the file that could not be collected."""
        found = _WHEN.match(self.title)
        return (found[1] if found else self.title).strip().removeprefix("[doctest] ")


def parse(section: Section) -> Iterator[Failure]:
    """Yield what pytest says failed."""
    blocks, summary, verbose = _read(section.lines)
    if summary:
        loose = _loose(section.lines) if len(blocks) < len(summary) else []
        yield from _from_summary(summary, blocks + loose)
    elif blocks:
        yield from (_failure(block.subject, "", block) for block in blocks[:MOST])
    else:
        yield from (_failure(name, "", None) for name in verbose[:MOST])
    yield from _other_reasons(section.text, ran=bool(summary or blocks))


def _other_reasons(text: str, *, ran: bool) -> Iterator[Failure]:
    """Yield what ends pytest badly though no test failed."""
    told = {found.group(): found for found in _COVERAGE.finditer(text)}
    for coverage in list(told.values())[-1:]:
        words = coverage[1] or coverage[2]
        yield failed("pytest", FailureKind.OTHER, "coverage", words, excerpt=coverage.group())
    nothing = None if ran or told else _NOTHING.search(text)
    if nothing:
        excerpt = text[: nothing.end()][-_NEAR:]
        yield failed("pytest", FailureKind.OTHER, "no tests", nothing[1], excerpt=excerpt)
    if conftest := _CONFTEST.search(text):
        name, lines = relative(conftest[1]), text[conftest.start() :].split("\n")[:40]
        yield _failure(name, "", _Block(name, tuple(lines)))


def _read(lines: list[str]) -> tuple[list[_Block], list[str], list[str]]:
    """Return blocks, lines of the summary, and ids that a verbose run marked."""
    blocks: list[_Block] = []
    summary: list[str] = []
    verbose: list[str] = []
    part, title, start, heading = "", "", 0, 0
    for number, line in enumerate([*lines, "="]):
        found = _SECTION.match(line)
        ended = bool(found) or line == "=" or bool(_END.match(line))
        block = _BLOCK.match(line) if part in {"FAILURES", "ERRORS"} else None
        if (ended or block) and title:
            blocks.append(_Block(title, tuple(lines[start:number])))
            title = ""
        if block:
            title, start = block[1], number + 1
        elif found and found[1] == "short test summary info":
            # What a test printed earlier may look like a summary; the session's own comes last.
            del summary[heading:]
            part = "summary"
        elif ended:
            part = found[1] if found else ""
            heading = len(summary) if _END.match(line) else heading
        elif part == "summary" and (entry := _SUMMARY.match(line)):
            summary.append(entry[1])
        elif part not in {"FAILURES", "ERRORS"} and (marked := _VERBOSE.match(line)):
            verbose.append(marked[1] or marked[2])
    return blocks, summary, verbose


def _loose(lines: list[str]) -> list[_Block]:
    """Return the failures that ``--tb=line`` tells, of which each is a place and a message."""
    inside, found = False, list[_Block]()
    for line in lines:
        if heading := _SECTION.match(line):
            inside = heading[1] == "FAILURES"
        elif inside and _PLACE.match(line) and len(found) < MOST:
            found.append(_Block("", (line,)))
    return found


def _from_summary(summary: list[str], blocks: list[_Block]) -> Iterator[Failure]:
    left = blocks[: 5 * MOST]
    for entry in summary[:MOST]:
        name, message = _entry(entry)
        block = next((one for one in left if _same(one, name)), None)
        block = block or next((one for one in left if not one.title and _is_line_of(one, name, message)), None)
        if block:
            left.remove(block)
        yield _failure(name, message, block)


def _entry(text: str) -> tuple[str, str]:
    """Part the id from the message: both may hold `` - ``."""
    at = text.find(" - ")
    for _ in range(_DASHES):
        if at < 0:
            break
        name = text[:at]
        if _ID.match(name) and name.count("[") == name.count("]"):
            return name, text[at + 3 :]
        at = text.find(" - ", at + 1)
    name, _, message = (text, "", "") if _ID.match(text) else text.partition(" - ")
    return name, message


def _same(block: _Block, name: str) -> bool:
    path, _, inside = name.partition("::")
    if not inside:
        return relative(block.subject) == path or relative(block.subject).endswith(f"/{path}")
    return block.subject in {inside.replace("::", "."), inside} and (
        bool(_WHEN.match(block.title)) or _tells_of(block, path)
    )


def _is_line_of(block: _Block, name: str, message: str) -> bool:
    path, _, words = next(_places(block))
    return path == name.partition("::")[0] and (words.startswith(message) or message.startswith(words))


def _tells_of(block: _Block, path: str) -> bool:
    places = [place for place, _, _ in _places(block)]
    return not places or any(
        place == path or place.endswith(f"/{path}") or path.endswith(f"/{place}") for place in places
    )


def _places(block: _Block) -> Iterator[tuple[str, int, str]]:
    for line in block.lines:
        if line.startswith("-") and line.strip("-").strip().startswith("Captured"):
            return
        if found := _PLACE.match(line):
            yield relative(found[1]), int(found[2][:8]), found[3]
        elif found := _NATIVE.match(line):
            yield relative(found[1]), int(found[2][:8]), found[3] or ""


def _failure(name: str, message: str, block: _Block | None) -> Failure:
    path = name.partition("::")[0] if _ID.match(name) else ""
    if block is None:
        return failed("pytest", FailureKind.TEST, name, message, path, 0, f"{name}: {message}" if message else name)
    places = list(_places(block))
    near = [place for place in places if not is_foreign(place[0])] or places
    if broken := _unreadable(block):
        near = [broken]
    where, line, _ = near[-1] if near else (path, 0, "")
    path = path if is_foreign(where) and path else where
    if "::" not in name and not _ID.match(name) and path:
        name = f"{path}::{name.replace('.', '::') if '[' not in name else name}"
    return failed("pytest", FailureKind.TEST, name, _message(block) or message, path, line, _excerpt(block))


def _unreadable(block: _Block) -> tuple[str, int, str] | None:
    """Return the place of a syntax error, which is told within the error."""
    if not any(_SYNTAX.match(line) for line in block.lines):
        return None
    told = [found for line in block.lines if line.startswith("E ") and (found := _NATIVE.match(line[1:]))]
    return (relative(told[-1][1]), int(told[-1][2][:8]), "") if told else None


def _message(block: _Block) -> str:
    """Return the first line of the error, and the assertion where that is the second."""
    told = [found[1] for line in block.lines if (found := _ERROR.match(line))]
    told = told or [found[1] for line in block.lines if (found := _SHORT_ERROR.match(line))]
    syntax = [found[1] for line in block.lines if (found := _SYNTAX.match(line))]
    if told or syntax:
        told = syntax or told
        start = next(
            (at for at, line in enumerate(told) if line.startswith(("ModuleNotFoundError", "ImportError:"))), 0
        )
        told = told[start:]
        return "\n".join(told[:2] if len(told) > 1 and told[1].startswith("assert ") else told[:1])
    if "Expected:" in block.lines and "Got:" in block.lines:
        at = block.lines.index("Expected:")
        return " ".join(line.strip() for line in block.lines[at : at + 6] if line.strip() and not _PLACE.match(line))
    last = [place[2] for place in _places(block) if place[2]]
    plain = [line for line in block.lines if re.match(r"[A-Za-z_][\w.]{0,200}(?:Error|Exception|Failed|Exit)\b", line)]
    return (plain or last or [""])[-1]


def _excerpt(block: _Block) -> str:
    lines = [block.title, *block.lines]
    if len(lines) > 60:  # noqa: PLR2004 - the test's beginning and the error's end tell most
        lines = [*lines[:20], "\u2026", *lines[-38:]]
    return "\n".join(lines)

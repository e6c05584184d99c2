"""What no other parser knows: the traceback that ended a program, or the last lines that look like an error."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from jobs.triage.failures import Section, failed
from jobs.triage.signatures import is_foreign, relative
from jobs.types import FailureKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jobs.types import Failure

_LAST = 200
_LONGEST = 30
_PYTHON_PLACE = re.compile(r'^\s*File "([^"\n]{1,400})", line (\d+)')
_PYTHON_ERROR = re.compile(
    r"^((?:\w+\.)*[A-Z]\w*(?:Error|Exception|Exit|Interrupt|Warning|Failed|NotFound)?)(?:: (.*))?$"
)
_UNCAUGHT = re.compile(
    r"^(?:Uncaught |Exception in thread \"[^\"]{1,100}\" |Unhandled [Ee]xception[.:] (?:System\.)?"
    r"|PHP Fatal error:  (?:Uncaught )?)?"
    r"((?:[\w$]+[.\\])*[A-Z]\w*(?:Error|Exception|Throwable))(?: \[\w+\])?(?:: (.*))?$"
)
_RUBY = re.compile(r"^(?:\./)?([^\s:]{1,300}\.rb|Rakefile):(\d+):in [`'].{1,200}': (.*) \(([\w:]+)\)$")
_NPM = re.compile(r"^npm (?:error|ERR!) (\S.*)$")
_NPM_FRAME = re.compile(
    r"(?:code|errno|syscall|path|dest|command|workspace|location|signal|cwd|at) |A complete log|Lifecycle script"
)
_DIFF = re.compile(r"^diff --git a/(\S{1,300}) b/\S{1,300}$")
_NOT_FOUND = re.compile(r"^\S{1,300}: (?:line )?(?:\d+: )?(\S{1,100}): (?:command )?not found$")
_FRAME = re.compile(
    r"^\s+(?:at |from |#\d+ )(?!java\.base/).{0,200}?((?:/|[A-Za-z]:\\)?[^\s:()\"']{1,200}\.(?:[cm]?[jt]sx?|java"
    r"|kt|scala|cs|rb|php|go|rs))(?::line |\(|:)(\d+)"
)
_PHP = re.compile(r" in (/[^\s:]{1,300}\.php)(?::| on line )(\d+)")
_TELLING = re.compile(
    r"\b(?:error|fatal|failed|failure|cannot|can't|could not|couldn't|not found|no such|invalid|unable|denied"
    r"|missing|undefined|unknown"
    r"|unexpected|refused|aborted|abort|exception|panic|segmentation fault|core dumped|unrecognized"
    r"|does not exist|not installed|required)\b|\bERR!|^E: |\u2716|\u2717|\u274c",
    re.IGNORECASE,
)
_HARMLESS = re.compile(
    r"\b0 (?:errors?|failures?|failed)\b|no errors?\b|^\s*(?:npm (?:error|ERR!) A complete log|at )|warning:"
    r"|##\[|\bdeprecated\b|A complete log of this run",
    re.IGNORECASE,
)


def parse(section: Section, code: int | None) -> Iterator[Failure]:
    """Yield a failure from the end of a step's output, or none where nothing there looks like one."""
    lines = section.lines
    tail = lines[-_LAST:]
    changed = list(_changed(tail)) if "diff" in section.command else []
    if changed:
        yield from changed
        return
    failure = (
        _not_there(tail) or _python(tail) or _thrown(tail) or _npm(tail, code) or _last(tail, section.command, code)
    )
    if failure:
        yield failure


def _changed(lines: list[str]) -> Iterator[Failure]:
    """Yield the files of a difference that a step wanted to be empty."""
    for at, line in enumerate(lines):
        if found := _DIFF.match(line):
            block = "\n".join(lines[at : at + _LONGEST])
            yield failed(
                "git", FailureKind.OTHER, "diff", "the file differs from what is committed", found[1], 0, block
            )


def _not_there(lines: list[str]) -> Failure | None:
    """Read what a shell says last of a program that there is not."""
    said = next((line for line in reversed(lines) if line.strip()), "")
    found = _NOT_FOUND.match(said)
    words = f"{found[1]}: command not found" if found else ""
    return failed("bash", FailureKind.OTHER, "command not found", words, excerpt=said) if found else None


def _python(lines: list[str]) -> Failure | None:
    starts = [
        at
        for at, line in enumerate(lines)
        if "Traceback (most recent call last)" in line or (_PYTHON_PLACE.match(line) and not _near_trace(lines, at))
    ]
    if not starts:
        return None
    start = starts[-1]
    places = []
    for line in lines[start:]:
        if found := _PYTHON_PLACE.match(line):
            places.append((relative(found[1]), found[2]))
        elif places and (found := _PYTHON_ERROR.match(line)):
            near = [place for place in places if not is_foreign(place[0])] or places
            block = lines[start : start + _LONGEST]
            return failed(
                "python",
                FailureKind.OTHER,
                found[1].rpartition(".")[2],
                line.strip(),
                *near[-1],
                "\n".join(block),
            )
    return None


def _near_trace(lines: list[str], at: int) -> bool:
    return any("Traceback" in line for line in lines[max(at - _LONGEST, 0) : at])


def _thrown(lines: list[str]) -> Failure | None:
    """Read what Node, Java, C#, Ruby and PHP print of an exception that nobody caught."""
    for at in range(len(lines) - 1, -1, -1):
        line = lines[at]
        if found := _RUBY.match(line):
            return failed(
                "ruby", FailureKind.OTHER, found[4], found[3], found[1], found[2], "\n".join(lines[at : at + _LONGEST])
            )
        found = _UNCAUGHT.match(line)
        frames = [match for one in lines[at + 1 : at + _LONGEST] if (match := _FRAME.match(one))] if found else []
        php = _PHP.search(line) if found else None
        if found and (frames or php):
            near = [match for match in frames if not is_foreign(match[1])] or frames
            place = php or near[0]
            name = re.split(r"[.\\]", found[1])[-1]
            return failed(
                _tool(place[1]),
                FailureKind.OTHER,
                name,
                line.strip(),
                place[1],
                place[2],
                "\n".join(lines[at : at + 15]),
            )
    return None


def _npm(lines: list[str], code: int | None) -> Failure | None:
    """Read what npm complains of: the first words that are more than a code, a path or a frame."""
    told = [(at, found[1].strip()) for at, line in enumerate(lines) if (found := _NPM.match(line))]
    telling = [(at, words) for at, words in told if not _NPM_FRAME.match(words)]
    if not telling:
        return None
    kind = next((words.split()[1] for _, words in told if re.match(r"code [A-Z]\w+$", words)), "")
    at, words = telling[0]
    name = kind or (f"exit code {code}" if code else "error")
    return failed("npm", FailureKind.OTHER, name, words, excerpt="\n".join(lines[told[0][0] : at + _LONGEST]))


def _tool(path: str) -> str:
    ending = path.rpartition(".")[2]
    known = {
        "java": "java",
        "kt": "java",
        "scala": "java",
        "cs": "dotnet",
        "php": "php",
        "rb": "ruby",
        "go": "go",
        "rs": "rust",
    }
    return known.get(ending, "node")


def _last(lines: list[str], command: str, code: int | None) -> Failure | None:
    told = [
        at for at, line in enumerate(lines) if line.strip() and _TELLING.search(line) and not _HARMLESS.search(line)
    ]
    if not told:
        return None
    at = told[-1]
    # Errors often come in a row, of which the first says most.
    while at - 1 in told and at > told[-1] - 3:
        at -= 1
    words = re.findall(r"^\s*(?:sudo |env |\w+=\S+ )*([\w./-]+)", command.strip().rpartition("\n")[2])
    tool = words[0].rpartition("/")[2] if words else "command"
    name = f"exit code {code}" if code else "error"
    return failed(
        tool, FailureKind.OTHER, name, lines[at].strip(), excerpt="\n".join(lines[max(at - 10, 0) : told[-1] + 5])
    )

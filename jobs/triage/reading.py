"""The log of one failed job, read: which step failed, what in it, and whether the machinery did."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from jobs.text import REDACTED, redact, strip_invisible
from jobs.triage import infrastructure
from jobs.triage.failures import Section, distinct, failed
from jobs.triage.hints import hint
from jobs.triage.junit import REPORT
from jobs.triage.parsers import guess, parse
from jobs.triage.steps import Job
from jobs.triage.stream import Source
from jobs.types import FailureKind, Reading

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from jobs.triage.steps import LogStep
    from jobs.types import Failure

LIMIT = 64 * 1_024 * 1_024
_EXCERPT = 8_000
_LAST_LINES = 60
_SCRIPT = 2_000
_MOST = 200
_ASSIGNED = re.compile(
    r"(?m)((?:\b|_)(?:PASSWORD|PASSWD|SECRET|TOKEN|API_?KEY|ACCESS_?KEY|CREDENTIALS)[A-Z_]{0,30}[=:] ?[\"']?"
    r"|\b[Aa]uthorization: ?(?:[Bb]earer|[Bb]asic|[Tt]oken) )(?!\*\*\*)[^\s\"']{6,}"
)
"""What is printed as the value of a variable with such a name, or as a header, is taken for a secret."""
_WORD = re.compile(r"\w+")
_BUILDKIT = re.compile(r"^#\d{1,4} (?:\[|\d)", re.MULTILINE)
_BUILD_TIME = re.compile(r"^(?:#\d{1,4} )?\d{1,5}\.\d{1,3} ", re.MULTILINE)
"""What docker's builder puts before each line of a command."""
_INSTALLS = re.compile(
    r"(?:sudo )?(?:python\S* -m )?(?:pip|pipx|npm|pnpm|yarn|apt|apt-get|brew|uv|poetry|go|cargo|gem"
    r"|bundle) (?:pip )?(?:install|add|ci|i|get|update|sync)\b"
)
_PROGRAMS = {
    "gcc": ("make", "gcc", "g++", "cc", "clang", "cmake", "ninja"),
    "ld": ("make", "gcc", "g++", "cc", "clang", "cmake", "ninja", "ld"),
    "tap": ("node", "bats", "prove", "tap"),
    "clippy": ("clippy",),
    "rustfmt": ("fmt", "rustfmt"),
    "javac": ("mvn", "mvnw", "gradle", "gradlew", "javac"),
    "maven": ("mvn", "mvnw"),
    "gradle": ("gradle", "gradlew"),
    "kotlinc": ("gradle", "gradlew", "kotlinc"),
    "minitest": ("rake", "rails", "ruby"),
    "googletest": ("ctest", "make"),
    "clang": ("make", "clang", "clang++", "cc", "c++", "cmake", "ninja"),
    "unittest": ("unittest", "manage.py"),
}
"""The programs behind which a tool works, where they have other names."""


def read_log(chunks: Iterable[bytes], *, limit: int = LIMIT) -> Reading:
    """Return what the log of one failed job tells; at most ``limit`` bytes are read, in constant memory."""
    source = Source(chunks, limit)
    job = Job().read(source.blocks())
    steps = list(job.failed)
    if not steps and not job.ended and (not job.steps or source.cut):
        steps = [job.current]  # Another service's log, or one whose end was not read.
    readings = _without_allowed([(step, _read_step(step)) for step in steps])
    if not readings and job.steps and not job.ended:
        readings = [
            Reading(infrastructure=infrastructure.LOST, step=job.current.title, command=_cleaned(job.current.command))
        ]
    reading = join(readings)
    return replace(reading, cut=True) if source.cut else reading


def join(readings: Sequence[Reading]) -> Reading:
    """Return what several logs of a run tell together; the first that tells of failures lends its step."""
    if not readings:
        return Reading()
    lead = next((one for one in readings if one.failures), readings[0])
    failures = distinct(_merged([failure for one in readings for failure in one.failures]), _MOST)
    broken = next((one.infrastructure for one in readings if one.infrastructure), "")
    if failures and any(one.failures and not one.infrastructure for one in readings):
        broken = ""  # What can be mended is worth more than what will pass by itself.
    return Reading(
        failures=failures,
        infrastructure=broken,
        flaky_hint=next((one.flaky_hint for one in readings if one.flaky_hint), ""),
        command=lead.command,
        step=lead.step,
        excerpt=lead.excerpt or next((one.excerpt for one in readings if one.excerpt), ""),
        cut=any(one.cut for one in readings),
    )


def _without_allowed(read: list[tuple[LogStep, Reading]]) -> list[Reading]:
    """Leave out steps that were allowed to fail, where a later one tells what did end the job."""
    ended = [reading for step, reading in read if not step.passed_over]
    if any(failure.kind is not FailureKind.OTHER for reading in ended for failure in reading.failures):
        return ended
    return [reading for _, reading in read]


def _read_step(step: LogStep) -> Reading:
    text = _cleaned(step.output.text())
    if _BUILDKIT.search(text):
        text = _BUILD_TIME.sub("", text)
    step.errors = [_cleaned(line) for line in step.errors]
    section = Section(text, _cleaned(step.command))
    failures = parse(section)
    broken = infrastructure.of_step(step, text, failures)
    if not failures and not broken:
        failures = guess(section, step.exit_code) or _of_action(step)
    return Reading(
        failures=failures,
        infrastructure=broken,
        flaky_hint=hint(failures, text),
        command=_command(section.command, failures),
        step=_cleaned(step.title),
        excerpt=_excerpt(text, failures),
        cut=step.output.cut,
    )


def _cleaned(text: str) -> str:
    """Take out what nobody sees, and what looks like a secret."""
    return _ASSIGNED.sub(rf"\1{REDACTED}", redact(strip_invisible(text)[0], ()))


def _of_action(step: LogStep) -> tuple[Failure, ...]:
    """Return what an action, or a script of few words, marked as an error itself."""
    told = next((line for line in step.errors if not line.startswith("Process completed")), "")
    name = step.title.removeprefix("Run ").partition("\n")[0]
    return (failed(name, FailureKind.OTHER, name, told, excerpt=told),) if told.strip() else ()


def _command(script: str, failures: Sequence[Failure]) -> str:
    """Return the line of a script that runs the tool which complains, or the script."""
    lines = [line.strip() for line in script.split("\n") if line.strip()]
    words = {word for failure in failures for word in _PROGRAMS.get(failure.tool, (failure.tool,))}
    telling = [
        line for line in lines if any(re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", line) for word in words)
    ]
    telling = [line for line in telling if not _INSTALLS.match(line)]
    if len(telling) == 1 and not telling[0].endswith("\\"):
        return telling[0]
    return script[:_SCRIPT]


def _excerpt(text: str, failures: Sequence[Failure]) -> str:
    """Return what tells of the failures, or the end of the step."""
    told = "\n\n".join(dict.fromkeys(failure.excerpt for failure in failures if failure.excerpt))
    if not told:
        told = "\n".join(text.rstrip().split("\n")[-_LAST_LINES:])
        return told[-_EXCERPT:]
    return told if len(told) <= _EXCERPT else told[:_EXCERPT].rsplit("\n", 1)[0] + "\n\u2026"


def _merged(failures: Sequence[Failure]) -> list[Failure]:
    """Put together what a report and a log tell of the same test: the log's words, and the place of either."""
    kept: list[Failure] = []
    for failure in failures[: 4 * _MOST]:
        at = next((at for at, one in enumerate(kept) if _is_told_twice(one, failure)), None)
        if at is None:
            kept.append(failure)
            continue
        told, other = (kept[at], failure) if failure.tool == REPORT else (failure, kept[at])
        path, line = (told.path, told.line) if told.line else (other.path or told.path, other.line)
        kept[at] = replace(told, excerpt=told.excerpt or other.excerpt, path=path, line=line)
    return kept


def _is_told_twice(one: Failure, other: Failure) -> bool:
    """Say whether one of two is a report's and both are of one test: each runner writes its name in its own way."""
    if (one.tool == REPORT) == (other.tool == REPORT) or {one.kind, other.kind} != {FailureKind.TEST}:
        return False
    files = {one.path.rpartition("/")[2], other.path.rpartition("/")[2]} - {""}
    short, long = sorted((_WORD.findall(one.name), _WORD.findall(other.name)), key=len)
    return len(files) < len((one, other)) and bool(short) and long[-len(short) :] == short

"""What the logs of Actions look like: a time before each line, groups, commands and errors marked."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from jobs.testing.github.workflows import Job, Step

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
NOT_IN_NAMES = re.compile(r'[/\\:*?"<>|]')
USUAL_STEPS = ("Set up job", "Run actions/checkout@v4")


def stamped(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Yield lines with the time before each, in tenths of microseconds as a runner writes it."""
    for line in lines:
        nanoseconds = time.time_ns()
        at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(nanoseconds // 10**9))
        yield f"{at}.{nanoseconds // 100 % 10**7:07d}Z ".encode() + line + b"\n"


def as_job_log(name: str, command: str, output: bytes, exit_code: int) -> bytes:
    """Wrap what a command printed in what a runner writes around it."""
    lines = [*_start(name), *_step(command)]
    # A runner keeps carriage returns of progress bars, and ends lines at line feeds only.
    lines += output.removesuffix(b"\n").split(b"\n") if output else []
    if exit_code:
        lines.append(f"##[error]Process completed with exit code {exit_code}.".encode())
    return BYTE_ORDER_MARK + b"".join(stamped([*lines, *_end()]))


def usual_log(job: Job, steps: Sequence[Step]) -> bytes:
    """Return a log that tells of nothing but the steps."""
    lines = _start(job.name)
    for step in steps:
        if step.name.startswith("Run ") and step.conclusion != "skipped":
            lines += _step(step.name.removeprefix("Run "))
        if step.conclusion == "failure":
            lines.append(b"##[error]Process completed with exit code 1.")
    return BYTE_ORDER_MARK + b"".join(stamped([*lines, *_end()]))


def file_name(name: str) -> str:
    """Return a job's name as it names a file in the archive of a run's logs."""
    return NOT_IN_NAMES.sub("", name)


def _start(name: str) -> list[bytes]:
    return [
        b"Current runner version: '2.329.0'",
        b"##[group]Operating System",
        b"Ubuntu",
        b"24.04.3",
        b"LTS",
        b"##[endgroup]",
        b"Prepare workflow directory",
        b"Getting action download info",
        f"Complete job name: {name}".encode(),
    ]


def _step(command: str) -> list[bytes]:
    lines = command.splitlines() or [""]
    shown = [f"\x1b[36;1m{line}\x1b[0m".encode() for line in lines]
    return [f"##[group]Run {lines[0]}".encode(), *shown, b"shell: /usr/bin/bash -e {0}", b"##[endgroup]"]


def _end() -> list[bytes]:
    return [b"Post job cleanup.", b"Cleaning up orphan processes"]

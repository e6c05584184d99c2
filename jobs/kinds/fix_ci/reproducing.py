"""What failed in CI is run in a fresh checkout before anything is paid: it is the evidence "before"."""

from __future__ import annotations

import re
import time
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from jobs import triage
from jobs.kinds.preparing import clean_room, set_up
from jobs.kinds.verifying import CHECK_SECONDS, record
from jobs.types import Check, Phase, UserError

if TYPE_CHECKING:
    from jobs.execute import Attempt
    from jobs.kinds.base import Base
    from jobs.types import CommandResult, Diagnosis, Sandbox

BEFORE = "before"
"""The stage that holds what the failing command did in a fresh checkout."""
OUTPUT = 400_000
LONGEST_COMMAND = 4_000
ABSENT = frozenset({126, 127})
"""A shell's exit codes for a program that is not there or cannot be run."""

_MISSING = re.compile(
    r"command not found|: not found$|No module named|Cannot find module|executable file not found"
    r"|No such file or directory: '[^'/]+'|could not find executable|is not recognized as",
    re.MULTILINE,
)
_PYTHON = re.compile(r"(?m)^([ \t]*)python(?=\s)")


class Seen(StrEnum):
    """How a fresh checkout compares with CI."""

    SAME = "same"
    """It fails in the same way."""
    OTHER = "other"
    """It fails, but with other words."""
    PASSES = "passes"
    CANNOT = "cannot"
    """It cannot be run here: a tool is missing, or the network that it wants."""
    UNKNOWN = "unknown"
    """No command is known."""


SEEN = {
    Seen.SAME: "it fails there in the same way. Its record is below; the harness runs the command again at the end.",
    Seen.OTHER: "it fails there too, but with other words than in CI. Its record is below. Find out what is different.",
    Seen.PASSES: "it passes there. Look for what is different in CI: order, time, environment, versions, what is left "
    "out of the repository. Do not guess: change something only where you can show why CI fails.",
    Seen.CANNOT: "the command cannot be run here, since something that it needs is missing. Its record is below. Find "
    "another way to show the failure, and say in the summary what could not be shown.",
    Seen.UNKNOWN: "nothing, since the log names no command and the repository none for its checks.",
}
"""The same for the agent, in words."""


@dataclass(frozen=True, slots=True)
class Before:
    """What was seen, with the harness's own record of the command; ``command`` is the one to check the mend with."""

    seen: Seen
    checks: tuple[Check, ...] = ()
    command: str = ""


def reproduce(attempt: Attempt, base: Base, found: Diagnosis) -> Before:
    """Run what failed, or else the repository's checks, in a fresh checkout behind its set-up; done once."""
    task, runs = attempt.task, attempt.services.store.runs
    stored = runs.stage(task.id, BEFORE)
    if stored is not None:
        checks = tuple(Check(**check) for check in stored["checks"])
        return Before(Seen(stored["seen"]), checks, stored["command"])
    attempt.services.store.tasks.progress(task.id, task.attempt, Phase.TESTING)
    attempt.teller.changed()
    before = _look(attempt, base, found)
    runs.finish_stage(task.id, task.attempt, BEFORE, asdict(before), time.time())
    return before


def _look(attempt: Attempt, base: Base, found: Diagnosis) -> Before:
    commands = _commands(base, found)
    if not commands:
        return Before(Seen.UNKNOWN)
    with clean_room(attempt, base, None) as room:
        failed = set_up(attempt, room, base)
        if failed is not None:
            raise UserError(
                f"The set-up command `{failed[0]}` of `.github/opus67.yml` ended with {failed[1].exit_code} at the red "
                f"commit. Mend it and try again. Its last words:\n\n{failed[1].output[-1500:].strip()}"
            )
        room.allow(base.config.hosts.work)
        tried = []
        for command in commands:
            attempt.lease.check()
            tried.append(_try(room, command, found))
    return min(tried, key=lambda one: list(Seen).index(one.seen))


def _commands(base: Base, found: Diagnosis) -> tuple[str, ...]:
    """Return the failing command; where the log tells none, the repository's checks."""
    command = found.command.strip()
    if not command or len(command) > LONGEST_COMMAND:
        return base.checks
    # Actions stops a script of several lines at the first that fails.
    return (f"set -e\n{command}" if "\n" in command else command,)


def _try(room: Sandbox, command: str, found: Diagnosis) -> Before:
    result = room.run(command, timeout=CHECK_SECONDS, output_limit=OUTPUT)
    if result.exit_code in ABSENT and _PYTHON.search(command):  # many machines call it python3 only
        command = _PYTHON.sub(r"\1python3", command)
        result = room.run(command, timeout=CHECK_SECONDS, output_limit=OUTPUT)
    seen = _compared(result, found, blocked=bool(room.blocked()))
    usable = "" if seen is Seen.CANNOT else command
    return Before(seen, (record(command, result),), usable)


def _compared(result: CommandResult, found: Diagnosis, *, blocked: bool) -> Seen:
    if result.exit_code == 0:
        return Seen.PASSES
    reading = triage.read_log([result.output.encode("utf-8", "replace")])
    if {failure.signature for failure in reading.failures} & found.signatures:
        return Seen.SAME
    if result.exit_code in ABSENT or result.timed_out or blocked or _MISSING.search(result.output):
        return Seen.CANNOT
    return Seen.OTHER if found.failures else Seen.SAME

"""``opus67 doctor``: one line for each check, with its cure; the exit code says whether the bot would run."""

from __future__ import annotations

import os
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

from bot.shell.documents import document

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from bot.doctor.findings import Check, Context, Finding


def run_doctor(arguments: argparse.Namespace) -> int:
    """Make all checks at once and print them in order; returns 1 when one of them is bad."""
    from bot.doctor import on_chats, on_github, on_machine  # noqa: PLC0415 - imported when it is called, not for the help
    from bot.doctor.findings import Context, State  # noqa: PLC0415 - as above
    from config.settings import load  # noqa: PLC0415 - as above

    findings = []
    checks = (*on_machine.CHECKS_BEFORE, *on_github.CHECKS, *on_chats.CHECKS, *on_machine.CHECKS)
    for finding in examine(checks, Context(load())):
        findings.append(finding)
        if not arguments.json:
            _say(str(finding))
    runs = all(finding.state is not State.BAD for finding in findings)
    words = "It would run: `opus67 up`." if runs else "It would not run yet: cure the lines marked ✗."
    if arguments.json:
        text = "\n".join([*map(str, findings), "", words])
        _say(document(text, ok=runs, data={"findings": [finding.as_dict() for finding in findings]}))
    else:
        _say("", words)
    code = 0 if runs else 1
    if any("took longer" in finding.message for finding in findings):
        os._exit(code)  # A check that hangs must not keep the command from ending.
    return code


def examine(checks: Sequence[Check], context: Context) -> Iterator[Finding]:
    """Run the checks side by side, each with its own time, and yield what they find in their order."""
    pool = ThreadPoolExecutor(len(checks), thread_name_prefix="check")
    started = [(check, pool.submit(check.function, context)) for check in checks]
    pool.shutdown(wait=False)
    for check, future in started:
        yield from _result(check, future)


def _result(check: Check, future: Future[list[Finding]]) -> list[Finding]:
    from bot.doctor.findings import bad  # noqa: PLC0415 - as above
    from jobs.types import UserError  # noqa: PLC0415 - as above

    try:
        error = future.exception(timeout=check.seconds)
    except TimeoutError:
        return [bad(check.name, f"It took longer than {check.seconds:.0f} s.", "try again; look at what it asks")]
    if error is None:
        return future.result()
    if isinstance(error, UserError):
        message, _, cure = str(error).partition(". ")
        return [bad(check.name, message + "." if cure else message, cure)]
    return [bad(check.name, f"The check itself failed: {type(error).__name__}: {error}.", "report it to the authors")]


def _say(*lines: str) -> None:
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()

"""How commands end: one exit code for each sort of ending, the same for all of them."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """The exit codes."""

    DONE = 0
    REFUSED = 1
    USAGE = 2
    WAITS = 3
    UNREACHABLE = 4
    INTERRUPTED = 130


EXITS: dict[Exit, str] = {
    Exit.DONE: "done, or answered",
    Exit.REFUSED: "refused, or the watched task failed, or a fault of Opus 67",
    Exit.USAGE: "a wrong command or option, or a setting that is missing",
    Exit.WAITS: "the watched task waits for a person",
    Exit.UNREACHABLE: "the service, its database or GitHub cannot be reached",
    Exit.INTERRUPTED: "Ctrl-C; a watched task goes on",
}


def exit_words() -> str:
    """Return what each exit code means, one line each."""
    return "\n".join(f"  {code.value:<4} {words}" for code, words in EXITS.items())

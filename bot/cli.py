"""The command line: one table of commands, each a dotted path that is imported only when it is called."""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import TracebackType

USAGE = 2
"""The exit code for what the person can put right: a wrong argument, a missing setting."""
INTERRUPTED = 130
"""The exit code after Ctrl-C: 128 and the number of the signal."""


@dataclass(frozen=True, slots=True)
class Option:
    """One option of a command: its flag and what argparse shall do with it."""

    flag: str
    help: str
    rest: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Command:
    """One command: what it is called, what it does, and the function behind it."""

    name: str
    help: str
    function: str
    """``module:name`` of a function that takes the parsed arguments and returns the exit code."""
    options: tuple[Option, ...] = ()
    service: bool = False
    """True for a long-running process, whose output is a log and shows tracebacks."""


FLAG: Mapping[str, Any] = {"action": "store_true"}

SETUP_OPTIONS = (
    Option("--app-id", "take an existing App: its id", {"type": int}),
    Option("--private-key-path", "take an existing App: the file with its private key"),
    Option("--webhook-secret", "take an existing App: its webhook secret"),
    Option("--client-id", "take an existing App: its client id"),
    Option("--client-secret", "take an existing App: its client secret"),
    Option("--env-file", "the file to write (.env)", {"default": ".env"}),
)

COMMANDS: tuple[Command, ...] = (
    Command("setup", "register the GitHub App with one click and write .env", "bot.setup:run_setup", SETUP_OPTIONS),
    Command(
        "doctor",
        "check everything it needs, one line each with the cure",
        "bot.doctor:run_doctor",
        (Option("--json", "print the checks as JSON", FLAG),),
    ),
    Command("demo", "show the way from a label to a draft pull request on this machine", "bot.demo:run_demo"),
    Command("up", "run web, workers and clock under one supervisor", "bot.up:run_up"),
    Command("web", "run the web process: webhooks and the first page", "bot.serve:serve", service=True),
    Command("worker", "run the workers", "bot.workers:run_workers", service=True),
    Command("clock", "run the clock, which wakes what was left behind", "jobs.clock:run_clock", service=True),
    Command("migrate", "bring the database to this version's tables", "bot.chores:run_migrate"),
    Command(
        "sandbox build",
        "build the image that sandboxes start from",
        "bot.chores:run_sandbox_build",
        (
            Option("--engine", "docker or podman; found out if not named", {"choices": ["docker", "podman"]}),
            Option("--tag", "the image's name; the setting OPUS67_SANDBOX_IMAGE if not named"),
            Option("--base", "an image to start from, in place of a fresh Debian"),
            Option("--force", "build it again although it is there", FLAG),
        ),
    ),
    Command("version", "print the version", "bot.chores:run_version"),
)

GROUPS = {"sandbox": "the image that sandboxes start from"}
"""What the first word of a two-word command is about."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; what a person can cure is told in one message, without a traceback."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words in ([], ["help"]):
        words = ["--help"]
    if words == ["--version"]:
        words = ["version"]
    try:
        complaint = _complaint(words)
        if complaint:
            return _fail(complaint)
        parsed = _parser().parse_args(words)
        command: Command = parsed.chosen
        if not (parsed.debug or command.service):
            sys.excepthook = _explain
        return _load(command.function)(parsed)
    except KeyboardInterrupt:
        return INTERRUPTED
    except _user_errors() as error:
        return _fail(str(error))


def _complaint(words: Sequence[str]) -> str:
    """Return what to say about an unknown command, with the nearest known one, or nothing."""
    known = [command.name for command in COMMANDS]
    said = [word for word in words if not word.startswith("-")]
    if not said:
        return ""
    typed = " ".join(said[:2]) if said[0] in GROUPS else said[0]
    if typed in known or typed in GROUPS:
        return ""
    import difflib  # noqa: PLC0415 - needed for a typing mistake only

    near = difflib.get_close_matches(typed, [*known, *GROUPS], n=1, cutoff=0.5)
    hint = f"Did you mean `opus67 {near[0]}`?" if near else "`opus67 --help` lists the commands."
    return f"There is no command `opus67 {typed}`. {hint}"


def _parser() -> argparse.ArgumentParser:
    """Build the parser from the table."""
    parser = argparse.ArgumentParser(
        prog="opus67",
        description="Coding agents that work in sealed containers and answer with draft pull requests.",
        epilog="`opus67 <command> --help` tells more. First steps: opus67 demo, opus67 setup, opus67 up.",
    )
    parser.add_argument("--version", action="store_true", help="print the version")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an internal error")
    commands = parser.add_subparsers(metavar="<command>", required=True)
    groups: dict[str, Any] = {}
    for command in COMMANDS:
        group, _, name = command.name.rpartition(" ")
        if group and group not in groups:
            group_parser = commands.add_parser(group, help=GROUPS[group], description=_sentence(GROUPS[group]))
            groups[group] = group_parser.add_subparsers(metavar="<command>", required=True)
        add = groups[group].add_parser if group else commands.add_parser
        child = add(name, help=command.help, description=_sentence(command.help))
        for option in command.options:
            child.add_argument(option.flag, help=option.help, **(option.rest or {}))
        child.set_defaults(chosen=command)
    return parser


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def _load(path: str) -> Callable[[argparse.Namespace], int]:
    """Import the function behind a command."""
    from importlib import import_module  # noqa: PLC0415 - `--help` does without

    module, _, name = path.partition(":")
    function: Callable[[argparse.Namespace], int] = getattr(import_module(module), name)
    return function


def _user_errors() -> tuple[type[Exception], ...]:
    """Return the exceptions whose message is for people; looked up only once one of any kind was raised."""
    from config.errors import SettingsError  # noqa: PLC0415 - `--help` does without
    from jobs.types import UserError  # noqa: PLC0415 - as above

    return (UserError, SettingsError)


def _fail(message: str) -> int:
    print(f"opus67: {message}", file=sys.stderr)  # noqa: T201 - the command line's own voice
    return USAGE


def _explain(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Say an internal error in three lines; the traceback is for whoever asks with ``--debug``."""
    places = []
    while trace:
        places.append(f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}")
        trace = trace.tb_next
    place = next((f" at {place}" for place in reversed(places) if not place.startswith("<")), "")
    words = " ".join(sys.argv[1:])
    lines = (
        f"opus67: internal error: {kind.__name__}: {error}{place}",
        "This is a fault of Opus 67, not of yours.",
        f"`opus67 --debug {words}` shows the whole traceback for a report.",
    )
    print("\n".join(lines), file=sys.stderr)  # noqa: T201 - the command line's own voice


if __name__ == "__main__":
    sys.exit(main())

"""The command line: finds out which command is meant, runs it, and says what went wrong in words."""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import resource
import sys
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

from bot.commands import TABLE
from bot.shell.documents import document, say
from bot.shell.exits import Exit, exit_words
from bot.shell.table import BOT_WORDS, COMMANDS, GROUPS, Command, Option

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

__all__ = ["BOT_WORDS", "COMMANDS", "GROUPS", "INTERRUPTED", "USAGE", "Command", "Option", "main"]

USAGE, INTERRUPTED = Exit.USAGE, Exit.INTERRUPTED
BROKEN_PIPE = 141
"""The exit code when nobody reads any more: 128 and the number of the signal."""
COLUMN = 24
"""Where the help of a command begins, as argparse has it."""
EPILOG = """\
Every command takes --json, which prints one document: {{"ok": …, "task": …, "data": …, "text": …}}.
Commands that start or look at a task take --watch; `opus67 bg --help` tells about them.

exit codes:
{exits}

`opus67 <command> --help` tells more. First steps: opus67 demo, opus67 setup, opus67 up.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; what a person can cure is told in one message, without a traceback."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    as_json = "--json" in (words[: words.index("--")] if "--" in words else words)
    _leave_no_dump()
    try:
        return _run(words, as_json=as_json)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Python would complain once more when it closes its output at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except _user_errors() as error:
        return _fail(str(error), getattr(error, "exit_code", USAGE), as_json=as_json)


def _leave_no_dump() -> None:
    """Have no crash write the memory of this process and of what it starts down, keys among it.

    A limit of one byte stops the kernel's pipe to a collector of dumps as well, which a limit of none does not:
    https://github.com/torvalds/linux/blob/v6.6/fs/coredump.c#L598
    """
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    limit = 1 if hard else 0
    resource.setrlimit(resource.RLIMIT_CORE, (limit, limit))


def _run(words: list[str], *, as_json: bool) -> int:
    """Run a command of the bot, or one of the program."""
    if words[:1] == ["complete"]:
        from bot.shell.completion import complete  # noqa: PLC0415 - `--help` does without

        return complete(words[1:])
    said = [word for word in words if not word.startswith("-")]
    debug = words[:1] == ["--debug"]
    if said and said[0] in BOT_WORDS and (said[0] != "help" or len(said) > 1):
        if not debug:
            sys.excepthook = partial(_explain, as_json=as_json)
        from bot.shell.command import run  # noqa: PLC0415 - `--help` does without

        return run(words[1:] if debug else words)
    if "--" not in words:
        words = [word for word in words if word != "--json"]
    if complaint := _complaint(said):
        return _fail(complaint, USAGE, as_json=as_json)
    return _run_program(words, as_json=as_json)


def _run_program(words: list[str], *, as_json: bool) -> int:
    """Run one of the program's own commands; with ``--json`` what it tells people stays off stdout."""
    if words in ([], ["help"]):
        words = ["--help"]
    if words == ["--version"]:
        words = ["version"]
    if as_json and {"--help", "-h"} & set(words):
        return _help_document(words)
    parsed = _parser().parse_args(words)
    parsed.json = as_json
    command: Command = parsed.chosen
    if not (parsed.debug or command.service):
        sys.excepthook = partial(_explain, as_json=as_json)
    function = _load(command.function)
    if not as_json or command.json:
        return function(parsed)
    with contextlib.redirect_stdout(sys.stderr):
        code = function(parsed)
    say(document("", ok=code == Exit.DONE, data={"exit_code": code}))
    return code


def _help_document(words: Sequence[str]) -> int:
    held = io.StringIO()
    with contextlib.redirect_stdout(held), contextlib.suppress(SystemExit):
        _parser().parse_args(words)
    say(document(held.getvalue(), ok=True))
    return Exit.DONE


def _complaint(said: Sequence[str]) -> str:
    """Return what to say about an unknown command, with the nearest known one, or nothing."""
    known = [command.name for command in COMMANDS]
    if not said or list(said) == ["help"]:
        return ""
    typed = " ".join(said[:2]) if said[0] in GROUPS else said[0]
    if typed in known or typed in GROUPS:
        return ""
    import difflib  # noqa: PLC0415 - needed for a typing mistake only

    near = difflib.get_close_matches(typed, [*known, *GROUPS, *BOT_WORDS], n=1, cutoff=0.5)
    hint = f"Did you mean `opus67 {near[0]}`?" if near else "`opus67 --help` lists the commands."
    return f"There is no command `opus67 {typed}`. {hint}"


class _Parser(argparse.ArgumentParser):
    """Says a mistake as every other one is said."""

    def error(self, message: str) -> NoReturn:
        from bot.shell.failure import Failure  # noqa: PLC0415 - `--help` does without

        raise Failure(f"{message[0].upper()}{message[1:]}. `{self.prog} --help` tells more.", USAGE)


def _parser() -> argparse.ArgumentParser:
    """Build the parser from the table."""
    parser = _Parser(
        prog="opus67",
        description="Coding agents that work in sealed containers and answer with draft pull requests.",
        epilog=f"{_bot_words()}\n\n{EPILOG.format(exits=exit_words())}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="store_true", help="print the version")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an internal error")
    commands = parser.add_subparsers(metavar="<command>", required=True, title="run it")
    groups: dict[str, Any] = {}
    for command in COMMANDS:
        group, _, name = command.name.rpartition(" ")
        if group and group not in groups:
            group_parser = commands.add_parser(group, help=GROUPS[group], description=_sentence(GROUPS[group]))
            groups[group] = group_parser.add_subparsers(metavar="<command>", required=True)
        add = groups[group].add_parser if group else commands.add_parser
        child = add(name, help=command.help, description=_sentence(command.help))
        child.add_argument("--json", action="store_true", help="print one JSON document")
        for option in command.options:
            child.add_argument(option.flag, help=option.help, **(option.rest or {}))
        child.set_defaults(chosen=command)
    return parser


def _bot_words() -> str:
    """List the bot's commands as argparse lists the others."""
    lines = ["tell the bot:"]
    for entry in TABLE:
        usage = f"    {entry.usage}  "
        lines += [f"{usage:<{COLUMN}}{entry.help}"] if len(usage) <= COLUMN else [usage, f"{'':<{COLUMN}}{entry.help}"]
    return "\n".join(lines)


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


def _fail(message: str, code: int, *, as_json: bool) -> int:
    """Say why a command ended without its work, to people or to a program."""
    if as_json:
        say(document(message, ok=False, data={"error": message, "exit_code": int(code)}))
    else:
        print(f"opus67: {message}", file=sys.stderr)  # noqa: T201 - the command line's own voice
    return code


def _explain(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None, *, as_json: bool = False
) -> None:
    """Say an internal error in three lines; the traceback is for whoever asks with ``--debug``."""
    places = []
    while trace:
        places.append(f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}")
        trace = trace.tb_next
    place = next((f" at {place}" for place in reversed(places) if not place.startswith("<")), "")
    words = " ".join(sys.argv[1:])
    lines = (
        f"internal error: {kind.__name__}: {error}{place}",
        "This is a fault of Opus 67, not of yours.",
        f"`opus67 --debug {words}` shows the whole traceback for a report.",
    )
    _fail("\n".join(lines), Exit.REFUSED, as_json=as_json)


if __name__ == "__main__":
    sys.exit(main())

"""Runs a command of the bot: from the words that were typed to the answer on the terminal and the exit code."""

from __future__ import annotations

import io
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from bot.shell.documents import document, remark, say
from bot.shell.exits import Exit
from bot.shell.failure import Failure
from bot.shell.helping import about, named
from bot.shell.line import LONGEST_TEXT, understand
from bot.shell.rendering import WIDTH, render

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.shell.line import Line
    from bot.shell.service import Service
    from config.settings import Settings
    from jobs.answer.parts import Answer

NARROWEST = 40
UNCUT = 10_000
"""Columns for a pipe, where nothing is lost: whoever searches it wants the whole line."""


def run(typed: Sequence[str]) -> int:
    """Run a command of the bot and return the exit code; raises UserError in words."""
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # A terminal that lacks a letter gets a question mark.
    line = understand(typed, lambda: sys.stdin.read(LONGEST_TEXT + 1))
    as_json = "json" in line.flags
    if "help" in line.flags or line.command.name == "help":
        return _help(line, as_json=as_json)
    from bot.shell.service import connect  # noqa: PLC0415 - help does without
    from config.settings import load  # noqa: PLC0415 - as above

    settings = load()
    service = connect(settings)
    try:
        return _tell(service, line, settings, as_json=as_json)
    finally:
        service.close()


def _help(line: Line, *, as_json: bool) -> int:
    words = line.words if "help" in line.flags else line.command.text
    text = about(words)
    if not named(words):
        raise Failure(f"There is no command `opus67 {words}`. `opus67 --help` lists them.", Exit.USAGE)
    data = {entry.name: {"usage": entry.usage, "help": entry.help} for entry in named(words)}
    say(document(text, ok=True, data=data) if as_json else text)
    return Exit.DONE


def _tell(service: Service, line: Line, settings: Settings, *, as_json: bool) -> int:
    """Tell the service, show the answer, and stay with the task where that was asked for."""
    options = {**_guessed(line, settings), **line.options}
    answer = service.tell(line.words, options)
    watched = "watch" in line.flags and answer.ok and answer.task_id
    if not watched:
        say(_shown(answer, as_json=as_json))
        return Exit.DONE if answer.ok else Exit.REFUSED
    if line.entry.name not in {"bg status", "mission"}:
        say(_shown(answer, as_json=as_json))
    from bot.shell.watching import watch  # noqa: PLC0415 - for those who watch

    return watch(service, answer.task_id, as_json=as_json)


def _guessed(line: Line, settings: Settings) -> dict[str, str]:
    """Return the repository of the current folder, where a repository is wanted and none was named."""
    if not line.entry.options or {"repo"} & {*line.options, *line.command.options}:
        return {}
    from bot.shell.place import repository_here  # noqa: PLC0415 - for commands that want a repository

    found = repository_here(Path.cwd(), settings.github_server_url)
    if found:
        remark(f"In {found}, the git remote of this folder; --repo names another one.")
    return {"repo": found} if found else {}


def _shown(answer: Answer, *, as_json: bool) -> str:
    if as_json:
        return document(render(answer), ok=answer.ok, task=answer.task_id, data=answer.data)
    if not sys.stdout.isatty():
        return render(answer, width=UNCUT)
    from config.settings import wants_no_colour  # noqa: PLC0415 - for terminals

    width = max(shutil.get_terminal_size((WIDTH, 24)).columns, NARROWEST)
    return render(answer, width=width, colour=not wants_no_colour())

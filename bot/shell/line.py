"""What was typed behind ``opus67``: the words for the bot, their options, and what the shell itself shall do (pure)."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bot.commands import ENTRIES, OPTIONS
from bot.grammar import read
from bot.shell.exits import Exit
from bot.shell.failure import Failure
from bot.shell.rendering import for_shell

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from bot.commands import Command, Entry

FLAGS: Mapping[str, str] = {
    "json": "print one JSON document; with --watch one in each line",
    "watch": "stay and show how the task goes, until it ends or waits for a person",
    "help": "tell about the command",
}
_HALVES = re.compile("[\ud800-\udfff]")
LONGEST_TEXT = 60_000
"""Characters; an issue on GitHub holds as many."""


@dataclass(frozen=True, slots=True)
class Line:
    """A command line understood; ``words`` are what the bot hears."""

    words: str
    command: Command
    options: Mapping[str, str] = field(default_factory=dict)
    flags: frozenset[str] = frozenset()

    @property
    def entry(self) -> Entry:
        """The command's line in the table."""
        return ENTRIES[self.command.name]

    @property
    def watchable(self) -> bool:
        """Whether it starts a task, or is about one."""
        return self.entry.options or bool(self.command.target)


def understand(typed: Sequence[str], read_text: Callable[[], str]) -> Line:
    """Read a command line; ``read_text`` gives the text for which ``-`` stands. Raises Failure in words."""
    rest, options, flags = _split([_storable(word) for word in typed])
    if "help" in flags:
        return Line(" ".join(rest), read("help"), options, flags)
    words = " ".join(_storable(read_text()) if word == "-" else word for word in rest).strip()
    if len(words) > LONGEST_TEXT:
        raise Failure(f"That is longer than {LONGEST_TEXT} characters. Put the long part into an issue.", Exit.USAGE)
    command = read(words)
    if command.problem:
        raise Failure(for_shell(command.problem), Exit.USAGE)
    line = Line(words, command, options, flags)
    if options and not line.entry.options:
        wrong = next(iter(options))
        raise Failure(f"`--{wrong}` does not belong to `{command.name}`. {_more(command.name)}", Exit.USAGE)
    if "watch" in flags and not line.watchable:
        raise Failure(
            "`--watch` needs a task: one that is started, or one that is named, such as `opus67 bg status 7f3c9a "
            "--watch`.",
            Exit.USAGE,
        )
    return line


def _split(typed: Sequence[str]) -> tuple[list[str], dict[str, str], frozenset[str]]:
    """Take options and flags out of the words, wherever they stand before ``--``."""
    rest: list[str] = []
    options: dict[str, str] = {}
    flags: set[str] = set()
    left = list(typed)
    while left:
        word = left.pop(0)
        if word == "--":
            return rest + left, options, frozenset(flags)
        name, equals, value = word.removeprefix("--").partition("=")
        if word == "-h" or (word.startswith("--") and name in FLAGS and not equals):
            flags.add("help" if word == "-h" else name)
        elif word.startswith("--") and name in OPTIONS:
            if not equals and not left:
                raise Failure(f"`--{name}` needs a value: {OPTIONS[name]}.", Exit.USAGE)
            options[name] = value if equals else left.pop(0)
        else:
            _doubt(word)
            rest.append(word)
    return rest, options, frozenset(flags)


def _doubt(word: str) -> None:
    """Refuse what looks like a slip in an option; other words with hyphens are somebody's text."""
    if not word.startswith("--") or " " in word:
        return
    name = word[2:].partition("=")[0]
    near = difflib.get_close_matches(name, [*OPTIONS, *FLAGS], n=1, cutoff=0.75)
    if near:
        hint = "If it belongs to the text, put the text in quotes behind `--`."
        raise Failure(f"I do not know the option `--{name}`. Did you mean `--{near[0]}`? {hint}", Exit.USAGE)


def _storable(word: str) -> str:
    """Return a word as it can be stored: the shell hands on bytes that are no text, and a NUL fits nowhere."""
    return _HALVES.sub("\N{REPLACEMENT CHARACTER}", word).replace("\0", "")


def _more(name: str) -> str:
    return f"`opus67 help {name}` tells what does."

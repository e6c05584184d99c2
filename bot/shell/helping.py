"""What `opus67 help bg` and `opus67 bg --help` say: the bot's own table, as it is typed in a shell (pure)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.commands import ALIASES, ENTRIES, options_of
from bot.shell.exits import exit_words
from bot.shell.line import FLAGS
from bot.shell.rendering import for_shell

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.commands import Entry

_LONGEST_NAME = 3


def about(words: str) -> str:
    """Return what there is to say about the command that words begin with, and those that begin with it."""
    entries = named(words)
    if len(entries) == 1:
        who = f"Who may: {entries[0].who}; who sits at the machine itself always may."
        head = [f"opus67 {entries[0].usage}: {entries[0].help}.", f"For example: {_example(entries[0])}", who]
    else:
        head = [f"opus67 {entry.usage}\n    {entry.help}, for example: {_example(entry)}" for entry in entries]
    parts = ["\n".join(head), _flags("flags:", FLAGS)]
    options = {name: words.replace("`", "") for entry in entries for name, words in options_of(entry).items()}
    if options:
        where = "Without --repo, the repository is that of the current folder's git remote, or the only one there is."
        parts.insert(1, _flags("options:", options))
        parts.insert(2, f"{where}\nA text is quoted, or comes from standard input where `-` stands in its place.")
    return "\n\n".join([*parts, f"exit codes:\n{exit_words()}"])


def named(words: str) -> list[Entry]:
    """Return the line of the table that words name, with those of its group where they name no more than that."""
    said = words.lower().split()[:_LONGEST_NAME]
    for length in range(len(said), 0, -1):
        typed = " ".join(said[:length])
        name = ALIASES.get(typed, typed)
        found = [entry for key, entry in ENTRIES.items() if key == name or key.startswith(f"{name} ")]
        if found:
            return found if length == len(said) or name not in ENTRIES else [ENTRIES[name]]
    return []


def _example(entry: Entry) -> str:
    return for_shell(f"`/opus {entry.example}`")


def _flags(title: str, flags: Mapping[str, str]) -> str:
    return "\n".join([title, *(f"  --{name:<10} {words}" for name, words in flags.items())])

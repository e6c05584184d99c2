"""Text to commands: one table of what people may say, and the pure reader of comments."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the table. ``needs_text`` says that the command is nothing without words behind it."""

    name: str
    arguments: str
    help: str
    example: str
    needs_text: bool = False
    read_only: bool = False


TABLE = (
    Entry("status", "", "how far the work is", "/opus status", read_only=True),
    Entry("steer", "<text>", "tell the working agent something; it hears it at its next step",
          "/opus steer keep the old function as an alias", needs_text=True),
    Entry("answer", "<text>", "answer the agent's question, and let it go on",
          "/opus answer use the second option", needs_text=True),
    Entry("pause", "", "stop after the current step and wait", "/opus pause"),
    Entry("resume", "", "go on after a pause", "/opus resume"),
    Entry("cancel", "", "end the work", "/opus cancel"),
    Entry("retry", "", "start again from the beginning", "/opus retry"),
    Entry("why", "", "why something was done or refused", "/opus why", read_only=True),
    Entry("help", "", "this list", "/opus help", read_only=True),
)  # fmt: skip
ENTRIES = {entry.name: entry for entry in TABLE}

MENTION = "@opus67"
_COMMAND = re.compile(
    r"^/opus(?:[ \t]+(?P<slash>.*))?$|^@opus67(?:\[bot\])?(?![\w-])[ \t,:]*(?P<mention>.*)$", re.IGNORECASE
)
_FENCE = re.compile(r"^ {0,3}(`{3,}(?=[^`]*$)|~{3,})")
"""A line that opens or closes a code block; with backticks behind the backticks it is code inside a line."""


@dataclass(frozen=True, slots=True)
class Command:
    """Something that a person told the bot; ``problem`` says in words why it cannot be carried out."""

    name: str
    text: str = ""
    problem: str = ""


def parse(comment: str) -> tuple[Command, ...]:
    """Return the commands of a comment: lines that begin with /opus or @opus67, outside code and quotes; never raises.

    The words of ``steer`` and ``answer`` go on over the following lines, up to the next command.
    """
    found: list[Command] = []
    more: list[str] = []
    for line, heard in _lines(comment):
        if heard is not None:
            found, more = [*_close(found, more), _read(*heard)], []
        elif found:
            more.append(line)
    return tuple(_close(found, more))


def help_text() -> str:
    """Return the table as Markdown."""
    rows = [
        f"| `/opus {entry.name}{' ' + entry.arguments if entry.arguments else ''}` | {entry.help} |" for entry in TABLE
    ]
    return "\n".join(["| command | does |", "|---|---|", *rows])


def _lines(comment: str) -> Iterator[tuple[str, tuple[str, bool] | None]]:
    """Yield each line outside code blocks and quotes, with the command in it (its words, and whether by mention)."""
    fence = ""
    for line in comment.replace("\r\n", "\n").split("\n"):
        mark = _FENCE.match(line)
        if fence:
            if mark and mark[1][0] == fence[0] and len(mark[1]) >= len(fence) and not line.strip(" \t" + fence[0]):
                fence = ""
            continue
        if mark:
            fence = mark[1]
            continue
        if line.startswith((">", "    ", "\t")):
            continue
        match = _COMMAND.match(line)
        if match is None:
            yield line, None
        elif match["mention"] is not None:
            yield line, (match["mention"], True)
        else:
            yield line, (match["slash"] or "", False)


def _read(words: str, mentioned: bool) -> Command:
    name, text = [*words.split(maxsplit=1), "", ""][:2]
    entry = ENTRIES.get(name.lower())
    if entry is None:
        return Command("steer", words.strip()) if mentioned and words.strip() else _unknown(name)
    return Command(entry.name, text.strip())


def _unknown(name: str) -> Command:
    if not name:
        return Command("help")
    shown = name[:40].replace("`", "'")
    near = difflib.get_close_matches(shown.lower(), ENTRIES, n=1, cutoff=0.5)
    hint = f" Did you mean `{ENTRIES[near[0]].example}`?" if near else " `/opus help` lists what there is."
    return Command("help", problem=f"I do not know the command `{shown}`.{hint}")


def _close(found: list[Command], more: list[str]) -> list[Command]:
    """Finish the last command with the lines that followed it, and check that it has the words it needs."""
    if not found:
        return found
    last = found[-1]
    entry = ENTRIES[last.name]
    if entry.needs_text and not last.problem:
        last = Command(last.name, "\n".join([last.text, *more]).strip())
        if not last.text:
            last = Command("help", problem=f"`/opus {entry.name}` needs words, for example `{entry.example}`.")
    return [*found[:-1], last]

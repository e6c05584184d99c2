"""The README's generated tables; `python -m tests.house.tables` writes them into it."""

from __future__ import annotations

import re

from bot.commands import OPTIONS, TABLE, Entry, Takes
from config.variables import VARIABLES, Variable
from tests.house.sources import ROOT

README = ROOT / "README.md"
COMMANDS = ROOT / "docs" / "commands.md"
CHAPTER = """# Commands

One table holds for comments on GitHub, for Slack, for Discord and for the command line. This page is made from it.

- On GitHub: `/opus …` at the start of a line, or `@opus67 …`; outside code blocks and quotes. Several in a comment are several commands; an edit runs only what is new. On an issue or pull request the repository and the task are understood. Plain words after the mention go to the task that is at work there; without one they begin a background task. On a pull request of the bot whose task has ended they begin its next run.
  There only people with write permission are answered, whatever a command does, but for `link` and `unlink`.
- In Slack and Discord: `/opus …`, or a mention of the bot. In the thread of a task its id can be left out. Discord wants a name for everything: `bg <task>` is `bg start` there, `mission <id>` is `mission show`, `mission pause all` is `mission pause-all`, and options are fields.
- On the command line: `opus67 …`, with `--json` and `--watch`.

What is not understood is answered with the nearest command and its example."""

LEFT_OUT = {
    Takes.TASK: "; can be left out on an issue or pull request and in a task's thread",
    Takes.PULL: "; can be left out on a pull request and in the thread of its task",
}


def tables() -> dict[str, str]:
    """Return each generated table by the name of its marks in the README."""
    return {"commands": commands(), "variables": variables()}


def commands() -> str:
    """Return what people can say to the bot, as Markdown."""
    rows = [f"| `{entry.usage}` | {entry.help} | {entry.who} |" for entry in TABLE]
    return "\n".join(["| command | does | who may |", "|---|---|---|", *rows])


def chapter() -> str:
    """Return the page about all commands, each with its example and what its arguments are."""
    return "\n\n".join([CHAPTER, *(_section(entry) for entry in TABLE), _options()]) + "\n"


def _section(entry: Entry) -> str:
    lines = [f"## {entry.name}", f"`{entry.usage}`: {entry.help}. Who may: {entry.who}."]
    arguments = [
        f"- `{argument.shown}`: {argument.help}{LEFT_OUT.get(argument.takes, '')}" for argument in entry.arguments
    ]
    return "\n\n".join([*lines, *(["\n".join(arguments)] if arguments else []), f"Example: `/opus {entry.example}`"])


def _options() -> str:
    rows = [f"| `--{name}` | {words} |" for name, words in OPTIONS.items()]
    takes = ", ".join(f"`{entry.name}`" for entry in TABLE if entry.options)
    head = ["## Options", f"In front of the text or the pull request of {takes}; in forms each has a field of its own."]
    return "\n\n".join([*head, "\n".join(["| option | meaning |", "|---|---|", *rows])])


def variables() -> str:
    """Return the settings as Markdown, one table for all."""
    rows = [f"| `{variable.name}` | {_cell(variable.meaning)} | {_default(variable)} |" for variable in VARIABLES]
    return "\n".join(["| setting | meaning | default |", "|---|---|---|", *rows])


def rendered(text: str) -> str:
    """Return a README with the tables of now between their marks."""
    for name, table in tables().items():
        marks = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
        text = marks.sub(lambda match, table=table: f"{match[1]}{table}\n{match[2]}", text)  # type: ignore[misc]
    return text


def _default(variable: Variable) -> str:
    if variable.default:
        return f"`{variable.default}`"
    return "*needed*" if variable.required else ""


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    README.write_text(rendered(README.read_text(encoding="utf-8")), encoding="utf-8")
    COMMANDS.write_text(chapter(), encoding="utf-8")

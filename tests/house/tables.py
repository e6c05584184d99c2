"""The README's generated tables; `python -m tests.house.tables` writes them into it."""

from __future__ import annotations

import re

from bot.commands import TABLE
from config.variables import VARIABLES, Variable
from tests.house.sources import ROOT

README = ROOT / "README.md"


def tables() -> dict[str, str]:
    """Return each generated table by the name of its marks in the README."""
    return {"commands": commands(), "variables": variables()}


def commands() -> str:
    """Return what people can say to the bot, as Markdown; an example where the command takes words."""
    rows = [
        f"| `/opus {entry.name} {entry.arguments}` | {entry.help} | `{entry.example}` |"
        if entry.arguments
        else f"| `/opus {entry.name}` | {entry.help} | |"
        for entry in TABLE
    ]
    return "\n".join(["| command | does | example |", "|---|---|---|", *rows])


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

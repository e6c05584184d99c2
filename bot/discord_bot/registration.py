"""The slash command /opus as Discord registers it, made from the table of commands, and back to words. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bot.commands import LEVELS, OPTIONS, TABLE, Takes, options_of
from bot.discord_bot.harmless import fit
from jobs.types import Mode

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bot.commands import Argument, Entry

NAME = "opus"
GROUPS = {"bg": "background tasks", "mission": "the whole fleet"}
_BARE = {"bg": "start", "mission": "show"}
"""What the command is called in Discord that has the name of its group, which cannot be called there."""
SUBCOMMAND, GROUP, STRING, INTEGER, NUMBER = 1, 2, 3, 4, 10
_DESCRIPTION = 100
_COMPLETED = frozenset({"repo", "model", "id", "command"})
"""The options for which suggestions are made while they are typed."""
_CHOICES = {"mode": tuple(Mode), "priority": LEVELS}
_DEFAULTS: Mapping[str, Any] = {"type": 1, "nsfw": False, "required": False, "autocomplete": False, "min_value": 0}
_BG = re.compile(r"/opus bg\b(?! (?:status|cancel|review|merge|start)\b)")
_MISSION = re.compile(r"/opus mission (?=<|\[|[0-9a-f]{6}\b)")
_FLAG_IN_TEXT = re.compile(rf"--({'|'.join(OPTIONS)})\b(?: ([^\s`]+))?")
_GIVEN = (
    *("type", "name", "description", "options", "required", "autocomplete", "choices", "value"),
    *("min_value", "max_value", "min_length", "max_length", "contexts", "integration_types"),
    *("default_member_permissions", "nsfw"),
)


@dataclass(frozen=True, slots=True)
class Invoked:
    """A slash command as a person filled it in; ``given`` holds the values of its options as text."""

    entry: Entry
    given: Mapping[str, str]

    @property
    def wants_form(self) -> bool:
        """Whether a form is to be opened, since the task itself was left out."""
        return self.entry.name == "bg" and not self.given.get("task", "").strip()

    @property
    def words(self) -> str:
        """The command in words, as it would be typed elsewhere."""
        # With its colon the first word of the task cannot be taken for a part of the command.
        parts = ["background:" if self.entry.name == "bg" else self.entry.name]
        parts += [self.given.get(option_name(argument), "").strip() for argument in self.entry.arguments]
        return " ".join(part for part in parts if part)

    @property
    def options(self) -> dict[str, str]:
        """What stands as ``--name`` before the text elsewhere."""
        return {name: self.given[name] for name in OPTIONS if self.entry.options and self.given.get(name)}


def command() -> dict[str, Any]:
    """Return /opus with all its subcommands."""
    groups: dict[str, list[dict[str, Any]]] = {name: [] for name in GROUPS}
    top: list[dict[str, Any]] = []
    for entry in TABLE:
        *group, name = path_of(entry)
        made = {"type": SUBCOMMAND, "name": name, "description": _short(entry.help), "options": _options(entry)}
        (groups[group[0]] if group else top).append(made)
    made_groups = [
        {"type": GROUP, "name": name, "description": GROUPS[name], "options": entries}
        for name, entries in groups.items()
    ]
    return {
        "type": 1,
        "name": NAME,
        "description": "Start, steer and watch the work of coding agents",
        "options": [*made_groups, *top],
        "contexts": [0],
        "integration_types": [0],
    }


def path_of(entry: Entry) -> tuple[str, ...]:
    """Return how a command is called below /opus: its group if it has one, and its name."""
    first, _, rest = entry.name.partition(" ")
    if first in GROUPS:
        return first, rest.replace(" ", "-") or _BARE[first]
    return (entry.name.replace(" ", "-"),)


def option_name(argument: Argument) -> str:
    """Return the name of an argument's option: its first word."""
    return argument.name.split()[0]


def invoked(data: Mapping[str, Any]) -> Invoked | None:
    """Read the data of an interaction; None where it is none of our commands."""
    path, options = [], list(data.get("options") or [])
    while options and options[0]["type"] in {SUBCOMMAND, GROUP}:
        path.append(str(options[0]["name"]))
        options = list(options[0].get("options") or [])
    entry = _ENTRIES.get(tuple(path))
    if entry is None or data.get("name") != NAME:
        return None
    return Invoked(entry, {str(option["name"]): _text(option.get("value")) for option in options})


def typing(data: Mapping[str, Any]) -> tuple[str, str]:
    """Return the name of the option that is being typed, and what of it there is."""
    options = list(data.get("options") or [])
    while options:
        for option in options:
            if option.get("focused"):
                return str(option["name"]), _text(option.get("value"))
        options = list(options[0].get("options") or [])
    return "", ""


def native(text: str) -> str:
    """Return a sentence of ours with its commands as they are called in Discord."""
    text = _BG.sub("/opus bg start", _MISSION.sub("/opus mission show ", text))
    text = text.replace("/opus mission pause all", "/opus mission pause-all")
    text = text.replace("/opus mission resume all", "/opus mission resume-all")
    return _FLAG_IN_TEXT.sub(lambda match: f"{match[1]}:{match[2]}" if match[2] else match[1], text)


def is_registered(registered: Sequence[Mapping[str, Any]]) -> bool:
    """Tell whether what Discord has is what it should have."""
    return [_bare(one) for one in registered] == [_bare(command())]


def _options(entry: Entry) -> list[dict[str, Any]]:
    found = [_argument(argument, entry) for argument in entry.arguments]
    found += [_option(name, help_text) for name, help_text in options_of(entry).items()]
    # Discord wants those that are needed before the others.
    return sorted(found, key=lambda option: not option.get("required", False))


def _argument(argument: Argument, entry: Entry) -> dict[str, Any]:
    name = option_name(argument)
    made: dict[str, Any] = {"name": name, "description": _short(argument.help)}
    if argument.takes is Takes.NUMBER:
        return made | {"type": INTEGER, "required": True, "min_value": 0}
    made["type"] = STRING
    # In a task's thread the task goes without saying; a task without its words opens a form.
    if argument.required and argument.takes is not Takes.TASK and entry.name != "bg":
        made["required"] = True
    if argument.choices:
        made["choices"] = _choices(argument.choices)
    elif name in _COMPLETED:
        made["autocomplete"] = True
    return made


def _option(name: str, help_text: str) -> dict[str, Any]:
    made: dict[str, Any] = {"name": name, "description": _short(help_text)}
    if name == "dollars":
        return made | {"type": NUMBER, "min_value": 0.01}
    made["type"] = STRING
    if name in _CHOICES:
        made["choices"] = _choices(_CHOICES[name])
    elif name in _COMPLETED:
        made["autocomplete"] = True
    return made


def _choices(names: Sequence[str]) -> list[dict[str, str]]:
    return [{"name": str(name), "value": str(name)} for name in names]


def _short(text: str) -> str:
    return fit(text, _DESCRIPTION)


def _text(value: Any) -> str:
    """Return an option's value as it would be typed: no more places than a number needs."""
    if isinstance(value, float):
        return re.sub(r"\.?0+$", "", f"{value:.4f}")
    return "" if value is None else str(value)


def _bare(given: Any) -> Any:
    """Return what was registered without what Discord adds to it by itself."""
    if isinstance(given, list):
        return [_bare(one) for one in given]
    if not hasattr(given, "items"):
        return given
    named = {name: _bare(value) for name, value in given.items() if name in _GIVEN}
    return {name: value for name, value in named.items() if value not in (None, [], _DEFAULTS.get(name))}


_ENTRIES = {path_of(entry): entry for entry in TABLE}

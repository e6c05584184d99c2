"""What a person types after a slash, checked against the commands that the bot registered."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from jobs.testing.local_discord import shapes
from jobs.testing.local_discord.command_rules import BOOLEAN, GROUP, INTEGER, NUMBER, STRING, SUBCOMMAND
from jobs.testing.local_discord.records import JSON, Channel, Role, User

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from jobs.testing.local_discord.world import World

USER, CHANNEL, ROLE, MENTIONABLE = 6, 7, 8, 9
LONGEST_TEXT = 6000
TAKES: dict[int, tuple[type, ...]] = {STRING: (str,), INTEGER: (int,), BOOLEAN: (bool,), NUMBER: (int, float)}
NAMES = {STRING: "a text", INTEGER: "a whole number", BOOLEAN: "yes or no", NUMBER: "a number"}


@dataclass(frozen=True, slots=True)
class Typed:
    """The option that is still being typed, and what of it there is."""

    option: str
    text: str


@dataclass(slots=True)
class _Resolved:
    """What the mentioned ids stand for."""

    world: World
    channel: Channel
    found: JSON = field(default_factory=dict)

    def add(self, kind: int, value: Any, name: str) -> str:
        """Note a user, channel or role, and return its id."""
        if kind in {USER, MENTIONABLE} and isinstance(value, User):
            self.found.setdefault("users", {})[str(value.id)] = shapes.user(value)
            guild = self.channel.guild
            if guild is not None and value.id in guild.members:
                member = shapes.member(guild.members[value.id], whole=False) | {"permissions": "0"}
                self.found.setdefault("members", {})[str(value.id)] = member
        elif kind == CHANNEL and isinstance(value, Channel):
            self.found.setdefault("channels", {})[str(value.id)] = shapes.channel(value) | {"permissions": "0"}
        elif kind in {ROLE, MENTIONABLE} and isinstance(value, Role):
            self.found.setdefault("roles", {})[str(value.id)] = shapes.role(value)
        else:
            raise ValueError(f"option {name!r} takes no {type(value).__name__}")
        return str(value.id)


def available(world: World, channel: Channel) -> list[JSON]:
    """Return the commands that are offered in a channel: the guild's own first."""
    if channel.guild is not None:
        return [*channel.guild.commands, *world.commands]
    return [
        one for one in world.commands if (1 in one["contexts"] if one["contexts"] is not None else one["dm_permission"])
    ]


def invocation(
    world: World, channel: Channel, words: str, values: Mapping[str, Any], typed: Typed | None = None
) -> tuple[JSON, JSON]:
    """Return the registered command that ``words`` name, and the interaction's data.

    Raises ``LookupError`` for a command or option that is not registered, and ``ValueError`` for a value that a
    person's client would not send; a command whose option is still being ``typed`` may lack others.
    """
    command, path = _find(available(world, channel), words)
    leaf = path[-1] if path else command
    resolved = _Resolved(world, channel)
    options = _options(leaf.get("options", []), values, typed, resolved, words)
    for one in reversed(path):
        options = [{"type": one["type"], "name": one["name"], "options": options}]
    data: JSON = {"id": command["id"], "type": command["type"], "name": command["name"], "options": options}
    if "guild_id" in command:
        data["guild_id"] = command["guild_id"]
    return command, data | ({"resolved": resolved.found} if resolved.found else {})


def _find(commands: Sequence[JSON], words: str) -> tuple[JSON, list[JSON]]:
    first, *rest = words.removeprefix("/").split()
    command = _named([one for one in commands if one["type"] == 1], first, "a command")
    path: list[JSON] = []
    inner = command["options"]
    for name in rest:
        path.append(_named([one for one in inner if one["type"] in {SUBCOMMAND, GROUP}], name, f"in /{words} a part"))
        inner = path[-1]["options"]
    further = [one["name"] for one in inner if one["type"] in {SUBCOMMAND, GROUP}]
    if further:
        raise LookupError(f"/{words} goes on with one of: {', '.join(further)}")
    return command, path


def _named(found: Sequence[JSON], name: str, what: str) -> JSON:
    for one in found:
        if one["name"] == name:
            return one
    known = ", ".join(one["name"] for one in found) or "nothing"
    raise LookupError(f"there is no {what.removeprefix('a ')} {name!r}; registered: {known}")


def _options(
    registered: Sequence[JSON], values: Mapping[str, Any], typed: Typed | None, resolved: _Resolved, words: str
) -> list[JSON]:
    names = {one["name"] for one in registered}
    for name in (*values, *([typed.option] if typed else [])):
        if name not in names:
            known = ", ".join(sorted(names)) or "none"
            raise LookupError(f"/{words} has no option {name!r}; registered: {known}")
    options = []
    for one in registered:
        if typed is not None and one["name"] == typed.option:
            if not one.get("autocomplete"):
                raise ValueError(f"option {typed.option!r} of /{words} has no completions")
            options.append({"type": one["type"], "name": one["name"], "value": typed.text, "focused": True})
        elif one["name"] in values:
            value = _value(one, values[one["name"]], resolved)
            options.append({"type": one["type"], "name": one["name"], "value": value})
        elif one.get("required") and typed is None:
            raise ValueError(f"/{words} needs the option {one['name']!r}")
    return options


def _value(option: JSON, value: Any, resolved: _Resolved) -> Any:
    name, kind = option["name"], option["type"]
    for choice in option.get("choices", []):
        if value in {choice["name"], choice["value"]}:
            return choice["value"]
    if option.get("choices"):
        raise ValueError(f"option {name!r} takes one of: {', '.join(one['name'] for one in option['choices'])}")
    if kind in {USER, CHANNEL, ROLE, MENTIONABLE}:
        return resolved.add(kind, value, name)
    if not isinstance(value, TAKES.get(kind, ())) or (isinstance(value, bool) and kind != BOOLEAN):
        raise ValueError(f"option {name!r} takes {NAMES.get(kind, 'nothing that one can type')}, not {value!r}")
    least, most = option.get("min_length", 0), option.get("max_length", LONGEST_TEXT)
    if isinstance(value, str) and not max(least, 1 if option.get("required") else 0) <= len(value) <= most:
        raise ValueError(f"option {name!r} takes {least} to {most} characters, not {len(value)}")
    if kind in {INTEGER, NUMBER}:
        low, high = option.get("min_value", value), option.get("max_value", value)
        if not low <= value <= high:
            raise ValueError(f"option {name!r} takes {low} to {high}, not {value}")
    return value

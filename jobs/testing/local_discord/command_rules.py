"""What Discord takes as an application's commands."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from jobs.testing.local_discord.errors import Form

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jobs.testing.local_discord.records import JSON

NAME = re.compile(r"[-_a-z0-9]{1,32}")
MENU_NAME = 32
DESCRIPTION, OPTIONS, CHOICES, CHOICE_TEXT, COMMANDS, TOTAL = 100, 25, 25, 100, 100, 8000
CHAT_INPUT, USER_MENU, MESSAGE_MENU = 1, 2, 3
SUBCOMMAND, GROUP, STRING, INTEGER, BOOLEAN, NUMBER = 1, 2, 3, 4, 5, 10
ALLOWED = (range(1, 12), (SUBCOMMAND,), range(3, 12))
"""Kinds of options by depth: in a command, in a group, in a subcommand."""
KEPT = (
    *("choices", "autocomplete", "min_value", "max_value", "min_length", "max_length", "channel_types", "required"),
    *("name_localizations", "description_localizations"),
)


def commands(body: Any) -> list[JSON]:
    """Check the commands of a bulk registration and return them as Discord keeps them, yet without ids."""
    form = Form()
    found, seen = [], set()
    for index, one in enumerate(form.items([], body, COMMANDS)):
        place: list[str | int] = [index]
        given = one if isinstance(one, dict) else {}
        made = _command(form, place, given)
        key = (made["type"], made["name"])
        if key in seen:
            words = "Application command names must be unique"
            form.wrong([*place, "name"], "APPLICATION_COMMANDS_DUPLICATE_NAME", words)
        seen.add(key)
        found.append(made)
    form.finish()
    return found


def _command(form: Form, path: list[str | int], given: JSON) -> JSON:
    kind = given.get("type") or CHAT_INPUT
    form.one_of([*path, "type"], kind, (CHAT_INPUT, USER_MENU, MESSAGE_MENU))
    made: JSON = {"type": kind}
    if kind == CHAT_INPUT:
        made["name"] = _name(form, path, given.get("name"))
        made["description"] = form.text([*path, "description"], given.get("description"), DESCRIPTION, 1)
        made["options"] = _options(form, [*path, "options"], given.get("options"), 0)
        if _size(made) > TOTAL:
            words = f"The combined length of names, descriptions and values must be {TOTAL} or fewer"
            form.wrong(path, "APPLICATION_COMMAND_TOO_LARGE", words)
    else:
        made["name"] = form.text([*path, "name"], given.get("name"), MENU_NAME, 1)
        made["description"] = ""
        if given.get("description"):
            words = "Context menu commands cannot have description"
            form.wrong([*path, "description"], "CONTEXT_MENU_COMMAND_HAS_DESCRIPTION", words)
    permissions = given.get("default_member_permissions")
    made["default_member_permissions"] = None if permissions is None else str(permissions)
    made["dm_permission"] = given.get("dm_permission") is not False
    made["contexts"] = given.get("contexts")
    made["integration_types"] = given.get("integration_types") or [0]
    made["nsfw"] = bool(given.get("nsfw"))
    return made


def _name(form: Form, path: Sequence[str | int], value: Any) -> str:
    if not isinstance(value, str) or not value:
        form.missing([*path, "name"])
        return ""
    if not NAME.fullmatch(value):
        words = "Command name is invalid"
        form.wrong([*path, "name"], "APPLICATION_COMMAND_INVALID_NAME", words)
    return value


def _options(form: Form, path: list[str | int], value: Any, depth: int) -> list[JSON]:
    found: list[JSON] = []
    optional = False
    for index, one in enumerate(form.items(path, value, OPTIONS)):
        place, given = [*path, index], one if isinstance(one, dict) else {}
        made = _option(form, place, given, depth)
        if made["name"] in {other["name"] for other in found}:
            words = "Option name already exists"
            form.wrong([*place, "name"], "APPLICATION_COMMAND_OPTIONS_NAME_ALREADY_EXISTS", words)
        if made.get("required") and optional:
            words = "Required options must be placed before non-required options"
            form.wrong(place, "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID", words)
        optional = optional or not made.get("required")
        found.append(made)
    nested = {one["type"] in {SUBCOMMAND, GROUP} for one in found}
    if len(nested) > 1:
        words = "Sub-command and sub-command group option types are mutually exclusive to all other types"
        form.wrong(path, "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID", words)
    return found


def _option(form: Form, path: list[str | int], given: JSON, depth: int) -> JSON:
    kind = given.get("type")
    right = form.one_of([*path, "type"], kind, ALLOWED[depth])
    made: JSON = {"type": kind, "name": _name(form, path, given.get("name"))}
    made["description"] = form.text([*path, "description"], given.get("description"), DESCRIPTION, 1)
    made |= {name: given[name] for name in KEPT if given.get(name) not in (None, False, [])}
    if right and kind in {SUBCOMMAND, GROUP}:
        made["options"] = _options(form, [*path, "options"], given.get("options"), 1 if kind == GROUP else 2)
    _choices(form, path, given)
    return made


def _choices(form: Form, path: list[str | int], given: JSON) -> None:
    listed = form.items([*path, "choices"], given.get("choices"), CHOICES)
    if listed and given.get("autocomplete"):
        words = "Autocomplete and choices are mutually exclusive"
        form.wrong([*path, "choices"], "APPLICATION_COMMAND_OPTIONS_CHOICES_AUTOCOMPLETE_INVALID", words)
    check_choices(form, [*path, "choices"], listed, given.get("type"))


def check_choices(form: Form, path: list[str | int], listed: list[Any], kind: Any) -> list[JSON]:
    """Check choices for an option of ``kind``, registered or given as completions, and return them."""
    found = []
    for index, one in enumerate(listed):
        inner = one if isinstance(one, dict) else {}
        name = form.text([*path, index, "name"], inner.get("name"), CHOICE_TEXT, 1)
        value = inner.get("value")
        if kind == STRING:
            form.text([*path, index, "value"], value, CHOICE_TEXT, 1)
        elif isinstance(value, bool) or not isinstance(value, int if kind == INTEGER else (int, float)):
            form.wrong([*path, index, "value"], "NUMBER_TYPE_COERCE", f'Value "{value}" is not a number.')
        found.append({"name": name, "value": value})
    return found


def _size(made: JSON) -> int:
    own = len(made["name"]) + len(made["description"])
    own += sum(len(str(one.get("name", ""))) + len(str(one.get("value", ""))) for one in made.get("choices", []))
    return own + sum(_size(one) for one in made.get("options", []))

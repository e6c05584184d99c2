"""The forms that open over Discord, and what is read from them when they come back. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from bot.discord_bot.buttons import ACTIONS
from bot.discord_bot.harmless import plain
from jobs.types import Mode

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LABEL, TEXT_INPUT, SELECT = 18, 4, 3
_SHORT, _LONG = 1, 2
_OPTIONS, _OPTION, _TEXT = 25, 100, 4000
START = "start"
_CUSTOM_ID = re.compile(r"opus67:form:(?P<name>[a-z]+)(?::(?P<task_id>[0-9a-z]{4,12}))?")
_ASKED = {
    "answer": ("Answer the agent", "Your answer"),
    "reject": ("Reject it", "Why, or what should be different?"),
    "steer": ("Tell the agent something", "It hears this at its next step"),
}


def start_form(repositories: Sequence[str], given: Mapping[str, str], *, chosen: str = "") -> dict[str, Any]:
    """Return the form of a long task; ``given`` was typed already, ``chosen`` is the repository that is meant here."""
    return {
        "custom_id": f"opus67:form:{START}",
        "title": "A task for Opus 67",
        "components": [
            _label(
                "Task", _input("task", _LONG, required=True), "What is to be done, and how one sees that it is done"
            ),
            _label("Repository", _repository(repositories, given.get("repo", "") or chosen)),
            _label(
                "Branch to start from", _input("base", _SHORT, value=given.get("base", "")), "The default one if empty"
            ),
            _label("Mode", _select("mode", [str(mode) for mode in Mode], given.get("mode", ""))),
            _label("Most it may cost, in US dollars", _input("dollars", _SHORT, value=given.get("dollars", ""))),
        ],
    }


def words_form(name: str, task_id: str) -> dict[str, Any]:
    """Return the form by which a button asks for words."""
    title, label = _ASKED[name]
    field = _label(label, _input("text", _LONG, required=True))
    return {"custom_id": f"opus67:form:{name}:{task_id}", "title": title, "components": [field]}


def submitted(data: Mapping[str, Any]) -> tuple[str, dict[str, str]] | None:
    """Return the words and the options of a form that came back; None where it is none of ours."""
    match = _CUSTOM_ID.fullmatch(str(data.get("custom_id", "")))
    if match is None:
        return None
    fields = _fields(data.get("components") or [])
    if match["name"] == START:
        options = {name: fields[name] for name in ("repo", "base", "mode", "dollars") if fields.get(name)}
        return f"background: {fields.get('task', '')}", options
    if match["name"] not in _ASKED or not match["task_id"]:
        return None
    return f"{ACTIONS[match['name']].command} {match['task_id']} {fields.get('text', '')}", {}


def _repository(names: Sequence[str], chosen: str) -> dict[str, Any]:
    """Return a list to choose from, or a line to type into where there is nothing or too much to choose from."""
    if not names or len(names) > _OPTIONS or (chosen and chosen not in names):
        made = _input("repo", _SHORT, value=chosen)
        return made | {"placeholder": "owner/name", "max_length": 140}
    return _select("repo", names, chosen or (names[0] if len(names) == 1 else ""))


def _label(text: str, component: dict[str, Any], description: str = "") -> dict[str, Any]:
    made = {"type": LABEL, "label": text, "component": component}
    return made | ({"description": description} if description else {})


def _input(name: str, style: int, *, required: bool = False, value: str = "") -> dict[str, Any]:
    made: dict[str, Any] = {"type": TEXT_INPUT, "custom_id": name, "style": style, "required": required}
    if style == _LONG:
        made["max_length"] = _TEXT
    return made | ({"value": plain(value, 140)} if value else {})


def _select(name: str, values: Sequence[str], chosen: str) -> dict[str, Any]:
    options = [
        {"label": plain(value, _OPTION), "value": value[:_OPTION]} | ({"default": True} if value == chosen else {})
        for value in values
    ]
    return {"type": SELECT, "custom_id": name, "options": options, "required": False}


def _fields(components: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return what was filled in, by the names of the fields, however they are wrapped."""
    found: dict[str, str] = {}
    for one in components:
        inner = [*(one.get("components") or []), *([one["component"]] if one.get("component") else [])]
        found |= _fields(inner)
        if one.get("custom_id"):
            values = one.get("values") or []
            found[str(one["custom_id"])] = str(values[0] if values else one.get("value") or "").strip()
    return found

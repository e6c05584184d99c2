"""What people enter into blocks: the state of each input, as Slack tells it to the app."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from jobs.testing.slack.blocks import elements

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from jobs.testing.slack.records import JSON

FIELDS = {
    "plain_text_input": ("value", "initial_value"),
    "email_text_input": ("value", "initial_value"),
    "url_text_input": ("value", "initial_value"),
    "number_input": ("value", "initial_value"),
    "static_select": ("selected_option", "initial_option"),
    "external_select": ("selected_option", "initial_option"),
    "radio_buttons": ("selected_option", "initial_option"),
    "checkboxes": ("selected_options", "initial_options"),
    "multi_static_select": ("selected_options", "initial_options"),
    "multi_external_select": ("selected_options", "initial_options"),
    "users_select": ("selected_user", "initial_user"),
    "channels_select": ("selected_channel", "initial_channel"),
    "conversations_select": ("selected_conversation", "initial_conversation"),
    "datepicker": ("selected_date", "initial_date"),
    "timepicker": ("selected_time", "initial_time"),
}
"""Under which name the app is told what was entered, and under which it says what is entered at first."""

SEVERAL = {"checkboxes", "multi_static_select", "multi_external_select"}
EXTERNAL = {"external_select", "multi_external_select"}
PICKED = {"static_select", "radio_buttons", "overflow", *SEVERAL, *EXTERNAL}
PATTERNS = {
    "email_text_input": r"[^@\s]+@[^@\s]+",
    "url_text_input": r"https?://\S+",
    "number_input": r"-?\d+(\.\d+)?",
    "datepicker": r"\d{4}-\d\d-\d\d",
    "timepicker": r"\d\d:\d\d",
}


def options(element: JSON) -> list[JSON]:
    """Return all options of an element, those in groups too."""
    groups = element.get("option_groups", [])
    return [*element.get("options", []), *(option for group in groups for option in group["options"])]


def keep_what_fits(typed: Mapping[str, JSON], blocks: Sequence[JSON]) -> dict[str, JSON]:
    """Return the state of all inputs in ``blocks``: what was entered, or what is there at first."""
    state: dict[str, JSON] = {}
    for block, element in elements(list(blocks)):
        if element["type"] not in FIELDS:
            continue
        known = typed.get(block["block_id"], {}).get(element["action_id"])
        if known is None or known["type"] != element["type"]:
            known = first_state(element)
        state.setdefault(block["block_id"], {})[element["action_id"]] = known
    return state


def first_state(element: JSON) -> JSON:
    """Return the state of an input before anybody touched it."""
    name, initial = FIELDS[element["type"]]
    nothing: Any = [] if element["type"] in SEVERAL else None
    return {"type": element["type"], name: element.get(initial, nothing)}


def entered(element: JSON, value: Any, suggested: Sequence[JSON] = ()) -> JSON:
    """Return the state after somebody entered ``value``; raises ``ValueError`` for what Slack does not let enter.

    An option is given by its value, or by its text; several as a list. ``suggested`` are an external menu's options.
    """
    name, _ = FIELDS[element["type"]]
    if element["type"] in PICKED:
        offered = list(suggested) if element["type"] in EXTERNAL else options(element)
        if element["type"] in SEVERAL:
            return {"type": element["type"], name: [pick(offered, one, element) for one in value]}
        return {"type": element["type"], name: pick(offered, value, element)}
    _fits(element, str(value))
    return {"type": element["type"], name: str(value) or None}


def pick(offered: Sequence[JSON], value: Any, element: JSON) -> JSON:
    """Return the option that is meant; raises ``ValueError`` where there is none."""
    for option in offered:
        if value in (option["value"], option["text"]["text"]):
            return option
    raise ValueError(f"{element['action_id']} has no option {value!r}, only {[one['value'] for one in offered]}")


def unfilled(blocks: Sequence[JSON], state: Mapping[str, JSON]) -> list[str]:
    """Return the block ids of the inputs that Slack does not let a person leave empty."""
    return [
        block["block_id"]
        for block, element in elements(list(blocks))
        if block["type"] == "input" and not block.get("optional")
        if not state.get(block["block_id"], {}).get(element["action_id"], {}).get(FIELDS[element["type"]][0])
    ]


def _fits(element: JSON, value: str) -> None:
    least, most = element.get("min_length", 0), element.get("max_length", 3000)
    if value and not least <= len(value) <= most:
        raise ValueError(f"{element['action_id']} takes {least} to {most} characters, not {len(value)}")
    pattern = PATTERNS.get(element["type"])
    if value and pattern and not re.fullmatch(pattern, value):
        raise ValueError(f"{element['action_id']} does not take {value!r}")

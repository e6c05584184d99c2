"""What a person picks in a select or writes into a modal, checked as their client does it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jobs.testing.local_discord.component_rules import INPUT, LABEL, ROW, SELECT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from jobs.testing.local_discord.records import JSON


def picked(select: JSON, values: Sequence[str]) -> list[str]:
    """Return the picked values; raises ``ValueError`` for one that is not offered, or too few or many."""
    if not select["min_values"] <= len(values) <= select["max_values"]:
        raise ValueError(f"{select['custom_id']!r} takes {select['min_values']} to {select['max_values']} values")
    offered = {one["value"] for one in select.get("options", [])}
    for value in values:
        if select["type"] == SELECT and value not in offered:
            raise ValueError(f"{select['custom_id']!r} does not offer {value!r}; it offers: {sorted(offered)}")
    return list(values)


def filled(modal: JSON, values: Mapping[str, Any]) -> JSON:
    """Return a modal as it is submitted; what is not in ``values`` keeps what it begins with.

    Raises ``LookupError`` for an unknown field, and ``ValueError`` for what the client would not let through.
    """
    left = dict(values)
    parts = []
    for part in modal["components"]:
        made: JSON = {"type": part["type"], "id": part["id"]}
        if part["type"] == ROW:
            parts.append(made | {"components": [_field(one, left) for one in part["components"]]})
        elif part["type"] == LABEL:
            parts.append(made | {"component": _field(part["component"], left)})
        else:
            parts.append(made)
    if left:
        raise LookupError(f"the modal {modal['title']!r} has no field {', '.join(sorted(left))}")
    return {"custom_id": modal["custom_id"], "components": parts}


def _field(one: JSON, left: dict[str, Any]) -> JSON:
    name = one["custom_id"]
    made: JSON = {"type": one["type"], "id": one["id"], "custom_id": name}
    if one["type"] != INPUT:
        values = left.pop(name, [])
        if values or one["required"]:
            values = picked(one, values)
        return made | {"values": values}
    text = str(left.pop(name, one["value"]))
    least, most = one["min_length"] or 0, one["max_length"] or 4000
    if not text and one["required"]:
        raise ValueError(f"the field {name!r} must be filled in")
    if text and not least <= len(text) <= most:
        raise ValueError(f"the field {name!r} takes {least} to {most} characters, not {len(text)}")
    return made | {"value": text}

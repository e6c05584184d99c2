"""What a person picks in a select or writes into a modal, checked as their client does it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jobs.testing.local_discord.component_rules import INPUT, LABEL, ROW, SELECT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from jobs.testing.local_discord.records import JSON


LONGEST = 4000


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
    """Return a modal as it is submitted, with ``values`` by custom id or label; the rest keeps what it begins with.

    Raises ``LookupError`` for an unknown field, and ``ValueError`` for what the client would not let through.
    """
    fields = {one["custom_id"]: label for one, label in _fields(modal)}
    unknown = set(values) - set(fields) - set(fields.values())
    if unknown:
        known = ", ".join(sorted(fields.values()))
        raise LookupError(f"the modal {modal['title']!r} has no field {', '.join(sorted(unknown))}; it has: {known}")
    given = {name: values.get(name, values.get(label)) for name, label in fields.items()}
    parts = []
    for part in modal["components"]:
        made: JSON = {"type": part["type"], "id": part["id"]}
        if part["type"] == ROW:
            made["components"] = [_field(one, given[one["custom_id"]]) for one in part["components"]]
        elif part["type"] == LABEL:
            made["component"] = _field(part["component"], given[part["component"]["custom_id"]])
        parts.append(made)
    return {"custom_id": modal["custom_id"], "components": parts}


def _fields(modal: JSON) -> list[tuple[JSON, str]]:
    found = []
    for part in modal["components"]:
        if part["type"] == ROW:
            found += [(one, one["label"]) for one in part["components"]]
        elif part["type"] == LABEL:
            found.append((part["component"], part["label"]))
    return found


def _field(one: JSON, value: Any) -> JSON:
    name = one["custom_id"]
    made: JSON = {"type": one["type"], "id": one["id"], "custom_id": name}
    if one["type"] != INPUT:
        chosen = [option["value"] for option in one.get("options", []) if option.get("default")]
        values = chosen if value is None else list(value)
        return made | {"values": picked(one, values) if values or one["required"] else values}
    text = one["value"] if value is None else str(value)
    least, most = one["min_length"] or 0, one["max_length"] or LONGEST
    if not text and one["required"]:
        raise ValueError(f"the field {name!r} must be filled in")
    if text and not least <= len(text) <= most:
        raise ValueError(f"the field {name!r} takes {least} to {most} characters, not {len(text)}")
    return made | {"value": text}

"""What Discord takes as components of a message and as a modal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jobs.testing.local_discord.errors import Form

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jobs.testing.local_discord.records import JSON

ROW, BUTTON, SELECT, INPUT, SECTION, TEXT, THUMBNAIL, SEPARATOR, CONTAINER, LABEL = 1, 2, 3, 4, 9, 10, 11, 14, 17, 18
SELECTS = (SELECT, 5, 6, 7, 8)
ROWS, BUTTONS, CUSTOM_ID, BUTTON_LABEL, OPTIONS, OPTION_TEXT, PLACEHOLDER = 5, 5, 100, 80, 25, 100, 150
V2_TOTAL, V2_TEXT = 40, 4000
LINK, PREMIUM = 5, 6
MODAL_TITLE, MODAL_LABEL, MODAL_DESCRIPTION, INPUT_TEXT, INPUT_PLACEHOLDER = 45, 45, 100, 4000, 100


class _Tree:
    """Walks through components, noting faults, and fills in what Discord fills in."""

    def __init__(self, form: Form) -> None:
        self.form = form
        self.custom_ids: set[str] = set()
        self.count = 0
        self.text = 0

    def number(self, one: JSON, kind: int) -> JSON:
        """Begin a component as it will be kept: with its type and an id."""
        self.count += 1
        given = one.get("id")
        return {"type": kind, "id": given if isinstance(given, int) and given > 0 else self.count}

    def custom_id(self, path: list[str | int], value: Any) -> str:
        """Check a ``custom_id``, which no other component of the message may have."""
        found = self.form.text([*path, "custom_id"], value, CUSTOM_ID, 1)
        if found and found in self.custom_ids:
            words = "Component custom id cannot be duplicated"
            self.form.wrong([*path, "custom_id"], "COMPONENT_CUSTOM_ID_DUPLICATED", words)
        self.custom_ids.add(found)
        return found

    def row(self, path: list[str | int], one: JSON) -> JSON:
        """Check a row: up to five buttons, or one select."""
        made = self.number(one, ROW)
        inner = self.form.items([*path, "components"], one.get("components"), BUTTONS, 1)
        kinds = [part.get("type") if isinstance(part, dict) else None for part in inner]
        if len(inner) > 1 and set(kinds) != {BUTTON}:
            words = "The specified component layout exceeds the maximum width"
            self.form.wrong([*path, "components"], "COMPONENT_LAYOUT_WIDTH_EXCEEDED", words)
        made["components"] = []
        for index, part in enumerate(inner):
            place = [*path, "components", index]
            if self.form.one_of([*place, "type"], kinds[index], (BUTTON, *SELECTS)):
                check = self.button if kinds[index] == BUTTON else self.select
                made["components"].append(check(place, part))
        return made

    def button(self, path: list[str | int], one: JSON) -> JSON:
        """Check a button: a link with a URL, or one with a custom id."""
        made = self.number(one, BUTTON)
        style = one.get("style")
        self.form.one_of([*path, "style"], style, (1, 2, 3, 4, LINK, PREMIUM))
        made["style"] = style
        if style == LINK:
            url = self.form.text([*path, "url"], one.get("url"), 512, 1)
            if one.get("custom_id"):
                words = "A custom id and url cannot both be specified"
                self.form.wrong(path, "BUTTON_COMPONENT_CUSTOM_ID_URL_MUTUALLY_EXCLUSIVE", words)
            if url and not url.startswith(("http://", "https://", "discord://")):
                words = "Scheme must be one of ('http', 'https', 'discord')."
                self.form.wrong([*path, "url"], "URL_TYPE_INVALID_SCHEME", words)
            made["url"] = url
        elif style != PREMIUM:
            made["custom_id"] = self.custom_id(path, one.get("custom_id"))
        label = self.form.text([*path, "label"], one.get("label"), BUTTON_LABEL)
        if label:
            made["label"] = label
        if one.get("emoji"):
            made["emoji"] = one["emoji"]
        if style != PREMIUM and not label and not one.get("emoji"):
            self.form.wrong(path, "BUTTON_COMPONENT_LABEL_OR_EMOJI_REQUIRED", "A label or an emoji is required")
        if one.get("disabled"):
            made["disabled"] = True
        return made

    def select(self, path: list[str | int], one: JSON) -> JSON:
        """Check a select menu; only that of strings has options."""
        made = self.number(one, one["type"])
        made["custom_id"] = self.custom_id(path, one.get("custom_id"))
        if placeholder := self.form.text([*path, "placeholder"], one.get("placeholder"), PLACEHOLDER):
            made["placeholder"] = placeholder
        for name, default in (("min_values", 1), ("max_values", 1)):
            given = one.get(name)
            made[name] = given if isinstance(given, int) else default
        if one["type"] == SELECT:
            made["options"] = self.options([*path, "options"], one.get("options"))
            if made["max_values"] > len(made["options"]):
                words = "Max values must not exceed the number of options"
                self.form.wrong([*path, "options"], "BASE_TYPE_BAD_LENGTH", words)
        if one.get("disabled"):
            made["disabled"] = True
        return made

    def options(self, path: list[str | int], value: Any) -> list[JSON]:
        """Check a select's options, whose values must differ."""
        found: list[JSON] = []
        for index, one in enumerate(self.form.items(path, value, OPTIONS, 1)):
            inner = one if isinstance(one, dict) else {}
            option: JSON = {
                "label": self.form.text([*path, index, "label"], inner.get("label"), OPTION_TEXT, 1),
                "value": self.form.text([*path, index, "value"], inner.get("value"), OPTION_TEXT, 1),
            }
            if text := self.form.text([*path, index, "description"], inner.get("description"), OPTION_TEXT):
                option["description"] = text
            option |= {name: inner[name] for name in ("emoji", "default") if inner.get(name)}
            if option["value"] in {other["value"] for other in found}:
                words = "The specified option value is already used"
                self.form.wrong([*path, index, "value"], "SELECT_COMPONENT_OPTION_VALUE_DUPLICATED", words)
            found.append(option)
        return found

    def v2(self, path: list[str | int], one: Any, *, nested: bool = False) -> JSON:
        """Check a component of the second version: rows, sections, texts, separators and containers of these."""
        kind = one.get("type") if isinstance(one, dict) else None
        allowed = (ROW, SECTION, TEXT, SEPARATOR) if nested else (ROW, SECTION, TEXT, SEPARATOR, CONTAINER)
        if not self.form.one_of([*path, "type"], kind, allowed) or not isinstance(kind, int):
            return {"type": 0}
        if kind == ROW:
            return self.row(path, one)
        made = self.number(one, kind)
        if kind == TEXT:
            made["content"] = self.form.text([*path, "content"], one.get("content"), V2_TEXT, 1)
            self.text += len(made["content"])
        elif kind == SEPARATOR:
            made |= {"divider": one.get("divider") is not False, "spacing": one.get("spacing") or 1}
        elif kind == SECTION:
            inner = self.form.items([*path, "components"], one.get("components"), 3, 1)
            made["components"] = [self.v2([*path, "components", at], part) for at, part in enumerate(inner)]
            made["accessory"] = self.accessory([*path, "accessory"], one.get("accessory"))
        else:
            inner = self.form.items([*path, "components"], one.get("components"), V2_TOTAL, 1)
            parts = [self.v2([*path, "components", at], part, nested=True) for at, part in enumerate(inner)]
            made |= {"components": parts, "accent_color": one.get("accent_color"), "spoiler": bool(one.get("spoiler"))}
        return made

    def accessory(self, path: list[str | int], one: Any) -> JSON:
        """Check what stands beside a section: a button or a picture."""
        kind = one.get("type") if isinstance(one, dict) else None
        if not self.form.one_of([*path, "type"], kind, (BUTTON, THUMBNAIL)):
            return {"type": 0}
        if kind == BUTTON:
            return self.button(path, one)
        return self.number(one, THUMBNAIL) | {name: one[name] for name in ("media", "description") if one.get(name)}


def components_of(form: Form, path: Sequence[str | int], value: Any, *, v2: bool) -> list[JSON]:
    """Check a message's components and return them as Discord keeps them."""
    tree, found = _Tree(form), []
    for index, one in enumerate(form.items(path, value, V2_TOTAL if v2 else ROWS)):
        place = [*path, index]
        if v2:
            found.append(tree.v2(place, one))
        elif form.one_of([*place, "type"], one.get("type") if isinstance(one, dict) else None, (ROW,)):
            found.append(tree.row(place, one))
    if v2 and tree.count > V2_TOTAL:
        form.wrong(path, "COMPONENT_MAX_TOTAL_COMPONENTS_EXCEEDED", f"Must be {V2_TOTAL} or fewer in total.")
    if v2 and tree.text > V2_TEXT:
        words = f"The total text exceeds the maximum size of {V2_TEXT}"
        form.wrong(path, "COMPONENT_DISPLAYABLE_TEXT_SIZE_EXCEEDED", words)
    return found


def modal(body: Any) -> JSON:
    """Check a modal and return it; each part is a label around an input, or a row with one text input."""
    form, given = Form(), body if isinstance(body, dict) else {}
    tree = _Tree(form)
    at: list[str | int] = ["data", "components"]
    form.text(["data", "title"], given.get("title"), MODAL_TITLE, 1)
    form.text(["data", "custom_id"], given.get("custom_id"), CUSTOM_ID, 1)
    parts = []
    for index, one in enumerate(form.items(at, given.get("components"), ROWS, 1)):
        place = [*at, index]
        kind = one.get("type") if isinstance(one, dict) else None
        if not form.one_of([*place, "type"], kind, (ROW, LABEL, TEXT)):
            continue
        if kind == LABEL:
            parts.append(_label(tree, place, one))
        elif kind == TEXT:
            parts.append(tree.number(one, TEXT) | {"content": one.get("content", "")})
        else:
            inner = form.items([*place, "components"], one.get("components"), 1, 1)
            made = tree.number(one, ROW)
            fields = [_input(tree, [*place, "components", 0], part, labelled=False) for part in inner]
            parts.append(made | {"components": fields})
    form.finish()
    return {"custom_id": given["custom_id"], "title": given["title"], "components": parts}


def _label(tree: _Tree, path: list[str | int], one: JSON) -> JSON:
    made = tree.number(one, LABEL)
    made["label"] = tree.form.text([*path, "label"], one.get("label"), MODAL_LABEL, 1)
    tree.form.text([*path, "description"], one.get("description"), MODAL_DESCRIPTION)
    inner = one.get("component")
    kind = inner.get("type") if isinstance(inner, dict) else None
    if tree.form.one_of([*path, "component", "type"], kind, (INPUT, *SELECTS)) and isinstance(inner, dict):
        place = [*path, "component"]
        if kind == INPUT:
            made["component"] = _input(tree, place, inner, labelled=True)
        else:
            made["component"] = tree.select(place, inner) | {"required": inner.get("required") is not False}
    return made


def _input(tree: _Tree, path: list[str | int], one: Any, *, labelled: bool) -> JSON:
    form, given = tree.form, one if isinstance(one, dict) else {}
    form.one_of([*path, "type"], given.get("type"), (INPUT,))
    made = tree.number(given, INPUT)
    made["custom_id"] = tree.custom_id(path, given.get("custom_id"))
    if form.one_of([*path, "style"], given.get("style"), (1, 2)):
        made["style"] = given["style"]
    made["label"] = form.text([*path, "label"], given.get("label"), MODAL_LABEL, 0 if labelled else 1)
    form.text([*path, "placeholder"], given.get("placeholder"), INPUT_PLACEHOLDER)
    made["value"] = form.text([*path, "value"], given.get("value"), INPUT_TEXT)
    made["required"] = given.get("required") is not False
    for name, most in (("min_length", 4000), ("max_length", 4000)):
        number = given.get(name)
        if number is not None and not (isinstance(number, int) and 0 <= number <= most):
            form.wrong([*path, name], "NUMBER_TYPE_MAX", f"int value should be less than or equal to {most}.")
        made[name] = number
    return made

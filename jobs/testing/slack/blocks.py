"""Block Kit as Slack accepts it: blocks of messages, modals and home tabs; strict, with Slack's documented limits.

https://docs.slack.dev/reference/block-kit/blocks and https://docs.slack.dev/reference/views
"""

from __future__ import annotations

import copy
import secrets
from typing import TYPE_CHECKING, Any

from jobs.testing.slack.elements import IMAGE, IN_ACTIONS, IN_INPUT, IN_SECTION, PLAIN
from jobs.testing.slack.fields import (
    Checker,
    Problems,
    Shape,
    anything,
    choice,
    flag,
    items,
    link,
    one_of,
    string,
    text,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jobs.testing.slack.records import JSON

MOST_IN_MESSAGE = 50
MOST_IN_VIEW = 100
LONGEST_MARKDOWN = 12_000
LONGEST_MESSAGE = 13_200
"""All texts of a message's blocks together; not documented, found by others (slackapi/bolt-js issue 2509)."""

BLOCK_ID = string(255, 1)


def _block(required: dict[str, Checker], optional: dict[str, Checker] | None = None) -> Shape:
    return Shape({"type": anything, **required}, {"block_id": BLOCK_ID, **(optional or {})})


_SECTION = _block(
    {}, {"text": text(3000), "fields": items(text(2000), 10), "accessory": one_of(IN_SECTION), "expand": flag}
)
_IMAGE = _block({"alt_text": string(2000, 1), "image_url": link()}, {"title": text(2000, PLAIN)})
_CONTEXT = one_of({"image": IMAGE, "plain_text": text(3000), "mrkdwn": text(3000)})
_RICH = one_of(
    {
        name: Shape({"type": anything, "elements": items(anything, 1000, 0)}, dict.fromkeys(more, anything))
        for name, more in {
            "rich_text_section": (),
            "rich_text_preformatted": ("border", "language"),
            "rich_text_quote": ("border",),
            "rich_text_list": ("style", "indent", "offset", "border"),
        }.items()
    }
)


def _section(value: Any, pointer: str, problems: Problems) -> None:
    _SECTION(value, pointer, problems)
    if "text" not in value and "fields" not in value:
        problems.add("must define either `text` or `fields`", pointer)


IN_VIEW: dict[str, Checker] = {
    "section": _section,
    "divider": _block({}),
    "header": _block({"text": text(150, PLAIN)}),
    "context": _block({"elements": items(_CONTEXT, 10)}),
    "actions": _block({"elements": items(one_of(IN_ACTIONS), 25)}),
    "input": _block(
        {"label": text(2000, PLAIN), "element": one_of(IN_INPUT)},
        {"dispatch_action": flag, "hint": text(2000, PLAIN), "optional": flag},
    ),
    "image": _IMAGE,
    "rich_text": _block({"elements": items(_RICH, 1000, 0)}),
}
IN_MESSAGE: dict[str, Checker] = {**IN_VIEW, "markdown": _block({"text": string(LONGEST_MARKDOWN, 1)})}

_VIEW = Shape(
    {"type": choice("modal", "home"), "blocks": items(one_of(IN_VIEW), MOST_IN_VIEW, 0)},
    {"private_metadata": string(3000), "callback_id": string(255), "external_id": string(255)},
)
_MODAL = Shape(
    {**_VIEW.required, "blocks": items(one_of(IN_VIEW), MOST_IN_VIEW), "title": text(24, PLAIN)},
    {
        **_VIEW.optional,
        "submit": text(24, PLAIN),
        "close": text(24, PLAIN),
        "clear_on_close": flag,
        "notify_on_close": flag,
        "submit_disabled": flag,
    },
)


def check_message(blocks: Any) -> list[str]:
    """Return what Slack would say against these blocks in a message; empty when nothing."""
    problems = Problems()
    items(one_of(IN_MESSAGE), MOST_IN_MESSAGE, 0)(blocks, "/blocks", problems)
    if not problems.messages:
        _unique(blocks, problems, "/blocks")
        markdown = sum(len(block["text"]) for block in blocks if block["type"] == "markdown")
        if markdown > LONGEST_MARKDOWN:
            problems.add(f"markdown must be less than {LONGEST_MARKDOWN + 1} characters in all", "/blocks")
    return problems.messages


def check_view(view: Any) -> list[str]:
    """Return what Slack would say against this modal or home tab; empty when nothing."""
    problems = Problems()
    shape = _VIEW if isinstance(view, dict) and view.get("type") == "home" else _MODAL
    shape(view, "/view", problems)
    if not problems.messages:
        _unique(view["blocks"], problems, "/view/blocks")
        asks = any(block["type"] == "input" for block in view["blocks"])
        if view["type"] == "modal" and asks and "submit" not in view:
            problems.add("missing required field: submit", "/view")
        if sum(bool(element.get("focus_on_load")) for _, element in elements(view["blocks"])) > 1:
            problems.add("only one element may have `focus_on_load`", "/view/blocks")
    return problems.messages


def weight(value: Any) -> int:
    """Return how many characters all texts in these blocks have together."""
    if isinstance(value, list):
        return sum(weight(inner) for inner in value)
    if isinstance(value, dict):
        own = len(value["text"]) if isinstance(value.get("text"), str) else 0
        return own + sum(weight(inner) for inner in value.values())
    return 0


def elements(blocks: list[JSON]) -> Iterator[tuple[JSON, JSON]]:
    """Yield each element that a person can act on, with its block."""
    for block in blocks:
        inside = {"actions": block.get("elements"), "input": [block.get("element")]}.get(block["type"])
        for element in inside or [block.get("accessory")]:
            if isinstance(element, dict) and element["type"] != "image":
                yield block, element


def named(blocks: list[JSON]) -> list[JSON]:
    """Return a copy in which every block and every element has an id, as Slack gives it where the app gave none."""
    whole = copy.deepcopy(blocks)
    for block in whole:
        block.setdefault("block_id", secrets.token_urlsafe(4))
    for _, element in elements(whole):
        element.setdefault("action_id", secrets.token_urlsafe(4))
    return whole


def _unique(blocks: list[JSON], problems: Problems, pointer: str) -> None:
    seen: set[str] = set()
    actions: set[tuple[int, str]] = set()
    for index, block in enumerate(blocks):
        name = block.get("block_id")
        if name in seen:
            problems.add(f"`block_id` {name} already exists", f"{pointer}/{index}")
        if name is not None:
            seen.add(name)
        for _, element in elements([block]):
            action = (index, element.get("action_id", ""))
            if action in actions and action[1]:
                problems.add(f"`action_id` {action[1]} already exists for the block", f"{pointer}/{index}")
            actions.add(action)

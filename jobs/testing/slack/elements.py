"""Block Kit's interactive elements and composition objects, with Slack's documented limits.

https://docs.slack.dev/reference/block-kit/block-elements and …/composition-objects
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jobs.testing.slack.fields import (
    Shape,
    anything,
    choice,
    flag,
    items,
    link,
    number,
    string,
    text,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jobs.testing.slack.fields import Checker, Problems

ANY_NUMBER = number(0, 3000)
PLAIN = "plain_text"
ACTION_ID = string(255, 1)

CONFIRM = Shape(
    {"title": text(100, PLAIN), "text": text(300), "confirm": text(30, PLAIN), "deny": text(30, PLAIN)},
    {"style": choice("primary", "danger")},
)


def option(*kinds: str, url: bool = False) -> Shape:
    """Return the shape of an option object."""
    more: dict[str, Checker] = {"url": link()} if url else {}
    return Shape({"text": text(75, *kinds), "value": string(150, 1)}, {"description": text(75, *kinds), **more})


OPTION = option(PLAIN)
OPTION_GROUP = Shape({"label": text(75, PLAIN), "options": items(OPTION, 100)})


def _element(required: Mapping[str, Checker], optional: Mapping[str, Checker]) -> Shape:
    """Add what every interactive element has."""
    return Shape({"type": anything, **required}, {"action_id": ACTION_ID, **optional})


def _menu(optional: Mapping[str, Checker], required: Mapping[str, Checker] | None = None) -> Shape:
    """Add what every select menu has."""
    more: dict[str, Checker] = {"placeholder": text(150, PLAIN), "confirm": CONFIRM, "focus_on_load": flag, **optional}
    return _element(required or {}, more)


def _either(shape: Shape) -> Checker:
    """Demand ``options`` or ``option_groups``, and not both."""

    def check(value: Any, pointer: str, problems: Problems) -> None:
        shape(value, pointer, problems)
        if ("options" in value) == ("option_groups" in value):
            problems.add("must define either `options` or `option_groups`", pointer)

    return check


def _picks(kinds: tuple[str, ...], most: int, initial: str, *, several: bool) -> Shape:
    """Return the shape of checkboxes and radio buttons."""
    one = option(*kinds)
    return _element(
        {"options": items(one, most)},
        {"confirm": CONFIRM, "focus_on_load": flag, initial: items(one, most) if several else one},
    )


def _typed(optional: Mapping[str, Checker], required: Mapping[str, Checker] | None = None) -> Shape:
    """Return the shape of an element that one types into."""
    more: dict[str, Checker] = {
        "placeholder": text(150, PLAIN),
        "initial_value": string(3000),
        "dispatch_action_config": Shape(
            {}, {"trigger_actions_on": items(choice("on_enter_pressed", "on_character_entered"), 2)}
        ),
        "focus_on_load": flag,
        **optional,
    }
    return _element(required or {}, more)


_STATIC = {"options": items(OPTION, 100), "option_groups": items(OPTION_GROUP, 100)}
_SEVERAL = {"max_selected_items": number(1, 100)}
_QUERY = {"min_query_length": ANY_NUMBER}

BUTTON = _element(
    {"text": text(75, PLAIN)},
    {
        "url": link(),
        "value": string(2000),
        "style": choice("primary", "danger"),
        "confirm": CONFIRM,
        "accessibility_label": string(75),
    },
)
IMAGE = Shape({"type": anything, "image_url": link(), "alt_text": string(2000, 1)})

MENUS: dict[str, Checker] = {
    "static_select": _either(_menu({**_STATIC, "initial_option": OPTION})),
    "multi_static_select": _either(_menu({**_STATIC, **_SEVERAL, "initial_options": items(OPTION, 100)})),
    "external_select": _menu({**_QUERY, "initial_option": OPTION}),
    "multi_external_select": _menu({**_QUERY, **_SEVERAL, "initial_options": items(OPTION, 100)}),
    "users_select": _menu({"initial_user": string(255)}),
    "channels_select": _menu({"initial_channel": string(255), "response_url_enabled": flag}),
    "conversations_select": _menu(
        {
            "initial_conversation": string(255),
            "default_to_current_conversation": flag,
            "response_url_enabled": flag,
            "filter": anything,
        }
    ),
}
PICKS: dict[str, Checker] = {
    "checkboxes": _picks((), 10, "initial_options", several=True),
    "radio_buttons": _picks((), 10, "initial_option", several=False),
    "datepicker": _menu({"initial_date": string(10, 10)}),
    "timepicker": _menu({"initial_time": string(5, 5), "timezone": string(255)}),
}
TYPED: dict[str, Checker] = {
    "plain_text_input": _typed({"multiline": flag, "min_length": ANY_NUMBER, "max_length": number(1, 3000)}),
    "email_text_input": _typed({}),
    "url_text_input": _typed({}),
    "number_input": _typed({"min_value": string(255), "max_value": string(255)}, {"is_decimal_allowed": flag}),
}
OVERFLOW = _element({"options": items(option(PLAIN, url=True), 5)}, {"confirm": CONFIRM})

IN_ACTIONS: dict[str, Checker] = {"button": BUTTON, "overflow": OVERFLOW, **MENUS, **PICKS}
IN_SECTION: dict[str, Checker] = {**IN_ACTIONS, "image": IMAGE}
IN_INPUT: dict[str, Checker] = {**MENUS, **PICKS, **TYPED}

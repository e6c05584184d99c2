"""Block Kit's rules in the local Slack: what Slack's own models make is fine, and every limit is held."""

from __future__ import annotations

from typing import Any

import pytest
from slack_sdk.models import blocks as kit

from jobs.testing.slack.blocks import check_message, check_view, named


def plain(text: str = "x") -> dict[str, Any]:
    return {"type": "plain_text", "text": text}


def button(**more: Any) -> dict[str, Any]:
    return {"type": "button", "text": plain(), "action_id": "go", **more}


def section(**more: Any) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": "x"}, **more}


def actions(*elements: dict[str, Any]) -> dict[str, Any]:
    return {"type": "actions", "elements": list(elements)}


def options(count: int, value: str = "v") -> list[dict[str, Any]]:
    return [{"text": plain(), "value": f"{value}{number}"} for number in range(count)]


def entry(**more: Any) -> dict[str, Any]:
    return {"type": "input", "label": plain(), "element": {"type": "plain_text_input", "action_id": "t"}, **more}


def modal(*blocks: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "modal", "title": plain("Title"), "submit": plain("Go"), "blocks": list(blocks), **more}


def test_what_slacks_own_models_make_is_fine() -> None:
    """One of each block that the bot may use, made by Slack's own library."""
    choice = kit.Option(text="One", value="1")
    made = [
        kit.HeaderBlock(text="Task"),
        kit.SectionBlock(text="*bold*", accessory=kit.ImageElement(image_url="https://x.test/a.png", alt_text="a")),
        kit.SectionBlock(fields=["one", "two"]),
        kit.DividerBlock(),
        kit.ContextBlock(elements=[kit.MarkdownTextObject(text="small")]),
        kit.ActionsBlock(
            elements=[
                kit.ButtonElement(text="Go", action_id="go", value="1", style="primary", url="https://x.test"),
                kit.StaticSelectElement(placeholder="Pick", action_id="pick", options=[choice]),
                kit.OverflowMenuElement(action_id="more", options=[choice, choice]),
            ]
        ),
        kit.InputBlock(label="Say", element=kit.PlainTextInputElement(action_id="say", multiline=True)),
        kit.ImageBlock(image_url="https://x.test/a.png", alt_text="a", title="A"),
        kit.MarkdownBlock(text="**bold**"),
        kit.RichTextBlock(
            elements=[kit.RichTextSectionElement(elements=[kit.RichTextElementParts.Text(text="words")])]
        ),
    ]
    assert check_message([block.to_dict() for block in made]) == []


@pytest.mark.parametrize(
    ("blocks", "problem"),
    [
        ("text", "must provide an array [json-pointer:/blocks]"),
        (["text"], "must provide an object [json-pointer:/blocks/0]"),
        ([{}], "missing required field: type [json-pointer:/blocks/0]"),
        ([{"type": "banner"}], "unsupported type: banner [json-pointer:/blocks/0/type]"),
        ([{"type": "divider"}] * 51, "no more than 50 items allowed [json-pointer:/blocks]"),
        ([{"type": "section"}], "must define either `text` or `fields` [json-pointer:/blocks/0]"),
        ([section(text=plain(""))], "must be more than 0 characters [json-pointer:/blocks/0/text/text]"),
        ([section(text=plain("x" * 3001))], "must be less than 3001 characters [json-pointer:/blocks/0/text/text]"),
        ([section(fields=[plain()] * 11)], "no more than 10 items allowed [json-pointer:/blocks/0/fields]"),
        ([section(colour="red")], "invalid additional property: colour [json-pointer:/blocks/0]"),
        (
            [{"type": "header", "text": {"type": "mrkdwn", "text": "x"}}],
            "unsupported type: mrkdwn [json-pointer:/blocks/0/text/type]",
        ),
        (
            [{"type": "header", "text": plain("x" * 151)}],
            "must be less than 151 characters [json-pointer:/blocks/0/text/text]",
        ),
        (
            [{"type": "context", "elements": [plain()] * 11}],
            "no more than 10 items allowed [json-pointer:/blocks/0/elements]",
        ),
        ([actions()], "no fewer than 1 items allowed [json-pointer:/blocks/0/elements]"),
        (
            [actions(*(button(action_id=str(number)) for number in range(26)))],
            "no more than 25 items allowed [json-pointer:/blocks/0/elements]",
        ),
        ([actions(button(), button())], "`action_id` go already exists for the block [json-pointer:/blocks/0]"),
        (
            [actions(button(text=plain("x" * 76)))],
            "must be less than 76 characters [json-pointer:/blocks/0/elements/0/text/text]",
        ),
        (
            [actions(button(value="x" * 2001))],
            "must be less than 2001 characters [json-pointer:/blocks/0/elements/0/value]",
        ),
        (
            [actions(button(action_id="x" * 256))],
            "must be less than 256 characters [json-pointer:/blocks/0/elements/0/action_id]",
        ),
        ([actions(button(url="example"))], "must be a valid URL [json-pointer:/blocks/0/elements/0/url]"),
        (
            [actions(button(style="green"))],
            "must be one of: primary, danger [json-pointer:/blocks/0/elements/0/style]",
        ),
        (
            [actions({"type": "static_select"})],
            "must define either `options` or `option_groups` [json-pointer:/blocks/0/elements/0]",
        ),
        (
            [actions({"type": "static_select", "options": options(101)})],
            "no more than 100 items allowed [json-pointer:/blocks/0/elements/0/options]",
        ),
        (
            [actions({"type": "plain_text_input"})],
            "unsupported type: plain_text_input [json-pointer:/blocks/0/elements/0/type]",
        ),
        (
            [entry(label=plain("x" * 2001))],
            "must be less than 2001 characters [json-pointer:/blocks/0/label/text]",
        ),
        ([entry(element=button())], "unsupported type: button [json-pointer:/blocks/0/element/type]"),
        (
            [{"type": "image", "image_url": "https://x.test"}],
            "missing required field: alt_text [json-pointer:/blocks/0]",
        ),
        (
            [{"type": "divider", "block_id": "a"}, {"type": "divider", "block_id": "a"}],
            "`block_id` a already exists [json-pointer:/blocks/1]",
        ),
        (
            [{"type": "markdown", "text": "x" * 6001}] * 2,
            "markdown must be less than 12001 characters in all [json-pointer:/blocks]",
        ),
        (
            [{"type": "rich_text", "elements": [{"type": "marquee"}]}],
            "unsupported type: marquee [json-pointer:/blocks/0/elements/0/type]",
        ),
    ],
)
def test_a_limit_of_messages(blocks: Any, problem: str) -> None:
    """Each fault is told once, with its place."""
    assert check_message(blocks) == [f"[ERROR] {problem}"]


@pytest.mark.parametrize(
    ("view", "problem"),
    [
        ([], "must provide an object [json-pointer:/view]"),
        (modal(title=plain("x" * 25)), "must be less than 25 characters [json-pointer:/view/title/text]"),
        (modal(submit=plain("x" * 25)), "must be less than 25 characters [json-pointer:/view/submit/text]"),
        (modal(private_metadata="x" * 3001), "must be less than 3001 characters [json-pointer:/view/private_metadata]"),
        (modal(*[{"type": "divider"}] * 101), "no more than 100 items allowed [json-pointer:/view/blocks]"),
        (
            modal({"type": "markdown", "text": "x"}),
            "unsupported type: markdown [json-pointer:/view/blocks/0/type]",
        ),
        (
            {name: value for name, value in modal(entry()).items() if name != "submit"},
            "missing required field: submit [json-pointer:/view]",
        ),
        (
            modal(
                entry(element={"type": "plain_text_input", "action_id": "a", "focus_on_load": True}),
                entry(element={"type": "plain_text_input", "action_id": "b", "focus_on_load": True}),
            ),
            "only one element may have `focus_on_load` [json-pointer:/view/blocks]",
        ),
        (
            {"type": "home", "blocks": [{"type": "divider"}], "submit": plain()},
            "invalid additional property: submit [json-pointer:/view]",
        ),
    ],
)
def test_a_limit_of_views(view: Any, problem: str) -> None:
    """Modals and home tabs have limits of their own."""
    assert problem.join(("[ERROR] ", "")) in check_view(view)


def test_a_modal_in_order_has_no_problems() -> None:
    """A title of 24 characters, a text field, a menu and buttons."""
    menu = {"type": "external_select", "action_id": "m", "min_query_length": 0, "placeholder": plain()}
    assert check_view(modal(entry(), entry(element=menu), actions(button()), title=plain("x" * 24))) == []


def test_everything_gets_an_id() -> None:
    """Blocks and elements without ids are given some, and what the app gave is left as it was."""
    given = [actions(button(), {"type": "static_select", "options": options(1)}), section(block_id="mine")]
    whole = named(given)
    assert whole[0]["block_id"]
    assert whole[0]["elements"][1]["action_id"]
    assert whole[1]["block_id"] == "mine"
    assert "block_id" not in given[0]

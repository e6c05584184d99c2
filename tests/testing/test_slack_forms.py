"""Buttons, inputs and forms of the local Slack, from opening to sending off, with a real Bolt app."""

from __future__ import annotations

from typing import Any

import pytest
from slack_sdk.errors import SlackApiError

from jobs.testing.slack import LocalSlack
from tests.testing.slack_app import Served

BUTTONS = [
    {"type": "section", "text": {"type": "mrkdwn", "text": "*Working*"}},
    {
        "type": "actions",
        "block_id": "controls",
        "elements": [
            {
                "type": "button",
                "action_id": "cancel",
                "text": {"type": "plain_text", "text": "Cancel"},
                "value": "7f3c9a",
                "style": "danger",
            }
        ],
    },
    {
        "type": "input",
        "block_id": "reply",
        "dispatch_action": True,
        "label": {"type": "plain_text", "text": "Answer"},
        "element": {"type": "plain_text_input", "action_id": "answer"},
    },
]
MODAL = {
    "type": "modal",
    "callback_id": "new-task",
    "title": {"type": "plain_text", "text": "New task"},
    "submit": {"type": "plain_text", "text": "Start"},
    "private_metadata": "kept",
    "notify_on_close": True,
    "blocks": [
        {
            "type": "input",
            "block_id": "repository",
            "label": {"type": "plain_text", "text": "Repository"},
            "element": {"type": "external_select", "action_id": "repository_menu", "min_query_length": 0},
        },
        {
            "type": "input",
            "block_id": "task",
            "label": {"type": "plain_text", "text": "Task"},
            "element": {"type": "plain_text_input", "action_id": "task_text", "multiline": True, "max_length": 100},
        },
        {
            "type": "input",
            "block_id": "mode",
            "optional": True,
            "label": {"type": "plain_text", "text": "Mode"},
            "element": {
                "type": "static_select",
                "action_id": "mode_menu",
                "options": [
                    {"text": {"type": "plain_text", "text": name.title()}, "value": name} for name in ("bold", "shy")
                ],
            },
        },
    ],
}


def test_a_button_and_a_text_reach_the_app(slack: LocalSlack, served: Served) -> None:
    """What is pressed or typed carries value, state and message; what is not there cannot be pressed."""
    got: list[dict[str, Any]] = []

    @served.app.action("cancel")
    def cancel(ack: Any, body: dict[str, Any], respond: Any) -> None:
        got.append(body)
        ack()
        respond(text="Cancelled.", replace_original=True)

    @served.app.action("answer")
    def answer(ack: Any, body: dict[str, Any]) -> None:
        got.append(body)
        ack()

    served.app.client.chat_postMessage(channel="dev", text="Working", blocks=BUTTONS)
    (message,) = slack.channel("dev").messages
    slack.type_into("ann", message, "answer", "blue")
    assert slack.press("ann", message, "cancel").status == 200
    slack.wait_for(lambda: message.edits)
    typed, pressed = got
    assert typed["actions"][0]["value"] == "blue"
    assert pressed["state"]["values"]["reply"]["answer"]["value"] == "blue"
    assert (pressed["actions"][0]["value"], pressed["actions"][0]["block_id"]) == ("7f3c9a", "controls")
    assert pressed["message"]["ts"] == message.ts
    assert (message.text, message.blocks) == ("Cancelled.", [])
    with pytest.raises(LookupError, match="no cancel"):
        slack.press("ann", message, "cancel")
    assert slack.violations == []


def test_a_modal_from_opening_to_sending_off(slack: LocalSlack, served: Served) -> None:
    """The trigger opens it, the menu asks the app, errors keep it open, and what was entered arrives."""
    got: list[dict[str, Any]] = []

    @served.app.command("/opus")
    def open_it(ack: Any, body: dict[str, Any], client: Any) -> None:
        ack()
        client.views_open(trigger_id=body["trigger_id"], view=MODAL)

    @served.app.options("repository_menu")
    def repositories(ack: Any, payload: dict[str, Any]) -> None:
        text = {"type": "plain_text", "text": f"octo/{payload['value']}"}
        ack(options=[{"text": text, "value": f"octo/{payload['value']}"}])

    @served.app.view("new-task")
    def take(ack: Any, view: dict[str, Any]) -> None:
        got.append(view)
        short = len(view["state"]["values"]["task"]["task_text"]["value"]) < 5
        ack(response_action="errors", errors={"task": "Say more."}) if short else ack()

    slack.command("ann", "dev", "new")
    (view,) = slack.wait_for(lambda: slack.open_views)
    with pytest.raises(ValueError, match="no option"):
        slack.submit("ann", view, {"repository": "octo/shop", "task": "Fix"})
    assert [one["value"] for one in slack.suggest("ann", view, "repository_menu", "shop")] == ["octo/shop"]
    with pytest.raises(ValueError, match="filled in first: task"):
        slack.submit("ann", view, {"repository": "octo/shop"})
    slack.submit("ann", view, {"repository": "octo/shop", "task": "Fix"})
    assert (view.open, view.errors) == (True, {"task": "Say more."})
    slack.submit("ann", view, {"task": "Fix the total", "mode_menu": "shy"})
    assert slack.open_views == []
    values = got[-1]["state"]["values"]
    assert values["repository"]["repository_menu"]["selected_option"]["value"] == "octo/shop"
    assert values["mode"]["mode_menu"]["selected_option"]["value"] == "shy"
    assert (got[-1]["private_metadata"], got[-1]["callback_id"]) == ("kept", "new-task")
    assert slack.violations == []
    with pytest.raises(LookupError, match="does not see"):
        slack.submit("ann", view, {})


def test_a_submission_may_change_or_pile_views(slack: LocalSlack, served: Served) -> None:
    """The app answers with an update, a push, a bad view, and clear."""
    answers: list[dict[str, Any]] = []

    @served.app.command("/opus")
    def open_it(ack: Any, body: dict[str, Any], client: Any) -> None:
        ack()
        client.views_open(trigger_id=body["trigger_id"], view={**MODAL, "blocks": MODAL["blocks"][1:2]})

    @served.app.view("new-task")
    def take(ack: Any) -> None:
        ack(answers.pop(0))

    @served.app.view_closed("new-task")
    def closed(ack: Any) -> None:
        ack()

    slack.command("ann", "dev", "new")
    (view,) = slack.wait_for(lambda: slack.open_views)
    filled = {"task": "Something"}
    changed = {**MODAL, "private_metadata": "second", "blocks": MODAL["blocks"][1:2]}
    answers += [
        {"response_action": "update", "view": changed},
        {"response_action": "push", "view": changed},
        {"response_action": "update", "view": {"type": "modal", "blocks": []}},
        {"response_action": "clear"},
    ]
    slack.submit("ann", view, filled)
    assert (view.private_metadata, len(view.versions)) == ("second", 1)
    slack.submit("ann", view, filled)
    _, top = slack.open_views
    assert top.previous_id == view.id
    slack.submit("ann", top, filled)
    assert [one.where for one in slack.violations] == ["answer to a submission"]
    slack.submit("ann", top, filled)
    assert slack.open_views == []
    slack.command("ann", "dev", "new")
    (last,) = slack.wait_for(lambda: slack.open_views)
    closing = slack.dismiss("ann", last)
    assert closing is not None
    assert closing.status == 200


def test_a_trigger_is_good_once_and_not_for_long(slack: LocalSlack, served: Served) -> None:
    """The second use is exchanged_trigger_id, one that came late expired_trigger_id."""
    triggers: list[str] = []

    @served.app.command("/opus")
    def keep(ack: Any, body: dict[str, Any]) -> None:
        triggers.append(body["trigger_id"])
        ack()

    client = served.app.client
    slack.command("ann", "dev", "new")
    client.views_open(trigger_id=triggers[0], view=MODAL)
    with pytest.raises(SlackApiError, match="exchanged_trigger_id"):
        client.views_open(trigger_id=triggers[0], view=MODAL)
    with pytest.raises(SlackApiError, match="invalid_trigger_id"):
        client.views_open(trigger_id="1.2.3", view=MODAL)
    with LocalSlack(trigger_seconds=0.0) as hasty:
        hasty.add_channel("dev", ["ann"])
        other = Served(hasty)
        other.app.command("/opus")(keep)
        other.start()
        hasty.events_url = other.url
        hasty.command("ann", "dev", "new")
        with pytest.raises(SlackApiError, match="expired_trigger_id"):
            other.app.client.views_open(trigger_id=triggers[-1], view=MODAL)
        other.stop()

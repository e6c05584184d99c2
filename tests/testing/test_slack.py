"""The local Slack reaches a real Bolt app over signed HTTP, and the app reaches people."""

from __future__ import annotations

import threading
import time
from http.client import HTTPException
from typing import TYPE_CHECKING, Any

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.webhook import WebhookClient

from jobs.testing.slack import LocalSlack
from jobs.testing.slack.manifest import Registration, read
from tests.testing.slack_app import Served

if TYPE_CHECKING:
    from collections.abc import Iterator

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


@pytest.fixture
def slack() -> Iterator[LocalSlack]:
    """Yield a local Slack with a channel, whose retries come soon and whose patience is short."""
    with LocalSlack(patience=0.5, retry_pace=0.001) as made:
        made.add_channel("dev", ["ann", "ben"])
        yield made


@pytest.fixture
def served(slack: LocalSlack) -> Iterator[Served]:
    """Yield a Bolt app that hears this Slack."""
    made = Served(slack)
    made.start()
    slack.events_url = made.url
    yield made
    made.stop()


def test_a_command_is_acknowledged_and_answered(slack: LocalSlack, served: Served) -> None:
    """The form carries who and where; what ack says is seen only by the person, a later response by all."""
    got: list[dict[str, Any]] = []

    @served.app.command("/opus")
    def hear(ack: Any, body: dict[str, Any], respond: Any) -> None:
        got.append(body)
        ack("On it.")
        respond(text="Ann asked for something.", response_type="in_channel")

    delivery = slack.command("ann", "dev", "bg fix <it> & go")
    assert (delivery.status, delivery.acknowledged) == (200, True)
    assert delivery.seconds < 3
    slack.wait_for(lambda: len(slack.responses) == 2)
    assert got[0]["text"] == "bg fix <it> & go"
    assert (got[0]["user_name"], got[0]["channel_name"]) == ("ann", "dev")
    assert {(one.text, one.response_type) for one in slack.responses} == {
        ("On it.", "ephemeral"),
        ("Ann asked for something.", "in_channel"),
    }
    assert [one.text for one in slack.sees("ben", "dev")] == ["Ann asked for something."]
    assert len(slack.sees("ann", "dev")) == 2
    assert slack.violations == []
    with pytest.raises(LookupError, match="not a valid command"):
        slack.command("ann", "dev", "", command="/other")


def test_an_app_that_fails_or_sleeps_shows_an_error(slack: LocalSlack, served: Served) -> None:
    """A command is sent once; the person reads dispatch_failed or operation_timeout."""
    served.status = 500
    assert slack.command("ann", "dev", "help").status == 500
    served.status = 0
    asleep = threading.Event()

    @served.app.command("/opus")
    def sleep(ack: Any) -> None:
        asleep.wait(10)
        ack()

    slow = slack.command("ann", "dev", "help")
    asleep.set()
    assert (slow.status, slow.attempts[0].reason, slow.given_up) == (0, "http_timeout", True)
    assert [one.error for one in slack.errors_seen] == ["dispatch_failed", "operation_timeout"]
    assert len(served.headers) == 2


def test_a_mention_is_an_event_and_the_bot_answers_in_the_thread(slack: LocalSlack, served: Served) -> None:
    """The text comes as Slack escapes it, and the reply hangs under the message."""
    got: list[str] = []

    @served.app.event("app_mention")
    def hear(event: dict[str, Any], say: Any) -> None:
        got.append(event["text"])
        say(text="Yes?", thread_ts=event["ts"])

    @served.app.event("message")
    def ignore() -> None:
        pass

    delivery = slack.mention("ann", "dev", "bg 1 < 2 see https://github.com/o/r/issues/1?a=1&b=2")
    assert delivery.payload["event_id"].startswith("Ev")
    (root,) = slack.channel("dev").messages
    slack.wait_for(lambda: root.replies)
    link = "<https://github.com/o/r/issues/1?a=1&amp;b=2>"
    assert got == [f"<@{slack.bot.id}> bg 1 &lt; 2 see {link}"]
    assert (root.replies[0].text, root.replies[0].thread_ts) == ("Yes?", root.ts)
    slack.wait_for(lambda: len(slack.deliveries) == 3 and all(one.attempts for one in slack.deliveries))
    kinds = [one.payload["event"]["type"] for one in slack.deliveries]
    assert kinds == ["app_mention", "message", "message"]
    assert slack.message("ann", "dev", "more", thread_ts=root.replies[0].ts).payload["event"]["thread_ts"] == root.ts


def test_events_are_sent_again_until_they_are_taken(slack: LocalSlack, served: Served) -> None:
    """Three retries with number and reason, the same event id each time; the fourth answer counts."""
    served.status = 503
    delivery = slack.mention("ann", "dev", "hello")
    assert delivery.status == 503
    slack.wait_for(lambda: delivery.given_up)
    assert [(one.number, one.reason) for one in delivery.attempts] == [(n, "http_error") for n in range(4)]
    mine = [one for one in served.headers if one.get("x-slack-retry-num")]
    assert {one["x-slack-retry-reason"] for one in mine} == {"http_error"}
    served.status = 200
    assert slack.resend(delivery).acknowledged
    assert served.headers[-1]["x-slack-retry-num"] == "4"


def test_forged_requests_are_refused_by_bolt(slack: LocalSlack, served: Served) -> None:
    """Another secret, an old time or a made-up signature gives 401, and nothing is retried."""

    @served.app.command("/opus")
    def hear(ack: Any) -> None:
        ack()

    for forgery in ({"secret": "guessed"}, {"age": 600.0}, {"signature": "v0=00"}):
        with slack.forged(**forgery):  # type: ignore[arg-type]
            assert slack.command("ann", "dev", "help").status == 401
            assert slack.mention("ann", "dev", "help").status == 401
    assert slack.command("ann", "dev", "help").status == 200
    slack.wait_for(lambda: all(one.given_up or one.acknowledged for one in slack.deliveries))
    assert all(len(one.attempts) == 1 for one in slack.deliveries)


def test_the_address_is_verified(slack: LocalSlack, served: Served) -> None:
    """Bolt gives the challenge back."""
    delivery = slack.verify_url()
    assert delivery.status == 200
    assert delivery.payload["challenge"] in delivery.text
    assert slack.violations == []


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


def test_a_response_url_is_good_five_times(slack: LocalSlack, served: Served) -> None:
    """The sixth use is 404, bad blocks are 400, and the original can be replaced and deleted."""
    urls: list[str] = []

    @served.app.command("/opus")
    def keep(ack: Any, body: dict[str, Any]) -> None:
        urls.append(body["response_url"])
        ack()

    slack.command("ann", "dev", "help")
    client = WebhookClient(urls[0])
    assert client.send(text="one").body == "ok"
    assert client.send(text="two", replace_original=True).status_code == 200
    assert [one.text for one in slack.sees("ann", "dev")] == ["two"]
    assert client.send(blocks=[{"type": "nonsense"}]).status_code == 400
    assert client.send(delete_original=True).status_code == 200
    assert slack.sees("ann", "dev") == []
    assert client.send(text="five", response_type="in_channel").status_code == 200
    sixth = client.send(text="six")
    assert (sixth.status_code, "used_url" in sixth.body) == (404, True)
    assert [one.error for one in slack.violations] == ["invalid_blocks", "used_url"]
    assert len(slack.calls_of("response_url")) == 6


def test_direct_messages_and_the_home_tab(slack: LocalSlack, served: Served) -> None:
    """A direct message is message.im and no mention; opening the home tab tells the app, which publishes one."""
    got: list[dict[str, Any]] = []

    @served.app.event("message")
    def hear(event: dict[str, Any]) -> None:
        got.append(event)

    @served.app.event("app_home_opened")
    def publish(event: dict[str, Any], client: Any) -> None:
        blocks = [{"type": "divider"}]
        client.views_publish(user_id=event["user"], view={"type": "home", "blocks": blocks})

    direct = slack.direct("ann")
    assert slack.message("ann", direct, f"<@{slack.bot.id}> help").status == 200
    slack.wait_for(lambda: got)
    assert (got[0]["channel_type"], got[0]["channel"]) == ("im", direct.id)
    assert [one.payload["event"]["type"] for one in slack.deliveries] == ["message"]
    assert slack.home("ann") is None
    slack.open_home("ann")
    home = slack.wait_for(lambda: slack.home("ann"))
    assert home is not None
    assert home.blocks[0]["type"] == "divider"


def test_the_app_hears_only_what_it_registered_for(slack: LocalSlack) -> None:
    """A manifest gives scopes, events and commands, and one that Slack would not take is refused."""
    manifest: dict[str, Any] = {
        "display_information": {"name": "Opus 67"},
        "features": {
            "slash_commands": [{"command": "/opus", "description": "x", "url": "https://x.test", "should_escape": True}]
        },
        "oauth_config": {"scopes": {"bot": ["commands", "app_mentions:read"]}},
        "settings": {
            "event_subscriptions": {"request_url": "https://x.test", "bot_events": ["app_mention"]},
            "interactivity": {"is_enabled": True, "request_url": "https://x.test"},  # and no message_menu_options_url
        },
    }
    registration = read(manifest)
    assert registration == Registration(
        frozenset({"commands", "app_mentions:read"}), frozenset({"app_mention"}), {"/opus": True}, suggests=False
    )
    with LocalSlack(registration=registration) as strict:
        strict.add_channel("dev", ["ann"])
        strict.add_channel("quiet", ["ann"], with_bot=False)
        served = Served(strict)
        served.start()
        strict.events_url = served.url
        with pytest.raises(LookupError, match="does not hear message"):
            strict.message("ann", "dev", "hello")
        with pytest.raises(LookupError, match="does not hear app_mention"):
            strict.mention("ann", "quiet", "hello")
        with pytest.raises(SlackApiError, match="missing_scope"):
            served.app.client.chat_postMessage(channel="dev", text="hello")
        assert strict.command("ann", "dev", "a < b").payload["text"] == "a &lt; b"
        served.stop()
    manifest["settings"]["event_subscriptions"]["bot_events"].append("message.channels")
    with pytest.raises(ValueError, match="channels:history"):
        read(manifest)


def test_an_outage_drops_every_call_until_it_is_over(slack: LocalSlack, served: Served) -> None:
    """While Slack is down each call is cut and recorded; then all is well, and people's words still reach the app."""
    slack.down()
    with pytest.raises((ConnectionError, HTTPException)):
        served.app.client.chat_postMessage(channel="dev", text="lost")
    slack.up()
    served.app.client.chat_postMessage(channel="dev", text="found")
    assert [(one.status, one.fault) for one in slack.calls_of("chat.postMessage")][-1] == (200, False)
    assert {(one.status, one.fault) for one in slack.calls_of("chat.postMessage")[:-1]} == {(0, True)}
    assert [one.text for one in slack.channel("dev").messages] == ["found"]


def test_faults_are_set_for_one_method(slack: LocalSlack, served: Served) -> None:
    """A rate limit says when to come back, and a lost answer has done what was asked."""
    client = served.app.client
    slack.faults.add("*", r"/chat\.postMessage$", status=429, headers={"Retry-After": "7"})
    with pytest.raises(SlackApiError) as limited:
        client.chat_postMessage(channel="dev", text="too fast")
    assert limited.value.response["error"] == "ratelimited"
    assert limited.value.response.headers["Retry-After"] == "7"
    slack.faults.add("*", r"/chat\.postMessage$", status=500, after=True)
    with pytest.raises(SlackApiError, match="internal_error"):
        client.chat_postMessage(channel="dev", text="lost answer")
    assert [one.text for one in slack.channel("dev").messages] == ["lost answer"]
    began = time.monotonic()
    slack.faults.add("*", r"/users\.info$", delay=0.2)
    assert client.users_info(user=slack.bot.id)["user"]["is_bot"] is True
    assert time.monotonic() - began >= 0.2

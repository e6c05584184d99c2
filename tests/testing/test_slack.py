"""The local Slack reaches a real Bolt app over signed HTTP, and the app reaches people."""

from __future__ import annotations

import threading
import time
from http.client import HTTPException
from typing import Any

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.webhook import WebhookClient

from jobs.testing.slack import LocalSlack
from jobs.testing.slack.manifest import Registration, read
from tests.testing.slack_app import Served


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

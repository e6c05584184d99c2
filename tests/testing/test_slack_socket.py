"""Socket Mode of the local Slack, with the handler and the client that come with Bolt."""

from __future__ import annotations

import http.client
import json
import threading
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from slack_bolt.adapter.socket_mode.builtin import SocketModeHandler

from jobs.testing.slack import LocalSlack
from tests.testing.slack_app import bolt_app

if TYPE_CHECKING:
    from collections.abc import Iterator

    from slack_bolt import App


@pytest.fixture
def slack() -> Iterator[LocalSlack]:
    """Yield a local Slack with Socket Mode and a channel."""
    with LocalSlack(socket_mode=True, patience=3.0, retry_pace=0.001) as made:
        made.add_channel("dev", ["ann"])
        yield made


@pytest.fixture
def app(slack: LocalSlack) -> App:
    """Return a Bolt app that talks to this Slack."""
    return bolt_app(slack)


@pytest.fixture
def handler(slack: LocalSlack, app: App) -> Iterator[SocketModeHandler]:
    """Yield a handler whose connection stands."""
    made = connected(slack, app)
    slack.wait_for(lambda: slack.connections == 1, what="a connection")
    yield made
    close(slack, made)


def connected(slack: LocalSlack, app: App) -> SocketModeHandler:
    """Return a handler that looks after its connection often."""
    made = SocketModeHandler(app, slack.environment()["SLACK_APP_TOKEN"], ping_interval=0.2)
    made.connect()
    return made


def close(slack: LocalSlack, handler: SocketModeHandler) -> None:
    """Close the handler; its client waits three seconds for the last words of a connection that still stands."""
    handler.client.auto_reconnect_enabled = False
    slack.cut()
    slack.wait_for(lambda: not handler.client.is_connected(), what="the end of the client's connection")
    handler.close()


def test_commands_events_and_buttons_come_over_the_socket(
    slack: LocalSlack, app: App, handler: SocketModeHandler
) -> None:
    """Each is acknowledged; the answer to a command rides on the acknowledgement."""
    heard: list[str] = []

    @app.command("/opus")
    def command(ack: Any) -> None:
        ack("On it.")

    @app.event("app_mention")
    def mention(event: dict[str, Any]) -> None:
        heard.append(event["text"])

    @app.action("go")
    def press(ack: Any, body: dict[str, Any]) -> None:
        heard.append(body["actions"][0]["value"])
        ack()

    assert slack.command("ann", "dev", "help").status == 200
    assert [one.text for one in slack.responses] == ["On it."]
    assert slack.mention("ann", "dev", "hello").acknowledged
    button = {"type": "button", "action_id": "go", "text": {"type": "plain_text", "text": "Go"}, "value": "1"}
    app.client.chat_postMessage(channel="dev", text="x", blocks=[{"type": "actions", "elements": [button]}])
    assert slack.press("ann", slack.channel("dev").messages[-1], "go").acknowledged
    slack.wait_for(lambda: len(heard) == 2)
    assert heard == [f"<@{slack.bot.id}> hello", "1"]
    assert len(slack.acknowledgements) >= 3
    assert slack.violations == []


@pytest.mark.parametrize("reset", [True, False])
def test_a_cut_connection_is_made_again_and_the_event_comes_again(
    slack: LocalSlack, app: App, handler: SocketModeHandler, *, reset: bool
) -> None:
    """What was not acknowledged when the connection broke is sent over the next one, as a retry."""
    heard: list[str] = []
    reached, released = threading.Event(), threading.Event()

    @app.event({"type": "app_mention"})
    def mention(body: dict[str, Any]) -> None:
        heard.append(body["event_id"])

    @app.middleware
    def hold(next: Any) -> None:  # noqa: A002 - Bolt's own word
        if not reached.is_set():
            reached.set()
            released.wait(10)
        next()

    message = threading.Thread(target=slack.mention, args=("ann", "dev", "hello"))
    message.start()
    assert reached.wait(5)
    slack.cut(reset=reset)
    released.set()
    message.join()
    delivery = slack.deliveries[0]
    slack.wait_for(lambda: delivery.acknowledged, what="the second try")
    assert delivery.attempts[0].reason == "connection_failed"
    assert [one.number for one in delivery.attempts] == [0, 1]
    assert set(heard) == {delivery.id}


def test_what_happens_while_nobody_listens_waits(slack: LocalSlack, app: App) -> None:
    """An event waits for the first connection; a command fails at once, and the person sees it."""
    heard: list[str] = []

    @app.event("app_mention")
    def mention(event: dict[str, Any]) -> None:
        heard.append(event["text"])

    delivery = slack.mention("ann", "dev", "hello")
    assert slack.command("ann", "dev", "help").given_up
    assert [one.error for one in slack.errors_seen] == ["dispatch_failed"]
    handler = connected(slack, app)
    slack.wait_for(lambda: delivery.acknowledged and heard, what="the event")
    close(slack, handler)


def test_slack_may_ask_to_connect_anew(slack: LocalSlack, app: App, handler: SocketModeHandler) -> None:
    """After a disconnect message the client takes a new address, and all goes on."""

    @app.command("/opus")
    def command(ack: Any) -> None:
        ack()

    slack.refresh()
    assert slack.connections == 0
    slack.wait_for(lambda: slack.connections == 1, what="the new connection")
    assert len(slack.calls_of("apps.connections.open")) == 2
    assert slack.command("ann", "dev", "help").status == 200


def test_an_outage_cuts_the_sockets_too(slack: LocalSlack, app: App, handler: SocketModeHandler) -> None:
    """While Slack is down no connection can be made; when it is back the client finds it again."""

    @app.command("/opus")
    def command(ack: Any) -> None:
        ack()

    slack.down()
    assert slack.connections == 0
    slack.wait_for(lambda: len(slack.calls_of("apps.connections.open")) > 1, what="a vain try")
    assert slack.calls_of("apps.connections.open")[-1].status == 0
    slack.up()
    slack.wait_for(lambda: slack.connections == 1, what="the connection", timeout=20)
    assert slack.command("ann", "dev", "help").status == 200


def test_an_address_is_good_once(slack: LocalSlack, app: App) -> None:
    """A ticket that nobody handed out, or that was used, opens nothing."""
    url = urlsplit(str(app.client.apps_connections_open(app_token=slack.app_token)["url"]))
    upgrade = {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version": "13",
    }

    def opened(query: str) -> int:
        connection = http.client.HTTPConnection(url.netloc, timeout=5)
        connection.request("GET", f"/link/?{query}", headers=upgrade)
        status = connection.getresponse().status
        connection.close()
        return status

    assert opened("ticket=invented") == 404
    assert opened(url.query) == 101
    assert opened(url.query) == 404


def test_a_wrong_acknowledgement_is_a_violation(slack: LocalSlack, app: App, handler: SocketModeHandler) -> None:
    """Envelopes that were never sent, payloads that nobody wants, and what is no JSON are kept."""
    for text in ('{"envelope_id": "invented"}', "nonsense", json.dumps([])):
        handler.client.send_message(text)
    slack.wait_for(lambda: len(slack.violations) == 3)
    assert {one.error for one in slack.violations} == {"unknown_envelope"}

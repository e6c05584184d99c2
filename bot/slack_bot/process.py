"""`opus67 slack`: tells what happens to tasks, and hears through Socket Mode where that is set up."""

from __future__ import annotations

import logging
import signal
import threading
from typing import TYPE_CHECKING

from config.settings import load, require
from jobs import logs
from jobs.services import build
from jobs.types import UserError

if TYPE_CHECKING:
    import argparse

    from slack_bolt.adapter.socket_mode import SocketModeHandler

    from jobs.services import Services

PING_SECONDS = 2
"""How often a connection is tried; the library gives up a lost one after four or five times as long."""
FIRST_WAIT, LONGEST_WAIT = 1.0, 30.0
CLOSE_SECONDS = 3.0

log = logging.getLogger(__name__)


def run_slack(_arguments: argparse.Namespace) -> int:
    """Run until asked to stop."""
    settings = require(load())
    if not settings.slack_bot_token:
        raise UserError(
            "SLACK_BOT_TOKEN is not set. Make the app from deploy/slack.yml, install it, and set its token."
        )
    logs.set_up(settings)
    services = build(settings)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: services.stopping.set())
    run(services)
    return 0


def run(services: Services) -> None:
    """Tell, and listen where there is an app token, until the services are stopping."""
    from bot.slack_bot.telling import SlackSurface  # noqa: PLC0415 - a missing setting is told without Slack's library
    from bot.telling import ChatTeller  # noqa: PLC0415 - likewise

    _introduce(services)
    teller = threading.Thread(target=ChatTeller(services, SlackSurface(services)).run, name="teller", daemon=True)
    teller.start()
    if services.settings.slack_app_token:
        _listen(services)
    services.stopping.wait()
    teller.join(CLOSE_SECONDS)
    services.close()


def _introduce(services: Services) -> None:
    """Say in the log as whom Slack knows us, or why it does not: silence would look like work."""
    from slack_sdk import WebClient  # noqa: PLC0415 - likewise
    from slack_sdk.errors import SlackApiError  # noqa: PLC0415 - likewise

    settings = services.settings
    try:
        found = WebClient(settings.slack_bot_token, base_url=settings.slack_api_url, timeout=10).auth_test()
    except SlackApiError as refused:
        reason = refused.response.get("error", "no reason given")
        log.error("Slack refuses SLACK_BOT_TOKEN (%s); `opus67 doctor` tells what helps", reason)  # noqa: TRY400 - no fault of ours
    except (OSError, ValueError) as away:
        log.warning("Slack does not answer now (%s); trying again as there is something to say", away)
    else:
        log.info("connected to Slack as %s in %s", found.get("user"), found.get("team"))


def _listen(services: Services) -> None:
    """Hold a connection to Slack until the services are stopping; once it stands the library renews it by itself."""
    from slack_bolt.adapter.socket_mode import SocketModeHandler  # noqa: PLC0415 - only with Socket Mode

    from bot.slack_bot.hearing import build_app  # noqa: PLC0415 - likewise
    from bot.slack_bot.keeping import Keeper  # noqa: PLC0415 - likewise
    from bot.wake import BackgroundWaker  # noqa: PLC0415 - likewise
    from jobs.keys import signing_key  # noqa: PLC0415 - likewise

    settings = services.settings
    keeper = Keeper(services.store, BackgroundWaker(settings.redis_url, signing_key(settings)))
    app = build_app(settings, keeper)
    # It would tell of an outage every two seconds.
    quiet = logging.getLogger("opus67.slack.socket")
    quiet.setLevel(logging.CRITICAL)
    handler = SocketModeHandler(app, settings.slack_app_token, logger=quiet, ping_interval=PING_SECONDS)
    _connect(services, handler)
    _watch(services, handler)
    closing = threading.Thread(target=handler.client.close, name="closing", daemon=True)
    closing.start()
    closing.join(CLOSE_SECONDS)
    keeper.close()


def _connect(services: Services, handler: SocketModeHandler) -> None:
    from slack_sdk.errors import SlackClientError  # noqa: PLC0415 - only with Socket Mode

    wait = FIRST_WAIT
    while not services.stopping.is_set():
        try:
            handler.client.connect()
        except (SlackClientError, OSError) as error:
            log.warning("Slack's Socket Mode cannot be reached; trying again in %g s: %s", wait, error)
            services.stopping.wait(wait)
            wait = min(2 * wait, LONGEST_WAIT)
        else:
            return


def _watch(services: Services, handler: SocketModeHandler) -> None:
    """Say when the connection is lost and when it is back, until the services are stopping."""
    connected = True
    while not services.stopping.wait(1.0):
        if handler.client.is_connected() is not connected:
            connected = not connected
            log.warning("Slack's Socket Mode is %s", "back" if connected else "lost; connecting anew")

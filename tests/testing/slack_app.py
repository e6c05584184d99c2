"""A real Bolt app behind Flask, whose listeners a test sets, for the tests of the local Slack."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from flask import Flask, Response, request
from slack_bolt import App
from slack_bolt.adapter.flask import SlackRequestHandler
from slack_sdk import WebClient
from werkzeug.serving import make_server

if TYPE_CHECKING:
    from jobs.testing.slack import LocalSlack


def bolt_app(slack: LocalSlack) -> App:
    """Return a Bolt app that talks to this Slack; it is silent, since some tests make it fail."""
    settings = slack.environment()
    logger = logging.getLogger("tests.slack_app")
    logger.setLevel(logging.CRITICAL)
    return App(
        logger=logger,
        client=WebClient(settings["SLACK_BOT_TOKEN"], base_url=settings["SLACK_API_URL"]),
        signing_secret=settings["SLACK_SIGNING_SECRET"],
        token_verification_enabled=False,
    )


class Served:
    """The Bolt app on loopback, and the headers of every request that came."""

    def __init__(self, slack: LocalSlack) -> None:
        self.app = bolt_app(slack)
        self.headers: list[dict[str, str]] = []
        self.status = 0
        """When set, what every request is answered with instead of by Bolt."""
        web = Flask("tests.slack_app")
        web.add_url_rule("/slack/events", view_func=self._receive, methods=["POST"])
        self._handler = SlackRequestHandler(self.app)
        self._server = make_server("127.0.0.1", 0, web, threaded=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/slack/events"

    def start(self) -> None:
        logging.getLogger("werkzeug").setLevel(logging.CRITICAL)
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _receive(self) -> Response:
        self.headers.append({name.lower(): value for name, value in request.headers.items()})
        if self.status:
            return Response("broken", self.status)
        return self._handler.handle(request)

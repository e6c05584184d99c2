"""POST /slack/events: Slack's events, commands, buttons and forms over HTTP; the signature is checked first."""

from __future__ import annotations

import json
import re
import threading
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from flask import Blueprint, Response, request

if TYPE_CHECKING:
    from slack_bolt.adapter.flask import SlackRequestHandler

    from bot.slack_bot.keeping import Waker
    from config.settings import Settings
    from jobs.store import Store

LARGEST_BODY = 1024 * 1024
"""Slack's requests stay far below this."""
NOT_SET_UP = (
    "Slack is not set up here: set SLACK_BOT_TOKEN and SLACK_SIGNING_SECRET, then send the manifest deploy/slack.yml "
    "to Slack. With SLACK_APP_TOKEN alone Slack is heard through Socket Mode, without this address."
)
_TIMESTAMP = re.compile(r"[0-9]{1,12}", re.ASCII)
_SIGNATURE = re.compile(r"v0=[0-9a-f]{64}", re.ASCII)


def slack_blueprint(settings: Settings, store: Store, waker: Waker) -> Blueprint:
    """Build the blueprint; Slack's library is imported with the first signed request, and not at all without Slack."""
    blueprint = Blueprint("slack", __name__)
    door = _Door(settings, store, waker)
    configured = bool(settings.slack_bot_token and settings.slack_signing_secret)

    @blueprint.post("/slack/events")
    def slack() -> Response:
        if not configured:
            return _say(NOT_SET_UP, 404)
        request.max_content_length = LARGEST_BODY  # a body in chunks announces no length
        if (request.content_length or 0) > LARGEST_BODY:
            return _say("the body is larger than anything that Slack sends", 413)
        return door.answer()

    return blueprint


class _Door:
    """The Bolt app of this process, made once, when it is first needed."""

    def __init__(self, settings: Settings, store: Store, waker: Waker) -> None:
        self._settings, self._store, self._waker = settings, store, waker
        self._lock = threading.Lock()

    def answer(self) -> Response:
        if not self._is_signed():
            return _say("the signature or its time is missing or wrong; check SLACK_SIGNING_SECRET and the clock", 401)
        if not _is_slacks(request.get_data(as_text=True), request.mimetype):
            return _say("the body is nothing that Slack sends", 400)
        try:
            with self._lock:
                handler = self._handler
            return handler.handle(request)
        except ValueError:
            return _say("the body cannot be read", 400)

    def _is_signed(self) -> bool:
        """Check what is signed before anything reads it: nobody but Slack gets to Bolt's parsers."""
        timestamp = request.headers.get("X-Slack-Request-Timestamp", "")
        signature = request.headers.get("X-Slack-Signature", "")
        if not (_TIMESTAMP.fullmatch(timestamp) and _SIGNATURE.fullmatch(signature)):
            return False
        from slack_sdk.signature import SignatureVerifier  # noqa: PLC0415 - not before it is needed

        try:
            body = request.get_data().decode()
        except UnicodeDecodeError:
            return False
        return SignatureVerifier(self._settings.slack_signing_secret).is_valid(body, timestamp, signature)

    @cached_property
    def _handler(self) -> SlackRequestHandler:
        from slack_bolt.adapter.flask import SlackRequestHandler  # noqa: PLC0415 - 20 MB, and only Slack's users need it

        from bot.slack_bot.hearing import build_app  # noqa: PLC0415 - likewise
        from bot.slack_bot.keeping import Keeper  # noqa: PLC0415 - likewise

        keeper = Keeper(self._store, self._waker)
        return SlackRequestHandler(build_app(self._settings, keeper))


def _is_slacks(body: str, kind: str) -> bool:
    """Tell whether a body, or the payload in a form, is the JSON object that Bolt takes it for without a look."""
    if kind == "application/x-www-form-urlencoded":
        body = dict(parse_qsl(body)).get("payload", "{}")
    try:
        return isinstance(json.loads(body), dict)
    except (ValueError, RecursionError):
        return False


def _say(message: str, status: int) -> Response:
    return Response(json.dumps({"message": message}), status, mimetype="application/json")

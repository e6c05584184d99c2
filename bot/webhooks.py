"""POST /webhooks/github: verify the signature over the raw bytes, store what is wanted, wake a worker, answer 202."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import re
import time
from typing import TYPE_CHECKING

from flask import Blueprint, Response, request

from bot.triggers import wanted
from jobs.types import Delivery

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from bot.wake import BackgroundWaker
    from jobs.store import Store

LARGEST_BODY = 25 * 1024 * 1024
"""GitHub's own limit (https://docs.github.com/webhooks/webhook-events-and-payloads#payload-cap)."""
PATH = "/webhooks/github"

_SIGNATURE = re.compile(r"sha256=([0-9a-f]{64})", re.ASCII)
_GUID = re.compile(r"[0-9A-Za-z-]{8,80}", re.ASCII)
_EVENT = re.compile(r"[a-z0-9_]{1,60}", re.ASCII)
_LENGTH = re.compile(r"[0-9]{1,8}", re.ASCII)
_ACTION_FIRST = re.compile(rb'\{"action":"([a-z0-9_]{1,60})"[,}]')
"""How GitHub begins every payload that has an action."""
_PHRASES = {202: "202 Accepted", 400: "400 Bad Request", 401: "401 Unauthorized", 503: "503 Service Unavailable"}

log = logging.getLogger(__name__)


class Receiver:
    """Takes GitHub's webhooks; two secrets are valid at once while one replaces the other."""

    def __init__(self, store: Store, waker: BackgroundWaker, secrets: Sequence[str]) -> None:
        self._store, self._waker = store, waker
        self._keys = [secret.encode() for secret in secrets]

    def blueprint(self) -> Blueprint:
        """Return the route for what ``in_front_of`` leaves to Flask: bodies of unknown or great length."""
        blueprint = Blueprint("webhooks", __name__)

        @blueprint.post(PATH)
        def github() -> tuple[Response, int]:
            names = ("X-Hub-Signature-256", "X-GitHub-Event", "X-GitHub-Delivery")
            message, status = self.take(
                request.get_data(cache=False), *(request.headers.get(name, "") for name in names)
            )
            return Response(_said(message), mimetype="application/json"), status

        return blueprint

    def in_front_of(self, application: WSGIApplication) -> WSGIApplication:
        """Return an application that answers plain webhooks itself, without Flask's cost, and hands on the rest."""

        def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
            if environ["PATH_INFO"] != PATH or environ["REQUEST_METHOD"] != "POST":
                return application(environ, start_response)
            length = environ.get("CONTENT_LENGTH") or ""
            if not _LENGTH.fullmatch(length) or int(length) > LARGEST_BODY or "HTTP_TRANSFER_ENCODING" in environ:
                return application(environ, start_response)
            message, status = self.take(
                environ["wsgi.input"].read(int(length)),
                environ.get("HTTP_X_HUB_SIGNATURE_256", ""),
                environ.get("HTTP_X_GITHUB_EVENT", ""),
                environ.get("HTTP_X_GITHUB_DELIVERY", ""),
            )
            body = _said(message)
            headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
            start_response(_PHRASES[status], headers)
            return [body]

        return answer

    def take(self, body: bytes, signature: str, event: str, guid: str) -> tuple[str, int]:
        """Take a webhook; return what to say to its sender, and the status."""
        if not is_signed(body, signature, self._keys):
            return "the signature is missing or wrong; check GITHUB_WEBHOOK_SECRET", 401
        if not (_EVENT.fullmatch(event) and _GUID.fullmatch(guid)):
            return "the headers X-GitHub-Event and X-GitHub-Delivery are missing or malformed", 400
        action = action_of(body)
        if action is None:
            return "the body is not a JSON object; set the webhook's content type to application/json", 400
        if not wanted(event, action):
            return "not wanted", 202
        try:
            if self._store.deliveries.add(Delivery(guid, "github", event, body, time.time())):
                self._waker.delivery(guid)
        except self._store.UNAVAILABLE:
            log.exception("delivery %s could not be stored", guid)
            return "the delivery could not be stored; it is fetched again later", 503
        return "stored", 202


def is_signed(body: bytes, header: str, keys: Sequence[bytes]) -> bool:
    """Tell whether a signature header is that of one of the keys, in constant time; only sha256 counts."""
    match = _SIGNATURE.fullmatch(header)
    if match is None:
        return False
    given = bytes.fromhex(match[1])
    valid = [hmac.compare_digest(given, hmac.digest(key, body, hashlib.sha256)) for key in keys]
    return any(valid)


def action_of(body: bytes) -> str | None:
    """Return the action of a payload, nothing where it has none, and None where it is no JSON object.

    The body is signed, so one that begins as GitHub's do is taken to be GitHub's: it is read by the worker.
    """
    first = _ACTION_FIRST.match(body)
    if first and body.endswith(b"}"):
        return first[1].decode()
    try:
        payload = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return str(payload.get("action", "")) if isinstance(payload, dict) else None


def _said(message: str) -> bytes:
    return json.dumps({"message": message}).encode()

"""POST /webhooks/github: verify the signature over the raw bytes, store what is wanted, wake a worker, answer 202."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import time
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, current_app, request

from bot.triggers import wanted
from jobs.types import Delivery

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.wake import BackgroundWaker
    from jobs.store import Store

LARGEST_BODY = 25 * 1024 * 1024
"""GitHub's own limit (https://docs.github.com/webhooks/webhook-events-and-payloads#payload-cap)."""

_SIGNATURE = re.compile(r"sha256=([0-9a-f]{64})", re.ASCII)
_GUID = re.compile(r"[0-9A-Za-z-]{8,80}", re.ASCII)
_EVENT = re.compile(r"[a-z0-9_]{1,60}", re.ASCII)


def receiver(store: Store, waker: BackgroundWaker, secrets: Sequence[str]) -> Blueprint:
    """Build the blueprint; two secrets are valid at once while one replaces the other."""
    blueprint = Blueprint("webhooks", __name__)
    keys = [secret.encode() for secret in secrets]

    @blueprint.post("/webhooks/github")
    def github() -> tuple[Response, int]:
        body = request.get_data(cache=False)
        if not is_signed(body, request.headers.get("X-Hub-Signature-256", ""), keys):
            return _say("the signature is missing or wrong; check GITHUB_WEBHOOK_SECRET", 401)
        payload = _read(body)
        if payload is None:
            return _say("the body is not a JSON object; set the webhook's content type to application/json", 400)
        event, guid = request.headers.get("X-GitHub-Event", ""), request.headers.get("X-GitHub-Delivery", "")
        if not (_EVENT.fullmatch(event) and _GUID.fullmatch(guid)):
            return _say("the headers X-GitHub-Event and X-GitHub-Delivery are missing or malformed", 400)
        if not wanted(event, str(payload.get("action", ""))):
            return _say("not wanted", 202)
        return _keep(Delivery(guid, "github", event, body, time.time()))

    def _keep(delivery: Delivery) -> tuple[Response, int]:
        try:
            if store.deliveries.add(delivery):
                waker.delivery(delivery.guid)
        except store.UNAVAILABLE:
            current_app.logger.exception("delivery %s could not be stored", delivery.guid)
            return _say("the delivery could not be stored; it is fetched again later", 503)
        return _say("stored", 202)

    return blueprint


def is_signed(body: bytes, header: str, keys: Sequence[bytes]) -> bool:
    """Tell whether a signature header is that of one of the keys, in constant time; only sha256 counts."""
    match = _SIGNATURE.fullmatch(header)
    if match is None:
        return False
    given = bytes.fromhex(match[1])
    valid = [hmac.compare_digest(given, hmac.digest(key, body, hashlib.sha256)) for key in keys]
    return any(valid)


def _read(body: bytes) -> dict[str, Any] | None:
    try:
        payload = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return payload if isinstance(payload, dict) else None


def _say(message: str, status: int) -> tuple[Response, int]:
    return Response(json.dumps({"message": message}), mimetype="application/json"), status

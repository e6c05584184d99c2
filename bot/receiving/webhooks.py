"""POST /webhooks/github: verify the signature over the raw bytes, store what is wanted, wake a worker, answer 202."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import re
import time
from functools import cache
from typing import TYPE_CHECKING

from flask import Blueprint, Response, request

from bot.triggers import wanted
from jobs.store import is_locked
from jobs.types import Delivery

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.receiving.spool import Spool
    from bot.wake import BackgroundWaker
    from jobs.store import Store

LOCK_SECONDS = 0.5
"""How long a webhook waits for a lock of the database."""
LARGEST_BODY = 25 * 1024 * 1024
"""GitHub's own limit (https://docs.github.com/webhooks/webhook-events-and-payloads#payload-cap)."""
PATH = "/webhooks/github"
HEADERS = ("x-hub-signature-256", "x-github-event", "x-github-delivery")

_SIGNATURE = re.compile(r"sha256=([0-9a-f]{64})", re.ASCII)
_GUID = re.compile(r"[0-9A-Za-z-]{8,80}", re.ASCII)
_EVENT = re.compile(r"[a-z0-9_]{1,60}", re.ASCII)
_ACTION_FIRST = re.compile(rb'\{"action":"([a-z0-9_]{1,60})"[,}]')
"""How GitHub begins every payload that has an action."""

log = logging.getLogger(__name__)


Said = tuple[str, int]
"""What to say to a sender, and the status."""
STORED: Said = ("stored", 202)
NOT_WANTED: Said = ("not wanted", 202)
NOT_STORED: Said = ("the delivery could not be stored; it is fetched again later", 503)
NOT_SIGNED: Said = ("the signature is missing or wrong; check GITHUB_WEBHOOK_SECRET", 401)
NOT_GITHUBS: Said = ("the headers X-GitHub-Event and X-GitHub-Delivery are missing or malformed", 400)
NOT_JSON: Said = ("the body is not a JSON object; set the webhook's content type to application/json", 400)


class Receiver:
    """Takes GitHub's webhooks; two secrets are valid at once while one replaces the other."""

    def __init__(self, store: Store, waker: BackgroundWaker, secrets: Sequence[str], spool: Spool) -> None:
        self._store, self._waker, self._spool = store, waker, spool
        self._keys = [secret.encode() for secret in secrets]

    def blueprint(self) -> Blueprint:
        """Return the route for what the front leaves to Flask: bodies of unknown or too great length."""
        blueprint = Blueprint("webhooks", __name__)

        @blueprint.post(PATH)
        def github() -> tuple[Response, int]:
            headers = (request.headers.get(name, "") for name in HEADERS)
            found = self.judge(request.get_data(cache=False), *headers)
            message, status = self._keep(found) if isinstance(found, Delivery) else found
            return Response(said(message), mimetype="application/json"), status

        return blueprint

    def judge(self, body: bytes, signature: str, event: str, guid: str) -> Delivery | Said:
        """Return the delivery that is to be stored, or what to say to its sender where there is none."""
        if not is_signed(body, signature, self._keys):
            return NOT_SIGNED
        if not (_EVENT.fullmatch(event) and _GUID.fullmatch(guid)):
            return NOT_GITHUBS
        action = action_of(body)
        if action is None:
            return NOT_JSON
        return Delivery(guid, "github", event, body, time.time()) if wanted(event, action) else NOT_WANTED

    def write(self, batch: Sequence[Delivery]) -> Sequence[Said]:
        """Store deliveries in one transaction and wake somebody for those with work to do.

        While the database is locked they are kept in the spool, and stored from there.
        """
        if self._spool.is_in_use:
            return self._kept(batch)
        try:
            to_do = self._store.deliveries.add_all(batch, LOCK_SECONDS)
        except self._store.UNAVAILABLE as error:
            if is_locked(error):
                return self._kept(batch)
            log.exception("%d deliveries could not be stored, the first is %s", len(batch), batch[0].guid)
            return [NOT_STORED] * len(batch)
        for delivery, is_to_do in zip(batch, to_do, strict=True):
            if is_to_do:
                self._waker.delivery(delivery.guid)
        return [STORED] * len(batch)

    def _kept(self, batch: Sequence[Delivery]) -> Sequence[Said]:
        try:
            self._spool.keep(batch)
        except OSError:
            log.exception("%d deliveries could not be kept, the first is %s", len(batch), batch[0].guid)
            return [NOT_STORED] * len(batch)
        return [STORED] * len(batch)

    def _keep(self, delivery: Delivery) -> Said:
        return self.write([delivery])[0]


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


@cache
def said(message: str) -> bytes:
    """Return the body of an answer."""
    return json.dumps({"message": message}).encode()

"""POST /webhooks/ci/<name>: a CI of the operator's own reports how it ended; signed, checked, stored, then 202."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import time
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, current_app, request

from bot.receiving.webhooks import is_signed
from jobs.types import Delivery, UserError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.wake import BackgroundWaker
    from config.settings import Settings
    from jobs.store import Store

SOURCE = "ci"
LARGEST_BODY = 5 * 1024 * 1024
MOST_REPORTS = 100
SIGNATURE, DELIVERY = "X-Opus67-Signature-256", "X-Opus67-Delivery"
CONCLUSIONS = ("failure", "success")

_DELIVERY = re.compile(r"[0-9A-Za-z._-]{8,80}", re.ASCII)
_URL = re.compile(r"https://[^\x00-\x20\x7f-\U0010ffff<>\"{}|\\^`]{1,1990}")
"""What may stand in an address: https://www.rfc-editor.org/rfc/rfc3986#section-2"""
_FORMS = {
    "repository": (re.compile(r"[A-Za-z0-9][\w-]{0,99}/(?!\.{1,2}$)[\w.-]{1,100}", re.ASCII), "owner/name"),
    "sha": (re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?", re.ASCII), "a whole commit, 40 or 64 digits 0-9 and a-f"),
    "branch": (re.compile(r"[^\x00-\x20\x7f~^:?*\[\\]{1,200}"), "the name of a branch"),
    "workflow": (re.compile(r"[^\x00-\x1f\x7f]{1,200}"), "a name of at most 200 characters, in one line"),
    "actor": (re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]{0,99})", re.ASCII), "a GitHub login"),
    "command": (re.compile(r"[^\x00-\x08\x0b-\x1f\x7f]{1,4000}"), "a command line of at most 4000 characters"),
}
NEEDED = ("repository", "sha", "branch", "conclusion", "workflow")
KNOWN = (*NEEDED, "pull_request", "url", "command", "log", "log_url", "junit", "junit_url", "actor")


class Malformed(Exception):
    """A report that is not in the documented form; the message says what is wrong with it."""


def reports(settings: Settings, store: Store, waker: BackgroundWaker) -> Blueprint:
    """Build the blueprint; a name that is not known is answered as a wrong signature is, and as slowly."""
    blueprint = Blueprint("ci_reports", __name__)
    keys: dict[str, list[bytes]] = {}
    for one in settings.ci_secrets:
        keys.setdefault(one.name, []).append(one.secret.encode())
    nobody = [secrets.token_bytes(32)]

    @blueprint.post("/webhooks/ci/<name>")
    def report(name: str) -> tuple[Response, int]:
        request.max_content_length = LARGEST_BODY
        body = request.get_data(cache=False)
        if not is_signed(body, request.headers.get(SIGNATURE, ""), keys.get(name, nobody)):
            return _say(f"the name or the signature is wrong: {SIGNATURE} is sha256= and the HMAC of the body", 401)
        try:
            found = read(body)
            check_hosts(found, settings)
            number = delivery_of(name, request.headers.get(DELIVERY, ""), body)
        except Malformed as error:
            return _say(str(error), 400)
        try:
            if store.deliveries.add(Delivery(number, SOURCE, name, body, time.time())):
                waker.delivery(number)
        except store.UNAVAILABLE:
            current_app.logger.exception("the report %s could not be stored", number)
            return _say("the report could not be stored; send it again", 503)
        return _say("stored", 202, delivery=number)

    @blueprint.errorhandler(413)
    def too_large(_error: object) -> tuple[Response, int]:
        return _say(f"the report is larger than {LARGEST_BODY // 1024 // 1024} MB; send log_url instead of log", 413)

    return blueprint


def delivery_of(name: str, given: str, body: bytes) -> str:
    """Return the number of a report: the same one for what is sent again. Raises Malformed."""
    if given and not _DELIVERY.fullmatch(given):
        raise Malformed(f"{DELIVERY} is of 8 to 80 letters, digits, '.', '-' and '_'")
    unique = f"{name}\0{given}".encode() if given else f"{name}\0".encode() + body
    return f"ci-{name}-{hashlib.sha256(unique).hexdigest()[:32]}"


def read(body: bytes) -> dict[str, Any]:
    """Return a report in the documented form; raises Malformed with the first thing that is wrong."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise Malformed("the body is not a JSON object in UTF-8")
    for name in found:
        if name not in KNOWN:
            raise Malformed(f"{_shown(name)} is not known here; there are {', '.join(KNOWN)}")
    for name in NEEDED:
        if name not in found:
            raise Malformed(f"`{name}` is missing")
    for name, value in found.items():
        _check(name, value)
    if {"log", "log_url"} <= set(found) or {"junit", "junit_url"} <= set(found):
        raise Malformed("give `log` or `log_url`, and `junit` or `junit_url`, not both")
    return found


def _check(name: str, value: Any) -> None:
    """Check one field; raises Malformed."""
    if name in _FORMS:
        form, words = _FORMS[name]
        good = isinstance(value, str) and form.fullmatch(value) is not None and _storable(value)
    elif name == "conclusion":
        good, words = value in CONCLUSIONS, " or ".join(CONCLUSIONS)
    elif name == "pull_request":
        good, words = type(value) is int and 0 < value < 10**9, "the number of a pull request"
    elif name in {"url", "log_url", "junit_url"}:
        good, words = isinstance(value, str) and _is_https(value), "an address that begins with https://"
    elif name == "junit":
        texts = value if isinstance(value, list) else [value]
        good = len(texts) <= MOST_REPORTS and all(isinstance(text, str) for text in texts)
        words = f"the XML as a text, or a list of at most {MOST_REPORTS}"
    else:
        good, words = isinstance(value, str), "a text"
    if not good:
        raise Malformed(f"`{name}` is to be {words}")


def check_hosts(found: Mapping[str, Any], settings: Settings) -> None:
    """Check that what is to be fetched stands on listed hosts; raises Malformed."""
    from jobs.ci_fetch import target_of  # noqa: PLC0415 - the web process is smaller without it

    for name in ("log_url", "junit_url"):
        try:
            if name in found:
                target_of(found[name], settings.ci_hosts)
        except UserError as error:
            raise Malformed(f"`{name}`: {error}") from error


def _is_https(value: str) -> bool:
    return _URL.fullmatch(value) is not None


def _storable(value: str) -> bool:
    """Tell whether a text is one: JSON can carry half a character."""
    return value == value.encode(errors="replace").decode()


def _shown(name: str) -> str:
    return f"`{name[:40]}`".encode("ascii", "replace").decode()


def _say(message: str, status: int, **more: str) -> tuple[Response, int]:
    return Response(json.dumps({"message": message, **more}), mimetype="application/json"), status

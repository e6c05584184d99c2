"""The checks on GitHub's side: key, App, permissions, events, installations, webhook, and the two clocks."""

from __future__ import annotations

from datetime import UTC
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from bot.doctor.findings import Check, Context, Finding, bad, good, skipped, warning
from bot.setup import manifest
from bot.setup.session import permission_faults

if TYPE_CHECKING:
    from collections.abc import Callable

_SHORTEST_KEY = 2048
_SKEW_NOTED, _SKEW_FATAL = 10.0, 60.0
"""Seconds; tokens are dated one minute back, so GitHub refuses them beyond that."""


def key(context: Context) -> list[Finding]:
    """Check that the private key is an RSA key that can sign."""
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415 - slow to import
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey  # noqa: PLC0415 - slow to import
    from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415 - slow to import

    cure = "generate a new one in the App's settings on GitHub, then `opus67 setup`"
    if not context.settings.github_private_key:
        return [skipped("key", "GITHUB_PRIVATE_KEY is not set.")]
    try:
        loaded = load_pem_private_key(context.settings.github_private_key.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return [bad("key", "GITHUB_PRIVATE_KEY is damaged or locked with a password.", cure)]
    if not isinstance(loaded, RSAPrivateKey) or loaded.key_size < _SHORTEST_KEY:
        return [bad("key", "GITHUB_PRIVATE_KEY is no RSA key of 2048 bits or more.", cure)]
    return [good("key", f"RSA, {loaded.key_size} bits")]


def app(context: Context) -> list[Finding]:
    """Check that GitHub knows the App by this id and key."""
    answer = context.app()
    api = context.settings.github_api_url
    if answer.status == HTTPStatus.UNAUTHORIZED:
        cure = "check that GITHUB_APP_ID and GITHUB_PRIVATE_KEY are of the same App, and this machine's clock"
        return [bad("GitHub App", f"{api} refuses the key ({answer.message}).", cure)]
    if answer.status != HTTPStatus.OK or not isinstance(answer.body, dict):
        cure = "check GITHUB_API_URL (an Enterprise Server has /api/v3 at its end) and GITHUB_APP_ID"
        return [bad("GitHub App", f"{api} answered {answer.status} {answer.message}".rstrip() + ".", cure)]
    return [good("GitHub App", f"{answer.body.get('name')} ({answer.body.get('id')}) at {api}")]


def permissions(context: Context) -> list[Finding]:
    """Compare the App's permissions and events with those that it should have."""
    body = _body(context)
    faults = permission_faults(body.get("permissions") or {})
    cure = "change it in the App's settings on GitHub, then accept it in each installation"
    findings = [bad("permissions", fault, cure) for fault in faults] or [good("permissions", "as they should be")]
    missing = [event for event in manifest.EVENTS if event not in (body.get("events") or [])]
    if missing:
        return [*findings, bad("events", f"The App does not hear of {', '.join(missing)}.", "tick it in its settings")]
    return [*findings, good("events", ", ".join(manifest.EVENTS))]


def installations(context: Context) -> list[Finding]:
    """Check that the App is installed, and that each installation accepted its permissions."""
    _body(context)
    answer = context.ask("/app/installations?per_page=100")
    found = answer.body if isinstance(answer.body, list) else []
    if not found:
        link = f"{_body(context).get('html_url', context.settings.github_server_url)}/installations/new"
        return [warning("installations", "The App is installed nowhere.", f"install it: {link}")]
    findings = []
    for each in found:
        name = (each.get("account") or {}).get("login", each.get("id"))
        if each.get("suspended_at"):
            findings.append(warning("installations", f"{name} is suspended.", "its owner can lift it on GitHub"))
        elif permission_faults(each.get("permissions") or {}):
            cure = "its owner accepts them in the installation's settings on GitHub"
            findings.append(warning("installations", f"{name} did not accept the App's permissions.", cure))
    count = f"{len(found)}{' or more' if len(found) == 100 else ''}"  # noqa: PLR2004 - the page's size
    return findings or [good("installations", f"{count}, all in order")]


def webhook(context: Context) -> list[Finding]:
    """Check where GitHub sends webhooks, that they are signed, and that the last one was taken."""
    _body(context)
    answer = context.ask("/app/hook/config")
    config = answer.body if isinstance(answer.body, dict) else {}
    settings, url = context.settings, str(config.get("url") or "")
    if not settings.public_url:
        cure = "set it to the address by which GitHub reaches this machine, for example https://opus67.example.com"
        return [warning("webhook", f"OPUS67_PUBLIC_URL is not set; GitHub sends to {url or 'nowhere'}.", cure)]
    expected = manifest.webhook_url(settings.public_url)
    where = "in the App's settings on GitHub, under Webhook"
    findings = []
    if url != expected:
        findings.append(bad("webhook", f"GitHub sends to {url or 'nowhere'}.", f"set {expected} {where}"))
    if not config.get("secret"):
        findings.append(bad("webhook", "Its secret is not set.", f"enter GITHUB_WEBHOOK_SECRET {where}"))
    if config.get("content_type") == "form":
        findings.append(bad("webhook", "It is sent as a form.", f"choose application/json {where}"))
    if str(config.get("insecure_ssl", "0")) == "1":
        findings.append(warning("webhook", "GitHub does not check our certificate.", f"switch it on {where}"))
    return [*findings, *_last_delivery(context)] or [good("webhook", url)]


def clocks(context: Context) -> list[Finding]:
    """Compare this machine's clock with GitHub's."""
    try:
        theirs = parsedate_to_datetime(context.app().date)
    except ValueError:
        return [skipped("clock", "GitHub's answer carried no time.")]
    skew = context.now() - (theirs if theirs.tzinfo else theirs.replace(tzinfo=UTC)).timestamp()
    words = f"{abs(skew):.0f} s {'ahead of' if skew > 0 else 'behind'} GitHub's"
    cure = "let it be set from the network: timedatectl set-ntp true"
    if abs(skew) > _SKEW_FATAL:
        return [bad("clock", f"This machine's clock is {words}; GitHub refuses our tokens.", cure)]
    if abs(skew) > _SKEW_NOTED:
        return [warning("clock", f"This machine's clock is {words}.", cure)]
    return [good("clock", "agrees with GitHub's")]


def _last_delivery(context: Context) -> list[Finding]:
    answer = context.ask("/app/hook/deliveries?per_page=1")
    if not (isinstance(answer.body, list) and answer.body):
        return []
    status = answer.body[0].get("status_code")
    if status == HTTPStatus.UNAUTHORIZED:
        cure = "enter GITHUB_WEBHOOK_SECRET in the App's settings on GitHub, under Webhook"
        return [bad("webhook", "The last one was refused: it was signed with another secret.", cure)]
    if isinstance(status, int) and not HTTPStatus.OK <= status < HTTPStatus.BAD_REQUEST:
        cure = "when `opus67 up` runs, check the way from GitHub to it; what was missed is fetched again"
        return [warning("webhook", f"The last one was not delivered ({status or 'no connection'}).", cure)]
    return []


def _body(context: Context) -> dict[str, Any]:
    """Return what GitHub says of the App; an App that is refused is the ``app`` check's to tell."""
    body = context.app().body
    if context.app().status != HTTPStatus.OK or not isinstance(body, dict):
        raise NotAsked("GitHub did not accept the App.")
    return body


class NotAsked(Exception):
    """A check has nothing to look at; the message says why."""


def _only_with_app(name: str, function: Callable[[Context], list[Finding]]) -> Callable[[Context], list[Finding]]:
    def check(context: Context) -> list[Finding]:
        if not context.configured:
            return [skipped(name, "needs the App's id and key first.")]
        try:
            return function(context)
        except NotAsked as reason:
            return [skipped(name, str(reason))]

    return check


CHECKS = (
    Check("key", key),
    Check("GitHub App", _only_with_app("GitHub App", app)),
    Check("permissions", _only_with_app("permissions", permissions)),
    Check("installations", _only_with_app("installations", installations), 25.0),
    Check("webhook", _only_with_app("webhook", webhook), 35.0),
    Check("clock", _only_with_app("clock", clocks)),
)

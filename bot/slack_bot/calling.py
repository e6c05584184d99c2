"""Calls of Slack's Web API, and what their failures mean: try later, or never here."""

from __future__ import annotations

import http.client
import logging
from typing import TYPE_CHECKING, Any

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.webhook import WebhookClient

from bot.telling import Gone, Later
from jobs.text.redact import redact
from jobs.types import AuditEntry

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bot.slack_bot.kit import JSON
    from jobs.store import Audit

SECONDS = 10
AWAY_SECONDS = 5.0
OPERATOR_SECONDS = 60.0
PAGES, PAGE = 5, 200
READS = frozenset({"chat.getPermalink", "conversations.history", "conversations.replies"})
OUTAGES = frozenset({"fatal_error", "internal_error", "ratelimited", "request_timeout", "service_unavailable"})
OPERATOR = frozenset(
    {"account_inactive", "invalid_auth", "missing_scope", "not_authed", "team_access_not_granted", "token_expired"}
    | {"token_revoked", "access_denied", "not_allowed_token_type", "org_login_required"}
)
"""What only the operator can mend; until then everything waits."""
TOO_MUCH = frozenset({"invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long", "msg_too_long"})
DELETED = frozenset({"message_not_found", "cant_update_message", "edit_window_closed"})
NO_THREAD = frozenset({"cannot_reply_to_message", "thread_not_found"})
NOT_THERE = frozenset({"not_in_channel", "channel_not_found", "user_not_in_channel", "is_archived"})
CURES = {
    "channel_not_found": "the bot does not see this channel; if it is private, say `/invite @opus67` there",
    "not_in_channel": "the bot is not in this channel; say `/invite @opus67` there",
    "is_archived": "the channel is archived; bring it back, or look at the task elsewhere",
    "restricted_action": "the workspace lets only some people post in this channel; an admin can let the bot",
}
_LEAST_STATUS = 500
_TOO_MANY = 429

log = logging.getLogger(__name__)


class Refused(Exception):
    """Slack answered and said no; ``code`` is its word for the reason."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code

    def told(self) -> Later | Gone:
        """Return what it means for who has something to say."""
        if self.code in OPERATOR:
            words = f"Slack refuses ({self.code}): check SLACK_BOT_TOKEN, and the app against deploy/slack.yml"
            return Later(words, OPERATOR_SECONDS)
        return Gone(CURES.get(self.code, f"Slack refused: {self.code}"))


class Calls:
    """The methods of the Web API that we use; an outage raises Later, a refusal Refused."""

    def __init__(self, token: str, base_url: str, audit: Audit) -> None:
        """Take the bot's token, where Slack is, and the audit that is told of each message before it is sent."""
        self._audit = audit
        quiet = logging.getLogger("opus67.slack.calls")
        # The library logs each failure with all that was sent; what a failure means is logged by who called.
        quiet.setLevel(logging.CRITICAL)
        self._quiet = quiet
        self._client = WebClient(token, base_url, timeout=SECONDS, retry_handlers=[], logger=quiet)

    def call(self, method: str, **arguments: Any) -> JSON:
        """Call a method and return its answer."""
        if method in READS:
            return self._call(method, arguments)
        where: JSON = {name: arguments[name] for name in ("channel", "user") if name in arguments}
        with self._audit.effect(AuditEntry(f"slack:{method}", details=where)):
            return self._call(method, arguments)

    def _call(self, method: str, arguments: JSON) -> JSON:
        # Methods that read take forms; only those that write take JSON (https://docs.slack.dev/apis/web-api).
        params, body = (arguments, None) if method in READS else (None, arguments)
        try:
            answer = self._client.api_call(method, params=params, json=body)
        except SlackApiError as error:
            raise _meaning(error, self._client.token or "") from error
        except (SlackClientError, OSError, http.client.HTTPException) as error:
            raise Later(f"Slack cannot be reached ({type(error).__name__})", AWAY_SECONDS) from error
        return dict(answer.data) if isinstance(answer.data, dict) else {}

    def find(self, method: str, event_type: str, payload: JSON, **arguments: Any) -> str:
        """Return the timestamp of the message with our metadata among those that a method lists; nothing if none."""
        for message in self._messages(method, arguments):
            metadata = message.get("metadata") or {}
            if metadata.get("event_type") == event_type and metadata.get("event_payload") == payload:
                return str(message["ts"])
        return ""

    def respond(self, url: str, body: JSON) -> bool:
        """Answer through a response URL; tell whether it was still good."""
        with self._audit.effect(AuditEntry("slack:response")):
            return self._respond(url, body)

    def _respond(self, url: str, body: JSON) -> bool:
        client = WebhookClient(url, timeout=SECONDS, retry_handlers=[], logger=self._quiet)
        try:
            answer = client.send_dict(body)
        except (SlackClientError, OSError, http.client.HTTPException) as error:
            raise Later(f"Slack cannot be reached ({type(error).__name__})", AWAY_SECONDS) from error
        if answer.status_code == _TOO_MANY or answer.status_code >= _LEAST_STATUS:
            here = answer.status_code == _TOO_MANY
            raise Later(f"Slack answers {answer.status_code}", _seconds(answer.headers), here=here)
        return bool(answer.status_code == http.client.OK)

    def _messages(self, method: str, arguments: JSON) -> Iterator[JSON]:
        cursor = ""
        for _ in range(PAGES):
            more = {"cursor": cursor} if cursor else {}
            page = self.call(method, **arguments, **more, limit=PAGE, include_all_metadata=True)
            yield from page.get("messages", ())
            cursor = (page.get("response_metadata") or {}).get("next_cursor", "")
            if not cursor:
                return


def _meaning(error: SlackApiError, secret: str) -> Later | Refused:
    """Return what an error means; its words may repeat the ``secret``."""
    response = error.response
    code = redact(str(response.get("error", "")), (secret,)) if isinstance(response.data, dict) else ""
    if response.status_code == _TOO_MANY or response.status_code >= _LEAST_STATUS or code in OUTAGES:
        # Slack counts messages by channel (https://docs.slack.dev/apis/web-api/rate-limits).
        here = response.status_code == _TOO_MANY or code == "ratelimited"
        return Later(f"Slack answers {code or response.status_code}"[:200], _seconds(response.headers), here=here)
    return Refused(code or f"status {response.status_code}")


def _seconds(headers: Any) -> float:
    waits = {name.lower(): value for name, value in dict(headers).items()}.get("retry-after", "")
    value = waits[0] if isinstance(waits, list) and waits else waits
    return float(value) if str(value).isdecimal() else AWAY_SECONDS

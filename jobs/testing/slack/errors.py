"""Slack's refusals, in Slack's words and shapes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jobs.testing.slack.records import JSON

ORDINARY = {
    "already_reacted",
    "channel_not_found",
    "exchanged_trigger_id",
    "expired_trigger_id",
    "expired_url",
    "hash_conflict",
    "is_archived",
    "message_not_found",
    "no_reaction",
    "not_in_channel",
    "thread_not_found",
    "user_not_found",
    "user_not_in_channel",
    "users_not_found",
}
"""What happens to an app that does everything right; every other error is a violation."""

OF_STATUS = {
    429: "ratelimited",
    500: "internal_error",
    502: "service_unavailable",
    503: "service_unavailable",
    504: "request_timeout",
}


class Refused(Exception):
    """An error answer; ``messages`` are the details that Slack gives in ``response_metadata``."""

    def __init__(self, error: str, messages: Sequence[str] = (), **more: object) -> None:
        super().__init__(error)
        self.error = error
        self.messages = tuple(messages)
        self.more = more

    @property
    def violation(self) -> bool:
        """True when an app that does everything right never hears this."""
        return self.error not in ORDINARY

    def body(self) -> JSON:
        """Return the JSON body that Slack gives with this error."""
        body: JSON = {"ok": False, "error": self.error, **self.more}
        if self.messages:
            body["errors"] = [message.removeprefix("[ERROR] ") for message in self.messages]
            body["response_metadata"] = {"messages": list(self.messages)}
        return body


def missing(*names: str) -> Refused:
    """Refuse a call that lacks required arguments."""
    return Refused("invalid_arguments", [f"[ERROR] missing required field: {name}" for name in names])


def explain(status: int, _retry_after: str) -> bytes:
    """Return the body that goes with a fault's status."""
    return json.dumps({"ok": False, "error": OF_STATUS.get(status, "fatal_error")}).encode()

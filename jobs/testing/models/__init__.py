"""Language models on loopback that answer from a script, over the real protocols."""

from __future__ import annotations

from jobs.testing.models.chat_completions_api import ChatCompletionsAPI
from jobs.testing.models.messages_api import MessagesAPI
from jobs.testing.models.script import (
    Failure,
    Reply,
    Script,
    by_tool,
    call,
    call_raw,
    cut_stream,
    dropped,
    hang,
    nonsense,
    overloaded,
    rate_limited,
    refused,
    say,
    server_error,
    think,
)

__all__ = [
    "ChatCompletionsAPI",
    "Failure",
    "MessagesAPI",
    "Reply",
    "Script",
    "by_tool",
    "call",
    "call_raw",
    "cut_stream",
    "dropped",
    "hang",
    "nonsense",
    "overloaded",
    "rate_limited",
    "refused",
    "say",
    "server_error",
    "think",
]

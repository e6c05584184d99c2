"""One conversation with each model ahead of all others, with nobody: what an SDK makes as it first runs is made once.

Workers are forked afterwards and share it. Made by each of them, it takes 14 MB and a third of a second.
"""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from jobs.models import chain, transport
from jobs.types import Away, ToolSchema, UserError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import httpx2

    from jobs.types import Message

NOWHERE, KEY = "http://localhost/v1", "none"
ASKED: list[Message] = [{"role": "user", "content": [{"type": "text", "text": "?"}]}]
TOOL = ToolSchema("look", "Look.", {"type": "object", "properties": {"path": {"type": "string"}}})
CALL: dict[str, Any] = {"type": "tool_use", "id": "toolu_1", "name": TOOL.name, "input": {}}
USAGE = {"input_tokens": 1, "output_tokens": 1}
MESSAGES: tuple[dict[str, Any], ...] = (
    {
        "type": "message_start",
        "message": {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": "none",
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": USAGE,
        },
    },
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "."}},
    {"type": "content_block_stop", "index": 0},
    {"type": "content_block_start", "index": 1, "content_block": CALL},
    {"type": "content_block_delta", "index": 1, "delta": {"type": "input_json_delta", "partial_json": "{}"}},
    {"type": "content_block_stop", "index": 1},
    {"type": "message_delta", "delta": {"stop_reason": "tool_use", "stop_sequence": None}, "usage": USAGE},
    {"type": "message_stop"},
)
"""The events of a reply (https://platform.claude.com/docs/en/build-with-claude/streaming)."""
CHUNKS: tuple[dict[str, Any], ...] = (
    {"choices": [{"index": 0, "delta": {"role": "assistant", "content": "."}, "finish_reason": None}]},
    {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
)
"""The chunks of a completion (https://platform.openai.com/docs/api-reference/chat-streaming)."""


def rehearse(names: Sequence[str]) -> None:
    """Have each model that is named answer once, without a connection."""
    keys = {"anthropic_api_key": KEY, "openai_api_key": KEY}
    places = {"anthropic_base_url": NOWHERE, "openai_base_url": NOWHERE}
    for name in chain.parse_names(names):
        with transport.answered_by(_answer), suppress(UserError, Away):  # what is wrong is told when it is asked
            model = chain.build([name], **keys, **places, patience=0)  # type: ignore[arg-type]
            model.query("", ASKED, [TOOL])
            model.close()


def _answer(request: httpx2.Request) -> httpx2.Response:
    import httpx2  # noqa: PLC0415 - the SDKs bring it

    if request.url.path.endswith("/messages"):
        lines = [f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in MESSAGES]
    else:
        head = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "none"}
        lines = [f"data: {json.dumps({**head, **chunk})}\n\n" for chunk in CHUNKS] + ["data: [DONE]\n\n"]
    return httpx2.Response(200, headers={"Content-Type": "text/event-stream"}, text="".join(lines))

"""The event stream of the Messages API."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

JSON = dict[str, Any]

PIECE = 48


def event(kind: str, **data: Any) -> bytes:
    """Return one server-sent event."""
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **data})}\n\n".encode()


def stream(message: JSON, raw_inputs: dict[str, str]) -> Iterator[bytes]:
    """Return the events by which a whole message is streamed; ``raw_inputs`` are tool inputs to send as they are."""
    usage = message["usage"]
    opening = {**message, "content": [], "stop_reason": None, "usage": {**usage, "output_tokens": 1}}
    yield event("message_start", message=opening)
    yield event("ping")
    for index, block in enumerate(message["content"]):
        yield event("content_block_start", index=index, content_block=_empty(block))
        for delta in _deltas(block, raw_inputs):
            yield event("content_block_delta", index=index, delta=delta)
        yield event("content_block_stop", index=index)
    end = {"stop_reason": message["stop_reason"], "stop_sequence": None}
    extra = {name: message[name] for name in ("context_management",) if name in message}
    yield event("message_delta", delta=end, usage=usage, **extra)
    yield event("message_stop")


def _empty(block: JSON) -> JSON:
    match block["type"]:
        case "text":
            return {"type": "text", "text": ""}
        case "thinking":
            return {"type": "thinking", "thinking": "", "signature": ""}
        case _:
            return {**block, "input": {}}


def _deltas(block: JSON, raw_inputs: dict[str, str]) -> Iterator[JSON]:
    match block["type"]:
        case "text":
            yield from ({"type": "text_delta", "text": piece} for piece in _pieces(block["text"]))
        case "thinking":
            yield from ({"type": "thinking_delta", "thinking": piece} for piece in _pieces(block["thinking"]))
            yield {"type": "signature_delta", "signature": block["signature"]}
        case _:
            text = raw_inputs.get(block["id"], json.dumps(block["input"]))
            yield {"type": "input_json_delta", "partial_json": ""}
            yield from ({"type": "input_json_delta", "partial_json": piece} for piece in _pieces(text))


def _pieces(text: str) -> Iterator[str]:
    return (text[start : start + PIECE] for start in range(0, len(text), PIECE))

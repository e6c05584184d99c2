"""A loopback endpoint that answers requests from a list of raw answers, good ones and broken ones."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


@dataclass(frozen=True)
class Answer:
    """One raw answer; with ``cut`` the connection is closed before the body is whole, with ``hold`` nothing comes."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: bool = False
    hold: bool = False


class Endpoint:
    """Answers each POST with the next of ``answers``; the last one is repeated. Requests are kept."""

    def __init__(self, answers: list[Answer | Callable[[dict[str, Any]], Answer]]) -> None:
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self._answers = answers
        self._release = threading.Event()
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                endpoint._answer(self)

            def log_message(self, *_: object) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._release.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        request = json.loads(handler.rfile.read(int(handler.headers["content-length"])))
        answer = self._answers[min(len(self.requests), len(self._answers) - 1)]
        self.requests.append(request)
        self.headers.append({name.lower(): value for name, value in handler.headers.items()})
        if callable(answer):
            answer = answer(request)
        if answer.hold:
            self._release.wait(20)
            handler.close_connection = True
            return
        handler.send_response(answer.status)
        for name, value in {"content-type": "application/json", **answer.headers}.items():
            handler.send_header(name, value)
        handler.send_header("content-length", str(len(answer.body) + (50 if answer.cut else 0)))
        handler.end_headers()
        handler.wfile.write(answer.body)
        handler.close_connection = answer.cut or handler.close_connection


STREAM = {"content-type": "text/event-stream"}


def error(status: int, kind: str, message: str, **headers: str) -> Answer:
    """Return an error as both providers write it."""
    body = {"type": "error", "error": {"type": kind, "message": message}}
    return Answer(status, json.dumps(body).encode(), headers)


def claude(blocks: list[dict[str, Any]], *, stop_reason: str = "end_turn", cut: bool = False, **usage: int) -> Answer:
    """Return a streamed reply of the Messages API; with ``cut`` it breaks off before its end."""
    counted = {"input_tokens": 10, "output_tokens": 1, **usage}
    message = {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "claude", "content": [],
        "stop_reason": None, "stop_sequence": None, "usage": counted,
    }  # fmt: skip
    events: list[dict[str, Any]] = [{"type": "message_start", "message": message}]
    for index, block in enumerate(blocks):
        events += _claude_block(index, block)
    if not cut:
        delta = {"stop_reason": stop_reason, "stop_sequence": None}
        events += [{"type": "message_delta", "delta": delta, "usage": {"output_tokens": counted["output_tokens"]}}]
        events += [{"type": "message_stop"}]
    text = "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events)
    return Answer(200, text.encode(), STREAM, cut=cut)


def _claude_block(index: int, block: dict[str, Any]) -> Iterator[dict[str, Any]]:
    empty = {"text": {"text": ""}, "thinking": {"thinking": "", "signature": ""}, "tool_use": {"input": {}}}
    yield {"type": "content_block_start", "index": index, "content_block": {**block, **empty[block["type"]]}}
    deltas = {
        "text": [("text_delta", "text", block.get("text"))],
        "thinking": [
            ("thinking_delta", "thinking", block.get("thinking")),
            ("signature_delta", "signature", block.get("signature")),
        ],
        "tool_use": [("input_json_delta", "partial_json", json.dumps(block.get("input")))],
    }[block["type"]]
    for kind, name, value in deltas:
        yield {"type": "content_block_delta", "index": index, "delta": {"type": kind, name: value}}
    yield {"type": "content_block_stop", "index": index}


def chat(*deltas: dict[str, Any], finish: str | None = "stop", usage: dict[str, Any] | None = None) -> Answer:
    """Return a streamed chat completion."""
    chunks: list[dict[str, Any]] = [_chunk([{"index": 0, "delta": delta, "finish_reason": None}]) for delta in deltas]
    if finish:
        chunks.append(_chunk([{"index": 0, "delta": {}, "finish_reason": finish}]))
    if usage:
        chunks.append({**_chunk([]), "usage": usage})
    text = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks) + ("data: [DONE]\n\n" if finish else "")
    return Answer(200, text.encode(), STREAM)


def _chunk(choices: list[dict[str, Any]]) -> dict[str, Any]:
    return {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": choices}

"""The Chat Completions protocol that OpenAI-compatible servers speak, on loopback, answered from a script."""

from __future__ import annotations

import itertools
import json
import time
from typing import TYPE_CHECKING, Any

from jobs.testing.loopback import Answer, ConnectionDropped, Request
from jobs.testing.models.script import Answerer, Line, Reply, conversation, turn
from jobs.testing.models.server import RequestRefused, ScriptedServer
from jobs.testing.models.usage import tokens

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

JSON = dict[str, Any]

ENDINGS = {"end_turn": "stop", "tool_use": "tool_calls", "max_tokens": "length", "refusal": "content_filter"}
PIECE = 32


class ChatCompletionsAPI(ScriptedServer):
    """Serves ``/v1/chat/completions`` (streamed or not) and ``/v1/models``; ``OPENAI_BASE_URL`` is ``base_url``."""

    def __init__(
        self,
        script: Answerer | Sequence[Line | Answerer],
        *,
        api_key: str = "sk-local",
        models: Sequence[str] = ("local-coder",),
        delay: float = 0.0,
        port: int = 0,
    ) -> None:
        super().__init__(script, api_key=api_key, models=models, delay=delay, port=port)
        self._numbers = itertools.count(1)

    @property
    def base_url(self) -> str:
        """The address with the protocol's prefix, as clients want it."""
        return f"{self.url}/v1"

    def environment(self) -> dict[str, str]:
        """Return the settings that point Opus 67 here."""
        return {"OPENAI_BASE_URL": self.base_url, "OPENAI_API_KEY": self.api_key}

    def refusal(self, status: int, kind: str, message: str) -> JSON:
        """Return the body of an error."""
        code = {401: "invalid_api_key", 404: "model_not_found"}.get(status)
        return {"error": {"message": message, "type": kind, "param": None, "code": code}}

    def answer(self, request: Request, body: Any) -> tuple[Answer, Line | None]:
        """Answer one request."""
        if request.headers.get("authorization", "") != f"Bearer {self.api_key}":
            raise RequestRefused(401, "invalid_request_error", "Incorrect API key provided.")
        match request.method, request.path:
            case "POST", "/v1/chat/completions":
                return self._completion(body)
            case "GET", "/v1/models":
                listed = [{"id": name, "object": "model", "created": 0, "owned_by": "local"} for name in self.models]
                return self.json({"object": "list", "data": listed}), None
        raise RequestRefused(404, "invalid_request_error", f"Unknown request URL: {request.method} {request.path}")

    def _completion(self, body: JSON) -> tuple[Answer, Line]:
        _check(body)
        if body["model"] not in self.models:
            raise RequestRefused(404, "invalid_request_error", f"The model `{body['model']}` does not exist.")
        line = self.next_line(body)
        reply = line if isinstance(line, Reply) else line.reply
        cut = 0 if isinstance(line, Reply) else line.cut
        if reply is None or (not isinstance(line, Reply) and not cut):
            return self.failed(line), line  # type: ignore[arg-type]  # a Reply always has itself as reply
        if body.get("stream"):
            chunks = self._chunks(body, reply)
            headers = {"Content-Type": "text/event-stream; charset=utf-8"}
            return Answer(200, _cut(chunks, cut) if cut else chunks, headers), line
        if cut:
            raise ConnectionDropped
        choice = {"index": 0, "message": self._message(body, reply), "finish_reason": _ending(reply)}
        whole = {**self._envelope(body, "chat.completion"), "choices": [choice], "usage": _usage(body, reply)}
        return self.json(whole), line

    def _envelope(self, body: JSON, kind: str) -> JSON:
        return {
            "id": f"chatcmpl-{next(self._numbers)}",
            "object": kind,
            "created": int(time.time()),
            "model": body["model"],
        }

    def _message(self, body: JSON, reply: Reply) -> JSON:
        start = f"call_{conversation(body)}{turn(body):04d}"
        text = "".join(block["text"] for block in reply.content if block["type"] == "text")
        calls = [
            {
                "id": f"{start}{number:02d}",
                "type": "function",
                "function": {"name": block["name"], "arguments": block.get("raw", json.dumps(block["input"]))},
            }
            for number, block in enumerate(reply.content)
            if block["type"] == "tool_use"
        ]
        return {"role": "assistant", "content": text or None, **({"tool_calls": calls} if calls else {})}

    def _chunks(self, body: JSON, reply: Reply) -> Iterator[bytes]:
        envelope = self._envelope(body, "chat.completion.chunk")

        def chunk(delta: JSON, ending: str | None = None) -> bytes:
            return _data({**envelope, "choices": [{"index": 0, "delta": delta, "finish_reason": ending}]})

        message = self._message(body, reply)
        yield chunk({"role": "assistant", "content": ""})
        yield from (chunk({"content": piece}) for piece in _pieces(message["content"] or ""))
        for index, call in enumerate(message.get("tool_calls", [])):
            arguments = call["function"]["arguments"]
            opening = {**call, "index": index, "function": {"name": call["function"]["name"], "arguments": ""}}
            yield chunk({"tool_calls": [opening]})
            for piece in _pieces(arguments):
                yield chunk({"tool_calls": [{"index": index, "function": {"arguments": piece}}]})
        yield chunk({}, _ending(reply))
        if (body.get("stream_options") or {}).get("include_usage"):
            yield _data({**envelope, "choices": [], "usage": _usage(body, reply)})
        yield b"data: [DONE]\n\n"


def _check(body: Any) -> None:
    if not isinstance(body, dict) or not isinstance(body.get("model"), str) or not body.get("messages"):
        raise RequestRefused(400, "invalid_request_error", "you must provide a model and messages")
    waiting: set[str] = set()
    for position, message in enumerate(body["messages"]):
        role = message.get("role")
        if role not in {"system", "developer", "user", "assistant", "tool"}:
            raise RequestRefused(400, "invalid_request_error", f"Invalid value for messages[{position}].role")
        if role == "tool":
            if message.get("tool_call_id") not in waiting:
                raise RequestRefused(
                    400,
                    "invalid_request_error",
                    "messages with role 'tool' must be a response to a preceding message with 'tool_calls'.",
                )
            waiting.discard(message["tool_call_id"])
            continue
        if waiting:
            raise RequestRefused(
                400,
                "invalid_request_error",
                "An assistant message with 'tool_calls' must be followed by tool messages responding to each "
                f"'tool_call_id'. These have no response: {', '.join(sorted(waiting))}",
            )
        waiting = {call["id"] for call in message.get("tool_calls") or []}


def _cut(chunks: Iterator[bytes], after: int) -> Iterator[bytes]:
    yield from itertools.islice(chunks, after)
    raise ConnectionDropped


def _data(body: JSON) -> bytes:
    return f"data: {json.dumps(body)}\n\n".encode()


def _ending(reply: Reply) -> str:
    return ENDINGS.get(reply.reason, "stop")


def _pieces(text: str) -> Iterator[str]:
    return (text[start : start + PIECE] for start in range(0, len(text), PIECE))


def _usage(body: JSON, reply: Reply) -> JSON:
    asked = tokens(body["messages"]) + tokens(body.get("tools", []))
    answered = sum(map(tokens, reply.content))
    return {"prompt_tokens": asked, "completion_tokens": answered, "total_tokens": asked + answered}

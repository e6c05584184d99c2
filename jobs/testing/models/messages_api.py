"""Anthropic's Messages API on loopback, answered from a script."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any

from jobs.testing.loopback import Answer, ConnectionDropped, Request
from jobs.testing.models import messages_rules
from jobs.testing.models.messages_events import event, stream
from jobs.testing.models.script import Answerer, Failure, Line, Reply, conversation, turn
from jobs.testing.models.server import RequestRefused, ScriptedServer
from jobs.testing.models.usage import Cache, tokens

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

JSON = dict[str, Any]

MODELS = ("claude-opus-5-5", "claude-sonnet-5-5", "claude-haiku-5-5")
EVENT_STREAM = {"Content-Type": "text/event-stream; charset=utf-8", "Cache-Control": "no-cache"}


class MessagesAPI(ScriptedServer):
    """Serves ``/v1/messages`` (streamed or not), ``/v1/messages/count_tokens`` and ``/v1/models``.

    ``script`` is a list of replies or a function of the request; set ``ANTHROPIC_BASE_URL`` to ``url``.
    """

    def __init__(
        self,
        script: Answerer | Sequence[Line | Answerer],
        *,
        api_key: str = "sk-ant-local",
        models: Sequence[str] = MODELS,
        delay: float = 0.0,
        port: int = 0,
    ) -> None:
        super().__init__(script, api_key=api_key, models=models, delay=delay, port=port)
        self._cache = Cache()
        self._numbers = itertools.count(1)

    def environment(self) -> dict[str, str]:
        """Return the settings that point Opus 67 here."""
        return {"ANTHROPIC_BASE_URL": self.url, "ANTHROPIC_API_KEY": self.api_key}

    def refusal(self, status: int, kind: str, message: str) -> JSON:  # noqa: ARG002 - the status is not in the body
        """Return the body of an error."""
        error = {"type": kind, "message": message}
        return {"type": "error", "error": error, "request_id": f"req_{next(self._numbers):024d}"}

    def answer(self, request: Request, body: Any) -> tuple[Answer, Line | None]:
        """Answer one request."""
        self._check_headers(request)
        match request.method, request.path:
            case "POST", "/v1/messages":
                return self._message(body)
            case "POST", "/v1/messages/count_tokens":
                messages_rules.check({"max_tokens": 1, **body})
                return self.json({"input_tokens": tokens(body)}), None
            case "GET", "/v1/models":
                listed = [_model(name) for name in self.models]
                page = {"data": listed, "has_more": False, "first_id": listed[0]["id"], "last_id": listed[-1]["id"]}
                return self.json(page), None
            case "GET", path if path.startswith("/v1/models/"):
                return self.json(_model(self._known(path.removeprefix("/v1/models/")))), None
        raise RequestRefused(404, "not_found_error", "Not found")

    def _check_headers(self, request: Request) -> None:
        shown = request.headers.get("x-api-key") or request.headers.get("authorization", "").removeprefix("Bearer ")
        if shown != self.api_key:
            raise RequestRefused(401, "authentication_error", "invalid x-api-key")
        if "anthropic-version" not in request.headers:
            raise RequestRefused(400, "invalid_request_error", "anthropic-version: header is required")

    def _known(self, name: str) -> str:
        if name not in self.models:
            raise RequestRefused(404, "not_found_error", f"model: {name}")
        return name

    def _message(self, body: JSON) -> tuple[Answer, Line]:
        messages_rules.check(body)
        self._known(body["model"])
        line = self.next_line(body)
        if isinstance(line, Reply):
            return self._reply(body, line, cut=0, failure=None), line
        if line.reply is not None and (line.cut or line.in_stream):
            return self._reply(body, line.reply, cut=line.cut or 3, failure=line), line
        return self.failed(line), line

    def _reply(self, body: JSON, reply: Reply, *, cut: int, failure: Failure | None) -> Answer:
        message, raw = self._shape(body, reply)
        if body.get("stream"):
            events = stream(message, raw)
            return Answer(200, self._cut(events, cut, failure) if failure else events, dict(EVENT_STREAM))
        if failure is not None:
            raise ConnectionDropped
        return self.json(message, headers={"request-id": f"req_{next(self._numbers):024d}"})

    def _cut(self, events: Iterator[bytes], cut: int, failure: Failure) -> Iterator[bytes]:
        yield from itertools.islice(events, cut)
        if not failure.in_stream:
            raise ConnectionDropped
        yield event("error", error={"type": failure.kind, "message": failure.message})

    def _shape(self, body: JSON, reply: Reply) -> tuple[JSON, dict[str, str]]:
        start = f"{conversation(body)}{turn(body):04d}"
        content: list[JSON] = []
        raw: dict[str, str] = {}
        for number, block in enumerate(reply.content):
            made = {key: value for key, value in block.items() if key != "raw"}
            if block["type"] == "tool_use":
                made["id"] = f"toolu_{start}{number:02d}"
                if "raw" in block:
                    raw[made["id"]] = block["raw"]
            if block["type"] == "thinking":
                made["signature"] = messages_rules.signature(body["model"], block["thinking"])
            content.append(made)
        usage = {**self._cache.count(body), "output_tokens": sum(map(tokens, content)), "service_tier": "standard"}
        message: JSON = {
            "id": f"msg_{next(self._numbers):024d}",
            "type": "message",
            "role": "assistant",
            "model": body["model"],
            "content": content,
            "stop_reason": reply.reason,
            "stop_sequence": None,
            "usage": {**usage, **(reply.usage or {})},
        }
        if "context_management" in body:
            message["context_management"] = {"applied_edits": []}
        return json.loads(json.dumps(message)), raw


def _model(name: str) -> JSON:
    return {"type": "model", "id": name, "display_name": name.title(), "created_at": "2026-09-01T00:00:00Z"}

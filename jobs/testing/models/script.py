"""Scripts for a model: what it says and calls, reply by reply, and how it fails."""

from __future__ import annotations

import hashlib
import json
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

JSON = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Reply:
    """One model reply; without ``stop_reason`` it follows from the blocks, without ``usage`` from their lengths."""

    content: tuple[JSON, ...]
    stop_reason: str = ""
    usage: Mapping[str, int] | None = None

    def __add__(self, other: Reply) -> Reply:
        return replace(other, content=self.content + other.content)

    @property
    def reason(self) -> str:
        """Why the reply ends, in the Messages API's words."""
        calls = any(block["type"] == "tool_use" for block in self.content)
        return self.stop_reason or ("tool_use" if calls else "end_turn")


@dataclass(frozen=True, slots=True)
class Failure:
    """One failed reply.

    With ``status`` an error answer; with ``cut`` a stream of ``reply`` that breaks off after so many events;
    ``raw`` is sent as a body with status 200; ``hang`` answers nothing until the stand-in stops; ``drop`` cuts.
    ``in_stream`` sends the error as an event of a stream that began well.
    """

    status: int = 0
    kind: str = "api_error"
    message: str = "Internal server error"
    headers: Mapping[str, str] = field(default_factory=dict)
    reply: Reply | None = None
    cut: int = 0
    raw: bytes = b""
    hang: bool = False
    drop: bool = False
    in_stream: bool = False


Line = Reply | Failure
Answerer = Callable[[JSON], Line]
"""What a stand-in asks for every request; the request is the JSON as it came, in the protocol's own form."""


def say(text: str, *, stop_reason: str = "") -> Reply:
    """Reply with text."""
    return Reply(({"type": "text", "text": text},), stop_reason)


def think(text: str) -> Reply:
    """Reply with thinking; add it to what follows: ``think("…") + call(…)``."""
    return Reply(({"type": "thinking", "thinking": text},))


def call(tool: str, /, **given: Any) -> Reply:
    """Reply with a call of ``tool``; several calls are added up."""
    return Reply(({"type": "tool_use", "name": tool, "input": given},))


def call_raw(tool: str, arguments: str) -> Reply:
    """Reply with a call whose arguments are this text, be it JSON or not."""
    return Reply(({"type": "tool_use", "name": tool, "input": {}, "raw": arguments},))


def rate_limited(retry_after: float = 0.01) -> Failure:
    """Fail with 429 and a retry-after header, in seconds."""
    message = "This request would exceed your rate limit. Please try again later."
    return Failure(429, "rate_limit_error", message, {"retry-after": f"{retry_after:g}"})


def overloaded(*, in_stream: bool = False) -> Failure:
    """Fail with 529, or with an error event in a stream that began with status 200."""
    headers = {"retry-after": "0.01"}
    return Failure(529, "overloaded_error", "Overloaded", headers, reply=say("I begin."), in_stream=in_stream)


def server_error(status: int = 500) -> Failure:
    """Fail with an error of the server."""
    return Failure(status, headers={"retry-after": "0.01"})


def refused(status: int, kind: str, message: str) -> Failure:
    """Fail with any error that is not to be tried again: 400, 401, 403, 404, 413."""
    return Failure(status, kind, message)


def cut_stream(reply: Reply, *, after: int = 4) -> Failure:
    """Break off the stream of ``reply`` after so many events; an answer that is not streamed is cut as a whole."""
    return Failure(reply=reply, cut=after)


def nonsense(body: bytes = b'{"type": "message", "content": [') -> Failure:
    """Answer 200 with a body that means nothing."""
    return Failure(raw=body)


def hang() -> Failure:
    """Accept the request and never answer."""
    return Failure(hang=True)


def dropped() -> Failure:
    """Cut the connection without an answer."""
    return Failure(drop=True)


def turn(request: JSON) -> int:
    """Count the model's replies in a request: the position of a conversation in its script."""
    return sum(message.get("role") == "assistant" for message in request.get("messages", []))


def conversation(request: JSON) -> str:
    """Return what tells one conversation from another: its system prompt and its first message from a person."""
    first: JSON = next((one for one in request.get("messages", []) if one.get("role") == "user"), {})
    opening = [request.get("system"), first.get("content")]
    return hashlib.sha256(json.dumps(_plain(opening), sort_keys=True).encode()).hexdigest()[:16]


def tool_names(request: JSON) -> set[str]:
    """Return the names of the tools that a request offers."""
    return {tool.get("name") or tool.get("function", {}).get("name", "") for tool in request.get("tools", [])}


class Script:
    """Replies in their order, for any number of conversations at once.

    The position follows from the request (it counts the replies in it), so a retried or resumed conversation goes on
    where it was. Failures come before the reply that follows them, each once in a conversation. A line may be a
    function of the request. After the last reply comes ``then``, for ever; without it the request is refused, loudly.
    """

    def __init__(self, lines: Sequence[Line | Answerer], *, then: Line | Answerer | None = None) -> None:
        self._replies: list[Reply | Answerer] = []
        self._failures: dict[int, list[Failure]] = {}
        self._then = then
        self._failed: Counter[tuple[str, int]] = Counter()
        self._lock = threading.Lock()
        for line in lines:
            if isinstance(line, Failure):
                self._failures.setdefault(len(self._replies), []).append(line)
            else:
                self._replies.append(line)

    def __call__(self, request: JSON) -> Line:
        """Answer one request."""
        position = turn(request)
        key = (conversation(request), position)
        failures = self._failures.get(position, [])
        with self._lock:
            failed = self._failed[key]
            self._failed[key] += failed < len(failures)
        if failed < len(failures):
            return failures[failed]
        line = self._replies[position] if position < len(self._replies) else self._then
        if line is None:
            return refused(400, "invalid_request_error", f"the script has no reply number {position + 1}")
        return line if isinstance(line, (Reply, Failure)) else line(request)


def by_tool(answerers: Mapping[str, Answerer], otherwise: Answerer) -> Answerer:
    """Choose who answers by a tool that the request offers, as a review is known by ``report_review``."""

    def choose(request: JSON) -> Line:
        offered = tool_names(request)
        return next((answer for name, answer in answerers.items() if name in offered), otherwise)(request)

    return choose


def _plain(value: Any) -> Any:
    """Leave out cache marks, which move from request to request."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items() if key != "cache_control"}
    return [_plain(inner) for inner in value] if isinstance(value, list) else value

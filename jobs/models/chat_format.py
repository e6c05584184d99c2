"""Messages and tools in Anthropic's format to the format of chat completions, and a streamed completion back."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from jobs.types import Block, Message, ToolSchema, Usage

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

INVALID_ARGUMENTS = "arguments_that_are_no_json_object"
"""The one input of a tool call whose arguments could not be read; no tool has it, so the model is told."""
STOP_REASONS = {"stop": "end_turn", "length": "max_tokens", "content_filter": "refusal", "tool_calls": "tool_use"}
UNSAFE = re.compile(r"[^A-Za-z0-9_-]")
"""What Anthropic's API refuses in the id and the name of a tool call, should the conversation go on there."""
THOUGHTS = re.compile(r"\A\s*<think>.*?</think>\s*", re.DOTALL)


def to_chat(system: str, messages: Sequence[Message]) -> list[dict[str, Any]]:
    """Write a conversation as chat messages; thinking is dropped, each tool result becomes a message of its own."""
    chat: list[dict[str, Any]] = [{"role": "system", "content": system}]
    for message in messages:
        chat += _from_assistant(message) if message["role"] == "assistant" else _from_user(message)
    return chat


def to_functions(tools: Sequence[ToolSchema]) -> list[dict[str, Any]]:
    """Describe tools as functions."""
    return [
        {
            "type": "function",
            "function": {"name": tool.name, "description": tool.description, "parameters": tool.input_schema},
        }
        for tool in tools
    ]


def _from_assistant(message: Message) -> list[dict[str, Any]]:
    text = "\n\n".join(block["text"] for block in message["content"] if block["type"] == "text")
    calls = [
        {
            "id": block["id"],
            "type": "function",
            "function": {"name": block["name"], "arguments": json.dumps(block["input"], ensure_ascii=False)},
        }
        for block in message["content"]
        if block["type"] == "tool_use"
    ]
    chat: dict[str, Any] = {"role": "assistant", "content": text or None}
    return [{**chat, "tool_calls": calls} if calls else {**chat, "content": text}]


def _from_user(message: Message) -> list[dict[str, Any]]:
    results = [
        {"role": "tool", "tool_call_id": block["tool_use_id"], "content": _words(block.get("content", ""))}
        for block in message["content"]
        if block["type"] == "tool_result"
    ]
    text = "\n\n".join(block["text"] for block in message["content"] if block["type"] == "text")
    return [*results, {"role": "user", "content": text}] if text else results


def _words(content: str | list[Block]) -> str:
    if isinstance(content, str):
        return content
    return "\n\n".join(block["text"] for block in content if block["type"] == "text")


@dataclass
class _Call:
    id: str = ""
    name: str = ""
    arguments: str = ""


@dataclass
class Completion:
    """A streamed completion, put together chunk by chunk."""

    text: str = ""
    calls: dict[int, _Call] = field(default_factory=dict)
    finish_reason: str = ""
    usage: Usage | None = None

    def add(self, chunk: Any) -> None:
        """Take one chunk; what a server leaves out or adds is not missed."""
        if getattr(chunk, "usage", None):
            self.usage = _usage(chunk.usage)
        for choice in chunk.choices or ():
            self.finish_reason = choice.finish_reason or self.finish_reason
            if choice.delta is None:
                continue
            self.text += choice.delta.content or choice.delta.refusal or ""
            for call in choice.delta.tool_calls or ():
                self._add_call(call)

    def _add_call(self, delta: Any) -> None:
        place = delta.index if delta.index is not None else len(self.calls)
        known = self.calls.get(place)
        if known is not None and delta.id and known.id and delta.id != known.id:
            place = len(self.calls)  # Some servers give every call the index 0 and a new id.
        call = self.calls.setdefault(place, _Call())
        call.id = delta.id or call.id
        if delta.function is not None:
            call.name = call.name or delta.function.name or ""
            call.arguments += delta.function.arguments or ""

    def content(self, taken: Iterable[str]) -> list[Block]:
        """Return the blocks of the reply; ``taken`` are the ids of earlier calls, which no new call may repeat."""
        used = set(taken)
        text = THOUGHTS.sub("", self.text)
        blocks: list[Block] = [{"type": "text", "text": text}] if text.strip() else []
        for _, call in sorted(self.calls.items()):
            identifier = UNSAFE.sub("_", call.id) or f"call_{len(used)}"
            while identifier in used:
                identifier = f"{identifier}_{len(used)}"
            used.add(identifier)
            tool = UNSAFE.sub("_", call.name) or "unnamed"
            blocks.append({"type": "tool_use", "id": identifier, "name": tool, "input": read_arguments(call.arguments)})
        return blocks

    @property
    def stop_reason(self) -> str:
        """Return why the reply ended, in Anthropic's words; some servers say ``stop`` after tool calls too."""
        reason = STOP_REASONS.get(self.finish_reason, "end_turn")
        return "tool_use" if self.calls and reason == "end_turn" else reason


def read_arguments(arguments: str) -> dict[str, Any]:
    """Read a tool call's arguments; what is no JSON object comes back whole under a name that no tool knows."""
    try:
        value = json.loads(arguments or "{}")
    except (ValueError, RecursionError):
        return {INVALID_ARGUMENTS: arguments}
    return value if isinstance(value, dict) else {INVALID_ARGUMENTS: arguments}


def _usage(counted: Any) -> Usage:
    details = counted.prompt_tokens_details
    cached = (details.cached_tokens or 0) if details else 0
    written = (getattr(details, "cache_write_tokens", None) or 0) if details else 0
    return Usage(
        input_tokens=max(0, (counted.prompt_tokens or 0) - cached - written),
        output_tokens=counted.completion_tokens or 0,
        cache_read_tokens=cached,
        cache_write_tokens=written,
    )

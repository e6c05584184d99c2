"""What the Messages API refuses, as the newest models do: each rule is one sentence of its documentation."""

from __future__ import annotations

import hashlib
import itertools
import re
from typing import Any

from jobs.testing.models.server import RequestRefused
from jobs.testing.models.usage import blocks

JSON = dict[str, Any]

# What the SDK of the release that we use can send.
FIELDS = frozenset(
    {
        "model",
        "messages",
        "max_tokens",
        "system",
        "tools",
        "tool_choice",
        "stream",
        "billing_policy",
        "cache_control",
        "compaction",
        "container",
        "context_management",
        "diagnostics",
        "fallback_credit_token",
        "fallbacks",
        "inference_geo",
        "mcp_servers",
        "metadata",
        "output_config",
        "service_tier",
        "speed",
        "stop_sequences",
        "thinking",
        "thread",
        "user_profile_id",
        "workspace_id",
    }
)
TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")
MOST_CACHE_MARKS = 4
LARGEST_ANSWER = 128_000


def signature(model: str, thinking: str) -> str:
    """Return the signature that binds a thinking block to the model that thought it."""
    return hashlib.sha256(f"{model}\0{thinking}".encode()).hexdigest()


def check(request: Any) -> None:
    """Raise ``RequestRefused`` with the API's own reason where it would not take ``request``."""
    if not isinstance(request, dict):
        raise _bad("the body must be an object")
    _check_fields(request)
    _check_tools(request)
    messages = request.get("messages")
    if not isinstance(messages, list) or not messages:
        raise _bad("messages: at least one message is required")
    _check_roles(messages)
    for position, message in enumerate(messages):
        _check_content(position, message, request["model"])
    _check_tool_results(messages)
    if sum("cache_control" in block for block in blocks(request)) > MOST_CACHE_MARKS:
        raise _bad(f"A maximum of {MOST_CACHE_MARKS} blocks with cache_control may be provided.")


def _bad(message: str) -> RequestRefused:
    return RequestRefused(400, "invalid_request_error", message)


def _check_fields(request: JSON) -> None:
    for field in ("model", "max_tokens"):
        if field not in request:
            raise _bad(f"{field}: Field required")
    for field in ("temperature", "top_p", "top_k"):
        if field in request:
            raise _bad(f"{field}: this parameter is not supported by this model")
    for field in request:
        if field not in FIELDS:
            raise _bad(f"{field}: Extra inputs are not permitted")
    most = request["max_tokens"]
    if not isinstance(most, int) or most < 1:
        raise _bad("max_tokens: Input should be greater than or equal to 1")
    if most > LARGEST_ANSWER:
        raise _bad(f"max_tokens: {most} > {LARGEST_ANSWER}, which is the maximum allowed number of output tokens")
    if (request.get("thinking") or {}).get("type") == "disabled":
        raise _bad("thinking: thinking cannot be disabled for this model")


def _check_tools(request: JSON) -> None:
    choice = (request.get("tool_choice") or {}).get("type", "auto")
    if choice in {"any", "tool"}:
        raise _bad("tool_choice: forced tool use is not supported with thinking; use auto or none")
    names = [tool.get("name", "") for tool in request.get("tools", [])]
    if len(set(names)) < len(names):
        raise _bad("tools: Tool names must be unique.")
    for tool in request.get("tools", []):
        own = tool.get("type", "custom") == "custom"
        if not TOOL_NAME.fullmatch(str(tool.get("name", ""))):
            raise _bad("tools.0.custom.name: String should match pattern '^[a-zA-Z0-9_-]{1,128}$'")
        if own and (tool.get("input_schema") or {}).get("type") != "object":
            raise _bad("tools.0.custom.input_schema.type: Field required")


def _check_roles(messages: list[Any]) -> None:
    roles = [message.get("role") for message in messages]
    if set(roles) - {"user", "assistant"}:
        raise _bad("messages.0.role: Input should be 'user' or 'assistant'")
    if roles[0] != "user":
        raise _bad('messages: first message must use the "user" role')
    if roles[-1] != "user":
        raise _bad(
            "This model does not support assistant message prefill. The conversation must end with a user message."
        )
    for one, other in itertools.pairwise(roles):
        if one == other:
            raise _bad(
                f'messages: roles must alternate between "user" and "assistant", but found multiple "{one}" in a row'
            )


def _check_content(position: int, message: JSON, model: str) -> None:
    content = message.get("content")
    if not content or not isinstance(content, (str, list)):
        raise _bad(f"messages.{position}: all messages must have non-empty content")
    for block in content if isinstance(content, list) else []:
        kind = block.get("type")
        if kind == "text" and not str(block.get("text", "")).strip():
            raise _bad("messages: text content blocks must contain non-whitespace text")
        if kind == "thinking" and block.get("signature") != signature(model, block.get("thinking", "")):
            raise _bad(f"messages.{position}.content: Invalid `signature` in `thinking` block")
        if kind == "tool_use" and not isinstance(block.get("input"), dict):
            raise _bad(f"messages.{position}.content.tool_use.input: Input should be a valid dictionary")
        if kind not in {"text", "thinking", "redacted_thinking", "tool_use", "tool_result", "image", "document"}:
            raise _bad(f"messages.{position}.content.0.type: Input tag '{kind}' found using 'type' is not expected")


def _check_tool_results(messages: list[JSON]) -> None:
    asked: set[str] = set()
    for position, message in enumerate(messages):
        content = message["content"] if isinstance(message["content"], list) else []
        answered = [block.get("tool_use_id") for block in content if block.get("type") == "tool_result"]
        if unknown := [one for one in answered if one not in asked]:
            raise _bad(
                f"messages.{position}.content.0: unexpected `tool_use_id` found in `tool_result` blocks: {unknown[0]}"
            )
        if missing := asked - set(answered):
            raise _bad(
                f"messages.{position}: `tool_use` ids were found without `tool_result` blocks immediately after: "
                f"{', '.join(sorted(missing))}"
            )
        if len(set(answered)) < len(answered):
            raise _bad(f"messages.{position}: each `tool_use` must have a single result")
        kinds = [block.get("type") == "tool_result" for block in content]
        if answered and not all(kinds[: len(answered)]):
            raise _bad(f"messages.{position}: `tool_result` blocks must come first")
        asked = {block["id"] for block in content if block.get("type") == "tool_use"}

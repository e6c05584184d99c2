"""Claude through Anthropic's SDK, which streams, caches, retries and has the API edit the context."""

from __future__ import annotations

import logging
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from jobs.models import errors, prices, transport
from jobs.models.conversation import for_model
from jobs.types import Block, Message, ModelError, Reply, ToolSchema, Usage

if TYPE_CHECKING:
    from collections.abc import Sequence

    import anthropic

log = logging.getLogger(__name__)

DEFAULT_URL = "https://api.anthropic.com"
KEY = "ANTHROPIC_API_KEY"
CACHE = {"type": "ephemeral"}
CONTEXT_EDITING = "context-management-2025-06-27"
CLEAR_ABOVE = 150_000
CLEAR_AT_LEAST = 40_000
KEEP_TOOL_USES = 12
CACHED_MESSAGES = 2
STREAMS = 3
"""How often a reply is asked for whose stream breaks off; the SDK tries again only before the first byte."""
PAUSE = 0.5
"""Seconds before the second try, and as much more before each further one."""
PASSING = frozenset({"overloaded_error", "rate_limit_error", "api_error", "timeout_error"})
"""Errors that come as events of a stream that began well, and pass (https://docs.anthropic.com/en/api/errors)."""


class AnthropicModel:
    """A model behind the Messages API; ``timeout`` is seconds between two pieces of a streamed reply."""

    def __init__(
        self, name: str, *, api_key: str, base_url: str = "", timeout: float = 120.0, retries: int = 2
    ) -> None:
        self.name = name
        self._key = api_key
        self._url = base_url or DEFAULT_URL
        self._timeout = timeout
        self._retries = retries
        self._open: anthropic.Anthropic | None = None

    def query(self, system: str, messages: Sequence[Message], tools: Sequence[ToolSchema]) -> Reply:
        """Answer one conversation; raises ``ModelError`` in words when no answer can be had."""
        request = self._request(system, messages, tools)
        wasted = Usage()
        for turn in range(1, STREAMS + 1):
            usage, message, failure = self._stream(request)
            if message is not None:
                return self._reply(message, usage + wasted)
            wasted += usage
            log.warning("the stream of a reply broke off", extra={"model": self.name, "reason": str(failure)})
            if failure is not None and turn == STREAMS:
                raise failure
            time.sleep(PAUSE * turn)
        raise AssertionError("unreachable")

    def close(self) -> None:
        """Close the connections; the model may be queried again and opens new ones."""
        if self._open is not None:
            self._open.close()
            self._open = None

    def _client(self) -> anthropic.Anthropic:
        import anthropic  # noqa: PLC0415 - takes more than a second

        if not self._key:
            raise errors.ModelUnavailable(f"{self.name}: {KEY} is not set. Set it to a key of your Anthropic account.")
        if self._open is None:
            self._open = anthropic.Anthropic(
                api_key=self._key,
                base_url=self._url,
                max_retries=self._retries,
                http_client=anthropic.DefaultHttpxClient(**transport.options(self._timeout)),
            )
        return self._open

    def _request(self, system: str, messages: Sequence[Message], tools: Sequence[ToolSchema]) -> dict[str, Any]:
        known = prices.known(self.name)
        request: dict[str, Any] = {
            "model": self.name,
            "max_tokens": known.output,
            "system": [{"type": "text", "text": system, "cache_control": CACHE}],
            "messages": _with_cache_marks(for_model(messages, self.name)),
        }
        if tools:
            request["tools"] = _tools(tools)
        if "thinking_summaries" in known.features:
            request["thinking"] = {"type": "adaptive", "display": "summarized"}
        if "context_editing" in known.features:
            request["betas"] = [CONTEXT_EDITING]
            request["context_management"] = {"edits": [_clearing()]}
        return request

    def _stream(self, request: dict[str, Any]) -> tuple[Usage, Any, ModelError | None]:
        """Return the tokens that were counted, the whole message or None, and why there is none."""
        import anthropic  # noqa: PLC0415 - takes more than a second
        import httpx2  # noqa: PLC0415 - comes with it

        client = self._client()
        snapshot: Any = None
        try:
            with client.beta.messages.stream(**request) as stream:
                for event in stream:
                    if event.type == "message_start":
                        snapshot = stream.current_message_snapshot
                snapshot = stream.current_message_snapshot if snapshot is not None else None
        except anthropic.APIStatusError as error:
            if snapshot is not None and str(error.type) in PASSING:
                return _usage(snapshot), None, self._status_error(error)
            raise self._status_error(error) from error
        except anthropic.APIConnectionError as error:
            if snapshot is None:
                raise errors.unreachable(self.name, self._url, str(error.__cause__ or error)) from error
            return _usage(snapshot), None, self._broken(str(error.__cause__ or error), cut=True)
        except (anthropic.AnthropicError, httpx2.HTTPError, ValueError, TypeError, RuntimeError, KeyError) as error:
            cut = isinstance(error, httpx2.HTTPError)
            return _usage(snapshot), None, self._broken(f"{type(error).__name__}: {error}", cut=cut)
        if snapshot is None or snapshot.stop_reason is None:
            # A stream that never began is nonsense: something else listens there.
            reason = "the stream ended before the reply did"
            return _usage(snapshot), None, self._broken(reason, cut=snapshot is not None)
        return _usage(snapshot), snapshot, None

    def _broken(self, reason: str, *, cut: bool = False) -> ModelError:
        return errors.broken(self.name, self._url, reason, cut=cut, secret=self._key)

    def _status_error(self, error: anthropic.APIStatusError) -> ModelError:
        """Translate an error status; an error inside a stream comes with status 200 and says its kind in ``type``."""
        said = {"overloaded_error": errors.OVERLOADED, "rate_limit_error": errors.RATE_LIMITED, "api_error": 500}
        status = error.status_code
        if status < errors.BAD_REQUEST:
            status = said.get(str(error.type), status)
        words, wish = error.api_message or error.message, transport.retry_after(error.response)
        status = max(status, errors.BAD_REQUEST)
        return errors.from_status(self.name, status, words, key=KEY, retry_after=wish, secret=self._key)

    def _reply(self, message: Any, usage: Usage) -> Reply:
        content: list[Block] = [block.model_dump(mode="json", exclude_none=True) for block in message.content]
        today = datetime.now(UTC).date()
        return Reply(
            content=[_plain(block) for block in content],
            stop_reason=message.stop_reason,
            usage=usage,
            cost=prices.cost(self.name, usage, today),
            model=self.name,
        )


def _plain(block: Block) -> Block:
    """Keep of a block what may be sent back: the SDK adds fields of its own to what it parsed."""
    fields = {
        "text": ("type", "text"),
        "tool_use": ("type", "id", "name", "input"),
        "thinking": ("type", "thinking", "signature"),
    }.get(block["type"])
    return {name: block[name] for name in fields if name in block} if fields else block


def _usage(snapshot: Any) -> Usage:
    if snapshot is None:
        return Usage()
    counted = snapshot.usage
    return Usage(
        input_tokens=counted.input_tokens or 0,
        output_tokens=counted.output_tokens or 0,
        cache_read_tokens=counted.cache_read_input_tokens or 0,
        cache_write_tokens=counted.cache_creation_input_tokens or 0,
    )


def _tools(tools: Sequence[ToolSchema]) -> list[dict[str, Any]]:
    described: list[dict[str, Any]] = [
        {"name": tool.name, "description": tool.description, "input_schema": tool.input_schema} for tool in tools
    ]
    described[-1]["cache_control"] = CACHE
    return described


def _with_cache_marks(messages: list[Message]) -> list[Message]:
    """Mark the end of the last user messages: the API caches all before a mark, and finds marks of the step before."""
    marked = [number for number, message in enumerate(messages) if message["role"] == "user" and message["content"]]
    for number in marked[-CACHED_MESSAGES:]:
        messages[number]["content"][-1]["cache_control"] = CACHE
    return messages


def _clearing() -> dict[str, Any]:
    """Describe the API's own clearing of old tool results: much at once, since each clearing breaks the cache."""
    return {
        "type": "clear_tool_uses_20250919",
        "trigger": {"type": "input_tokens", "value": CLEAR_ABOVE},
        "keep": {"type": "tool_uses", "value": KEEP_TOOL_USES},
        "clear_at_least": {"type": "input_tokens", "value": CLEAR_AT_LEAST},
        "exclude_tools": ["update_plan"],
    }

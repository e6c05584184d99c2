"""Any endpoint that speaks chat completions (Ollama, vLLM, …) through the openai SDK."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from jobs.models import errors, prices, transport
from jobs.models.chat_format import Completion, to_chat, to_functions
from jobs.models.conversation import CHARACTERS_PER_TOKEN, for_model, with_cleared_results
from jobs.types import Message, Reply, ToolSchema, Usage

if TYPE_CHECKING:
    from collections.abc import Sequence

    import openai

log = logging.getLogger(__name__)

DEFAULT_URL = "https://api.openai.com/v1"
KEY = "OPENAI_API_KEY"
PREFIX = "openai:"
STREAMS = 3


class OpenAICompatibleModel:
    """A model behind an OpenAI-compatible endpoint; an endpoint of one's own may need no key."""

    def __init__(
        self, name: str, *, api_key: str, base_url: str = "", timeout: float = 120.0, retries: int = 2
    ) -> None:
        self.name = f"{PREFIX}{name}"
        self._model = name
        self._key = api_key or ("none" if base_url else "")
        self._url = base_url or DEFAULT_URL
        self._timeout = timeout
        self._retries = retries
        self._open: openai.OpenAI | None = None

    def query(self, system: str, messages: Sequence[Message], tools: Sequence[ToolSchema]) -> Reply:
        """Answer one conversation; raises ``ModelError`` in words when no answer can be had."""
        clean = with_cleared_results(for_model(messages, self.name), prices.known(self.name).context)
        request: dict[str, Any] = {
            "model": self._model,
            "messages": to_chat(system, clean),
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        if tools:
            request["tools"] = to_functions(tools)
        reason, cut = "", False
        for _ in range(STREAMS):
            completion, reason, cut = self._stream(request)
            if not reason:
                return self._reply(request, completion, messages)
            log.warning("the stream of a reply broke off", extra={"model": self.name, "reason": reason})
        raise errors.broken(self.name, self._url, reason, cut=cut, secret=self._key)

    def close(self) -> None:
        """Close the connections; the model may be queried again and opens new ones."""
        if self._open is not None:
            self._open.close()
            self._open = None

    def _client(self) -> openai.OpenAI:
        import openai  # noqa: PLC0415 - takes most of a second

        if not self._key:
            raise errors.ModelUnavailable(
                f"{self.name}: neither {KEY} nor OPENAI_BASE_URL is set. Set the key, or your endpoint's address."
            )
        if self._open is None:
            self._open = openai.OpenAI(
                api_key=self._key,
                base_url=self._url,
                max_retries=self._retries,
                http_client=openai.DefaultHttpxClient(**transport.options(self._timeout)),
            )
        return self._open

    def _stream(self, request: dict[str, Any]) -> tuple[Completion, str, bool]:
        """Return what came of a completion, why it is not whole, if it is not, and whether it was cut off."""
        import httpx2  # noqa: PLC0415 - comes with the SDK
        import openai  # noqa: PLC0415 - takes most of a second

        client = self._client()
        completion, begun = Completion(), False
        try:
            with client.chat.completions.create(**request) as stream:
                for chunk in stream:
                    begun = True
                    completion.add(chunk)
        except openai.APIStatusError as error:
            wish, status = transport.retry_after(error.response), error.status_code
            raise errors.from_status(
                self.name, status, error.message, key=KEY, retry_after=wish, secret=self._key
            ) from error
        except openai.APIConnectionError as error:
            if not begun:
                raise errors.unreachable(self.name, self._url, str(error.__cause__ or error)) from error
            return completion, str(error.__cause__ or error), True
        except (openai.OpenAIError, httpx2.HTTPError, ValueError, TypeError, AttributeError) as error:
            return completion, f"{type(error).__name__}: {error}", isinstance(error, httpx2.HTTPError)
        whole = completion.finish_reason or (completion.usage and (completion.text or completion.calls))
        return completion, "" if whole else "the stream ended before the reply did", begun

    def _reply(self, request: dict[str, Any], completion: Completion, messages: Sequence[Message]) -> Reply:
        taken = [block["id"] for message in messages for block in message["content"] if block["type"] == "tool_use"]
        content = completion.content(taken)
        usage = completion.usage or _estimate(request, content)
        return Reply(
            content=content,
            stop_reason=completion.stop_reason,
            usage=usage,
            cost=prices.cost(self.name, usage, datetime.now(UTC).date()),
            model=self.name,
        )


def _estimate(request: dict[str, Any], content: list[dict[str, Any]]) -> Usage:
    """Count tokens roughly for servers that do not: limits must hold there too."""
    return Usage(
        input_tokens=len(json.dumps(request["messages"])) // CHARACTERS_PER_TOKEN,
        output_tokens=len(json.dumps(content)) // CHARACTERS_PER_TOKEN,
    )

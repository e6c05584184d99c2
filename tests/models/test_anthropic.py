"""Claude over the Messages API, against a loopback endpoint."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from jobs.types import Message, ModelAway, ModelError, ToolSchema
from tests.models.endpoint import Answer, Endpoint, claude, error

if TYPE_CHECKING:
    from tests.models.conftest import Connect

Serve = Callable[..., Endpoint]
NAME = "claude-opus-5-5"
HELLO: list[Message] = [{"role": "user", "content": [{"type": "text", "text": "hello"}]}]
TOOLS = [
    ToolSchema("bash", "Run.", {"type": "object", "properties": {}}),
    ToolSchema("finish", "End.", {"type": "object"}),
]
THOUGHT = {"type": "thinking", "thinking": "hm", "signature": "sig"}
CALL = {"type": "tool_use", "id": "t1", "name": "bash", "input": {"command": "ls"}}
TEXT = {"type": "text", "text": "Fine."}


def test_a_reply_comes_whole_with_its_cost(serve: Serve, connect: Connect) -> None:
    """Text, thinking and tool calls of a streamed reply arrive as blocks that may be sent back, with tokens and dollars."""
    usage = {"output_tokens": 100, "cache_read_input_tokens": 1000, "cache_creation_input_tokens": 200}
    endpoint = serve(claude([THOUGHT, TEXT, CALL], stop_reason="tool_use", **usage))
    reply = connect(NAME, claude=endpoint).query("system", HELLO, TOOLS)
    assert reply.content == [THOUGHT, TEXT, CALL]
    assert (reply.stop_reason, reply.model) == ("tool_use", NAME)
    assert reply.usage.total == 10 + 100 + 1000 + 200
    assert reply.cost == pytest.approx((10 * 4 + 100 * 20 + 1000 * 0.2 + 200 * 5) / 1e6)


def test_a_request_asks_for_caching_and_context_editing(serve: Serve, connect: Connect) -> None:
    """System, last tool and the last user messages are marked for the cache; sampling and forced tools are never asked for."""
    endpoint = serve(claude([TEXT]))
    connect(NAME, claude=endpoint).query("be good", HELLO, TOOLS)
    request = endpoint.requests[0]
    assert request["stream"] is True
    assert request["system"][0]["cache_control"]
    assert "cache_control" not in request["tools"][0]
    assert request["tools"][1]["cache_control"]
    assert request["messages"][-1]["content"][-1]["cache_control"]
    assert request["context_management"]["edits"][0]["type"] == "clear_tool_uses_20250919"
    assert "context-management" in endpoint.headers[0]["anthropic-beta"]
    assert not {"temperature", "top_p", "top_k", "tool_choice", "thread"} & set(request)


def test_the_conversation_is_not_changed_by_asking(serve: Serve, connect: Connect) -> None:
    """Cache marks stand in the request only, never in the transcript."""
    messages = [{"role": "user", "content": [{"type": "text", "text": "hello"}]}]
    connect(NAME, claude=serve(claude([TEXT]))).query("s", messages, TOOLS)
    assert messages == HELLO


def test_thinking_goes_back_to_the_model_that_thought_it_only(serve: Serve, connect: Connect) -> None:
    """Thinking of another model is left out, one's own is sent back as it came, and nothing else of a message is lost."""
    endpoint = serve(claude([TEXT]))
    mine = {"role": "assistant", "content": [THOUGHT, CALL], "model": NAME, "stop_reason": "tool_use"}
    other = {"role": "assistant", "content": [THOUGHT], "model": "claude-sonnet-5-5"}
    answer = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "x"}]}
    connect(NAME, claude=endpoint).query("s", [*HELLO, mine, answer, other, *HELLO], TOOLS)
    sent = endpoint.requests[0]["messages"]
    assert sent[1] == {"role": "assistant", "content": [THOUGHT, CALL]}
    assert [block["type"] for block in sent[3]["content"]] == ["text"]


def test_a_stream_that_breaks_off_is_asked_for_again(serve: Serve, connect: Connect) -> None:
    """A reply cut in the middle is not taken for a whole one; the next try counts, and the wasted tokens too."""
    endpoint = serve(claude([TEXT], cut=True), claude([TEXT]))
    reply = connect(NAME, claude=endpoint).query("s", HELLO, TOOLS)
    assert reply.content == [TEXT]
    assert reply.usage.input_tokens == 20
    assert len(endpoint.requests) == 2


def test_a_stream_that_ends_early_in_peace_is_not_a_reply(serve: Serve, connect: Connect) -> None:
    """A stream without its stop event may be whole another time, one that is nonsense is not waited for."""
    bodies: dict[bytes, type[Exception]] = {
        claude([TEXT], cut=True).body: ModelAway,
        b"event: message_start\ndata: {nonsense\n\n": ModelError,
        b"<html>proxy page</html>": ModelError,
    }
    for body, kind in bodies.items():
        endpoint = serve(Answer(200, body, {"content-type": "text/event-stream"}))
        with pytest.raises(kind, match=r"breaks its answers off|broke off or made no sense"):
            connect(NAME, claude=endpoint).query("s", HELLO, TOOLS)
        assert len(endpoint.requests) == 3


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (error(401, "authentication_error", "invalid key"), "ANTHROPIC_API_KEY"),
        (error(404, "not_found_error", "model: x"), "OPUS67_MODEL"),
        (error(402, "billing_error", "pay"), "no credit"),
        (error(400, "invalid_request_error", "Your credit balance is too low"), "no credit"),
        (error(403, "permission_error", "no"), "may not use this model"),
        (error(400, "invalid_request_error", "messages: wrong"), "refused the request as invalid.*messages: wrong"),
        (error(429, "rate_limit_error", "Your credit balance is too low", **{"x-should-retry": "false"}), "rate limit"),
    ],
)
def test_an_error_says_what_to_do(serve: Serve, connect: Connect, answer: Answer, words: str) -> None:
    """Each error status ends in words that name the cure."""
    with pytest.raises(ModelError, match=words):
        connect(NAME, claude=serve(answer)).query("s", HELLO, TOOLS)


@pytest.mark.parametrize("status", [408, 429, 500, 503, 529])
def test_what_passes_by_itself_is_told_apart(serve: Serve, connect: Connect, status: int) -> None:
    """A service that fails or has too much to do is away, and says for how long; an hour is believed at most."""
    headers = {"x-should-retry": "false", "retry-after": "86400"}
    with pytest.raises(ModelAway, match=f"{NAME} answers {status}") as caught:
        connect(NAME, claude=serve(error(status, "x", "busy", **headers))).query("s", HELLO, TOOLS)
    assert caught.value.retry_after == 3600.0


def test_an_error_inside_a_stream_is_understood(serve: Serve, connect: Connect) -> None:
    """Overload that comes after the stream has begun is told as overload, not as a bad request."""
    body = b'event: error\ndata: {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}\n\n'
    endpoint = serve(Answer(200, body, {"content-type": "text/event-stream"}))
    with pytest.raises(ModelAway, match="answers 529"):
        connect(NAME, claude=endpoint).query("s", HELLO, TOOLS)


def test_a_short_rate_limit_is_waited_for(serve: Serve, connect: Connect) -> None:
    """The SDK tries again after a 429 whose wait is short."""
    endpoint = serve(error(429, "rate_limit_error", "slow", **{"retry-after": "0.01"}), claude([TEXT]))
    assert connect(NAME, claude=endpoint).query("s", HELLO, TOOLS).content == [TEXT]


@pytest.mark.timeout(10)
@pytest.mark.parametrize("wait", ["86400", "inf", "nan"])
def test_a_server_cannot_put_a_run_to_sleep(serve: Serve, connect: Connect, wait: str) -> None:
    """A wait of a day is not waited for: the query ends at once, and says so."""
    endpoint = serve(error(429, "rate_limit_error", "slow", **{"retry-after": wait}))
    with pytest.raises(ModelAway, match="answers 429"):
        connect(NAME, claude=endpoint).query("s", HELLO, TOOLS)
    assert len(endpoint.requests) == 1


@pytest.mark.timeout(30)
def test_an_endpoint_that_is_silent_or_away_ends_in_words(serve: Serve, connect: Connect) -> None:
    """Silence ends after the time-out, a closed port at once; both name the address."""
    silent = connect(NAME, claude=serve(Answer(hold=True)), timeout=0.2)
    with pytest.raises(ModelAway, match="no answer from http://127"):
        silent.query("s", HELLO, TOOLS)
    with pytest.raises(ModelAway, match=r"no answer from http://127\.0\.0\.1:9"):
        connect(NAME).query("s", HELLO, TOOLS)


def test_no_key_is_said_before_anything_is_sent(serve: Serve, connect: Connect) -> None:
    """Without a key the variable is named and no request is made."""
    endpoint = serve(claude([TEXT]))
    with pytest.raises(ModelError, match="ANTHROPIC_API_KEY is not set"):
        connect(NAME, claude=endpoint, anthropic_api_key="").query("s", HELLO, TOOLS)
    assert not endpoint.requests

"""OpenAI-compatible endpoints, against a loopback one."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.models.chat_format import INVALID_ARGUMENTS, Completion, read_arguments, to_chat
from jobs.models.conversation import CLEARED, with_cleared_results
from jobs.types import Message, ModelAway, ModelError, ToolSchema
from tests.models.endpoint import Answer, Endpoint, chat, error

if TYPE_CHECKING:
    from tests.models.conftest import Connect

Serve = Callable[..., Endpoint]
NAME = "openai:qwen3-coder:30b"
HELLO: list[Message] = [{"role": "user", "content": [{"type": "text", "text": "hello"}]}]
TOOLS = [ToolSchema("bash", "Run.", {"type": "object", "properties": {"command": {"type": "string"}}})]


def piece(index: int, identifier: str | None, name: str | None, arguments: str) -> dict[str, Any]:
    """Return the delta of a part of a tool call."""
    return {"tool_calls": [{"index": index, "id": identifier, "function": {"name": name, "arguments": arguments}}]}


def test_text_and_calls_come_back_in_our_format(serve: Serve, connect: Connect) -> None:
    """A streamed completion becomes text and tool_use blocks, with tokens read from its usage."""
    usage = {
        "prompt_tokens": 50,
        "completion_tokens": 7,
        "total_tokens": 57,
        "prompt_tokens_details": {"cached_tokens": 20},
    }
    endpoint = serve(
        chat({"content": "Let me "}, {"content": "look."}, piece(0, "c1", "bash", '{"comm'), piece(0, None, None, 'and": "ls"}'),
             piece(1, "c2", "bash", '{"command": "pwd"}'), finish="tool_calls", usage=usage)
    )  # fmt: skip
    reply = connect(NAME, chat=endpoint).query("be good", HELLO, TOOLS)
    assert reply.content == [
        {"type": "text", "text": "Let me look."},
        {"type": "tool_use", "id": "c1", "name": "bash", "input": {"command": "ls"}},
        {"type": "tool_use", "id": "c2", "name": "bash", "input": {"command": "pwd"}},
    ]
    assert (reply.stop_reason, reply.model, reply.cost) == ("tool_use", NAME, 0.0)
    assert (reply.usage.input_tokens, reply.usage.cache_read_tokens, reply.usage.output_tokens) == (30, 20, 7)
    request = endpoint.requests[0]
    assert request["model"] == "qwen3-coder:30b"
    assert request["tools"][0]["function"]["name"] == "bash"
    assert request["messages"] == [{"role": "system", "content": "be good"}, {"role": "user", "content": "hello"}]
    assert "tool_choice" not in request


def test_slips_of_servers_are_put_right(serve: Serve, connect: Connect) -> None:
    """Calls without ids, all at index 0, under "stop", with thoughts in the text and without usage, are still understood."""
    endpoint = serve(
        chat(
            {"content": "<think>hm</think>"}, piece(0, "a", "bash", "{}"), piece(0, "b", "bash", "[1]"), finish="stop"
        ),
        chat(piece(0, None, "no such/tool", "{broken"), finish="tool_calls"),
    )
    model = connect(NAME, chat=endpoint)
    first = model.query("s", HELLO, TOOLS)
    assert [block["id"] for block in first.content] == ["a", "b"]
    assert first.content[1]["input"] == {INVALID_ARGUMENTS: "[1]"}
    assert first.stop_reason == "tool_use"
    assert first.usage.input_tokens > 0
    second = model.query("s", HELLO, TOOLS).content[0]
    assert second["input"] == {INVALID_ARGUMENTS: "{broken"}
    assert second["id"]
    assert second["name"] == "no_such_tool"


def test_a_conversation_is_written_as_chat() -> None:
    """Thinking is dropped, calls carry JSON, each result is a message of its own right after them, and people's words follow."""
    messages: list[Message] = [
        *HELLO,
        {"role": "assistant", "content": [
            {"type": "thinking", "thinking": "x", "signature": "y"},
            {"type": "text", "text": "Look."},
            {"type": "tool_use", "id": "c1", "name": "bash", "input": {"command": "ls ü"}},
        ]},
        {"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": "c1", "content": [{"type": "text", "text": "a.py"}]},
            {"type": "text", "text": "Hurry."},
        ]},
    ]  # fmt: skip
    assert to_chat("s", messages)[2:] == [
        {"role": "assistant", "content": "Look.", "tool_calls": [
            {"id": "c1", "type": "function", "function": {"name": "bash", "arguments": '{"command": "ls ü"}'}}]},
        {"role": "tool", "tool_call_id": "c1", "content": "a.py"},
        {"role": "user", "content": "Hurry."},
    ]  # fmt: skip


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(st.dictionaries(st.text(), JSON))
def test_inputs_survive_the_way_there_and_back(inputs: dict[str, Any]) -> None:
    """A tool call's input is the same after it was written as chat arguments and read again."""
    message = {"role": "assistant", "content": [{"type": "tool_use", "id": "c", "name": "t", "input": inputs}]}
    assert read_arguments(to_chat("", [message])[1]["tool_calls"][0]["function"]["arguments"]) == inputs


@given(st.text())
def test_no_arguments_break_the_reader(arguments: str) -> None:
    """Whatever stands in the arguments becomes an input that can be sent back as JSON."""
    assert isinstance(json.loads(json.dumps(read_arguments(arguments))), dict)


@given(st.lists(st.sampled_from(["", "a", "a b", "c/ü"]), max_size=6), st.sets(st.sampled_from(["a", "a_b", "call_0"])))
def test_every_call_has_an_id_of_its_own(ids: list[str], taken: set[str]) -> None:
    """Ids are never empty, never repeated, and hold only what Anthropic's API takes too."""
    completion = Completion()
    for index, identifier in enumerate(ids):
        completion._add_call(_Delta(index, identifier))
    made = [block["id"] for block in completion.content(taken)]
    assert len(set(made) | taken) == len(ids) + len(taken)
    assert all(part and part.replace("_", "a").replace("-", "a").isalnum() and part.isascii() for part in made)


class _Delta:
    def __init__(self, index: int, identifier: str) -> None:
        self.index, self.id, self.function = index, identifier, None


def conversation(sizes: list[int]) -> list[Message]:
    """Return a conversation whose tool results have these sizes."""
    messages = list(HELLO)
    for number, size in enumerate(sizes):
        call = {"type": "tool_use", "id": f"c{number}", "name": "bash", "input": {}}
        result = {"type": "tool_result", "tool_use_id": f"c{number}", "content": "x" * size}
        messages += [{"role": "assistant", "content": [call]}, {"role": "user", "content": [result]}]
    return messages


@given(st.lists(st.integers(0, 4000), max_size=25))
def test_old_results_are_cleared_and_stay_cleared(sizes: list[int]) -> None:
    """Only results are cleared, oldest first, never the newest; a longer conversation keeps a cleared prefix as it was."""
    cleared = with_cleared_results(conversation(sizes), 2000)
    states = [
        message["content"][0]["content"] == CLEARED
        for message in cleared
        if message["content"][0]["type"] == "tool_result"
    ]
    assert states == sorted(states, reverse=True)
    assert not states or not states[-1]
    shorter = with_cleared_results(conversation(sizes[:-1]), 2000)
    before = sum(message["content"][0].get("content") == CLEARED for message in shorter)
    assert sum(states) >= before
    assert [message["role"] for message in cleared] == [message["role"] for message in conversation(sizes)]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (error(401, "invalid_api_key", "bad"), "OPENAI_API_KEY"),
        (error(404, "not_found", "no such model"), "OPUS67_MODEL"),
        (error(400, "bad_request", "tools unsupported"), "refused the request as invalid"),
        (Answer(200, b"data: {nonsense\n\n", {"content-type": "text/event-stream"}), "made no sense"),
        (Answer(200, b"<html>", {"content-type": "text/html"}), "made no sense"),
    ],
)
def test_an_error_says_what_to_do(serve: Serve, connect: Connect, answer: Answer, words: str) -> None:
    """Each failure ends in words that name the cure."""
    with pytest.raises(ModelError, match=words):
        connect(NAME, chat=serve(answer)).query("s", HELLO, TOOLS)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (error(503, "down", "down", **{"x-should-retry": "false"}), "answers 503"),
        (chat({"content": "half"}, finish=None), "breaks its answers off"),
    ],
    ids=["503", "cut"],
)
def test_what_passes_by_itself_is_told_apart(serve: Serve, connect: Connect, answer: Answer, words: str) -> None:
    """A server that fails, or breaks off in the middle, may be whole another time."""
    with pytest.raises(ModelAway, match=words):
        connect(NAME, chat=serve(answer)).query("s", HELLO, TOOLS)


def test_an_own_endpoint_needs_no_key_but_the_default_one_does(serve: Serve, connect: Connect) -> None:
    """With a base URL a missing key is no problem; without either the variables are named."""
    endpoint = serve(chat({"content": "hi"}))
    assert connect(NAME, chat=endpoint, openai_api_key="").query("s", HELLO, []).content[0]["text"] == "hi"
    with pytest.raises(ModelError, match="OPENAI_API_KEY nor OPENAI_BASE_URL"):
        connect(NAME, openai_api_key="", openai_base_url="").query("s", HELLO, [])

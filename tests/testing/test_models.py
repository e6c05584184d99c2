"""The scripted models speak their protocols as the SDKs expect, and refuse what the real services refuse."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import anthropic
import httpx2
import openai
import pytest

from jobs.testing.models import (
    ChatCompletionsAPI,
    MessagesAPI,
    Script,
    by_tool,
    call,
    call_raw,
    cut_stream,
    dropped,
    hang,
    nonsense,
    overloaded,
    rate_limited,
    refused,
    say,
    server_error,
    think,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jobs.testing.models.script import Line

OPUS = "claude-opus-5-5"
TOOLS: Any = [{"name": "bash", "description": "Runs a command", "input_schema": {"type": "object"}}]
FUNCTIONS: Any = [{"type": "function", "function": {"name": "bash", "parameters": {"type": "object"}}}]


class Talk:
    """An SDK client on a scripted model."""

    def __init__(self, lines: list[Line], retries: int = 0, timeout: float = 10.0) -> None:
        self.api = MessagesAPI(lines).start()
        self.client = anthropic.Anthropic(
            base_url=self.api.url, api_key=self.api.api_key, max_retries=retries, timeout=timeout
        )

    def stream(self, messages: Any, **more: Any) -> Any:
        given: Any = {"model": OPUS, "max_tokens": 1000, "messages": messages, "tools": TOOLS, **more}
        with self.client.messages.stream(**given) as stream:
            return stream.get_final_message()

    def create(self, messages: Any, **more: Any) -> Any:
        given: Any = {"model": OPUS, "max_tokens": 1000, "messages": messages, "tools": TOOLS, **more}
        return self.client.messages.create(**given)

    def close(self) -> None:
        self.client.close()
        self.api.stop()


@pytest.fixture
def talk(request: pytest.FixtureRequest) -> Iterator[Any]:
    """Yield a function that makes a client on a script, closed afterwards."""
    made: list[Talk] = []

    def make(*lines: Line, retries: int = 0, timeout: float = 10.0) -> Talk:
        made.append(Talk(list(lines), retries, timeout))
        return made[-1]

    yield make
    for one in made:
        one.close()


def user(text: Any) -> dict[str, Any]:
    return {"role": "user", "content": text}


def test_streamed_and_whole_replies_are_the_same(talk: Any) -> None:
    """Thinking, text and a call come through the event stream as they come without it."""
    one = talk(think("Hm. " * 40) + say("I look. " * 40) + call("bash", command="ls", flags=["é", 1]))
    streamed, whole = one.stream([user("go")]), one.create([user("go")])
    assert [block.type for block in streamed.content] == ["thinking", "text", "tool_use"]
    assert streamed.content[2].input == {"command": "ls", "flags": ["é", 1]}
    for mine, other in zip(streamed.content, whole.content, strict=True):
        shown = {"parsed_output", "citations"}
        assert mine.model_dump(exclude=shown) == other.model_dump(exclude=shown)
    assert streamed.stop_reason == whole.stop_reason == "tool_use"
    assert streamed.usage.output_tokens == whole.usage.output_tokens > 100


def test_a_conversation_goes_through_its_script(talk: Any) -> None:
    """The position follows from the replies in the request, so a repeated request is answered the same."""
    one = talk(call("bash", command="ls"), say("Done."))
    first = one.stream([user("go")])
    again = one.stream([user("go")])
    assert first.content[0].id == again.content[0].id
    result = {"type": "tool_result", "tool_use_id": first.content[0].id, "content": "README.md"}
    answer = {"role": "assistant", "content": [first.content[0].model_dump(include={"type", "id", "name", "input"})]}
    last = one.stream([user("go"), answer, user([result])])
    assert (last.stop_reason, last.content[0].text) == ("end_turn", "Done.")
    with pytest.raises(anthropic.BadRequestError, match="no reply number 3"):
        one.stream([user("go"), answer, user([result]), {"role": "assistant", "content": "Done."}, user("more")])


def test_conversations_do_not_mix(talk: Any) -> None:
    """Failures come once in each conversation, in whatever order conversations come."""
    one = talk(rate_limited(), say("Hello."))
    with pytest.raises(anthropic.RateLimitError):
        one.create([user("a")])
    assert one.create([user("a")]).content[0].text == "Hello."
    with pytest.raises(anthropic.RateLimitError):
        one.create([user("b")])


def test_the_sdk_retries_what_passes(talk: Any) -> None:
    """429, 529 and 500 are told with a short retry-after, and the SDK's own retries get over them."""
    one = talk(rate_limited(), overloaded(), server_error(), say("At last."), retries=4)
    assert one.stream([user("go")]).content[0].text == "At last."
    assert [asked.status for asked in one.api.requests] == [429, 529, 500, 200]


@pytest.mark.parametrize(
    "failure",
    [
        cut_stream(say("x" * 900)),
        overloaded(in_stream=True),
        nonsense(),
        dropped(),
        refused(404, "not_found_error", "model: x"),
    ],
)
def test_failures_are_failures(talk: Any, failure: Line) -> None:
    """A cut stream, an error within a stream, nonsense, a dropped connection and a refusal: none looks like a reply."""
    one = talk(failure, say("Fine."))
    with pytest.raises((anthropic.AnthropicError, httpx2.HTTPError, ValueError, AssertionError)):
        one.stream([user("go")])
    assert one.stream([user("go")]).content[0].text == "Fine."


def test_a_hanging_model_lets_go_when_it_stops(talk: Any) -> None:
    """Who asks waits until its own timeout."""
    one = talk(hang(), timeout=0.2)
    with pytest.raises(anthropic.APITimeoutError):
        one.create([user("go")])


USE = {"type": "tool_use", "id": "toolu_1", "name": "bash", "input": {}}
RESULT = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "x"}


@pytest.mark.parametrize(
    ("messages", "words"),
    [
        ([{"role": "assistant", "content": "x"}, user("y")], "first message"),
        ([user("x"), user("y")], "alternate"),
        ([user("x"), {"role": "assistant", "content": "y"}], "prefill"),
        ([user("")], "non-empty"),
        ([user([{"type": "text", "text": " "}])], "non-whitespace"),
        ([user("x"), {"role": "assistant", "content": [USE]}, user("y")], "without `tool_result`"),
        ([user([RESULT])], "unexpected `tool_use_id`"),
        (
            [user("x"), {"role": "assistant", "content": [USE]}, user([{"type": "text", "text": "y"}, RESULT])],
            "must come first",
        ),
        (
            [
                user("x"),
                {"role": "assistant", "content": [{"type": "thinking", "thinking": "y", "signature": "z"}]},
                user("w"),
            ],
            "Invalid `signature`",
        ),
    ],
)
def test_wrong_conversations_are_refused(talk: Any, messages: Any, words: str) -> None:
    """Roles, results and signatures are checked as the real service does."""
    with pytest.raises(anthropic.BadRequestError, match=words):
        talk(say("x")).create(messages)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"extra_body": {"temperature": 0.5}}, "temperature"),
        ({"extra_body": {"seed": 1}}, "Extra inputs"),
        ({"tool_choice": {"type": "any"}}, "forced tool use"),
        ({"tools": TOOLS * 2}, "unique"),
        ({"max_tokens": 0}, "greater than or equal"),
        ({"extra_body": {"thinking": {"type": "disabled"}}}, "cannot be disabled"),
    ],
)
def test_wrong_settings_are_refused(talk: Any, given: dict[str, Any], words: str) -> None:
    """What the newest models no longer take is a 400."""
    with pytest.raises(anthropic.BadRequestError, match=words):
        talk(say("x")).create([user("go")], **given)


def test_keys_and_models_are_checked(talk: Any) -> None:
    """Another key is 401, another model 404; models can be listed and tokens counted."""
    one = talk(say("x"))
    with pytest.raises(anthropic.NotFoundError):
        one.create([user("go")], model="claude-unknown")
    with (
        anthropic.Anthropic(base_url=one.api.url, api_key="other", max_retries=0) as stranger,
        pytest.raises(anthropic.AuthenticationError),
    ):
        stranger.models.list()
    assert OPUS in [model.id for model in one.client.models.list()]
    assert one.client.messages.count_tokens(model=OPUS, messages=[user("x" * 400)]).input_tokens > 100


def test_what_was_cached_is_read(talk: Any) -> None:
    """The first marked request writes the cache, the next one reads it."""
    one = talk(say("x"))
    marked = user([{"type": "text", "text": "go " * 500, "cache_control": {"type": "ephemeral"}}])
    first, second = one.create([marked]).usage, one.create([marked]).usage
    assert first.cache_creation_input_tokens == second.cache_read_input_tokens > 300
    assert first.cache_read_input_tokens == second.cache_creation_input_tokens == 0


def test_parallel_conversations_are_recorded(talk: Any) -> None:
    """Many at once get their own answers, and every request is kept."""
    one = talk(say("Hello."))
    threads = [threading.Thread(target=one.create, args=([user(f"task {number}")],)) for number in range(8)]
    for thread in threads:
        thread.start()
    one.api.wait_for(lambda: len(one.api.requests) == 8)
    for thread in threads:
        thread.join()
    assert {asked.body["messages"][0]["content"] for asked in one.api.requests} == {f"task {n}" for n in range(8)}


def test_a_line_may_be_a_function_and_a_tool_may_choose() -> None:
    """Scripts can look at the request, go on for ever, and be chosen by what is offered."""
    script = Script([lambda request: say(request["messages"][0]["content"])], then=call("bash", command="ls"))
    chosen = by_tool({"report_review": Script([call("report_review", verdict="approve")])}, script)
    assert chosen({"messages": [user("echo")]}) == say("echo")
    later = [user("echo"), {"role": "assistant", "content": "echo"}, user("on")]
    assert chosen({"messages": later}) == call("bash", command="ls")
    review = chosen({"messages": [user("x")], "tools": [{"name": "report_review"}]})
    assert review == call("report_review", verdict="approve")


@pytest.fixture
def chat() -> Iterator[Any]:
    """Yield a function that makes an OpenAI client on a script, closed afterwards."""
    made: list[Any] = []

    def make(*lines: Line) -> Any:
        api = ChatCompletionsAPI(list(lines)).start()
        client = openai.OpenAI(base_url=api.base_url, api_key=api.api_key, max_retries=0)
        made.append((api, client))
        return client.chat.completions

    yield make
    for api, client in made:
        client.close()
        api.stop()


def test_chat_completions_carry_calls(chat: Any) -> None:
    """Text and calls come whole and streamed, with usage when it is asked for."""
    completions = chat(say("I look.") + call("bash", command="ls"))
    given: Any = {"model": "local-coder", "messages": [user("go")], "tools": FUNCTIONS}
    choice = completions.create(**given).choices[0]
    assert (choice.finish_reason, choice.message.content) == ("tool_calls", "I look.")
    assert choice.message.tool_calls[0].function.arguments == '{"command": "ls"}'
    chunks = list(completions.create(**given, stream=True, stream_options={"include_usage": True}))
    parts = [call.function.arguments for c in chunks if c.choices for call in c.choices[0].delta.tool_calls or []]
    assert "".join(parts) == '{"command": "ls"}'
    assert chunks[-1].usage.completion_tokens > 5


def test_chat_completions_refuse_and_fail(chat: Any) -> None:
    """Unanswered calls, other models and failures are errors in OpenAI's shape; arguments may be no JSON."""
    completions = chat(rate_limited(), call_raw("bash", "{not json"))
    given: Any = {"model": "local-coder", "messages": [user("go")]}
    with pytest.raises(openai.RateLimitError):
        completions.create(**given)
    assert completions.create(**given).choices[0].message.tool_calls[0].function.arguments == "{not json"
    with pytest.raises(openai.NotFoundError):
        completions.create(**{**given, "model": "other"})
    function = {"id": "c1", "type": "function", "function": {"name": "bash", "arguments": "{}"}}
    with pytest.raises(openai.BadRequestError, match="must be followed by tool messages"):
        completions.create(
            **{**given, "messages": [user("go"), {"role": "assistant", "tool_calls": [function]}, user("x")]}
        )

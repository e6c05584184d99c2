"""Whole conversations of the agent over both protocols, held to the rules of the stand-ins."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import pytest

from jobs.agent.loop import work
from jobs.models.chain import build
from jobs.testing.models import (
    ChatCompletionsAPI,
    MessagesAPI,
    Script,
    call,
    call_raw,
    cut_stream,
    overloaded,
    say,
    think,
)
from jobs.types import CommandResult, Limits, Message

REQUEST: Message = {"role": "user", "content": [{"type": "text", "text": "Fix it."}]}
SCRIPT = [
    think("Let me see.") + call("update_plan", items=[{"text": "Look", "state": "in_progress"}]),
    say("Two at once.") + call("bash", command="echo 1") + call("bash", command="echo 2"),
    cut_stream(call("bash", command="echo 3")),
    call_raw("bash", '{"command": "echo'),
    say("Done?"),
    call("finish", title="Fix it", summary="Fixed."),
]


class Echo:
    """A sandbox that says what it was asked to run."""

    name, resumed = "echo", False

    def run(self, command: str, **_: Any) -> CommandResult:
        return CommandResult(0, f"ran {command}", 0.0)


class Journal:
    """Keeps nothing but the newest of each step."""

    def __init__(self) -> None:
        self.kept: dict[int, Any] = {}

    def steps(self) -> list[Any]:
        return list(self.kept.values())

    def record(self, step: Any) -> None:
        self.kept[step.index] = step

    def attend(self) -> list[str]:
        return []

    def progress(self, *_: Any) -> None:
        return


def go(model: Any, journal: Journal) -> str:
    """Run the loop; the first end is refused, so that the conversation goes on after it."""
    with closing(model):
        return _go(model, journal)


def _go(model: Any, journal: Journal) -> str:
    refusals = ["Checks failed."]
    end = work(
        model=model, sandbox=Echo(), journal=journal, system="You work.", request=REQUEST, limits=Limits(),  # type: ignore[arg-type]
        on_finish=lambda _: refusals.pop() if refusals else None, now=lambda: 0.0, started_at=0.0,
    )  # fmt: skip
    return end.title


def test_the_loop_speaks_the_messages_api() -> None:
    """Thinking, parallel calls, a cut stream, broken arguments and a refused end pass the API's rules."""
    with MessagesAPI(Script(SCRIPT)) as api:
        model = build(["claude-opus-5-5"], anthropic_api_key=api.api_key, anthropic_base_url=api.url)
        journal = Journal()
        assert go(model, journal) == "Fix it"
    assert sum(step.usage.cache_read_tokens for step in journal.kept.values()) > 0
    assert all(step.cost > 0 for step in journal.kept.values())


def test_the_loop_speaks_chat_completions() -> None:
    """The same conversation passes the rules of chat completions."""
    with ChatCompletionsAPI(Script(SCRIPT), models=["qwen3-coder"]) as api:
        model = build(["openai:qwen3-coder"], openai_api_key=api.api_key, openai_base_url=api.base_url)
        assert go(model, Journal()) == "Fix it"


@pytest.mark.timeout(60)
def test_a_conversation_goes_on_with_another_provider() -> None:
    """When Claude is overloaded in the middle, the other endpoint takes the transcript up, and back again."""
    look = call("bash", command="echo 1")
    ends = [call("finish", title=title, summary="Done.") for title in "AB"]
    first = Script([think("Hm.") + look, *[overloaded(in_stream=True)] * 3, say("Not asked."), *ends])
    second = Script([say("Not asked."), say("I go on.") + look, *[overloaded()] * 4])
    with MessagesAPI(first) as claude, ChatCompletionsAPI(second, models=["qwen3-coder"]) as other:
        model = build(
            ["claude-opus-5-5", "openai:qwen3-coder"],
            anthropic_api_key=claude.api_key, anthropic_base_url=claude.url,
            openai_api_key=other.api_key, openai_base_url=other.base_url, patience=3,
        )  # fmt: skip
        journal = Journal()
        assert go(model, journal) == "B"
        assert [step.model for step in journal.kept.values()][:3] == [
            "claude-opus-5-5",
            "openai:qwen3-coder",
            "claude-opus-5-5",
        ]

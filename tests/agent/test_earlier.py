"""An earlier conversation stands before a new request: light, whole, and never longer than there is room."""

from __future__ import annotations

import json
from typing import Any

from jobs.agent.earlier import STOPPED, earlier_conversation
from jobs.agent.transcript import user_message, words
from jobs.types import Step, Usage

REQUEST = user_message([words("Add values.")])
BEFORE = [user_message([words("Long ago.")]), {"role": "assistant", "content": [words("Yes.")]}]
ROOM = 100_000


def step(index: int, *content: dict[str, Any], results: tuple[str, ...] | None = None) -> Step:
    """Return a step whose calls have these results."""
    reply = {"role": "assistant", "content": list(content), "model": "m", "stop_reason": "tool_use"}
    ids = [block["id"] for block in content if block["type"] == "tool_use"]
    blocks = [
        {"type": "tool_result", "tool_use_id": one, "content": said}
        for one, said in zip(ids, results or (), strict=False)
    ]
    return Step(index, reply, None if results is None else user_message(blocks), Usage(), 0.0, "m", 1.0)


def use(name: str, number: int = 1, **given: Any) -> dict[str, Any]:
    """Return a call."""
    return {"type": "tool_use", "id": f"t{number}", "name": name, "input": given}


THINKING = {"type": "thinking", "thinking": "Hm.", "signature": "s"}
LOOKED = step(0, THINKING, use("bash", command="ls"), results=("a.py",))
FINISHED = step(1, words("There."), use("finish", 2, title="Add values", summary="All of them."))


def test_it_ends_in_the_models_words() -> None:
    """Calls and results are kept, thinking is not, and the call that ended the work is told as words."""
    found = earlier_conversation((), REQUEST, [LOOKED, FINISHED], ROOM)
    assert [one["role"] for one in found] == ["user", "assistant", "user", "assistant"]
    assert found[1]["content"] == [use("bash", command="ls")]
    assert found[-1]["content"] == [words("There.\n\nI ended the work here: Add values\n\nAll of them.")]
    assert "Hm." not in json.dumps(found)


def test_work_that_was_stopped_is_told_to_be() -> None:
    """A conversation that ended with results, or in the middle of calls, is whole all the same."""
    half = step(0, use("bash", 1), use("bash", 2), results=("only one",))
    found = earlier_conversation(BEFORE, REQUEST, [half, LOOKED], ROOM)
    assert [one["role"] for one in found] == ["user", "assistant"] * 4
    assert found[3]["content"] == [words(STOPPED)]
    assert found[-1]["content"] == [words(STOPPED)]
    calls = [block["id"] for one in found for block in one["content"] if block["type"] == "tool_use"]
    answers = [block["tool_use_id"] for one in found for block in one["content"] if block["type"] == "tool_result"]
    assert calls == answers


def test_long_texts_are_cut() -> None:
    """Inputs and results are cut in the middle, which is said."""
    long = step(0, use("bash", command="x" * 9_000), results=("y" * 9_000,))
    found = json.dumps(earlier_conversation((), REQUEST, [long, FINISHED], ROOM))
    assert len(found) < 10_000
    assert found.count("characters were cut here") == 2


def test_what_does_not_fit_is_left_out() -> None:
    """Texts are cut shorter first, then what came before goes, and at last the conversation itself."""
    steps = [step(0, use("bash", command="ls"), results=("y" * 4_000,)), FINISHED]
    assert len(json.dumps(earlier_conversation(BEFORE, REQUEST, steps, 3_000))) > 1_000
    assert earlier_conversation(BEFORE, REQUEST, steps, 3_000)[:2] == BEFORE
    whole = [*BEFORE, user_message([words("z" * 3_000)])]
    assert earlier_conversation(whole, REQUEST, steps, 3_000)[0] == REQUEST
    assert earlier_conversation(BEFORE, REQUEST, steps, 300) == []

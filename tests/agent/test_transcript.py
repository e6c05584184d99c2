"""Messages as they are kept, and the shipped recording as a whole conversation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.agent.transcript import reply_message, text_of, user_message
from jobs.models.scripted import call
from jobs.testing.sample import files, recording
from jobs.types import Reply, Usage

if TYPE_CHECKING:
    from tests.agent.conftest import Run

TEXT = {"type": "text", "text": "Hello."}
RESULT = {"type": "tool_result", "tool_use_id": "a", "content": "x"}
OTHER = {**RESULT, "tool_use_id": "b"}


def reply(*content: dict[str, object]) -> Reply:
    """Return a reply with these blocks."""
    return Reply(list(content), "end_turn", Usage(), 0.0, "m")


def test_results_come_before_words() -> None:
    """The API wants tool results first in a message, in their order; notes follow in theirs."""
    assert user_message([RESULT, TEXT, OTHER])["content"] == [RESULT, OTHER, TEXT]


def test_what_no_api_takes_back_is_not_kept() -> None:
    """Empty text and thinking without its signature are left out; a reply of nothing gets words, which are no answer."""
    signed = {"type": "thinking", "thinking": "", "signature": "s"}
    unsigned = {"type": "thinking", "thinking": "hm", "signature": ""}
    kept = reply_message(reply(signed, unsigned, {"type": "text", "text": " "}, TEXT))
    assert kept == {"role": "assistant", "content": [signed, TEXT], "model": "m", "stop_reason": "end_turn"}
    empty = reply_message(reply(unsigned))
    assert [block["type"] for block in empty["content"]] == ["text"]
    assert text_of(empty) == ""


def test_notes_between_calls_do_not_part_the_results(run: Run) -> None:
    """A note that falls due between two calls of one reply stands behind both results."""
    same = [block for _ in range(3) for block in call("bash", command="true")]
    run([*same, *call("bash", command="echo last")], call("finish", title="A", summary="a"))
    sent = run.model.queries[1].messages[-1]["content"]
    assert [block["type"] for block in sent] == ["tool_result"] * 4 + ["text"]


def test_the_shipped_recording_mends_the_sample(run: Run) -> None:
    """The demo's recorded run uses the tools as they are: no call fails, and the tests pass that failed before."""
    for path, text in files().items():
        run.sandbox.write(f"/workspace/{path}", text.encode())
    numbered = enumerate([list(line.content) for line in recording.replies()])
    answers = [[{**block, "id": f"c{number}_{place}"} for place, block in enumerate(line)] for number, line in numbered]
    end = run(*answers)
    assert end.title
    results = [b for step in run.journal.steps() for b in (step.results or {"content": []})["content"]]
    assert not [block for block in results if block.get("is_error")]
    assert run.sandbox.run(recording.CHECK, timeout=60).exit_code == 0
    assert {item.state for item in run.journal.told[-1][1]} == {"done"}

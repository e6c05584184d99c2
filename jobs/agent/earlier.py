"""An earlier conversation made light, so that another one can go on from it. Pure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from jobs.agent.context import cut
from jobs.agent.transcript import calls_of, is_answered, text_of, user_message, words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from jobs.types import Block, Message, Step

CUTS = (4_000, 600)
"""Characters of one tool's input or result: tried in this order until the whole is short enough."""
STOPPED = "(The work was stopped there.)"
ENDED = "I ended the work here: {title}\n\n{summary}"


def earlier_conversation(
    before: Sequence[Message], request: Message, steps: Sequence[Step], room: int
) -> list[Message]:
    """Return a conversation within ``room`` characters of JSON, whose last message is the model's.

    Where there is too little room it is told without what came ``before`` it, and where that is not enough not at all.
    """
    for kept in (before, ()):
        for longest in CUTS:
            whole = [*kept, request, *_light(steps, longest)]
            if len(json.dumps(whole)) <= room:
                return whole
    return []


def _light(steps: Sequence[Step], longest: int) -> Iterator[Message]:
    """Yield the messages of steps without thinking, which is bound to its own conversation, and with long texts cut.

    The last one is the model's own words, so that another request can follow.
    """
    for step in steps:
        if is_answered(step) and step.results is not None:
            yield {"role": "assistant", "content": _shown(step, longest)}
            yield user_message([_cut(block, longest) for block in step.results["content"]])
        else:
            yield {"role": "assistant", "content": [words(_in_words(step))]}
            if step is not steps[-1]:
                yield user_message([words(STOPPED)])
    if is_answered(steps[-1]):
        yield {"role": "assistant", "content": [words(STOPPED)]}


def _shown(step: Step, longest: int) -> list[Block]:
    kept = [_cut(block, longest) for block in step.reply["content"] if block["type"] in {"text", "tool_use"}]
    return kept or [words(STOPPED)]


def _in_words(step: Step) -> str:
    """Return what a step said whose calls have no result, as the call that ends the work has none."""
    said = [text_of(step.reply)]
    for call in calls_of(step.reply):
        given = call["input"] if isinstance(call["input"], dict) else {}
        if call["name"] == "finish":
            said.append(ENDED.format(title=given.get("title", ""), summary=given.get("summary", "")))
    return "\n\n".join(part for part in said if part.strip()) or STOPPED


def _cut(block: Block, longest: int) -> Block:
    if block["type"] == "tool_result":
        return {**block, "content": cut(str(block["content"]), longest)}
    if block["type"] == "tool_use" and isinstance(block["input"], dict):
        given = {
            name: cut(value, longest) if isinstance(value, str) else value for name, value in block["input"].items()
        }
        return {**block, "input": given}
    if block["type"] == "text":
        return {**block, "text": cut(block["text"], longest)}
    return block

"""What each provider must not see of a transcript, taken out by pure functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jobs.types import Block, Message

THINKING = ("thinking", "redacted_thinking")
CLEARED = "[This old tool result was cleared to save room. Run the tool again if you need it.]"
KEEP_AFTER_CLEARING = 0.6
CHARACTERS_PER_TOKEN = 3
NO_WORDS = "(no words)"


def for_model(messages: Sequence[Message], model: str) -> list[Message]:
    """Return the conversation as one model may read it: thinking stays only where this model thought it.

    Thinking blocks are bound to the model that made them. An assistant message says in ``model`` who wrote it.
    """
    return [
        {"role": message["role"], "content": _content(message, keep_thinking=message.get("model") == model)}
        for message in messages
    ]


def _content(message: Message, *, keep_thinking: bool) -> list[Block]:
    blocks = [dict(block) for block in message["content"] if keep_thinking or block["type"] not in THINKING]
    if message["role"] == "assistant" and all(block["type"] in THINKING for block in blocks):
        blocks.append({"type": "text", "text": NO_WORDS})
    return blocks


def with_cleared_results(messages: Sequence[Message], budget: int) -> list[Message]:
    """Return the conversation with its oldest tool results cleared where it is over ``budget`` tokens, roughly counted.

    Whenever the budget is passed, so many results are cleared that well under it remains: what was cleared then stays
    the same for many steps, and so does the prefix that the endpoint may have cached. The newest message stays.
    """
    cleared: set[tuple[int, int]] = set()
    sizes: list[tuple[tuple[int, int], int]] = []
    total = 0
    for number, message in enumerate(messages):
        for place, block in enumerate(message["content"]):
            size = _size(block)
            total += size
            if block["type"] == "tool_result" and number < len(messages) - 1:
                sizes.append(((number, place), size))
        if total > budget:
            while sizes and total > budget * KEEP_AFTER_CLEARING:
                where, size = sizes.pop(0)
                cleared.add(where)
                total -= max(0, size - len(CLEARED) // CHARACTERS_PER_TOKEN)
    return [
        {**message, "content": [_cleared(b, (number, place) in cleared) for place, b in enumerate(message["content"])]}
        for number, message in enumerate(messages)
    ]


def _size(value: Any) -> int:
    if isinstance(value, str):
        return len(value) // CHARACTERS_PER_TOKEN + 1
    if isinstance(value, dict):
        return sum(_size(part) for part in value.values())
    if isinstance(value, list):
        return sum(_size(part) for part in value)
    return 1


def _cleared(block: Block, cleared: bool) -> Block:
    return {**block, "content": CLEARED} if cleared else block

"""The transcript, read and written by pure functions: a conversation of steps in Anthropic's format."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from jobs.types import Block, Message, Reply, Step

NOTHING = "(empty reply)"


def conversation(request: Message, steps: Sequence[Step]) -> list[Message]:
    """Return the request and each step's reply and results."""
    messages = [request]
    for step in steps:
        messages.append(step.reply)
        if step.results is not None:
            messages.append(step.results)
    return messages


def reply_message(reply: Reply) -> Message:
    """Return a reply as the message that is kept, with ``model`` and ``stop_reason`` as in the API's own answers.

    What no API takes back is left out: empty text, thinking that was cut off before its signature, a reply of nothing.
    """
    content = [block for block in reply.content if not _is_waste(block)]
    if not any(block["type"] in {"text", "tool_use"} for block in content):
        content.append({"type": "text", "text": NOTHING})
    return {"role": "assistant", "content": content, "model": reply.model, "stop_reason": reply.stop_reason}


def _is_waste(block: Block) -> bool:
    if block["type"] == "text":
        return not str(block.get("text", "")).strip()
    return block["type"] == "thinking" and not block.get("signature")


def text_of(message: Message) -> str:
    """Return the words of a message; nothing for a reply that had none."""
    text = "\n\n".join(block["text"] for block in message["content"] if block["type"] == "text").strip()
    return "" if text == NOTHING else text


def calls_of(message: Message) -> list[Block]:
    """Return the tool calls of a reply."""
    return [block for block in message["content"] if block["type"] == "tool_use"]


def results_of(step: Step) -> dict[str, Block]:
    """Return the tool results of a step by the id of their call."""
    blocks = step.results["content"] if step.results is not None else []
    return {block["tool_use_id"]: block for block in blocks if block["type"] == "tool_result"}


def was_told(steps: Iterable[Step], text: str) -> bool:
    """Tell whether the model was given just this text as a result, or as words of the harness."""
    blocks = (block for step in steps if step.results is not None for block in step.results["content"])
    return any(text in (block.get("content"), block.get("text")) for block in blocks)


def is_answered(step: Step) -> bool:
    """Tell whether a step is whole: every call has its result, and a reply without calls has an answer."""
    if step.results is None or not step.results["content"]:
        return False
    return set(results_of(step)) >= {call["id"] for call in calls_of(step.reply)}


def result(call: Block, text: str, *, failed: bool = False) -> Block:
    """Return the block that answers one tool call."""
    block: dict[str, Any] = {"type": "tool_result", "tool_use_id": call["id"], "content": text}
    return {**block, "is_error": True} if failed else block


def words(text: str) -> Block:
    """Return a block of plain text."""
    return {"type": "text", "text": text}


def user_message(blocks: Iterable[Block]) -> Message:
    """Return a user message; tool results come first, since the API wants them there."""
    return {"role": "user", "content": sorted(blocks, key=lambda block: block["type"] != "tool_result")}

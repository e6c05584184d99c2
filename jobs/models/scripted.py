"""A model that answers from a list, in this process: for unit tests and for authors of tools and plugins."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from jobs.types import Block, Message, ModelError, Reply, ToolSchema, Usage

Answer = Reply | list[Block] | Exception
_numbers = itertools.count(1)
Script = Callable[[Sequence[Message]], Answer]


@dataclass(frozen=True, slots=True)
class Query:
    """What the scripted model was asked, as it was then."""

    system: str
    messages: tuple[Message, ...]
    tools: tuple[ToolSchema, ...]


class ScriptedModel:
    """Answers each query with the next of ``answers``: a reply, its blocks, an exception, or a function for one."""

    def __init__(self, answers: Iterable[Answer | Script], *, name: str = "scripted", cost: float = 0.01) -> None:
        self.name = name
        self.queries: list[Query] = []
        self._answers = iter(answers)
        self._cost = cost

    def query(self, system: str, messages: Sequence[Message], tools: Sequence[ToolSchema]) -> Reply:
        """Answer with the next of the script; raises ``ModelError`` when it has run out."""
        self.queries.append(Query(system, tuple(copy.deepcopy(list(messages))), tuple(tools)))
        answer = next(self._answers, None)
        if answer is None:
            raise ModelError(f"The script of the model {self.name} has no answer {len(self.queries)}: add one.")
        if callable(answer):
            answer = answer(messages)
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, Reply):
            return answer
        calls = any(block["type"] == "tool_use" for block in answer)
        usage = Usage(input_tokens=100, output_tokens=20)
        return Reply(copy.deepcopy(answer), "tool_use" if calls else "end_turn", usage, self._cost, self.name)


def say(text: str) -> list[Block]:
    """Return the blocks of a reply of plain words."""
    return [{"type": "text", "text": text}]


def call(tool: str, **inputs: object) -> list[Block]:
    """Return the blocks of a reply that calls one tool."""
    return [{"type": "tool_use", "id": f"call_{next(_numbers)}", "name": tool, "input": inputs}]

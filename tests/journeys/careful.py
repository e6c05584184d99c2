"""A model that takes care of what an interrupted step may have left undone, and a meter that sees each payment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jobs.kinds.journal import first_step_of
from jobs.testing.models.script import Failure, tool_names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Self

    from jobs.testing.models.script import Line, Reply
    from tests.journeys.mortal import Mortals

LOST = "The sandbox was lost and replaced"


def careful(*lines: Reply, asked: str = "") -> Callable[[dict[str, Any]], Reply]:
    """Play replies in order; what was interrupted is said again, and where files may be lost all is said again.

    ``asked`` is in the message behind which they are played, where that is not the first.
    """

    def play(given: dict[str, Any]) -> Reply:
        done, open_call = 0, False
        for message in given["messages"]:
            said = str(message["content"])
            if asked and asked in said and message["role"] == "user":
                done = 0
            elif message["role"] == "assistant":
                open_call = True
            elif LOST in said:
                done = 0
            elif open_call:
                done += not any(block.get("is_error") for block in message["content"])
        return lines[done]

    return play


class Meter:
    """Stands before the model: notes who asks for a reply that is stored already, and kills who asks when it is told."""

    def __init__(self, mortals: Mortals, task_id: str, deadly: Iterable[str]) -> None:
        self._mortals, self._task_id = mortals, task_id
        self._script = mortals.workshop.model.script
        self.paid_twice: list[str] = []
        self.deadly = list(deadly)

    @classmethod
    def on(cls, mortals: Mortals, task_id: str, deadly: Iterable[str] = ()) -> Self:
        """Put one before the workshop's model; at ``deadly`` requests, such as ``step 0``, the first to ask dies."""
        made = cls(mortals, task_id, deadly)
        mortals.workshop.model.script = made
        return made

    def __call__(self, asked: dict[str, Any]) -> Line:
        """Answer a request, or kill who sent it."""
        name, stored = self._what(asked)
        if stored:
            self.paid_twice.append(name)
        if name in self.deadly:
            self.deadly.remove(name)
            self._mortals.kill(name)
            return Failure(drop=True)
        return self._script(asked)

    def _what(self, asked: dict[str, Any]) -> tuple[str, bool]:
        """Return what is asked for, and whether the answer is stored already."""
        runs = self._mortals.workshop.services.store.runs
        if "report_review" in tool_names(asked):
            verdict = runs.stage(self._task_id, "verdict")
            return "review", bool(verdict and verdict["reviewed"])
        task = self._mortals.workshop.services.store.tasks.get(self._task_id)
        steps = runs.steps(self._task_id)
        current = [step for step in steps if task is not None and step.index >= first_step_of(runs, task)]
        told = [message["content"] for message in asked["messages"] if message["role"] == "assistant"]
        known = bool(current) and not (told and _calls(told[-1]) == _calls(current[-1].reply["content"]))
        return f"step {len(steps)}", known


def _calls(content: list[dict[str, Any]]) -> list[str]:
    """Return what tells one reply from another."""
    return [block.get("id", block.get("text", "")) for block in content]

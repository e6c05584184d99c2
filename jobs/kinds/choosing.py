"""The model that people chose for a task, from its next step on; until then the repository's or the operator's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.types import ModelAway, ModelError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jobs.execute import Attempt
    from jobs.models.chain import Chain
    from jobs.types import Message, Reply, ToolSchema


class ChosenModel:
    """Asks the model that the task's row names now, so that another one can go on with the same conversation.

    A new choice that cannot answer ends no work that has begun: who answered before goes on, and people are told.
    """

    def __init__(self, attempt: Attempt, names: Sequence[str]) -> None:
        """Take the names of the models that are asked while nobody chose one."""
        self._attempt, self._names = attempt, tuple(names)
        self._chains: dict[str, Chain] = {}
        self._asked = attempt.task.model
        self._refused = ""
        self._proven = ""

    @property
    def name(self) -> str:
        """The name of the model that is asked now."""
        return self._chain(self._asked).name

    def query(self, system: str, messages: Sequence[Message], tools: Sequence[ToolSchema]) -> Reply:
        """Answer one conversation."""
        task = self._attempt.services.store.tasks.get(self._attempt.task.id)
        choice = task.model if task is not None else ""
        self._asked = self._proven if choice and choice == self._refused else choice
        try:
            reply = self._chain(self._asked).query(system, messages, tools)
        except (ModelError, ModelAway) as error:
            if not self._asked:
                raise
            if self._asked == self._proven or len(messages) == 1:
                if isinstance(error, ModelAway):
                    raise
                raise ModelError(
                    f"The model `{self._asked}` was chosen for this task. {error} Ask again with another model, "
                    "or without naming one."
                ) from error
            self._refuse(str(error))
            return self._chain(self._asked).query(system, messages, tools)
        self._proven = self._asked
        return reply

    def close(self) -> None:
        """Close the connections."""
        for chain in self._chains.values():
            chain.close()

    def _chain(self, choice: str) -> Chain:
        if choice not in self._chains:
            self._chains[choice] = self._attempt.services.model((choice,) if choice else self._names)
        return self._chains[choice]

    def _refuse(self, why: str) -> None:
        """Leave a choice that cannot answer, and say so."""
        self._refused, self._asked = self._asked, self._proven
        words = f"The model `{self._refused}` could not take over ({why}) `{self.name}` goes on."
        with self._attempt.services.store.write() as connection:
            self._attempt.services.store.tasks.remark(connection, self._attempt.task.id, words)
        self._attempt.teller.changed()

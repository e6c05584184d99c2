"""What a repository may cost in one day, asked before each model call: tasks that run at once share it."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from jobs.types import LimitReached

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jobs.store import Store
    from jobs.types import Message, Model, Reply, ToolSchema


def spent_today(store: Store, repository: str, now: float) -> float:
    """Return the US dollars that models cost in a repository since midnight UTC."""
    midnight = datetime.fromtimestamp(now, UTC).replace(hour=0, minute=0, second=0, microsecond=0).timestamp()
    with store.database.read() as connection:
        return store.tasks.spent(connection, repository, midnight)


class BudgetedModel:
    """A model that is not asked any more once its repository's day is paid for; raises LimitReached then."""

    def __init__(self, model: Model, store: Store, repository: str, dollars: float) -> None:
        self._model, self._store, self._repository, self._dollars = model, store, repository, dollars

    @property
    def name(self) -> str:
        """The model's name."""
        return self._model.name

    def query(self, system: str, messages: Sequence[Message], tools: Sequence[ToolSchema]) -> Reply:
        """Answer one conversation, while there is budget."""
        spent = spent_today(self._store, self._repository, time.time())
        if spent >= self._dollars:
            raise LimitReached(
                "The limit of dollars for today in this repository (`limits.day.dollars`) was reached: "
                f"${spent:.2f} of ${self._dollars:.2f} were used."
            )
        return self._model.query(system, messages, tools)

"""What the loop needs of the outside: where steps are kept, and where people's wishes come from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jobs.types import Phase, PlanItem, Step


class Journal(Protocol):
    """The run's memory, and its ear."""

    def steps(self) -> list[Step]:
        """Return the steps of earlier attempts, in order."""
        ...

    def record(self, step: Step) -> None:
        """Keep a step, replacing one of the same index; it is stored when this returns. May raise ``LeaseLost``.

        A step is recorded when its reply has come (``results`` is None: its tools may be running), again with what its
        tools said so far when the run is interrupted, and again when all of it is there.
        """
        ...

    def attend(self) -> list[str]:
        """Return people's messages that have not been delivered yet; called before queries and between tool calls.

        Raises ``Cancelled``, ``Paused``, ``HandOver`` or ``LeaseLost``. What it returns becomes part of the next
        recorded step with results; only that should mark the messages as delivered, so that no death loses one.
        Within one attempt each message is returned once.
        """
        ...

    def progress(self, phase: Phase, plan: Sequence[PlanItem]) -> None:
        """Tell people where the run is; called when the phase or the plan has changed."""
        ...

"""Keeps the messages of tasks in a chat current, and says what is to be said there; one process per chat, at ease."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jobs.answer.parts import Answer
    from jobs.answer.view import TaskView
    from jobs.store import ChatPlace, Notice


class Later(Exception):
    """The service is away or wants quiet: tried again after ``retry_after`` seconds."""

    def __init__(self, message: str, retry_after: float = 5.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Gone(Exception):
    """It will never work in this place; the message says why, and what would help."""


class Surface(Protocol):
    """A chat service, as the teller sees it; every method blocks, and raises Later or Gone."""

    name: str

    def fingerprint(self, view: TaskView) -> str:
        """Return a hash of what ``show`` would show; equal views give equal ones."""
        ...

    def show(self, place: ChatPlace, view: TaskView, *, look: bool) -> ChatPlace:
        """Post the task's message, or edit it; return the place as it is known then.

        With ``look`` an earlier attempt may have posted it: it is looked for first.
        """
        ...

    def tell(self, place: ChatPlace, view: TaskView, moment: str, people: Sequence[str], *, look: bool) -> None:
        """Say a moment in the task's thread: question, plan, result or failure; ``people`` are mentioned."""
        ...

    def answer(self, notice: Notice, answer: Answer) -> None:
        """Say an answer where the notice's address tells, to who asked alone where it is private."""
        ...

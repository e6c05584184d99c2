"""One row of the audit before it is written: something that was decided, or that is about to be done outside."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from jobs.types.words import Actor

    Witness = Callable[["AuditEntry"], None]
    """Writes an entry down for good before it returns; raises Unrecorded where that is not possible."""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """What is written down of a decision or an effect.

    ``what`` says which sort it is, such as ``decision:start``, ``github:POST issues/comments``, ``git:push``;
    ``subject`` is what it was done to in the repository. People are named in ``actor``, ``reason`` and ``details``
    alone: these are kept so that they can be made unreadable. ``cost`` is in US dollars.
    What is empty comes from the scope in which it is done, see ``jobs/scope.py``.
    """

    what: str
    repository: str = ""
    subject: str = ""
    actor: Actor | None = None
    allowed: bool = True
    """False for what was refused, whether by us or by the other side, and for what failed."""
    reason: str = ""
    task_id: str = ""
    attempt: int = 0
    model: str = ""
    image: str = ""
    cost: float = 0.0
    details: Mapping[str, Any] = field(default_factory=dict, hash=False)

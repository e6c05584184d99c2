"""In whose name, why and for which task something is done: set where work begins, read where it reaches outside.

It is a context variable, so that nobody in between has to pass it on; threads get it through ``Pool`` and ``carried``.
"""

from __future__ import annotations

import contextvars
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future

    from jobs.types import Actor, AuditEntry, Task

Value = TypeVar("Value")
Parameters = ParamSpec("Parameters")


@dataclass(frozen=True, slots=True)
class Scope:
    """Who stands behind what is done, and why; without an actor it is the bot itself."""

    actor: Actor | None = None
    reason: str = ""
    repository: str = ""
    subject: str = ""
    task_id: str = ""
    attempt: int = 0


_SCOPE: contextvars.ContextVar[Scope] = contextvars.ContextVar("scope", default=Scope())  # noqa: B039 - it is frozen


@contextmanager
def acting(scope: Scope) -> Iterator[None]:
    """Do what follows in a scope."""
    token = _SCOPE.set(scope)
    try:
        yield
    finally:
        _SCOPE.reset(token)


def of_task(task: Task) -> Scope:
    """Return the scope of an attempt at a task: in the name of who asked for it."""
    reason = f"{task.kind}, attempt {task.attempt}" if task.attempt else str(task.kind)
    return Scope(task.actor, reason, task.repository, str(task.subject), task.id, task.attempt)


def completed(entry: AuditEntry) -> AuditEntry:
    """Return an entry with what it leaves open taken from the scope."""
    scope = _SCOPE.get()
    return replace(
        entry,
        actor=entry.actor or scope.actor,
        reason=entry.reason or scope.reason,
        repository=entry.repository or scope.repository,
        subject=entry.subject or scope.subject,
        task_id=entry.task_id or scope.task_id,
        attempt=entry.attempt or (scope.attempt if entry.task_id in {"", scope.task_id} else 0),
    )


def carried(function: Callable[Parameters, Value]) -> Callable[Parameters, Value]:
    """Return a function that does the same in another thread, in the scope of now."""
    context = contextvars.copy_context()

    def within(*arguments: Parameters.args, **named: Parameters.kwargs) -> Value:
        return context.run(function, *arguments, **named)

    return within


class Pool(ThreadPoolExecutor):
    """Threads that do each piece of work in the scope of who handed it to them."""

    def submit(
        self, fn: Callable[Parameters, Value], /, *args: Parameters.args, **kwargs: Parameters.kwargs
    ) -> Future[Value]:
        """Have something done, and return its future."""
        return super().submit(carried(fn), *args, **kwargs)

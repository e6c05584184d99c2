"""Waiting for a condition with a deadline, so that no test sleeps for luck."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

Value = TypeVar("Value")
SLOWER = 3.0
"""How much slower than a quiet one of two cores a machine may be before a wait is given up; waiting costs who passes nothing."""


def until(condition: Callable[[], Value], *, seconds: float = 30.0, what: str = "the condition") -> Value:
    """Ask ``condition`` again and again until it is true, return what it gave, and fail after ``seconds``, or more."""
    deadline, pause = time.monotonic() + seconds * SLOWER, 0.01
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not come about within {seconds * SLOWER:g} s")
        time.sleep(pause)
        pause = min(pause * 1.2, 0.05)  # who asks less often leaves the processors to what is waited for

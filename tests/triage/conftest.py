"""Logs as GitHub gives them, put together from what a step ran and printed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

TIME = "2026-11-20T08:15:42.1234567Z "


def step(command: str, output: str, code: int | None = 0) -> str:
    """Return a step's lines; with no code, its end is missing."""
    ended = [] if not code else [f"##[error]Process completed with exit code {code}."]
    script = [f"\x1b[36;1m{line}\x1b[0m" for line in command.split("\n")]
    title = f"##[group]Run {command.partition(chr(10))[0]}"
    return "\n".join([title, *script, "shell: /usr/bin/bash -e {0}", "##[endgroup]", *output.split("\n"), *ended])


@pytest.fixture
def job() -> Callable[..., bytes]:
    """Put steps together to the log of a job; unless it was lost, the runner cleans up at the end."""

    def build(*steps: str, lost: bool = False) -> bytes:
        end = [] if lost else ["Post job cleanup.", "Cleaning up orphan processes"]
        lines = "\n".join(["Current runner version: '2.331.0'", *steps, *end]).split("\n")
        return ("\ufeff" + "".join(f"{TIME}{line}\r\n" for line in lines)).encode()

    return build

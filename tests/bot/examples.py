"""GitHub's own example payloads."""

from __future__ import annotations

from functools import cache
from typing import Any

from tests.testing import conformity


@cache
def examples() -> list[tuple[str, dict[str, Any]]]:
    """Return the name of the event and the payload of each example; skips the test where they were not fetched."""
    entries = conformity.read("github-examples.json")
    return [(entry["name"], example) for entry in entries for example in entry["examples"]]

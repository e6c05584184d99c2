"""Services that repeat in an error what they were shown to be let in."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from jobs.testing.faults import Fault, Faults
    from jobs.testing.loopback import Request

REPEATED = "you sent"


def repeated(shown: str) -> str:
    """Return what a service says that repeats something, as it is and in base64."""
    return f"{REPEATED} {shown}, {base64.b64encode(shown.encode()).decode()}"


def repeats(
    faults: Faults,
    method: str,
    path: str,
    status: int,
    shape: Callable[[str], Any] | None = None,
    times: int | None = 1,
) -> tuple[Fault, list[str]]:
    """Have a service answer an error with the header that it is shown, as JSON or, without a shape, as plain text.

    Returns the fault, and the list to which the values are added that it repeats.
    """
    values: list[str] = []

    def meet(request: Request) -> bool:
        shown = request.headers.get("authorization", "")
        if not shown:
            return False  # git asks without it first
        values.append(shown.split(" ", 1)[1])
        fault.body = (json.dumps(shape(repeated(shown))) if shape else repeated(shown)).encode()
        return True

    headers = {"Content-Type": "application/json" if shape else "text/plain"}
    fault = faults.add(method, path, status=status, times=times, when=meet, headers=headers)
    return fault, values

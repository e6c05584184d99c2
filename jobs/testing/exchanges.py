"""What passed between the product and a stand-in, as tests look at it afterwards."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jobs.testing.loopback import Answer, Request


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its answer, as they were seen; ``fault`` tells that the answer was spoilt on purpose.

    ``token`` is what the request was made with and ``permissions`` what that grants, where a service has such.
    """

    method: str
    path: str
    target: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any
    raw_body: bytes
    status: int
    answer_headers: dict[str, str]
    answer: bytes
    permissions: dict[str, str]
    token: str
    fault: bool
    at: float

    @classmethod
    def of(
        cls,
        request: Request,
        answer: Answer,
        *,
        fault: bool,
        body: Any = None,
        permissions: Mapping[str, str] | None = None,
        token: str = "",
        bytes_too: bool = True,
    ) -> Self:
        """Return the exchange of now; without ``bytes_too`` what was said is left out, as what git says is large."""
        told = answer.body if bytes_too and isinstance(answer.body, bytes) else b""
        return cls(
            *(request.method, request.path, request.target, dict(request.query), dict(request.headers)),
            *(body, request.body if bytes_too else b"", answer.status, dict(answer.headers), told),
            *(dict(permissions or {}), token, fault, time.time()),
        )

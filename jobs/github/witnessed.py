"""What changes something on GitHub is told to the audit first, request by request, and again where it failed."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from jobs.types import AuditEntry

if TYPE_CHECKING:
    import httpx

    from jobs.types.audit import Witness

READS = frozenset({"GET", "HEAD", "OPTIONS"})
GRAPHQL = "graphql"
REFUSED = 400
MOST_WORDS = 3
_WORD = re.compile(r"[a-z][a-z_-]*")
_MUTATION = re.compile(r"\s*mutation\b[^{]*\{\s*(\w+)")
_ENTERPRISE = re.compile(r"^api/v3/|^api/(?=graphql$)")


def entry_of(request: httpx.Request) -> AuditEntry | None:
    """Return what the audit is told of a request; None for one that only reads."""
    if request.method in READS:
        return None
    path = _ENTERPRISE.sub("", request.url.path.strip("/"))
    if path == GRAPHQL:
        mutation = _MUTATION.match(str(_body(request).get("query", "")))
        return AuditEntry(f"github:{request.method} {GRAPHQL} {mutation[1]}") if mutation else None
    parts = path.split("/")
    repository, rest = ("/".join(parts[1:3]), parts[3:]) if parts[0] == "repos" else ("", parts)
    words = [part for part in rest if _WORD.fullmatch(part)][:MOST_WORDS]
    entry = AuditEntry(f"github:{request.method} {'/'.join(words)}", repository, "/".join(rest))
    return replace(entry, details=_asked(request)) if words[-1:] == ["access_tokens"] else entry


class Witnessed:
    """The hooks of an HTTP client; what ``witness`` raises keeps a request from being sent."""

    def __init__(self, witness: Witness) -> None:
        self._witness = witness

    @property
    def hooks(self) -> dict[str, list[Any]]:
        """The hooks, as httpx takes them; they see each request by itself, also the second one after a 401."""
        return {"request": [self._before], "response": [self._after]}

    def failed(self, request: httpx.Request, error: Exception) -> None:
        """Tell that no answer came, so that nobody knows what became of a request."""
        entry = entry_of(request)
        if entry is not None:
            self._witness(replace(entry, allowed=False, reason=f"no answer: {type(error).__name__}", details={}))

    def _before(self, request: httpx.Request) -> None:
        entry = entry_of(request)
        if entry is not None:
            self._witness(entry)

    def _after(self, response: httpx.Response) -> None:
        entry = entry_of(response.request) if response.status_code >= REFUSED else None
        if entry is not None:
            reason = f"GitHub answered {response.status_code}"
            self._witness(replace(entry, allowed=False, reason=reason, details={}))


def _asked(request: httpx.Request) -> dict[str, Any]:
    """Return what a token was asked for: its permissions, and where they count."""
    body = _body(request)
    return {name: body[name] for name in ("permissions", "repositories") if name in body}


def _body(request: httpx.Request) -> dict[str, Any]:
    try:
        found = json.loads(request.content)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}

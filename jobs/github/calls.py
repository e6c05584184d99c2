"""What every group of calls in one repository is made of: its client, its path, a read, a write."""

from __future__ import annotations

from typing import Any

from jobs.github import transport
from jobs.github.values import GitHubRefused

GONE = frozenset({404, 410})
UNPROCESSABLE = 422


class Calls:
    """The client of one repository."""

    def __init__(self, kit: transport.PooledKit, full_name: str) -> None:
        self.full_name = full_name
        self._kit = kit
        self._base = f"/repos/{full_name}"

    def read(self, path: str) -> dict[str, Any]:
        """Read any path with this repository's token."""
        answer: dict[str, Any] = transport.call(self._kit, "GET", path)
        return answer

    def _call(self, method: str, path: str, **options: Any) -> Any:
        return transport.call(self._kit, method, path, **options)

    def _find(self, path: str, **options: Any) -> dict[str, Any] | None:
        """Read something that may not exist."""
        try:
            answer: dict[str, Any] = transport.call(self._kit, "GET", path, **options)
        except GitHubRefused as refused:
            if refused.status in GONE:
                return None
            raise
        return answer

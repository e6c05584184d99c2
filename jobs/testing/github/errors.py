"""GitHub's refusals, in GitHub's words and shapes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jobs.testing.github.records import JSON

DOCS = "https://docs.github.com/rest"


class Refused(Exception):
    """An error answer of the API."""

    def __init__(self, status: int, message: str, errors: list[JSON] | list[str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.errors = errors

    def body(self) -> JSON:
        """Return the JSON body that GitHub gives with this error."""
        body: JSON = {"message": self.message, "documentation_url": DOCS, "status": str(self.status)}
        if self.errors is not None:
            body["errors"] = self.errors
        return body


def not_found() -> Refused:
    """Give 404, as for everything that one may not see."""
    return Refused(404, "Not Found")


def invalid(resource: str, field: str, code: str = "invalid", message: str = "") -> Refused:
    """Give 422 with one field's error."""
    error = {"resource": resource, "field": field, "code": code}
    if message:
        error |= {"message": message, "code": "custom"}
    return Refused(422, "Validation Failed", [error])


def explain(status: int, retry_after: str) -> bytes:
    """Return the body that goes with a fault's status."""
    messages = {
        403: "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
        if retry_after
        else "Resource not accessible by integration",
        429: "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.",
        404: "Not Found",
        401: "Bad credentials",
        500: "Server Error",
        502: "Server Error",
        503: "Service Unavailable",
        504: "We couldn't respond to your request in time.",
    }
    return json.dumps(Refused(status, messages.get(status, "Error")).body()).encode()

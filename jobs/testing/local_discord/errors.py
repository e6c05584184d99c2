"""Discord's refusals, with its codes, in its words and shapes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jobs.testing.local_discord.records import JSON

UNKNOWN = {
    "Account": 10001,
    "Application": 10002,
    "Channel": 10003,
    "Guild": 10004,
    "Member": 10007,
    "Message": 10008,
    "User": 10013,
    "Emoji": 10014,
    "Webhook": 10015,
    "Interaction": 10062,
    "Application Command": 10063,
}
CLOSED_BY_PEOPLE = frozenset({10003, 10004, 10007, 10008, 10013, 50007, 50083})
"""Codes that a client may get without a fault of its own: somebody took the thing away or shut it."""


class Refused(Exception):
    """An error answer of the API; the codes are listed under "JSON error codes" in Discord's documentation."""

    def __init__(self, status: int, code: int, message: str, errors: JSON | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.errors = errors

    def body(self) -> JSON:
        """Return the JSON body that Discord gives with this error."""
        body: JSON = {"message": self.message, "code": self.code}
        if self.errors is not None:
            body["errors"] = self.errors
        return body


def unknown(what: str) -> Refused:
    """Give 404 for something that is not there."""
    return Refused(404, UNKNOWN[what], f"Unknown {what}")


def no_access() -> Refused:
    """Give 403 for a place that the bot cannot see."""
    return Refused(403, 50001, "Missing Access")


def not_permitted() -> Refused:
    """Give 403 for something that the bot may not do there."""
    return Refused(403, 50013, "Missing Permissions")


def plain(status: int) -> Refused:
    """Give an error that is only its HTTP status, as a wrong token, path or method gets."""
    words = {401: "Unauthorized", 404: "Not Found", 405: "Method Not Allowed", 500: "Internal Server Error"}
    return Refused(status, 0, f"{status}: {words.get(status, 'Error')}")


def explain(status: int, retry_after: str) -> bytes:
    """Return the body that goes with a fault's status."""
    if status == 429:
        limited = {"message": "You are being rate limited.", "code": 0, "global": False}
        return json.dumps({**limited, "retry_after": float(retry_after or 1)}).encode()
    return json.dumps(plain(status).body()).encode()


class Form:
    """Collects what is wrong with a body, each fault at its place, as "Invalid Form Body" tells it."""

    def __init__(self) -> None:
        self._errors: JSON = {}

    def wrong(self, path: Sequence[str | int], code: str, message: str) -> None:
        """Note one fault; ``path`` leads to the field from the body's top."""
        place = self._errors
        for part in path:
            place = place.setdefault(str(part), {})
        place.setdefault("_errors", []).append({"code": code, "message": message})

    def missing(self, path: Sequence[str | int]) -> None:
        """Note a field that must be there."""
        self.wrong(path, "BASE_TYPE_REQUIRED", "This field is required")

    def one_of(self, path: Sequence[str | int], value: Any, allowed: Sequence[Any]) -> bool:
        """Note a value that is none of ``allowed``; tell whether it was right."""
        right = not isinstance(value, bool) and value in allowed
        if not right:
            listed = ", ".join(str(one) for one in allowed)
            self.wrong(path, "BASE_TYPE_CHOICES", f"Value must be one of ({listed}).")
        return right

    def text(self, path: Sequence[str | int], value: Any, most: int, least: int = 0) -> str:
        """Note a text that is none, or is too short or long; return it, or nothing where it is none."""
        if value is None:
            if least:
                self.missing(path)
            return ""
        if not isinstance(value, str):
            self.wrong(path, "STRING_TYPE_CONVERT", f'Could not interpret "{json.dumps(value)}" as string.')
            return ""
        if least and not value.strip():
            self.missing(path)
        elif len(value) > most and least:
            self.wrong(path, "BASE_TYPE_BAD_LENGTH", f"Must be between {least} and {most} in length.")
        elif len(value) > most:
            self.wrong(path, "BASE_TYPE_MAX_LENGTH", f"Must be {most} or fewer in length.")
        return value

    def items(self, path: Sequence[str | int], value: Any, most: int, least: int = 0) -> list[Any]:
        """Note a list that is none, or is too short or long; return it, or an empty one where it is none."""
        if value is None:
            value = []
        if not isinstance(value, list):
            self.wrong(path, "LIST_TYPE_CONVERT", "Only iterables may be used in a ListType")
            return []
        if not least <= len(value) <= most:
            self.wrong(path, "BASE_TYPE_BAD_LENGTH", f"Must be between {least} and {most} in length.")
        return value

    def finish(self) -> None:
        """Refuse the body if anything was wrong with it."""
        if self._errors:
            raise Refused(400, 50035, "Invalid Form Body", self._errors)

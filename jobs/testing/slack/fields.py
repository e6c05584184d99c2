"""The grammar in which Block Kit's rules are written: checkers of one value, put together to shapes of objects."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

Checker = Callable[[Any, str, "Problems"], None]


@dataclass(slots=True)
class Problems:
    """What was found wrong, in the form in which Slack tells it."""

    messages: list[str] = field(default_factory=list)

    def add(self, what: str, pointer: str) -> None:
        """Note one problem; ``pointer`` is the JSON pointer of the value."""
        self.messages.append(f"[ERROR] {what} [json-pointer:{pointer}]")


@dataclass(frozen=True, slots=True)
class Shape:
    """The fields of an object: those that must be there, and those that may."""

    required: Mapping[str, Checker] = field(default_factory=dict)
    optional: Mapping[str, Checker] = field(default_factory=dict)

    def __call__(self, value: Any, pointer: str, problems: Problems) -> None:
        """Check an object and each of its fields; a field that Slack does not know is a problem."""
        if not isinstance(value, dict):
            problems.add("must provide an object", pointer)
            return
        for name in self.required:
            if name not in value:
                problems.add(f"missing required field: {name}", pointer)
        for name, inner in value.items():
            checker = self.required.get(name) or self.optional.get(name)
            if checker is None:
                problems.add(f"invalid additional property: {name}", pointer)
            else:
                checker(inner, f"{pointer}/{name}", problems)


def string(longest: int, shortest: int = 0) -> Checker:
    """Check a string; the limits are in characters."""

    def check(value: Any, pointer: str, problems: Problems) -> None:
        if not isinstance(value, str):
            problems.add("must provide a string", pointer)
        elif len(value) > longest:
            problems.add(f"must be less than {longest + 1} characters", pointer)
        elif len(value) < shortest:
            problems.add(f"must be more than {shortest - 1} characters", pointer)

    return check


def link(longest: int = 3000) -> Checker:
    """Check an absolute URL of the web."""

    def check(value: Any, pointer: str, problems: Problems) -> None:
        string(longest, 1)(value, pointer, problems)
        if isinstance(value, str):
            parts = urlsplit(value)
            if parts.scheme not in {"http", "https"} or not parts.netloc:
                problems.add("must be a valid URL", pointer)

    return check


def choice(*names: str) -> Checker:
    """Check that a string is one of few."""

    def check(value: Any, pointer: str, problems: Problems) -> None:
        if value not in names:
            problems.add(f"must be one of: {', '.join(names)}", pointer)

    return check


def flag(value: Any, pointer: str, problems: Problems) -> None:
    """Check a boolean."""
    if not isinstance(value, bool):
        problems.add("must provide a boolean", pointer)


def number(least: int, most: int) -> Checker:
    """Check a whole number."""

    def check(value: Any, pointer: str, problems: Problems) -> None:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            problems.add(f"must be a number from {least} to {most}", pointer)

    return check


def anything(_value: Any, _pointer: str, _problems: Problems) -> None:
    """Accept what this stand-in does not look into."""


def items(checker: Checker, most: int, least: int = 1) -> Checker:
    """Check a list and each thing in it."""

    def check(value: Any, pointer: str, problems: Problems) -> None:
        if not isinstance(value, list):
            problems.add("must provide an array", pointer)
            return
        if len(value) > most:
            problems.add(f"no more than {most} items allowed", pointer)
        if len(value) < least:
            problems.add(f"no fewer than {least} items allowed", pointer)
        for index, inner in enumerate(value):
            checker(inner, f"{pointer}/{index}", problems)

    return check


def text(longest: int, *kinds: str) -> Checker:
    """Check a text object; without ``kinds`` it may be plain_text or mrkdwn."""
    words = string(longest, 1)
    shapes = {
        "plain_text": Shape({"type": anything, "text": words}, {"emoji": flag}),
        "mrkdwn": Shape({"type": anything, "text": words}, {"verbatim": flag}),
    }
    return one_of({kind: shapes[kind] for kind in kinds or shapes})


def one_of(shapes: Mapping[str, Checker]) -> Checker:
    """Check an object by the shape that goes with its ``type``."""

    def check(value: Any, pointer: str, problems: Problems) -> None:
        if not isinstance(value, dict):
            problems.add("must provide an object", pointer)
        elif "type" not in value:
            problems.add("missing required field: type", pointer)
        elif value["type"] not in shapes:
            problems.add(f"unsupported type: {value['type']}", f"{pointer}/type")
        else:
            shapes[value["type"]](value, pointer, problems)

    return check

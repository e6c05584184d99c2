"""Answers a GraphQL operation from types whose fields are functions, with GitHub's words for what is wrong."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jobs.testing.github.query import NotUnderstood, Variable

if TYPE_CHECKING:
    from jobs.testing.github.query import Field, Operation
    from jobs.testing.github.router import Call

LARGEST_PAGE = 100
CURSOR = "cursor:v2:"


class Failed(Exception):
    """A field could not be answered; ``kind`` is GitHub's word for why."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


@dataclass(frozen=True, slots=True)
class Node:
    """A record with the name of its type."""

    type: str
    record: Any


Resolver = Callable[["Call", Any, dict[str, Any]], Any]
Types = dict[str, dict[str, Resolver]]


class Execution:
    """One operation on its way to its answer."""

    def __init__(self, call: Call, types: Types, variables: dict[str, Any]) -> None:
        self._call, self._types, self._variables = call, types, variables
        self.errors: list[dict[str, Any]] = []

    def run(self, operation: Operation) -> dict[str, Any] | None:
        """Return the answer's data; what went wrong is among the errors."""
        root = Node("Mutation" if operation.kind == "mutation" else "Query", None)
        answer: dict[str, Any] | None = self._answer(root, operation.fields, ())
        return answer

    def _answer(self, value: Any, fields: list[Field], path: tuple[str, ...]) -> Any:
        if isinstance(value, list):
            return [self._answer(one, fields, (*path, str(number))) for number, one in enumerate(value)]
        if not isinstance(value, Node):
            if fields and value is not None:
                raise NotUnderstood(f"Selections can't be made on scalars (field '{path[-1]}')")
            return value
        if not fields:
            raise NotUnderstood(f"Field must have selections (field '{path[-1]}' returns {value.type})")
        asked = [one for one in fields if one.on in {"", value.type} or one.on in _INTERFACES.get(value.type, ())]
        return {one.key: self._field(value, one, (*path, one.key)) for one in asked}

    def _field(self, node: Node, field: Field, path: tuple[str, ...]) -> Any:
        if field.name == "__typename":
            return node.type
        resolver = self._types[node.type].get(field.name)
        if resolver is None:
            raise NotUnderstood(f"Field '{field.name}' doesn't exist on type '{node.type}'")
        try:
            found = resolver(self._call, node.record, self._bound(field.arguments))
        except Failed as failed:
            self.errors.append({"type": failed.kind, "path": list(path), "message": str(failed)})
            return None
        return self._answer(found, field.fields, path)

    def _bound(self, value: Any) -> Any:
        if isinstance(value, Variable):
            if value.name not in self._variables:
                raise NotUnderstood(f"Variable ${value.name} is used but not declared")
            return self._variables[value.name]
        if isinstance(value, dict):
            return {name: self._bound(one) for name, one in value.items()}
        return [self._bound(one) for one in value] if isinstance(value, list) else value


_INTERFACES = {"User": ("Actor", "Node"), "Bot": ("Actor", "Node")}


def connection(name: str, kind: str, items: Sequence[Any], arguments: dict[str, Any]) -> Node:
    """Return the page of a list that ``first`` and ``after`` ask for."""
    first = arguments.get("first")
    if not isinstance(first, int):
        words = f"You must provide a `first` or `last` value to properly paginate the `{name}` connection."
        raise Failed("MISSING_PAGINATION_BOUNDARIES", words)
    if not 0 < first <= LARGEST_PAGE:
        limit = f"the `first` limit of {LARGEST_PAGE} records"
        raise Failed("EXCESSIVE_PAGINATION", f"Requesting {first} records on the `{name}` connection exceeds {limit}.")
    start = _start(arguments.get("after"))
    return Node("Connection", Page(kind, items[start : start + first], start, len(items)))


@dataclass(frozen=True, slots=True)
class Page:
    """Some items of a list of ``total``, from ``start`` on; ``kind`` is their type."""

    kind: str
    items: Sequence[Any]
    start: int
    total: int

    @property
    def nodes(self) -> list[Node]:
        """The items as nodes."""
        return [Node(self.kind, one) for one in self.items]

    @property
    def more(self) -> bool:
        """Whether more follows."""
        return self.start + len(self.items) < self.total

    @property
    def end(self) -> str | None:
        """The cursor of the last item."""
        last = f"{CURSOR}{self.start + len(self.items)}"
        return base64.b64encode(last.encode()).decode() if self.items else None


def _start(after: Any) -> int:
    if after is None:
        return 0
    try:
        plain = base64.b64decode(str(after), validate=True).decode()
        return int(plain.removeprefix(CURSOR))
    except (binascii.Error, ValueError):
        raise Failed("INVALID_CURSOR_ARGUMENTS", f"`{after}` does not appear to be a valid cursor.") from None

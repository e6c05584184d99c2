"""Reads GraphQL: the text of a query becomes its operation, or an error in words.

Named fragments and directives are left out: https://spec.graphql.org/October2021/#sec-Language
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

TOKEN = re.compile(
    r"""(?P<blank>[\s,\ufeff]+|\#[^\n]*)|(?P<punctuation>\.\.\.|[!$()\[\]{}:=@|&])|(?P<name>[_A-Za-z]\w*)"""
    r"""|(?P<string>"(?:[^"\\\n]|\\.)*")|(?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)"""
)
WORDS = {"true": True, "false": False, "null": None}


class NotUnderstood(Exception):
    """A query is not GraphQL, or not the part of it that is spoken here."""


@dataclass(frozen=True, slots=True)
class Variable:
    """The name of a variable, where a value stands."""

    name: str


@dataclass(slots=True)
class Field:
    """A field that is asked for, under the name that its answer gets; ``on`` limits it to one type."""

    name: str
    key: str
    arguments: dict[str, Any]
    fields: list[Field]
    on: str = ""


@dataclass(slots=True)
class Operation:
    """A query or a mutation; ``variables`` has the type of each, and its default where there is one."""

    kind: str
    name: str
    variables: dict[str, tuple[str, Any]] = field(default_factory=dict)
    fields: list[Field] = field(default_factory=list)

    def bind(self, given: dict[str, Any]) -> dict[str, Any]:
        """Return the values of the variables; raises ``NotUnderstood`` where one is missing."""
        bound: dict[str, Any] = {}
        for name, (kind, default) in self.variables.items():
            bound[name] = given.get(name, default)
            if bound[name] is None and kind.endswith("!"):
                raise NotUnderstood(f"Variable ${name} of type {kind} was provided invalid value")
        return bound


def read(text: str) -> Operation:
    """Read a text with one operation in it."""
    return _Reader(text).document()


class _Reader:
    def __init__(self, text: str) -> None:
        self._tokens: list[str] = []
        position = 0
        while position < len(text):
            found = TOKEN.match(text, position)
            if found is None:
                raise NotUnderstood(
                    f"Expected one of SCHEMA, SCALAR, actual: {text[position]!r} at [1, {position + 1}]"
                )
            if found.lastgroup != "blank":
                self._tokens.append(found[0])
            position = found.end()
        self._tokens.append("")
        self._at = 0

    @property
    def _next(self) -> str:
        return self._tokens[self._at]

    def _take(self, expected: str = "") -> str:
        token = self._next
        if not token or (expected and token != expected):
            raise NotUnderstood(f"Expected {expected or 'more'}, actual: {token or 'the end of the query'}")
        self._at += 1
        return token

    def _skip(self, token: str) -> bool:
        if self._next != token:
            return False
        self._at += 1
        return True

    def document(self) -> Operation:
        operation = Operation("query", "")
        if self._next != "{":
            operation.kind = self._take()
            if operation.kind not in {"query", "mutation"}:
                raise NotUnderstood(f"Expected query or mutation, actual: {operation.kind}")
            operation.name = self._take() if self._next not in {"(", "{"} else ""
            if self._skip("("):
                while not self._skip(")"):
                    name, kind, default = self._definition()
                    operation.variables[name] = (kind, default)
        operation.fields = self._fields()
        if self._next:
            raise NotUnderstood(f"Expected the end of the query, actual: {self._next}")
        return operation

    def _definition(self) -> tuple[str, str, Any]:
        self._take("$")
        name = self._take()
        self._take(":")
        kind = self._type()
        return name, kind, self._value() if self._skip("=") else None

    def _type(self) -> str:
        if self._skip("["):
            kind = f"[{self._type()}]"
            self._take("]")
        else:
            kind = self._take()
        return kind + ("!" if self._skip("!") else "")

    def _fields(self, on: str = "") -> list[Field]:
        self._take("{")
        found: list[Field] = []
        while not self._skip("}"):
            if self._skip("..."):
                self._take("on")
                found += self._fields(self._take())
            else:
                found.append(self._field(on))
        return found

    def _field(self, on: str) -> Field:
        key = name = self._take()
        if not name.isidentifier():
            raise NotUnderstood(f"Expected a field, actual: {name}")
        if self._skip(":"):
            name = self._take()
        arguments: dict[str, Any] = {}
        if self._skip("("):
            while not self._skip(")"):
                argument = self._take()
                self._take(":")
                arguments[argument] = self._value()
        return Field(name, key, arguments, self._fields() if self._next == "{" else [], on)

    def _value(self) -> Any:
        token = self._take()
        if token == "$":
            return Variable(self._take())
        if token == "[":
            items = []
            while not self._skip("]"):
                items.append(self._value())
            return items
        if token == "{":
            whole = {}
            while not self._skip("}"):
                name = self._take()
                self._take(":")
                whole[name] = self._value()
            return whole
        if token[0] in '"-0123456789':
            return json.loads(token)
        return WORDS.get(token, token)

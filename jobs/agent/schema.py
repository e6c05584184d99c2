"""A tool's JSON Schema from its signature and docstring, and the reading of a model's input by it."""

from __future__ import annotations

import inspect
import json
import types
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints, is_typeddict

from jobs.types import ToolSchema

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

SIMPLE = {str: "string", int: "integer", float: "number", bool: "boolean"}


class InputProblem(Exception):
    """What a model gave to a tool cannot be used; the message says why."""


def schema_of(function: Callable[..., str]) -> ToolSchema:
    """Describe a tool: every parameter but the first, which is the tool's context, becomes a property.

    ``Annotated[type, "words"]`` describes a parameter; one with a default may be left out.
    """
    hints = get_type_hints(function, include_extras=True)
    parameters = list(inspect.signature(function).parameters.values())[1:]
    schema = _object(
        {parameter.name: hints[parameter.name] for parameter in parameters},
        required=[parameter.name for parameter in parameters if parameter.default is parameter.empty],
    )
    return ToolSchema(function.__name__, inspect.getdoc(function) or "", schema)


def _object(fields: Mapping[str, Any], required: list[str]) -> dict[str, Any]:
    properties = {name: _describe(annotation) for name, annotation in fields.items()}
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _describe(annotation: Any) -> dict[str, Any]:
    origin = get_origin(annotation)
    if origin is Annotated:
        inner, words, *_ = get_args(annotation)
        return {**_describe(inner), "description": words}
    if origin in (Union, types.UnionType):
        return _describe(next(part for part in get_args(annotation) if part is not types.NoneType))
    if origin is Literal:
        return {"type": "string", "enum": list(get_args(annotation))}
    if origin is list:
        return {"type": "array", "items": _describe(get_args(annotation)[0])}
    if is_typeddict(annotation):
        return _object(get_type_hints(annotation, include_extras=True), sorted(annotation.__required_keys__))
    return {"type": SIMPLE[annotation]}


def read_input(schema: ToolSchema, given: Any) -> dict[str, Any]:
    """Return a model's input as the tool takes it, or raise ``InputProblem``.

    Small slips of weaker models are put right: a number or a list as a string, null for what may be left out.
    """
    try:
        value = _read(schema.input_schema, given, "")
    except InputProblem as problem:
        raise InputProblem(f"The input of {schema.name} cannot be used: {problem}") from None
    return dict(value)


def _read(schema: Mapping[str, Any], value: Any, name: str) -> Any:
    if schema["type"] == "object":
        return _read_object(schema, value, name)
    if schema["type"] == "array":
        items = _unpacked(value)
        if not isinstance(items, list):
            raise InputProblem(f"`{name}` must be a list.")
        return [_read(schema["items"], item, f"{name}[{place}]") for place, item in enumerate(items)]
    return _read_simple(schema, value, name)


def _read_object(schema: Mapping[str, Any], value: Any, name: str) -> dict[str, Any]:
    where = f"`{name}` " if name else "it "
    fields = _unpacked(value)
    if not isinstance(fields, dict):
        raise InputProblem(f"{where}must be an object.")
    known = schema["properties"]
    given = {key: part for key, part in fields.items() if part is not None or key in schema["required"]}
    problems = [f"`{key}` is not known" for key in given if key not in known]
    problems += [f"`{key}` is missing" for key in schema["required"] if key not in given]
    if problems:
        raise InputProblem(f"{', '.join(problems)}. {where}takes {', '.join(f'`{key}`' for key in known)}.")
    return {key: _read(known[key], part, f"{name}.{key}" if name else key) for key, part in given.items()}


def _read_simple(schema: Mapping[str, Any], value: Any, name: str) -> Any:
    kind = schema["type"]
    if kind == "string":
        if not isinstance(value, str):
            raise InputProblem(f"`{name}` must be a string.")
        if "enum" in schema and value not in schema["enum"]:
            raise InputProblem(f"`{name}` must be one of {', '.join(schema['enum'])}.")
        return value
    if kind == "boolean":
        if not isinstance(value, bool):
            raise InputProblem(f"`{name}` must be true or false.")
        return value
    try:
        number = float(value)
        if isinstance(value, bool) or (kind == "integer" and not number.is_integer()):
            raise InputProblem(f"`{name}` must be a whole number.")
        return int(number) if kind == "integer" else number
    except (TypeError, ValueError, OverflowError):
        raise InputProblem(f"`{name}` must be a number.") from None


def _unpacked(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value

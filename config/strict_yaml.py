"""Reads YAML written by strangers into nodes that know their lines: no tags, anchors, duplicates or great depth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import yaml

from config.errors import RepositoryConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

MAXIMUM_BYTES = 64_000
_MAXIMUM_DEPTH = 8
_MAXIMUM_VALUES = 5_000


def compose(text: str) -> yaml.MappingNode | None:
    """Return the top-level mapping, or None for an empty text; raises ``RepositoryConfigError`` for all else."""
    if len(text.encode(errors="surrogatepass")) > MAXIMUM_BYTES:
        raise RepositoryConfigError(1, 1, "", f"The file is over {MAXIMUM_BYTES // 1000} kB.", "Shorten it.")
    try:
        _guard(text)
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = (error.problem or error.context or "it cannot be read").strip()
        cure = "Check the indentation, quotes and brackets."
        if "alias" in (error.context or "") or "anchor" in (error.context or ""):
            cure = "Put a value that starts with * or & into quotes."
        raise _error(mark, "", f"This is not YAML: {what}.", cure) from None
    except yaml.YAMLError as error:
        line = _line_of_character(text, error)
        cure = "Save the file as plain UTF-8 text without control characters."
        raise RepositoryConfigError(line, 1, "", "The file holds a character that YAML forbids.", cure) from None
    if node is None or (isinstance(node, yaml.ScalarNode) and _is_null(node)):
        return None
    if not isinstance(node, yaml.MappingNode):
        raise wrong(node, "", "The file must consist of options.", "For example `labels: [assign-to-opus]`.")
    return node


def entries(node: yaml.MappingNode, path: str) -> Iterator[tuple[str, yaml.ScalarNode, yaml.Node]]:
    """Yield key, the key's node and the value's node; raises for duplicate keys and keys that are not words."""
    seen: dict[str, int] = {}
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode) or key.tag != "tag:yaml.org,2002:str":
            raise wrong(key, path, "An option's name must be a word.", "Put only `name: value` here.")
        name = cast("str", key.value)
        if name in seen:
            here = f"{path}.{name}" if path else name
            raise wrong(key, here, f"The option stands in line {seen[name]} already.", "Keep one of the two.")
        seen[name] = line_of(key)
        yield name, key, value


def kind(node: yaml.Node) -> str:
    """Return what a value is, in words for people: text, number, yes or no, nothing, a date, a list, options."""
    if isinstance(node, yaml.SequenceNode):
        return "a list"
    if isinstance(node, yaml.MappingNode):
        return "a group of options"
    names = {"str": "text", "int": "a number", "float": "a number", "bool": "yes or no", "null": "nothing"}
    return names.get(node.tag.rpartition(":")[2], "a date" if "timestamp" in node.tag else "something else")


def line_of(node: yaml.Node) -> int:
    """Return the line of a node, counted from 1."""
    return int(node.start_mark.line) + 1 if node.start_mark else 1


def wrong(node: yaml.Node, path: str, message: str, cure: str) -> RepositoryConfigError:
    """Return the error for a node."""
    return _error(node.start_mark, path, message, cure)


def _guard(text: str) -> None:
    """Go through the events first: they need no recursion, and what is refused here is never built."""
    depth = documents = 0
    for count, event in enumerate(yaml.parse(text, Loader=yaml.SafeLoader)):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        documents += isinstance(event, yaml.DocumentStartEvent)
        mark = event.start_mark
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise _error(mark, "", "Anchors (&) and aliases (*) are not allowed.", 'Write it out, or quote it: "*".')
        if isinstance(event, yaml.NodeEvent) and getattr(event, "tag", None):
            raise _error(mark, "", "Tags (!) are not allowed.", "Write a plain value, or put it into quotes.")
        if isinstance(event, yaml.DocumentStartEvent) and event.version:
            raise _error(mark, "", "Directives (%) are not allowed.", "Delete the line.")
        if documents > 1:
            raise _error(mark, "", "There is a second document (---).", "Keep one.")
        if depth > _MAXIMUM_DEPTH or count > _MAXIMUM_VALUES:
            raise _error(mark, "", "The file is nested too deeply or has too many values.", "Shorten it.")


def _is_null(node: yaml.ScalarNode) -> bool:
    return node.tag == "tag:yaml.org,2002:null"


def _line_of_character(text: str, error: yaml.YAMLError) -> int:
    position: Any = getattr(error, "position", 0)
    return text.count("\n", 0, position) + 1 if isinstance(position, int) else 1


def _error(mark: Any, path: str, message: str, cure: str) -> RepositoryConfigError:
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    return RepositoryConfigError(line, column, path, message, cure)

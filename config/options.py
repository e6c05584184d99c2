"""Readers of single options of the repository file: a YAML node in, a checked value or an error with its cure out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import yaml

from config import strict_yaml

if TYPE_CHECKING:
    from collections.abc import Callable

_INTEGER = re.compile(r"[0-9]{1,12}")
_NUMBER = re.compile(r"[0-9]{1,12}(\.[0-9]{1,6})?")
_MOST_ITEMS = 100
_LONGEST_COMMAND = 4_000


class Option(Protocol):
    """Reads one value; ``path`` names it in errors."""

    def __call__(self, node: yaml.Node, path: str) -> Any:
        """Return the checked value; raises ``RepositoryConfigError``."""
        ...


@dataclass(frozen=True, slots=True)
class Text:
    """A text that a rule accepts; ``what`` says the rule in words."""

    what: str
    example: str
    accepts: Callable[[str], bool]

    def __call__(self, node: yaml.Node, path: str) -> str:
        """Return the text, stripped."""
        example = _example(path, self.example)
        if not isinstance(node, yaml.ScalarNode) or node.tag != "tag:yaml.org,2002:str":
            found = strict_yaml.kind(node)
            quotable = found in {"a number", "yes or no", "a date"} and self.accepts(str(node.value))
            quoted = f'Put it into quotes: "{node.value}".' if quotable else ""
            cure = quoted or f"Write it like {example}."
            raise strict_yaml.wrong(node, path, f"{self.what} is expected, but this is {found}.", cure)
        value = str(node.value).strip()
        if not self.accepts(value):
            shown = re.sub(r"\s+", " ", value)[:60]
            raise strict_yaml.wrong(node, path, f"“{shown}” is not {_inline(self.what)}.", f"Write it like {example}.")
        return value


@dataclass(frozen=True, slots=True)
class Number:
    """A number over zero and up to a hard maximum; whole ones only where ``whole``."""

    highest: int
    example: int
    whole: bool = True

    def __call__(self, node: yaml.Node, path: str) -> float | int:
        """Return the number."""
        what = "a whole number" if self.whole else "a number"
        cure = f"Write it like {_example(path, self.example)}."
        plain = isinstance(node, yaml.ScalarNode) and node.style is None
        pattern = _INTEGER if self.whole else _NUMBER
        if not plain or not pattern.fullmatch(node.value):
            found = f"“{node.value[:40]}”" if isinstance(node, yaml.ScalarNode) else strict_yaml.kind(node)
            raise strict_yaml.wrong(node, path, f"{what.capitalize()} is expected, but this is {found}.", cure)
        value = int(node.value) if self.whole else float(node.value)
        if not 0 < value <= self.highest:
            rule = f"It must be more than 0 and at most {self.highest}."
            raise strict_yaml.wrong(node, path, rule, cure)
        return value


@dataclass(frozen=True, slots=True)
class Flag:
    """Yes or no: ``true`` or ``false``."""

    def __call__(self, node: yaml.Node, path: str) -> bool:
        """Return whether it is switched on."""
        if not isinstance(node, yaml.ScalarNode) or node.style is not None or node.value not in {"true", "false"}:
            found = f"“{node.value[:40]}”" if isinstance(node, yaml.ScalarNode) else strict_yaml.kind(node)
            cure = f"Write it like {_example(path, 'true')}."
            raise strict_yaml.wrong(node, path, f"true or false is expected, but this is {found}.", cure)
        return bool(node.value == "true")


@dataclass(frozen=True, slots=True)
class Items:
    """A list of values of one sort, without repetitions where ``unique``."""

    item: Option
    example: str
    unique: bool = True

    def __call__(self, node: yaml.Node, path: str) -> tuple[Any, ...]:
        """Return the values as a tuple."""
        if not isinstance(node, yaml.SequenceNode):
            cure = f"Write it like {_example(path, f'[{self.example}]')}."
            message = f"A list is expected, but this is {strict_yaml.kind(node)}."
            raise strict_yaml.wrong(node, path, message, cure)
        if len(node.value) > _MOST_ITEMS:
            raise strict_yaml.wrong(node, path, f"The list has over {_MOST_ITEMS} items.", "Shorten it.")
        values = tuple(self.item(child, f"{path}[{index}]") for index, child in enumerate(node.value))
        return tuple(dict.fromkeys(values)) if self.unique else values


@dataclass(frozen=True, slots=True)
class Optional:
    """A value that may be left unset with null."""

    option: Option

    def __call__(self, node: yaml.Node, path: str) -> Any:
        """Return None for null, else what the option reads."""
        if isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:null":
            return None
        return self.option(node, path)


@dataclass(frozen=True, slots=True)
class OneOrMore:
    """One value, or a list of them in order."""

    item: Option
    example: str

    def __call__(self, node: yaml.Node, path: str) -> tuple[Any, ...]:
        """Return the values as a tuple."""
        if isinstance(node, yaml.SequenceNode):
            return Items(self.item, self.example)(node, path)
        return (self.item(node, path),)


def choice(*words: str) -> Text:
    """Return the option that takes one of some words."""
    return Text(f"One of {', '.join(words)}", words[0], lambda text: text in words)


def matching(what: str, example: str, pattern: str) -> Text:
    """Return the option that takes a text that a regular expression matches wholly."""
    return Text(what, example, re.compile(pattern).fullmatch)  # type: ignore[arg-type]


COMMAND = Text(
    "A command line",
    "make test",
    lambda text: 0 < len(text) <= _LONGEST_COMMAND and not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", text),
)
LABEL = matching("A label of at most 50 characters, without commas", "assign-to-opus", r"[^,\x00-\x1f]{1,50}")
WORKFLOW = matching("A workflow's name", "Nightly", r"[^\x00-\x1f]{1,200}")
HOST = matching(
    "A host's name in lower case, without scheme, port or path",
    "packages.example.com",
    r"(?=.{4,253}$)(\*\.)?([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?",
)
LOGIN = matching("A GitHub login", "octocat", r"[A-Za-z0-9](?:[A-Za-z0-9_-]{0,99})")
TEAM = matching(
    "A team as organisation/team", "my-organisation/reviewers", r"[A-Za-z0-9][A-Za-z0-9-]{0,99}/[A-Za-z0-9_-]{1,100}"
)
MODEL = matching("A model's name", "claude-opus-5-5", r"[A-Za-z0-9][A-Za-z0-9._:/@-]{0,119}")
IMAGE = matching(
    "An image's name",
    "registry.example.com/opus67-sandbox:latest",
    r"(?=.{1,255}$)[a-zA-Z0-9][a-zA-Z0-9._-]*(:[0-9]{1,5})?(/[a-z0-9][a-z0-9._-]*)*(:[A-Za-z0-9_][\w.-]{0,127})?"
    r"(@sha256:[0-9a-f]{64})?",
)


def _is_branch(name: str) -> bool:
    """Git's rules for the name of a branch: https://git-scm.com/docs/git-check-ref-format."""
    if not 0 < len(name) <= 200 or name.startswith(("-", "/", "refs/")) or name.endswith(("/", ".")):  # noqa: PLR2004
        return False
    if re.search(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|//|@\{", name) or name in {"@", "HEAD"}:
        return False
    return not any(part.startswith(".") or part.endswith(".lock") for part in name.split("/"))


def _is_path(pattern: str) -> bool:
    if not 0 < len(pattern) <= 300 or pattern.startswith(("/", "!")):  # noqa: PLR2004
        return False
    return not re.search(r"[\x00-\x1f\x7f\\]", pattern) and ".." not in pattern.split("/")


BRANCH = Text("A branch's name", "develop", _is_branch)
PATH = Text("A path or pattern inside the repository, with / between folders", "infrastructure/**", _is_path)


def _inline(what: str) -> str:
    return what[0].lower() + what[1:]


def _example(path: str, value: object) -> str:
    name = path.rpartition(".")[2]
    return f"`- {value}`" if path.endswith("]") else f"`{name}: {value}`"

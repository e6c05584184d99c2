"""Reading .gitattributes for the attributes that make git run a driver, re-encode a file or hide a change."""

from __future__ import annotations

import re

from jobs.workspace import spelling

DANGEROUS = frozenset({"filter", "diff", "merge", "textconv", "working-tree-encoding"})

# git's own idea of a line and of a blank, which is narrower than Python's.
_LINE = re.compile(r'[ \t\r]*(?P<pattern>"(?:[^"\\]|\\.)*"|[^ \t\r]+)(?P<attributes>.*)', re.DOTALL)
_BLANK = re.compile(r"[ \t\r]+")


def is_attributes_file(path: str) -> bool:
    """Tell whether some system takes the path for a .gitattributes file."""
    name = spelling.plain(path).rpartition("/")[2]
    return name == ".gitattributes" or bool(re.fullmatch(r"gitatt~\d", name))


def dangerous(content: bytes, macros: frozenset[str] = frozenset()) -> set[tuple[str, str]]:
    """Return the (pattern, attribute) pairs that set, unset or reset one of the dangerous attributes."""
    pairs = set()
    for pattern, attribute in _pairs(content):
        if _name(attribute) in DANGEROUS | macros:
            pairs.add((pattern, attribute))
    return pairs


def dangerous_macros(content: bytes) -> frozenset[str]:
    """Return the macros of a top-level .gitattributes that stand for dangerous attributes, directly or by others."""
    found: frozenset[str] = frozenset()
    definitions = [pair for pair in _pairs(content) if pair[0].startswith("[attr]")]
    for _ in definitions:
        names = {
            pattern.removeprefix("[attr]")
            for pattern, attribute in definitions
            if _name(attribute) in DANGEROUS | found
        }
        if names == found:
            break
        found = frozenset(names)
    return found


def _pairs(content: bytes) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for line in content.removeprefix(b"\xef\xbb\xbf").decode("latin-1").split("\n"):
        match = _LINE.match(line)
        if match and not match["pattern"].startswith("#"):
            pairs.extend((match["pattern"], attribute) for attribute in _BLANK.split(match["attributes"]) if attribute)
    return pairs


def _name(attribute: str) -> str:
    return attribute.lstrip("-!").partition("=")[0].casefold()

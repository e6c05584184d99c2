"""Where in a Markdown text GitHub shows code, and where HTML begins and ends.

Blocks are found by a CommonMark parser, what is inside them by a scan; offsets are into the text as it was given.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from markdown_it import MarkdownIt
    from markdown_it.token import Token

_NESTING = 40
"""Blocks nested deeper than this are not read as code."""
_ATTRIBUTE = r"\s++[A-Za-z_:][\w:.\-]*+(?:\s*+=\s*+(?:[^\s\"'=<>`]++|'[^']*+'|\"[^\"]*+\"))?+"
_TAG = re.compile(rf"<(?P<close>/?)(?P<name>[A-Za-z][A-Za-z0-9\-]*+)(?P<attributes>(?:{_ATTRIBUTE})*+)\s*+/?>")
_NAME = re.compile(r"<(?P<close>/?)(?P<name>[A-Za-z][^\s/>]*+)")
_AUTOLINK = re.compile(r"<[A-Za-z][A-Za-z0-9+.\-]{1,31}:[^\s<>]*+>")
_HTML = re.compile(r"\\[!-/:-@\[-`{-~]|`+|<")
_PLAIN = re.compile(r"\\[!-/:-@\[-`{-~]|`+")
_CELL = re.compile(r"(?:[^|\\]|\\.|\\$)++", re.DOTALL)
_KINDS = {
    "fence": "code",
    "code_block": "code",
    "html_block": "html",
    "definition": "definition",
    "inline": "prose",
}
_ENDS = {"<!--": "-->", "<?": "?>", "<![CDATA[": "]]>", "<!": ">"}


@dataclass(frozen=True, slots=True)
class Block:
    """A run of whole lines of one sort: ``code``, ``html``, ``definition``, ``row`` of a table, or ``prose``."""

    kind: str
    start: int
    end: int
    info: str = ""
    """What follows the opening fence of a code block."""
    label: str = ""
    """The label that a link definition defines, folded for comparison."""
    closed: bool = True
    """False for a fence at the top level that the text does not close."""


@dataclass(frozen=True, slots=True)
class Table:
    """How many columns a table's head has, and where each row of its body stands."""

    columns: int
    rows: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Piece:
    """What is not plain text in a block: ``code``, ``comment``, ``tag``, ``autolink`` or an ``unfinished`` tag."""

    kind: str
    start: int
    end: int
    name: str = ""
    close: bool = False
    attributes: str = ""


@dataclass(frozen=True, slots=True)
class Document:
    """A text with its blocks, and what its parser says of the links in it."""

    text: str
    blocks: tuple[Block, ...]
    labels: frozenset[str] = frozenset()
    """The labels that its links and images use, folded for comparison."""
    has_images: bool = False
    has_titles: bool = False
    tables: tuple[Table, ...] = ()


@cache
def _parser(html: bool) -> MarkdownIt:
    from markdown_it import MarkdownIt  # noqa: PLC0415 - only processes that read strangers' text need it

    options = {"html": html, "inline_definitions": True, "store_labels": True, "maxNesting": _NESTING}
    parser = MarkdownIt("commonmark", options).enable("table")
    if not html:
        # What is about to be posted has its HTML and its definitions escaped, so neither may shape the blocks.
        parser.disable(["html_block", "reference"])
        parser.core.ruler.disable(["inline", "text_join"])
    return parser


def read(text: str, *, html: bool) -> Document:
    """Split a text into blocks; without ``html`` as if every ``<`` and every link definition in it were escaped."""
    starts = [0]
    starts.extend(match.end() for match in re.finditer("\n", text))
    starts.append(len(text) + 1)
    blocks: dict[int, Block] = {}
    inline: list[Token] = []
    in_table = 0
    tokens = _parser(html).parse(text)
    for token in tokens:
        in_table += {"table_open": 1, "table_close": -1}.get(token.type, 0)
        inline.extend(_links(token))
        block = _block(token, text, starts, in_table=in_table > 0)
        if block:
            blocks.setdefault(block.start, block)
    return Document(
        text,
        tuple(blocks[start] for start in sorted(blocks)),
        frozenset(str(link.meta["label"]) for link in inline if "label" in link.meta),
        has_images=any(link.type == "image" for link in inline),
        has_titles=any("title" in link.attrs for link in inline),
        tables=tuple(_tables(tokens, starts)),
    )


def _tables(tokens: list[Token], starts: list[int]) -> Iterator[Table]:
    columns, rows = 0, list[tuple[int, int]]()
    for token in tokens:
        if token.type == "table_open":
            columns, rows = 0, []
        elif token.type == "th_open":
            columns += 1
        elif token.type == "tbody_open":
            rows = []
        elif token.type == "tr_open" and token.map is not None:
            rows.append((starts[token.map[0]], starts[token.map[0] + 1] - 1))
        elif token.type == "table_close":
            yield Table(columns, tuple(rows))


def _links(token: Token) -> Iterator[Token]:
    for child in token.children or ():
        if child.type in {"link_open", "image"}:
            yield child
        yield from _links(child)


def _block(token: Token, text: str, starts: list[int], *, in_table: bool) -> Block | None:
    if token.map is None:
        return None
    start, end = starts[token.map[0]], min(starts[min(token.map[1], len(starts) - 1)] - 1, len(text))
    kind = _KINDS.get(token.type, "")
    if kind == "prose" and in_table:
        kind = "row"
    closed = token.type != "fence" or token.level > 0 or _closes(text[start:end], token.markup)
    label = str(token.meta.get("id", "")) if kind == "definition" else ""
    return Block(kind, start, end, info=token.info, label=label, closed=closed) if kind else None


def _closes(block: str, fence: str) -> bool:
    lines = block.split("\n")
    last = lines[-1].strip(" \t")
    return len(lines) > 1 and len(last) >= len(fence) and not last.strip(fence[0])


def pieces(document: Document, block: Block, *, html: bool) -> Iterator[Piece]:
    """Yield what is not plain text in a block, from left to right, by CommonMark's precedence."""
    if block.kind == "code":
        yield Piece("code", block.start, block.end)
    elif block.kind == "row":
        for cell in _CELL.finditer(document.text, block.start, block.end):
            yield from _scan(document.text, cell.start(), cell.end(), html=html)
    elif block.kind in {"prose", "html"}:
        yield from _scan(document.text, block.start, block.end, html=html, raw=block.kind == "html")


def _scan(text: str, start: int, end: int, *, html: bool, raw: bool = False) -> Iterator[Piece]:
    ticks = {} if raw else _ticks(text, start, end)
    pattern = _HTML if html else _PLAIN
    position = start
    while match := pattern.search(text, position, end):
        position = match.end()
        piece = None
        if match.group().startswith("`"):
            piece = _code(ticks, match.start(), match.end())
        elif match.group() == "<":
            piece = _markup(text, match.start(), end, raw=raw)
        elif raw:
            position = match.start() + 1
        if piece:
            yield piece
            position = max(piece.end, position)


def _ticks(text: str, start: int, end: int) -> dict[int, list[int]]:
    """Return where the runs of backticks start, by their length."""
    runs: dict[int, list[int]] = {}
    for match in re.compile("`+").finditer(text, start, end):
        runs.setdefault(match.end() - match.start(), []).append(match.start())
    return runs


def _code(ticks: dict[int, list[int]], start: int, end: int) -> Piece | None:
    """Return the code span that a run of backticks opens; it ends at the next run of the same length."""
    same = ticks.get(end - start, [])
    index = bisect_left(same, end)
    return Piece("code", start, same[index] + end - start) if index < len(same) else None


def _markup(text: str, start: int, end: int, *, raw: bool) -> Piece | None:
    tag = _TAG.match(text, start, end)
    if tag:
        close = bool(tag["close"])
        return Piece("tag", start, tag.end(), tag["name"].lower(), close, tag["attributes"])
    for opening, closing in _ENDS.items():
        if text.startswith(opening, start) and (opening != "<!" or text[start + 2 : start + 3].isalpha()):
            return _declaration(text, start, end, opening, closing, raw=raw)
    if link := _AUTOLINK.match(text, start, end):
        return Piece("autolink", start, link.end())
    if raw and (lenient := _NAME.match(text, start, end)):
        return _lenient(text, start, end, lenient)
    return None


def _declaration(text: str, start: int, end: int, opening: str, closing: str, *, raw: bool) -> Piece | None:
    # `<!-->` and `<!--->` are whole comments, so the end may share its dashes with the beginning.
    found = text.find(closing, start + (2 if opening == "<!--" else len(opening)), end)
    if found >= 0:
        return Piece("comment", start, found + len(closing))
    if not raw:
        return None
    # The HTML block ended but the comment did not: browsers go on to the next end, wherever it is.
    found = text.find(closing, end)
    return Piece("comment", start, found + len(closing) if found >= 0 else len(text))


def _lenient(text: str, start: int, end: int, name: re.Match[str]) -> Piece:
    """Return a tag as browsers read it, or one that its HTML block does not finish, with what it swallows."""
    inside = ""
    for position in range(name.end(), end):
        character = text[position]
        if inside:
            inside = "" if character == inside else inside
        elif character in "\"'":
            inside = character
        elif character == ">":
            attributes = text[name.end() : position]
            return Piece("tag", start, position + 1, name["name"].lower(), bool(name["close"]), attributes)
    found = text.find(inside, end) if inside else end
    return Piece("unfinished", start, found + len(inside) if found >= 0 else len(text))

"""What a Markdown text carries that a person who reads it on GitHub does not see, as edits that take it out."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

from jobs.text.characters import has_invisible
from jobs.text.edit import Edit
from jobs.text.elements import IMAGE, find_elements
from jobs.text.formulas import find_unseen
from jobs.text.markdown import Document, Piece, pieces, read
from jobs.text.tables import find_beyond

if TYPE_CHECKING:
    from collections.abc import Iterator

_FLAT = r"(?:[^\[\]\\]|\\.)*+"
_LABEL = rf"(?:[^\[\]\\]|\\.|\[(?:[^\[\]\\]|\\.|\[{_FLAT}\])*+\])*+"
_DESTINATION = r"(?:<[^<>\n]*+>|[^\s()<]*+(?:\([^\s()]*+\)[^\s()]*+)*+)"
_TITLE = r"(?:\"(?:[^\"\\]|\\.)*+\"|'(?:[^'\\]|\\.)*+'|\((?:[^()\\]|\\.)*+\))"
_MARKDOWN_IMAGE = re.compile(
    rf"!\[(?P<alt>{_LABEL})\](?:\(\s*+{_DESTINATION}(?:\s++{_TITLE})?+\s*+\)|\[(?P<label>[^\[\]]*+)\])?+",
    re.DOTALL,
)
_LINK_TITLE = re.compile(rf"\]\(\s*+{_DESTINATION}(?P<title>\s++{_TITLE}\s*+)\)", re.DOTALL)
_NO_WORDS = re.compile(rf"(?<!!)\[\s*+\]\(\s*+(?P<address>{_DESTINATION})(?:\s++{_TITLE})?+\s*+\)", re.DOTALL)
_WORDS_FOR_ADDRESS = re.compile(r"\]\(\s*+(?P<address><[^<>\n]*+>)")
_MOST_WORDS = 3
"""Names of files may have spaces."""
_NOTE = re.compile(r"^[ \t>]*%%(?!\{)[^\n]*", re.MULTILINE)
_DEFINITION = re.compile(
    r"(?P<head>[^\[\n]*\[(?:[^\[\]\\]|\\.)+\]:[ \t]*\n?[ \t]*(?:<[^<>\n]*>|\S+))(?P<rest>.*)", re.DOTALL
)
_FOOTNOTE = re.compile(
    r"^[ \t>]{0,8}\[\^(?P<label>[^\]\s]+)\]:[^\n]*"
    r"(?:\n(?![ \t]*(?:\n|\[\^|#|```|~~~|> |[-*+] ))[^\n]+|\n+(?: {2,}|\t)[^\n]*)*",
    re.MULTILINE,
)
_FOOTNOTE_USE = re.compile(r"\[\^([^\]\s]+)\](?!:)")
_ENTITY = re.compile(r"&(?:#[0-9]{1,8}|#[xX][0-9a-fA-F]{1,7}|[A-Za-z][A-Za-z0-9]{1,31});")
_INFO = re.compile(r"[\w+#.\-/]{1,30}\Z")


def find_hidden(text: str) -> list[Edit]:
    """Return the edits that take what is hidden out of a text, in order and apart from each other."""
    document = read(text, html=True)
    found = [piece for block in document.blocks for piece in pieces(document, block, html=True)]
    shown = _masked(text, [piece for piece in found if piece.kind == "code"])
    edits = [
        *_fence_words(document),
        *_comments(text, found),
        *find_elements(text, [piece for piece in found if piece.kind == "tag"]),
        *_definitions(document),
        *_footnotes(shown, text),
        *_images(document, shown),
        *_link_titles(document, shown),
        *_unseen_links(shown),
        *_notes(document),
        *_entities(shown),
        *find_unseen(document, shown),
        *find_beyond(document),
    ]
    return _apart(edits)


def _masked(text: str, code: list[Piece]) -> str:
    """Return a text of the same length in which code cannot be taken for markup."""
    parts, position = [], 0
    for piece in sorted(code, key=lambda piece: piece.start):
        start = max(piece.start, position)
        parts.append(text[position:start])
        parts.append(re.sub(r"\S", "\0", text[start : piece.end]))
        position = max(position, piece.end)
    return "".join([*parts, text[position:]])


def _apart(edits: list[Edit]) -> list[Edit]:
    """Return the edits in order; of two that overlap, the one that begins first and takes more."""
    kept: list[Edit] = []
    for edit in sorted(edits, key=lambda edit: (edit.start, -edit.end)):
        if not kept or edit.start >= kept[-1].end:
            kept.append(edit)
    return kept


def _fence_words(document: Document) -> Iterator[Edit]:
    for block in document.blocks:
        words = block.info.split(None, 1)
        if words and (len(words) > 1 or not _INFO.match(words[0])):
            line_end = document.text.find("\n", block.start)
            line_end = line_end if line_end >= 0 else len(document.text)
            opening = re.compile(r"[^\n]*?(?:`{3,}|~{3,})").match(document.text, block.start, line_end)
            if opening:
                language = words[0] if _INFO.match(words[0]) else ""
                after = document.text[opening.end() : line_end].strip().removeprefix(language)
                yield Edit(opening.end(), line_end, language, "text after a code fence", after)


def _comments(text: str, found: list[Piece]) -> Iterator[Edit]:
    for piece in found:
        if piece.kind == "comment":
            yield Edit(piece.start, piece.end, "", "HTML comment", text[piece.start : piece.end].strip("<!->? \n"))
        elif piece.kind == "unfinished":
            yield Edit(piece.start, piece.end, "", "unfinished HTML tag", text[piece.start : piece.end])


def _definitions(document: Document) -> Iterator[Edit]:
    seen: set[str] = set()
    for block in document.blocks:
        if block.kind != "definition":
            continue
        text = document.text[block.start : block.end]
        if block.label not in document.labels or block.label in seen:
            yield Edit(block.start, block.end, "", "link definition that nothing uses", text)
        elif (match := _DEFINITION.fullmatch(text)) and match["rest"].strip():
            start = block.start + match.end("head")
            yield Edit(start, block.end, "", "link title", match["rest"].strip().strip("\"'()"))
        seen.add(block.label)


def _footnotes(shown: str, text: str) -> Iterator[Edit]:
    """Yield the footnotes to which nothing leads that is shown, and all but the first with one name."""
    notes = list(_FOOTNOTE.finditer(shown))
    outside = _without(shown, notes)
    used = {label.casefold() for label in _FOOTNOTE_USE.findall(outside)}
    first: dict[str, re.Match[str]] = {}
    for note in notes:
        first.setdefault(note["label"].casefold(), note)
    waiting = list(used)
    while waiting:
        found = first.get(waiting.pop())
        inside = {label.casefold() for label in _FOOTNOTE_USE.findall(found.group())} if found else set()
        waiting += inside - used
        used |= inside
    for note in notes:
        label = note["label"].casefold()
        if label not in used or first[label] is not note:
            yield Edit(note.start(), note.end(), "", "footnote that nothing uses", text[note.start() : note.end()])


def _without(text: str, matches: list[re.Match[str]]) -> str:
    parts, position = [], 0
    for match in matches:
        parts.append(text[position : match.start()])
        position = match.end()
    return "".join([*parts, text[position:]])


def _images(document: Document, shown: str) -> Iterator[Edit]:
    text, none_found = document.text, True
    for match in _MARKDOWN_IMAGE.finditer(shown):
        inline = match.end() > match.end("alt") + 1
        label = match["label"] if match["label"] is not None and match["label"].strip() else match["alt"]
        by_reference = not inline or match["label"] is not None
        if by_reference and _folded(label) not in document.labels:
            continue
        none_found = False
        excerpt = text[match.start("alt") : match.end("alt")] or text[match.start() : match.end()]
        yield Edit(match.start(), match.end(), IMAGE, "image", excerpt)
    if none_found and document.has_images:
        # The parser knows of an image that the pattern does not: what is hidden in any is shown instead.
        for match in re.finditer(r"!(?=\[)", shown):
            yield Edit(match.start(), match.end(), "image: \\", "image", "")


def _link_titles(document: Document, shown: str) -> Iterator[Edit]:
    none_found = True
    for match in _LINK_TITLE.finditer(shown):
        none_found = False
        yield Edit(match.start("title"), match.end("title"), "", "link title", match["title"].strip().strip("\"'()"))
    if none_found and document.has_titles and not any(block.kind == "definition" for block in document.blocks):
        for match in re.finditer(r"\](?=\()", shown):
            yield Edit(match.start(), match.end(), "\\]", "link title", "")


def _unseen_links(shown: str) -> Iterator[Edit]:
    """Yield the edits of links without words, and with words in place of an address."""
    for match in _NO_WORDS.finditer(shown):
        yield Edit(match.start(), match.end(), "", "link without words", match["address"])
    for match in _WORDS_FOR_ADDRESS.finditer(shown):
        if len(match["address"].split()) > _MOST_WORDS:
            yield Edit(match.start("address"), match.end(), "", "link address of words", match["address"].strip("<>"))


def _notes(document: Document) -> Iterator[Edit]:
    """Yield the comments in diagrams, which GitHub draws."""
    for block in document.blocks:
        if block.kind == "code" and block.info.strip().lower() == "mermaid":
            for match in _NOTE.finditer(document.text, block.start, block.end):
                yield Edit(match.start(), match.end(), "", "comment in a diagram", match.group().strip("%> \t"))


def _folded(label: str) -> str:
    return " ".join(label.split()).lower().upper()


def _entities(shown: str) -> Iterator[Edit]:
    for match in _ENTITY.finditer(shown):
        if has_invisible(html.unescape(match.group())) or html.unescape(match.group()) == "\ufffd":
            yield Edit(match.start(), match.end(), "", "invisible character", "")

"""What a Markdown text carries that a person who reads it on GitHub does not see, as edits that take it out."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jobs.text.characters import has_invisible
from jobs.text.markdown import Document, Piece, pieces, read

if TYPE_CHECKING:
    from collections.abc import Iterator

_VOID = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
)
_IMAGE = "(image)"
_QUOTED = 400
"""How much of a hidden element is looked at to quote it, in characters."""
_ATTRIBUTE = re.compile(
    r"(?<![\w:.\-])(?P<name>[A-Za-z_:][\w:.\-]*+)(?:\s*+=\s*+(?:\"(?P<double>[^\"]*+)\"|'(?P<single>[^']*+)'|(?P<bare>[^\s\"'<>`]++)))?+"
)
_UNSEEN_ATTRIBUTE = re.compile(r"(?:title|alt|summary|content|label|placeholder|aria-.+|data-.+)\Z", re.IGNORECASE)
_HIDING_STYLE = re.compile(
    r"display:none|visibility:(?:hidden|collapse)|content-visibility:hidden|opacity:0*\.?0*(?:[;%!]|\Z)"
    r"|font-size:0*\.?0*(?:[a-z%]*)(?:[;!]|\Z)|(?:^|;)(?:max-)?(?:width|height):0*\.?0*(?:[a-z%]*)(?:[;!]|\Z)"
    r"|(?:^|;)color:(?:transparent|rgba\([^)]*,0*\.?0*\))|(?:left|right|top|bottom|text-indent|margin(?:-[a-z]+)?):-\d{3,}"
    r"|clip:rect\(0|clip-path:(?:inset\((?:50|100)%|circle\(0)|transform:scale[xy]?\(0*\.?0*\)|mso-hide:all"
)
_COLOUR = re.compile(r"(?:^|;)(background(?:-color)?|color):([^;!]+)")
_WHITE = frozenset({"white", "#fff", "#ffffff", "rgb(255,255,255)", "transparent"})
_FLAT = r"(?:[^\[\]\\]|\\.)*+"
_LABEL = rf"(?:[^\[\]\\]|\\.|\[(?:[^\[\]\\]|\\.|\[{_FLAT}\])*+\])*+"
_DESTINATION = r"(?:<[^<>\n]*+>|[^\s()<]*+(?:\([^\s()]*+\)[^\s()]*+)*+)"
_TITLE = r"(?:\"(?:[^\"\\]|\\.)*+\"|'(?:[^'\\]|\\.)*+'|\((?:[^()\\]|\\.)*+\))"
_MARKDOWN_IMAGE = re.compile(
    rf"!\[(?P<alt>{_LABEL})\](?:\(\s*+{_DESTINATION}(?:\s++{_TITLE})?+\s*+\)|\[(?P<label>[^\[\]]*+)\])?+",
    re.DOTALL,
)
_LINK_TITLE = re.compile(rf"\]\(\s*+{_DESTINATION}(?P<title>\s++{_TITLE}\s*+)\)", re.DOTALL)
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


@dataclass(frozen=True, slots=True)
class Edit:
    """Replace ``text[start:end]``; ``name`` says what was hidden there, ``excerpt`` what it said."""

    start: int
    end: int
    replacement: str
    name: str
    excerpt: str


def find_hidden(text: str) -> list[Edit]:
    """Return the edits that take what is hidden out of a text, in order and apart from each other."""
    document = read(text, html=True)
    found = [piece for block in document.blocks for piece in pieces(document, block, html=True)]
    shown = _masked(text, [piece for piece in found if piece.kind == "code"])
    edits = [
        *_fence_words(document),
        *_comments(text, found),
        *_elements(text, [piece for piece in found if piece.kind == "tag"]),
        *_definitions(document),
        *_footnotes(shown, text),
        *_images(document, shown),
        *_link_titles(document, shown),
        *_entities(shown),
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


def _elements(text: str, tags: list[Piece]) -> Iterator[Edit]:
    ends = _closing(tags)
    for index, tag in enumerate(tags):
        if tag.close:
            continue
        attributes = _attributes(tag.attributes)
        if tag.name == "img":
            yield Edit(tag.start, tag.end, _IMAGE, "image", attributes.get("alt") or attributes.get("src", ""))
        elif _hides(tag.name, attributes):
            end = tag.end if tag.name in _VOID else ends.get(index, len(text))
            yield Edit(
                tag.start,
                end,
                "",
                "hidden HTML element",
                re.sub(r"<[^<>]*>", " ", text[tag.end : min(end, tag.end + _QUOTED)]),
            )
        else:
            yield from _unseen_attributes(tag, text)


def _closing(tags: list[Piece]) -> dict[int, int]:
    """Return, by the index of each opening tag that is closed, where its closing tag ends."""
    ends: dict[int, int] = {}
    opened: dict[str, list[int]] = {}
    for index, tag in enumerate(tags):
        if not tag.close:
            opened.setdefault(tag.name, []).append(index)
        elif opened.get(tag.name):
            ends[opened[tag.name].pop()] = tag.end
    return ends


def _attributes(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for match in _ATTRIBUTE.finditer(text):
        value = next((match[name] for name in ("double", "single", "bare") if match[name] is not None), "")
        found.setdefault(match["name"].lower(), html.unescape(value))
    return found


def _hides(name: str, attributes: dict[str, str]) -> bool:
    if "hidden" in attributes or (name == "input" and attributes.get("type", "").strip().lower() == "hidden"):
        return True
    sizes = {
        attributes.get(side, "").strip().removesuffix("px").removesuffix("%") for side in ("width", "height", "size")
    }
    if sizes & {"0", "00", "0.0"} or name in {"template", "noscript"}:
        return True
    if name == "font" and re.sub(r"\s", "", attributes.get("color", "")).lower() in _WHITE:
        return True
    return _style_hides(attributes.get("style", ""))


def _style_hides(style: str) -> bool:
    unescaped = re.sub(r"\\([0-9a-fA-F]{1,6})\s?", lambda match: chr(min(int(match[1], 16), 0x10FFFF)), style)
    plain = re.sub(r"\s|/\*.*?\*/|\\", "", unescaped, flags=re.DOTALL).lower()
    if _HIDING_STYLE.search(plain):
        return True
    colours = {name.partition("-")[0]: value for name, value in _COLOUR.findall(plain)}
    return "color" in colours and colours["color"] in {colours.get("background", ""), *_WHITE}


def _unseen_attributes(tag: Piece, text: str) -> Iterator[Edit]:
    begin = text.find(tag.attributes, tag.start, tag.end) if tag.attributes else -1
    if begin < 0:
        return
    for match in _ATTRIBUTE.finditer(tag.attributes):
        if _UNSEEN_ATTRIBUTE.match(match["name"]):
            value = match["double"] or match["single"] or match["bare"] or ""
            yield Edit(begin + match.start(), begin + match.end(), "", "HTML attribute", value)


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
    used = {label.casefold() for label in _FOOTNOTE_USE.findall(shown)}
    for match in _FOOTNOTE.finditer(shown):
        if match["label"].casefold() not in used:
            yield Edit(match.start(), match.end(), "", "footnote that nothing uses", text[match.start() : match.end()])


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
        yield Edit(match.start(), match.end(), _IMAGE, "image", excerpt)
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


def _folded(label: str) -> str:
    return " ".join(label.split()).lower().upper()


def _entities(shown: str) -> Iterator[Edit]:
    for match in _ENTITY.finditer(shown):
        if has_invisible(html.unescape(match.group())) or html.unescape(match.group()) == "\ufffd":
            yield Edit(match.start(), match.end(), "", "invisible character", "")

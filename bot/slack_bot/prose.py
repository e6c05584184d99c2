"""Markdown of models and people as rich text: its emphasis, lists and code are shown, and it has no other power."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

from bot.slack_bot import kit
from jobs.text import cut

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from markdown_it import MarkdownIt
    from markdown_it.token import Token

    from bot.slack_bot.kit import JSON

_STYLES = {"strong": "bold", "em": "italic", "s": "strike", "heading": "bold", "th": "bold"}
_RULE = "\u2014\u2014\u2014"
_NOTHING_BUT_SPACE = re.compile(r"\s*")


def prose(text: str, limit: int, *, quoted: bool = False, ours: str = "") -> list[JSON]:
    """Return a text's rich-text parts, of about ``limit`` characters at most; ``quoted`` puts a bar beside them.

    Links show where they lead, but for those of the harness's own making, which begin with ``ours``.
    """
    writer = _Writer(kit.quote if quoted else kit.section, quoted, limit, ours)
    for token in _parser().parse(cut(kit.harmless(text).strip(), limit)):
        writer.block(token)
    writer.flush()
    return writer.parts


@cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt  # noqa: PLC0415 - the web process shows nothing, and is smaller without it

    return MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])


@dataclass
class _Writer:
    """Walks over a parser's tokens and writes rich text."""

    around: Callable[[Sequence[JSON]], JSON]
    border: bool
    left: int
    ours: str = ""
    parts: list[JSON] = field(default_factory=list)
    _line: list[JSON] = field(default_factory=list)
    _styles: list[str] = field(default_factory=list)
    _lists: list[int] = field(default_factory=list)
    """The next number of each list around this place; 0 for one without numbers."""
    _quotes: int = 0
    _links: list[tuple[str, int]] = field(default_factory=list)
    _item: bool = False
    """Whether a list's mark was just written, behind which its first paragraph goes on."""

    def block(self, token: Token) -> None:
        """Write what a token of the block structure is."""
        self._around(token)
        match token.type:
            case "list_item_open":
                self._mark()
            case "paragraph_open" | "heading_open" | "tr_open":
                self._begin(close=token.type == "tr_open")
            case "th_close" | "td_close":
                self._write("  ")
            case "inline":
                for child in token.children or ():
                    self._inline(child)
            case "fence" | "code_block":
                self._code(token.content)
            case "hr":
                self._begin()
                self._write(_RULE)

    def _around(self, token: Token) -> None:
        """Remember what stands around the following: emphasis, lists, quotes."""
        name = token.type.removesuffix("_open").removesuffix("_close")
        if name in _STYLES:
            self._styled(_STYLES[name], token.nesting)
        elif name in {"bullet_list", "ordered_list"}:
            self._list(token)
        elif name == "blockquote":
            self._quotes += token.nesting

    def flush(self) -> None:
        """Close the paragraph that is being written."""
        line, self._line = kit.clip(self._line, max(self.left, 0)), []
        if not all(_NOTHING_BUT_SPACE.fullmatch(element.get("text", "x")) for element in line):
            self.parts.append(self.around(line))
            self.left -= kit.weight(line)

    def _list(self, token: Token) -> None:
        if token.nesting > 0:
            self._lists.append(int(token.attrGet("start") or 1) if token.type.startswith("ordered") else 0)
        else:
            self._lists.pop()

    def _mark(self) -> None:
        self._begin(close=True)
        number = self._lists[-1]
        self._write("  " * (len(self._lists) - 1) + (f"{number}. " if number else "\u2022 "))
        if number:
            self._lists[-1] += 1
        self._item = True

    def _begin(self, *, close: bool = False) -> None:
        """Begin a new line, with an empty one before it where paragraphs are meant to stand apart."""
        if self._item:
            self._item = False
            return
        if self._line:
            self._write("\n" if close or self._lists else "\n\n")
        if self._quotes:
            self._write("> " * min(self._quotes, 3))

    def _code(self, content: str) -> None:
        self._item = False
        self.flush()
        shown = content.rstrip("\n")[: max(self.left, 0)]
        if shown.strip():
            self.parts.append(kit.preformatted(shown, border=self.border))
            self.left -= len(shown)

    def _inline(self, token: Token) -> None:
        name = token.type.removesuffix("_open").removesuffix("_close")
        if name in _STYLES:
            self._styled(_STYLES[name], token.nesting)
        elif token.type in {"softbreak", "hardbreak"}:
            self._write("\n" + "> " * min(self._quotes, 3))
        elif token.type == "code_inline":
            self._line += kit.words(token.content, code=True)
        elif token.type == "link_open":
            self._links.append((str(token.attrGet("href") or ""), len(self._line)))
        elif token.type == "link_close":
            self._unmask(*self._links.pop())
        elif token.type == "image":
            self._write(f"{token.content} ({token.attrGet('src') or ''})")
        else:
            self._write(token.content)

    def _unmask(self, url: str, start: int) -> None:
        """Show where a link leads, behind what it is called."""
        label = "".join(element.get("text", "") or element.get("url", "") for element in self._line[start:])
        if label.strip() in {url, ""}:
            del self._line[start:]
            self._line += kit.link(url)
        elif self.ours and url.startswith(self.ours):
            del self._line[start:]
            self._line += kit.link(url, label)
        elif url:
            self._line += [*kit.words(" ("), *kit.link(url), *kit.words(")")]

    def _styled(self, style: str, nesting: int) -> None:
        if nesting > 0:
            self._styles.append(style)
        elif style in self._styles:
            self._styles.remove(style)

    def _write(self, text: str) -> None:
        styles = dict.fromkeys(self._styles, True)
        found = kit.words(text) if self._links else kit.linked(text, **styles)
        for element in found:
            last = self._line[-1] if self._line else {}
            same = element["type"] == last.get("type") == "text" and element.get("style") == last.get("style")
            if same and not self._links:
                self._line[-1] = {**last, "text": last["text"] + element["text"]}
            else:
                self._line.append(element)

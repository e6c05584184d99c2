"""The pieces of Block Kit that we use, within Slack's limits; what strangers wrote goes in as text and stays text.

Rich text has no markup: nothing that stands in a text element can mention, link or format
(https://docs.slack.dev/reference/block-kit/blocks/rich-text-block).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from jobs.text import strip_invisible

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

JSON = dict[str, Any]

LONGEST_HEADER = 150
LONGEST_PLAIN = 2000
LONGEST_LINK = 2000
LONGEST_MESSAGE = 11_000
"""All texts of a message together; Slack refuses at about 13,200 characters, and documents no number."""
MOST_ELEMENTS = 300
"""Pieces of one paragraph; Slack documents no number."""
_BROADCAST = re.compile(r"@(?=here|channel|everyone|group)", re.IGNORECASE)
_URL = re.compile(r"https?://[^\s<>\"'`|\\]+[^\s<>\"'`|\\.,:;!?)\]}*_~]")
_USER = re.compile(r"[UW][A-Z0-9]{2,30}", re.ASCII)


def harmless(text: str) -> str:
    """Return a text without invisible characters, whose @channel and the like call nobody wherever it is put."""
    return _BROADCAST.sub("@\u200b", strip_invisible(text)[0])


def one_line(text: str, limit: int) -> str:
    """Return a harmless text as one line of at most ``limit`` characters."""
    shown = " ".join(harmless(text).split())
    return shown if len(shown) <= limit else shown[: limit - 1].rstrip() + "\u2026"


def words(text: str, **style: bool) -> list[JSON]:
    """Return a text as an element of rich text; styles are bold, italic, strike and code."""
    if not text:
        return []
    styled = {name: True for name, wanted in style.items() if wanted}
    return [{"type": "text", "text": text, **({"style": styled} if styled else {})}]


def link(url: str, text: str = "") -> list[JSON]:
    """Return a link as an element of rich text; with nothing but its address where ``text`` is empty."""
    if not is_link(url):
        return words(one_line(f"{text} {url}", 300))
    return [{"type": "link", "url": url, **({"text": text} if text else {})}]


def linked(text: str, **style: bool) -> list[JSON]:
    """Return a text as elements of rich text, in which its addresses are links that show where they lead."""
    found: list[JSON] = []
    position = 0
    for match in _URL.finditer(text):
        if is_link(match.group()):
            found += [*words(text[position : match.start()], **style), *link(match.group())]
            position = match.end()
    return [*found, *words(text[position:], **style)]


def ours(text: str) -> list[JSON]:
    """Return one of our own sentences: what stands between backticks is code, addresses are links."""
    found: list[JSON] = []
    for index, part in enumerate(harmless(text).split("`")):
        found += words(part, code=True) if index % 2 else linked(part)
    return found


def bold(elements: Iterable[JSON]) -> list[JSON]:
    """Return elements of rich text in bold."""
    return [
        {**element, "style": {**element.get("style", {}), "bold": True}} if element["type"] == "text" else element
        for element in elements
    ]


def people(user_ids: Iterable[str]) -> list[JSON]:
    """Return mentions of people, each followed by a space."""
    found: list[JSON] = []
    for user_id in dict.fromkeys(user_ids):
        if _USER.fullmatch(user_id):
            found += [{"type": "user", "user_id": user_id}, *words(" ")]
    return found


def section(elements: Sequence[JSON]) -> JSON:
    """Return a paragraph of rich text."""
    return {"type": "rich_text_section", "elements": _few(elements)}


def quote(elements: Sequence[JSON]) -> JSON:
    """Return somebody's words with a bar beside them."""
    return {"type": "rich_text_quote", "elements": _few(elements)}


def preformatted(text: str, *, border: bool = False) -> JSON:
    """Return a text as it is, in letters of one width."""
    return {"type": "rich_text_preformatted", "elements": words(text), **({"border": 1} if border else {})}


def bullets(items: Iterable[Sequence[JSON]]) -> JSON:
    """Return a list."""
    return {"type": "rich_text_list", "style": "bullet", "elements": [section(item) for item in items]}


def rich(*parts: JSON) -> list[JSON]:
    """Return a block of rich text, or none where there is nothing in it."""
    filled = [part for part in parts if part["elements"]]
    return [{"type": "rich_text", "elements": filled}] if filled else []


def header(text: str) -> list[JSON]:
    """Return a heading; its text is never read as markup."""
    shown = one_line(text, LONGEST_HEADER)
    return [{"type": "header", "text": plain(shown)}] if shown else []


def plain(text: str, limit: int = LONGEST_PLAIN) -> JSON:
    """Return a text object without markup; Slack refuses an empty one."""
    return {"type": "plain_text", "text": text[:limit] or "\u2013", "emoji": False}


def context(*elements: JSON | None) -> list[JSON]:
    """Return a line of small print."""
    shown = [element for element in elements if element]
    return [{"type": "context", "elements": shown[:10]}] if shown else []


def small(text: str) -> JSON | None:
    """Return small print that may be anybody's words."""
    shown = one_line(text, 300)
    return plain(shown) if shown else None


def small_link(text: str, url: str) -> JSON | None:
    """Return a link of ours in small print; None without an address."""
    return {"type": "mrkdwn", "text": f"<{escaped(url)}|{escaped(text)}>", "verbatim": True} if is_link(url) else None


def small_code(text: str) -> JSON:
    """Return a word of ours as code in small print."""
    return {"type": "mrkdwn", "text": f"`{escaped(text)}`", "verbatim": True}


def button(text: str, action: str, value: str = "", *, style: str = "", confirm: JSON | None = None) -> JSON:
    """Return a button; ``style`` is primary, danger or nothing."""
    made: JSON = {"type": "button", "text": plain(text, 75), "action_id": action}
    more = {"value": value, "style": style, "confirm": confirm}
    return made | {name: given for name, given in more.items() if given}


def link_button(text: str, action: str, url: str) -> list[JSON]:
    """Return a button that opens an address, or none where there is no address."""
    return [{**button(text, action), "url": url}] if is_link(url) else []


def actions(buttons: Sequence[JSON]) -> list[JSON]:
    """Return a row of buttons, or none."""
    return [{"type": "actions", "elements": list(buttons)}] if buttons else []


def confirmation(title: str, text: str, yes: str, no: str) -> JSON:
    """Return what is asked before a button does something that cannot be undone."""
    return {"title": plain(title, 100), "text": plain(text, 300), "confirm": plain(yes, 30), "deny": plain(no, 30)}


def is_link(url: str) -> bool:
    """Tell whether an address can be a link's."""
    if not url or len(url) > LONGEST_LINK or re.search(r"[\s|<>]", url):
        return False
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.netloc)


def escaped(text: str) -> str:
    """Return a text as it stands in Slack's own markup, where three characters have power."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def clip(elements: Sequence[JSON], limit: int) -> list[JSON]:
    """Return the first elements of rich text, of at most about ``limit`` characters together."""
    found: list[JSON] = []
    for element in elements:
        length = _length(element)
        if length <= limit:
            found.append(element)
            limit -= length
            continue
        if element["type"] == "text" and limit > 1:
            found.append({**element, "text": element["text"][: limit - 1] + "\u2026"})
        else:
            found += words(" \u2026")
        break
    return found


def weight(value: Any) -> int:
    """Return how many characters the texts of blocks have together."""
    return sum(_lengths(value))


def _few(elements: Sequence[JSON]) -> list[JSON]:
    """Return elements as a list that is not too long; the last of many lose their styles and become one."""
    if len(elements) <= MOST_ELEMENTS:
        return list(elements)
    rest = "".join(element.get("text") or element.get("url", "") for element in elements[MOST_ELEMENTS - 1 :])
    return [*elements[: MOST_ELEMENTS - 1], *words(rest)]


def _lengths(value: Any) -> Iterator[int]:
    if isinstance(value, list):
        for inner in value:
            yield from _lengths(inner)
    elif isinstance(value, dict):
        yield sum(len(value[name]) for name in ("text", "url") if isinstance(value.get(name), str))
        for inner in value.values():
            yield from _lengths(inner)


def _length(element: JSON) -> int:
    return len(element.get("text", "")) + len(element.get("url", ""))

"""What HTML in a Markdown text carries that GitHub does not show: elements that hide, attributes that speak."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

from jobs.text.edit import Edit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jobs.text.markdown import Piece

IMAGE = "(image)"
HIDDEN = "hidden HTML element"
_VOID = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
)
_QUOTED = 400
"""How much of a hidden element is looked at to quote it, in characters."""
_ATTRIBUTE = re.compile(
    r"(?<![\w:.\-])(?P<name>[A-Za-z_:][\w:.\-]*+)(?:\s*+=\s*+(?:\"(?P<double>[^\"]*+)\"|'(?P<single>[^']*+)'|(?P<bare>[^\s\"'<>`]++)))?+"
)
_BARE = frozenset(
    {"autoplay", "checked", "compact", "controls", "disabled", "itemscope", "loop", "muted", "nowrap", "open"}
    | {"playsinline", "readonly", "required", "reversed"}
)
"""Attributes that stand without a value."""
_WORDS = re.compile(
    r"[^\W\d_]{2,}[\s,;.!?]+[^\W\d_]|[^\W\d_]{2,}:\s+[^\W\d_]+\s+[^\W\d_]|[^\x00-\x7f]{4,}|.{200}", re.DOTALL
)
"""What makes the value of an attribute more than a name, a number or an address."""
_UNSPOKEN = frozenset({"href", "src"})
_HIDERS = frozenset({"annotation", "annotation-xml", "datalist", "metadata", "mphantom", "noscript", "template"})
"""Elements that no browser shows."""
_INSTEAD = frozenset({"audio", "canvas", "object", "video"})
"""Elements whose contents browsers show only where they cannot show the elements."""
_KNOWN = frozenset(
    re.findall(
        r"\w+",
        """a abbr address area article aside audio b base bdi bdo big blockquote body br button canvas caption center
        cite code col colgroup data datalist dd del details dfn dialog div dl dt em embed fieldset figcaption figure
        font footer form h1 h2 h3 h4 h5 h6 head header hr html i iframe img input ins kbd label legend li link main map
        mark math menu meta meter nav nobr noscript object ol optgroup option output p param picture pre progress q rp
        rt ruby s samp script section select small source span strike strong style sub summary sup svg table tbody td
        template textarea tfoot th thead time title tr track tt u ul var video wbr""",
    )
)
_MOST_UNKNOWN = 2
_UNSEEN_ATTRIBUTE = re.compile(r"(?:title|alt|summary|content|label|placeholder|aria-.+|data-.+)\Z", re.IGNORECASE)
_HIDING_STYLE = re.compile(
    r"display:none|visibility:(?:hidden|collapse)|content-visibility:hidden|opacity:0*\.?0*(?:[;%!]|\Z)"
    r"|font-size:0*\.?0*(?:[a-z%]*)(?:[;!]|\Z)|(?:^|;)(?:max-)?(?:width|height):0*\.?0*(?:[a-z%]*)(?:[;!]|\Z)"
    r"|(?:^|;)color:(?:transparent|rgba\([^)]*,0*\.?0*\))|(?:left|right|top|bottom|text-indent|margin(?:-[a-z]+)?):-\d{3,}"
    r"|clip:rect\(0|clip-path:(?:inset\((?:50|100)%|circle\(0)|transform:scale[xy]?\(0*\.?0*\)|mso-hide:all"
)
_COLOUR = re.compile(r"(?:^|;)(background(?:-color)?|color):([^;!]+)")
_WHITE = frozenset({"white", "#fff", "#ffffff", "rgb(255,255,255)", "transparent"})


def find_elements(text: str, tags: list[Piece]) -> Iterator[Edit]:
    """Yield the edits that take out of a text's HTML what is not shown; ``tags`` are its tags, in order."""
    ends = _closing(tags)
    for index, tag in enumerate(tags):
        if tag.close:
            continue
        attributes, end = _attributes(tag.attributes), ends.get(index)
        if tag.name == "img":
            yield Edit(tag.start, tag.end, IMAGE, "image", attributes.get("alt") or attributes.get("src", ""))
        elif _hides(tag.name, attributes) or (end is not None and _is_empty(tag, attributes, text, end)):
            stop = tag.end if tag.name in _VOID else len(text) if end is None else end
            yield Edit(tag.start, stop, "", HIDDEN, _inside(text, tag.end, stop) or attributes.get("href", ""))
        elif end is not None and tag.name in _INSTEAD | {"rp"} and _WORDS.search(_inside(text, tag.end, end)):
            yield Edit(tag.end, end, "", HIDDEN, _inside(text, tag.end, end))
        else:
            yield from _unseen_attributes(tag, text)
    yield from _tags_as_words(text, tags)


def _inside(text: str, start: int, end: int) -> str:
    """Return the beginning of what a person would read between two places."""
    return re.sub(r"<[^<>]*>", " ", text[start : min(end, start + _QUOTED)])


def _is_empty(tag: Piece, attributes: dict[str, str], text: str, end: int) -> bool:
    """Tell whether a link has nothing to click on."""
    if tag.name != "a" or "href" not in attributes or end - tag.end > _QUOTED:
        return False
    inside = text[tag.end : end].lower()
    return "<img" not in inside and not re.sub(r"<[^<>]*>", "", inside).strip()


def _tags_as_words(text: str, tags: list[Piece]) -> Iterator[Edit]:
    """Yield the edits that take out sentences made of tags that do not exist: GitHub shows none of them."""
    run: list[Piece] = []
    for tag in tags:
        if run and (tag.name in _KNOWN or text[run[-1].end : tag.start].strip()):
            yield from _sentence(run)
            run = []
        if tag.name not in _KNOWN:
            run.append(tag)
    yield from _sentence(run)


def _sentence(run: list[Piece]) -> Iterator[Edit]:
    words = [tag.name for tag in run if not tag.close]
    if len(words) > _MOST_UNKNOWN:
        yield Edit(run[0].start, run[-1].end, "", HIDDEN, " ".join(words[:20]))


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
    if sizes & {"0", "00", "0.0"} or name in _HIDERS:
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
    matches = list(_ATTRIBUTE.finditer(tag.attributes))
    bare = [match for match in matches if "=" not in match.group() and match["name"].lower() not in _BARE]
    for match in matches:
        given = next((match[name] for name in ("double", "single", "bare") if match[name] is not None), None)
        # One alone is as likely the second word of a file's name in a link.
        if (match in bare and len(bare) > 1) or (given is not None and _speaks(match["name"].lower(), given)):
            said = match["name"] if given is None else given
            yield Edit(begin + match.start(), begin + match.end(), "", "HTML attribute", said)


def _speaks(name: str, value: str) -> bool:
    """Tell whether an attribute holds words, which GitHub does not show."""
    if _UNSEEN_ATTRIBUTE.match(name):
        return True
    return bool(_WORDS.search(html.unescape(value))) if name not in _UNSPOKEN else " " in value.strip()

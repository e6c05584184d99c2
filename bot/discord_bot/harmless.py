"""What models and strangers wrote, as Discord may show it: it pings nobody and hides no link. Pure.

Discord's markup is its own: a backslash before any punctuation takes its meaning away, ``<…>`` makes mentions, emoji
and times. Lengths are counted in UTF-16 units, the larger of the two ways in which clients count.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from jobs.answer.links import linked
from jobs.text.characters import strip_invisible
from jobs.text.redact import redact

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from jobs.types import Outcome

_GAP = "\u200b"
_HELD = "\ufdd0"
"""Stands before the number of a link of ours while a text is worked on: a noncharacter, which no text has then."""
_FIRST_HELD = 0xE000
_MARKUP = re.compile(r"([\\`*_~|<>\[\]])")
_LINE_START = re.compile(r"^([ \t]*)([#+-]|\d{1,9}[.)](?=[ \t]))", re.MULTILINE)
_EVERYONE = re.compile(r"@(?=everyone|here)", re.IGNORECASE)
_INVITE = re.compile(r"(discord(?:app)?)(\.(?=gg\b|(?:com|me|io)/)|(?=\.gg\b))", re.IGNORECASE)
_URL = r"https?://[A-Za-z0-9._~:/?#@!$&'+,;=%-]*[A-Za-z0-9/_~#@$&+=%-]"
_FENCE = r"```(?:(?P<language>[\w+#.-]{1,20})\n)?(?P<fenced>.*?)(?:```|\Z)"
_CODE = r"(?<!`)`(?!`)(?P<code>[^`\n]+)`(?!`)"
_BOLD = r"\*\*(?P<bold>(?=[^\s*])[^*\n`<>\[\]_~|\\]{1,200}(?<=\S))\*\*"
_HEADING = r"^#{1,6}[ \t]+(?P<heading>[^\n`*]{1,200})$"
_BULLET = r"^(?P<indent>[ \t]{0,6})[-*+][ \t]+(?=\S)"
_BLOCK = re.compile(
    rf"{_FENCE}|{_CODE}|(?P<url>{_URL})|{_BOLD}|{_HEADING}|{_BULLET}|(?P<held>{_HELD}.)",
    re.DOTALL | re.MULTILINE | re.IGNORECASE,
)
_INLINE = re.compile(rf"{_CODE}|(?P<url>{_URL})", re.IGNORECASE)


def units(text: str) -> int:
    """Return the length of a text in UTF-16 units."""
    return len(text) + sum(character > "\uffff" for character in text)


def fit(text: str, limit: int, render: Callable[[str], str] = str) -> str:
    """Return as much of a text as has at most ``limit`` units once it is rendered; an ellipsis tells of the rest."""
    if len(text) <= limit and units(shown := render(text)) <= limit:
        return shown
    low, high = 0, min(len(text), limit)
    while low < high:
        middle = (low + high + 1) // 2
        if units(render(_shortened(text, middle))) <= limit:
            low = middle
        else:
            high = middle - 1
    while low and units(render(_shortened(text, low))) > limit:
        low -= 1
    return render(_shortened(text, low)) if low else ""


def plain(text: str, limit: int) -> str:
    """Return one line for places without markup: buttons, choices, names of threads, footers."""
    return fit(_one_line(text), limit)


def line(text: str, limit: int) -> str:
    """Return one line of prose; code between backticks stays code, everything else is shown as it was written."""
    return fit(_one_line(text), limit, lambda part: _around(part, _INLINE, ()))


def block(text: str, limit: int, outcome: Outcome | None = None) -> str:
    """Return text of several lines; code, lists and bold words stay, headings become bold, links show where they go.

    With ``outcome`` the places in the code that it vouches for become links.
    """
    visible = re.sub(r"\n{3,}", "\n\n", strip_invisible(text)[0].strip())
    links: list[str] = []
    if outcome is not None:
        visible = linked(visible, outcome, lambda label, url: _hold(links, label, url))
    return fit(visible, limit, lambda part: _around(part, _BLOCK, links))


def code(text: str, limit: int) -> str:
    """Return one line as code; where it has backticks, they become apostrophes that look alike."""
    return fit(_one_line(text).replace("`", "\u02cb") or " ", limit, lambda part: f"`{_quiet(part)}`")


def fence(text: str, language: str, limit: int) -> str:
    """Return a code block that nothing in the text can end."""
    visible = strip_invisible(text)[0].strip("\n").expandtabs(4)
    return fit(visible, limit, lambda part: f"```{language}\n{_fenced(part)}\n```")


def quoted(text: str, most: int = 40) -> str:
    """Return rendered lines as a quote of at most so many lines; a code block that is cut in it is closed."""
    lines = text.splitlines()
    if len(lines) > most:
        lines = [*lines[:most], "\u2026"]
        if sum(line.startswith("```") for line in lines) % 2:
            lines.insert(most, "```")
    return "\n".join(f"> {line}" for line in lines)


class Ink:
    """Writes foreign text without the values that must appear nowhere."""

    def __init__(self, redacted: Sequence[str] = ()) -> None:
        self._redacted = tuple(redacted)

    def plain(self, text: str, limit: int) -> str:
        """See the function of this name; so are the others."""
        return plain(self._clean(text), limit)

    def line(self, text: str, limit: int) -> str:
        """Return one line of prose."""
        return line(self._clean(text), limit)

    def block(self, text: str, limit: int, outcome: Outcome | None = None) -> str:
        """Return text of several lines."""
        return block(self._clean(text), limit, outcome)

    def code(self, text: str, limit: int) -> str:
        """Return one line as code."""
        return code(self._clean(text), limit)

    def fence(self, text: str, language: str, limit: int) -> str:
        """Return a code block."""
        return fence(self._clean(text), language, limit)

    def _clean(self, text: str) -> str:
        return redact(text, self._redacted)


def _one_line(text: str) -> str:
    return " ".join(strip_invisible(text)[0].split())


def _shortened(text: str, keep: int) -> str:
    return text if keep >= len(text) else text[:keep].rstrip().rstrip(_HELD) + "\u2026"


def _hold(links: list[str], label: str, url: str) -> str:
    links.append(f"[{code(label, 120)}]({url})")
    return f"{_HELD}{chr(_FIRST_HELD + len(links) - 1)}"


def _around(text: str, pattern: re.Pattern[str], links: Sequence[str]) -> str:
    """Disarm a text but for what the pattern finds in it, which is written anew."""
    parts, position = [], 0
    for match in pattern.finditer(text):
        parts += [_disarm(text[position : match.start()], text, position), _rewritten(match, links)]
        position = match.end()
    return "".join([*parts, _disarm(text[position:], text, position)])


def _rewritten(match: re.Match[str], links: Sequence[str]) -> str:
    found = {name: value for name, value in match.groupdict().items() if value is not None}
    if "held" in found:
        return links[ord(found["held"][1]) - _FIRST_HELD]
    if "fenced" in found:
        inner = found["fenced"].strip("\n").replace(_HELD, "")
        return f"```{found.get('language', '')}\n{_fenced(inner)}\n```" if inner.strip() else ""
    if "code" in found:
        return f"`{_quiet(found['code'])}`" if found["code"].strip() else _disarm(match.group(), "\n", 0)
    if "url" in found:
        # Between these Discord reads it to its end and no further: a backslash behind it stays one.
        return f"<{_quiet(found['url'])}>"
    if "indent" in found:
        return f"{found['indent']}- "
    inner = found.get("bold") or found.get("heading", "")
    return f"**{_disarm(inner.strip(), ' ', 1)}**" if inner.strip() else _disarm(match.group(), "\n", 0)


def _disarm(text: str, whole: str, position: int) -> str:
    """Take the power out of prose; what stands at the beginning of a line of the whole text may be more than prose."""
    begins_line = position == 0 or whole[position - 1] == "\n"
    escaped = _MARKUP.sub(r"\\\1", text)
    if begins_line:
        escaped = _LINE_START.sub(_escape_start, escaped)
    else:
        first, newline, rest = escaped.partition("\n")
        escaped = first + newline + _LINE_START.sub(_escape_start, rest)
    return _quiet(escaped.replace("://", f":{_GAP}//"))


def _escape_start(match: re.Match[str]) -> str:
    mark = match[2]
    return f"{match[1]}\\{mark}" if len(mark) == 1 else f"{match[1]}{mark[:-1]}\\{mark[-1]}"


def _fenced(text: str) -> str:
    return _quiet(re.sub("`(?=`)", f"`{_GAP}", text) if "```" in text else text)


def _quiet(text: str) -> str:
    """Take away what works wherever it stands: mentions of everyone, and invitations to other servers."""
    return _INVITE.sub(lambda match: f"{match[1]}{_GAP}{match[2]}", _EVERYONE.sub(f"@{_GAP}", text))

"""What models and strangers wrote, made safe to post: it pings nobody, closes nothing, and stays in its place."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from jobs.text.characters import strip_invisible
from jobs.text.markdown import Block, Document, pieces, read

if TYPE_CHECKING:
    from collections.abc import Callable

GAP = "&#8203;"
"""A zero-width space: what it interrupts is shown whole, and is no mention or reference any more."""
_SLASH = "&#47;"
_HERE = "\ufdd0"
"""Stands for a gap while a text is worked on: a noncharacter, which no text has any more by then."""
_MIDDLE = "\ufdd1"
"""Stands before prose that begins in the middle of a line."""
_EXCERPT = 80
_BACKSLASH = "\\"
_ROUNDS = 10
_START = re.compile(r"^(?:(?=#{1,6}(?: |$)|~~~|>|[-+*] )|(?P<number>\d{1,9})(?=[.)] ))")
_ENTITY = re.compile(r"&(?=#[0-9]|#[xX][0-9a-fA-F]|[A-Za-z])(?!(?:amp|lt|gt|quot);)")
_AUTOLINK = re.compile(r"<(https?://[^\s<>]++)>", re.IGNORECASE)
_MENTION = re.compile(r"(?<![A-Za-z0-9])@(?=[A-Za-z0-9])")
_NUMBER = re.compile(r"#(?=\d)|(?<![A-Za-z0-9])[Gg][Hh]-(?=\d)")
_HEX = r"(?=[0-9a-f]*[0-9])(?=[0-9a-f]*[a-f])([0-9a-f])([0-9a-f]{6,63})"
_COMMIT = re.compile(rf"(?<![0-9A-Za-z&#]){_HEX}(?![0-9A-Za-z])")
_ALONE = re.compile(r"[ \n)]|[.,;:](?=\s)")
"""What may follow the number of a commit that is shown as code."""
_REFERENCE = re.compile(
    r"(https?:)//(?=[^\s/]+/[^\s/]+/[^\s/]+/(?:issues|pull|pulls|commit|commits|discussions|compare)/)", re.IGNORECASE
)
_COMMAND = re.compile(r"^((?:[ \t]|>|[-*+] |\d{1,9}[.)] )*)/(?=[A-Za-z])", re.MULTILINE)
_CODE_COMMAND = re.compile(r"^/(?=[A-Za-z][\w\-]*(?:[ \t]|$))", re.MULTILINE)
_SKIP = re.compile(
    r"\[(?=(?:skip|no)[ \-]\w{1,20}\]|\w{1,20}[ \-]skip\])|(?<=\*{3}NO)(?=_CI\*{3})|(?<![\w\-])skip-(?=checks[ \t]*:)",
    re.IGNORECASE,
)
"""What keeps a CI from running, in a commit or in what becomes one when a pull request is merged.
https://docs.github.com/actions/managing-workflow-runs/skipping-workflow-runs
"""
_MARKER = re.compile(r"<!--(?=\s*opus67)", re.IGNORECASE)
_LINK = re.compile(
    r"!?\[([^\[\]]*)\]\(\s*+(<[^<>\n]*+>|&lt;[^<>\n&]*+>|[^\s()]*+(?:\([^\s()]*+\)[^\s()]*+)*+)"
    r"(?:\s++(?:\"[^\"]*+\"|'[^']*+'|\([^()]*+\)))?+\s*+\)"
)
_DEFINITION = re.compile(r"^((?:[ \t]|>|[-*+] |\d{1,9}[.)] )*)\[(?=[^\n]*\]:|[^\]\n]*$)", re.MULTILINE)


def neutralise(text: str, *, keep_code: bool = True, limit: int = 60_000) -> str:
    """Return Markdown that is safe to post as a block of its own, of at most ``limit`` characters.

    Code stays as it is unless ``keep_code`` is false; then backticks are shown as they are written.
    """
    text, _ = strip_invisible(text.replace(GAP, "").replace(_SLASH, "/"))
    result = _neutral(text, keep_code=keep_code)
    keep = limit
    while len(result) > limit and keep > 0:
        keep = keep * limit // len(result) - 1 if keep < len(text) else keep * 9 // 10
        result = _neutral(cut(text, max(keep, 0)), keep_code=keep_code)
    return result


def cut(text: str, limit: int) -> str:
    """Return at most ``limit`` characters of a text; where some are missing, the end says how many."""
    if len(text) <= limit:
        return text
    notice = f"\n\n\u2026 ({len(text) - limit:,} more characters)".replace(",", "\u00a0")
    return text[: limit - len(notice)].rstrip() + notice if len(notice) < limit else text[: max(limit, 0)]


def excerpt(text: str, limit: int = _EXCERPT) -> str:
    """Return one short line that quotes a text and has no power left: no markup, no code, no mention, no link."""
    return _escape_ticks(_prose(_one_line(text, limit)))


def line(text: str, limit: int = 300) -> str:
    """Return a text as one line of prose, for a list or a sentence; code spans stay code, the rest is neutralised."""
    return _inline(_START.sub(lambda match: (match["number"] or "") + _BACKSLASH, _one_line(text, limit)))


def cell(text: str, limit: int = 300) -> str:
    """Return a text as one line that stays in its table cell."""
    return re.sub(r"(?<!\\)((?:\\\\)*)\|", r"\1\\|", line(text, limit))


def plain(text: str) -> str:
    """Return a text for places without Markdown, such as titles and commits.

    No mention pings, no number closes, and no word keeps a CI from running.
    """
    text, _ = strip_invisible(text.replace(GAP, ""))
    text = _MENTION.sub(f"@{_HERE}", _REFERENCE.sub(rf"\1{_HERE}//", text))
    text = _SKIP.sub(lambda match: match.group() + _HERE, text)
    text = _MARKER.sub("<! --", _NUMBER.sub(lambda match: match.group() + _HERE, text))
    return text.replace(_HERE, "\u200b")


def code(text: str, limit: int = 200, *, table: bool = False) -> str:
    """Return a text as one inline code span, whatever backticks it has; in a table its pipes are escaped."""
    shown = _cut_line(" ".join(strip_invisible(text)[0].split()) or " ", limit)
    ticks = "`" * (max((len(run) for run in re.findall("`+", shown)), default=0) + 1)
    pad = " " if shown.startswith("`") or shown.endswith("`") else ""
    shown = _code(shown)
    return f"{ticks}{pad}{shown.replace('|', _BACKSLASH + '|') if table else shown}{pad}{ticks}"


def fence(text: str, language: str = "", limit: int = 20_000) -> str:
    """Return a text as a code block that nothing in it can end."""
    text = cut(strip_invisible(text)[0], limit).strip("\n")
    text = _code(_CODE_COMMAND.sub(" /", text))
    ticks = "`" * max(3, max((len(run) for run in re.findall("`+", text)), default=0) + 1)
    language = language if re.fullmatch(r"[\w+#.\-]{1,30}", language) else ""
    return f"{ticks}{language}\n{text}\n{ticks}"


def _code(text: str) -> str:
    """Take from code what a program that reads it as plain text would obey; people see a blank more."""
    text = _SKIP.sub(lambda match: match.group() + " ", text)
    return _MARKER.sub("<! --", text)


def _one_line(text: str, limit: int) -> str:
    visible, _ = strip_invisible(text.replace(GAP, "").replace(_SLASH, "/"))
    return _cut_line(" ".join(visible.split()), limit)


def _cut_line(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "\u2026"


def _neutral(text: str, *, keep_code: bool) -> str:
    if not keep_code:
        return _escape_ticks(_prose(text))
    document = read(text, html=False)
    result = _around(text, _code_ranges(document))
    last = document.blocks[-1] if document.blocks else None
    if last and last.kind == "code" and not last.closed:
        run = re.search(r"`{3,}|~{3,}", text[last.start : last.end])
        result += "\n" + run.group() if run else ""
    return result


def _inline(text: str) -> str:
    block = Block("prose", 0, len(text))
    found = pieces(Document(text, (block,)), block, html=False)
    return _around(text, [(piece.start, piece.end) for piece in found])


def _around(text: str, code_ranges: list[tuple[int, int]]) -> str:
    """Neutralise a text but for its code."""
    parts, position = [], 0
    for start, end in code_ranges:
        parts.append(_beside_code(text, position, start))
        parts.append(_code(_CODE_COMMAND.sub(" /", text[start:end])))
        position = end
    return "".join([*parts, _beside_code(text, position, len(text))])


def _code_ranges(document: Document) -> list[tuple[int, int]]:
    found = (piece for block in document.blocks for piece in pieces(document, block, html=False))
    return [(piece.start, piece.end) for piece in found if piece.kind == "code"]


def _beside_code(text: str, start: int, end: int) -> str:
    """Neutralise prose whose backticks open no code; numbers of commits become code, so that they can be copied."""
    begins_line = start == 0 or text[start - 1] == "\n"
    shown = _escape_ticks(text[start:end])
    return _prose(shown if begins_line else _MIDDLE + shown, commit=_commit_as_code).removeprefix(_MIDDLE)


def _gapped_commit(match: re.Match[str]) -> str:
    return f"{match[1]}{_HERE}{match[2]}"


def _commit_as_code(match: re.Match[str]) -> str:
    before, text = match.string[max(match.start() - 1, 0) : match.start()], match.string
    alone = before in {" ", "\n", "("} and _ALONE.match(text, match.end())
    return f"`{match.group()}`" if alone else _gapped_commit(match)


def _prose(text: str, *, commit: Callable[[re.Match[str]], str] = _gapped_commit) -> str:
    text = _ENTITY.sub("&amp;", _AUTOLINK.sub(r"\1", text)).replace("<", "&lt;")
    for _ in range(_ROUNDS):
        shown = _LINK.sub(_unmasked, text)
        if shown == text:
            break
        text = shown
    text = re.sub(r"\](?=\()", r"]\\", text)
    text = _DEFINITION.sub(r"\1\\[", text)
    text = _REFERENCE.sub(rf"\1{_HERE}//", text)
    text = _SKIP.sub(lambda match: match.group() + _HERE, text)
    text = _MENTION.sub(f"@{_HERE}", text)
    text = _NUMBER.sub(lambda match: match.group() + _HERE, text)
    text = _COMMIT.sub(commit, text).replace(_HERE, GAP)
    return _COMMAND.sub(rf"\1{_SLASH}", text)


def _escape_ticks(text: str) -> str:
    return re.sub(r"(?<!\\)((?:\\\\)*)(`+)", lambda match: match[1] + (_BACKSLASH + "`") * len(match[2]), text)


def _unmasked(match: re.Match[str]) -> str:
    label, address = match[1].strip(), match[2].removeprefix("&lt;").strip("<>")
    if not address or label == address:
        return label or address
    return f"{label} ({address})" if label else address

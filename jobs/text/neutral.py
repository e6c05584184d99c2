"""What models and strangers wrote, made safe to post: it pings nobody, closes nothing, and stays in its place."""

from __future__ import annotations

import re

from jobs.text.characters import strip_invisible
from jobs.text.markdown import Document, pieces, read

GAP = "&#8203;"
"""A zero-width space: what it interrupts is shown whole, and is no mention or reference any more."""
_SLASH = "&#47;"
_HERE = "\ufdd0"
"""Stands for a gap while a text is worked on: a noncharacter, which no text has any more by then."""
_EXCERPT = 80
_ROUNDS = 10
_ENTITY = re.compile(r"&(?=#[0-9]|#[xX][0-9a-fA-F]|[A-Za-z])(?!(?:amp|lt|gt|quot);)")
_AUTOLINK = re.compile(r"<(https?://[^\s<>]++)>", re.IGNORECASE)
_MENTION = re.compile(r"(?<![A-Za-z0-9])@(?=[A-Za-z0-9])")
_NUMBER = re.compile(r"#(?=\d)|(?<![A-Za-z0-9])[Gg][Hh]-(?=\d)")
_COMMIT = re.compile(r"(?<![0-9A-Za-z&#])(?=[0-9a-f]*[0-9])(?=[0-9a-f]*[a-f])([0-9a-f])([0-9a-f]{6,63})(?![0-9A-Za-z])")
_REFERENCE = re.compile(
    r"(https?:)//(?=[^\s/]+/[^\s/]+/[^\s/]+/(?:issues|pull|pulls|commit|commits|discussions|compare)/)", re.IGNORECASE
)
_COMMAND = re.compile(r"^((?:[ \t]|>|[-*+] |\d{1,9}[.)] )*)/(?=[A-Za-z])", re.MULTILINE)
_CODE_COMMAND = re.compile(r"^/(?=[A-Za-z][\w\-]*(?:[ \t]|$))", re.MULTILINE)
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
    """Return one short line that quotes a text and has no power left: no markup, no mention, no link."""
    line = " ".join(strip_invisible(text)[0].split())
    line = line if len(line) <= limit else line[: limit - 1].rstrip() + "\u2026"
    return cell(line)


def cell(text: str, limit: int = 300) -> str:
    """Return a text as one line that stays in its table cell."""
    line = " ".join(strip_invisible(text.replace(GAP, "").replace(_SLASH, "/"))[0].split())
    line = line if len(line) <= limit else line[: limit - 1].rstrip() + "\u2026"
    return re.sub(r"(?<!\\)((?:\\\\)*)\|", r"\1\\|", _prose(line, keep_code=False))


def code(text: str, limit: int = 200, *, table: bool = False) -> str:
    """Return a text as one inline code span, whatever backticks it has; in a table its pipes are escaped."""
    line = " ".join(strip_invisible(text)[0].split()) or " "
    line = line if len(line) <= limit else line[: limit - 1].rstrip() + "\u2026"
    ticks = "`" * (max((len(run) for run in re.findall("`+", line)), default=0) + 1)
    pad = " " if line.startswith("`") or line.endswith("`") else ""
    line = _MARKER.sub("<! --", line)
    return f"{ticks}{pad}{line.replace('|', chr(92) + '|') if table else line}{pad}{ticks}"


def fence(text: str, language: str = "", limit: int = 20_000) -> str:
    """Return a text as a code block that nothing in it can end."""
    text = cut(strip_invisible(text)[0], limit).strip("\n")
    text = _MARKER.sub("<! --", _CODE_COMMAND.sub(" /", text))
    ticks = "`" * max(3, max((len(run) for run in re.findall("`+", text)), default=0) + 1)
    language = language if re.fullmatch(r"[\w+#.\-]{1,30}", language) else ""
    return f"{ticks}{language}\n{text}\n{ticks}"


def _neutral(text: str, *, keep_code: bool) -> str:
    if not keep_code:
        return _prose(text, keep_code=False)
    document = read(text, html=False)
    parts, position = [], 0
    for start, end in _code_ranges(document):
        parts.append(_prose(text[position:start]))
        parts.append(_MARKER.sub("<! --", _CODE_COMMAND.sub(" /", text[start:end])))
        position = end
    parts.append(_prose(text[position:]))
    last = document.blocks[-1] if document.blocks else None
    if last and last.kind == "code" and not last.closed:
        run = re.search(r"`{3,}|~{3,}", text[last.start : last.end])
        parts.append("\n" + run.group() if run else "")
    return "".join(parts)


def _code_ranges(document: Document) -> list[tuple[int, int]]:
    found = (piece for block in document.blocks for piece in pieces(document, block, html=False))
    return [(piece.start, piece.end) for piece in found if piece.kind == "code"]


def _prose(text: str, *, keep_code: bool = True) -> str:
    text = _ENTITY.sub("&amp;", _AUTOLINK.sub(r"\1", text)).replace("<", "&lt;")
    for _ in range(_ROUNDS):
        plain = _LINK.sub(_unmasked, text)
        if plain == text:
            break
        text = plain
    text = re.sub(r"\](?=\()", r"]\\", text)
    text = _DEFINITION.sub(r"\1\\[", text)
    text = _REFERENCE.sub(rf"\1{_HERE}//", text)
    text = _MENTION.sub(f"@{_HERE}", text)
    text = _NUMBER.sub(lambda match: match.group() + _HERE, text)
    text = _COMMIT.sub(rf"\1{_HERE}\2", text).replace(_HERE, GAP)
    text = _COMMAND.sub(rf"\1{_SLASH}", text)
    return text if keep_code else re.sub(r"(?<!\\)((?:\\\\)*)`", r"\1\\`", text)


def _unmasked(match: re.Match[str]) -> str:
    label, address = match[1].strip(), match[2].removeprefix("&lt;").strip("<>")
    if not address or label == address:
        return label or address
    return f"{label} ({address})" if label else address

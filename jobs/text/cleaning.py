"""A stranger's text as a person sees it on GitHub, and in words what was hidden in it."""

from __future__ import annotations

from dataclasses import dataclass

from jobs.text.characters import strip_invisible
from jobs.text.hidden import find_hidden
from jobs.text.neutral import excerpt

LIMIT = 65_536
"""The longest body that GitHub takes for an issue or a comment, in characters."""
_ROUNDS = 8
_EXCERPTS = 3
_PLURALS = {
    "HTML attribute": "HTML attributes with text",
    "link definition that nothing uses": "link definitions that nothing uses",
    "footnote that nothing uses": "footnotes that nothing uses",
    "comment in a diagram": "comments in diagrams",
    "hidden part of a formula": "hidden parts of formulas",
    "link address of words": "link addresses of words",
    "link without words": "links without words",
    "table cell behind the last column": "table cells behind the last column",
    "text after a code fence": "texts after a code fence",
    "image": "images (descriptions and addresses)",
}
_DISARM = str.maketrans({"<": "\u2039", "&": "+", "[": "(", "]": ")", "`": "'", "~": "-"})


@dataclass(frozen=True, slots=True)
class Cleaned:
    """A text without what a person would not see, and what was removed, in words.

    ``removed`` quotes what was hidden, shortened and made safe to post; it is for people, never for a model.
    """

    text: str
    removed: tuple[str, ...] = ()


def clean(text: str, *, limit: int = LIMIT) -> Cleaned:
    """Take out of a stranger's text what GitHub does not show, such as comments, hidden HTML, invisible characters."""
    found: dict[str, tuple[int, list[str]]] = {}
    if len(text) > limit:
        _note(found, f"{len(text) - limit:,} characters at the end".replace(",", "\u202f"), "")
        notice = "\n\n(The rest of the text was too long and was left out.)"
        text = text[: max(limit - len(notice), 0)] + notice
    text, invisible = strip_invisible(text)
    for item in invisible:
        _note(found, item.name, item.spelled, item.count)
    for _ in range(_ROUNDS):
        edits = find_hidden(text)
        if not edits:
            return Cleaned(text, _report(found))
        parts, position = [], 0
        for edit in edits:
            parts += [text[position : edit.start], edit.replacement]
            position = edit.end
            _note(found, edit.name, edit.excerpt)
        text, _ = strip_invisible("".join([*parts, text[position:]]))
    # Whoever nests markup this deep hides something; what is left is shown without its power to hide.
    _note(found, "markup nested to hide something; what was left of it is shown disarmed", "")
    return Cleaned(text.translate(_DISARM), _report(found))


def _note(found: dict[str, tuple[int, list[str]]], name: str, said: str, count: int = 1) -> None:
    total, excerpts = found.get(name, (0, []))
    quoted = excerpt(said)
    if quoted and len(excerpts) < _EXCERPTS:
        excerpts.append(f"\u201c{quoted}\u201d")
    found[name] = (total + count, excerpts)


def _report(found: dict[str, tuple[int, list[str]]]) -> tuple[str, ...]:
    sentences = []
    for name, (count, excerpts) in found.items():
        counted = name if name[0].isdigit() or ";" in name else f"{count} {_plural(name, count)}"
        sentences.append(f"{counted}: {', '.join(excerpts)}" if excerpts else counted)
    return tuple(sentences)


def _plural(name: str, count: int) -> str:
    return name if count == 1 else _PLURALS.get(name, f"{name}s")

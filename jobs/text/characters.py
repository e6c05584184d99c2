"""Which characters of a text nobody can see, and which of those belong to ordinary writing all the same.

Joiners belong to Persian and to the scripts of India, variation selectors to emoji, three tag sequences to three flags;
everything else that shows nothing can carry a message past a person to a model.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_FLAGS = ("gbeng", "gbsct", "gbwls")
"""The regions whose flags Unicode recommends for interchange, as tag sequences (UTS #51, annex C)."""
_NAMES = {
    "tag character": ((0xE0000, 0xE007F),),
    "variation selector": ((0x180B, 0x180D), (0x180F, 0x180F), (0xFE00, 0xFE0F), (0xE0100, 0xE01EF)),
    "text direction control": ((0x61C, 0x61C), (0x200E, 0x200F), (0x202A, 0x202E), (0x2066, 0x2069)),
    "private-use character": ((0xE000, 0xF8FF), (0xF0000, 0x10FFFF)),
    "control character": ((0x00, 0x08), (0x0B, 0x1F), (0x7F, 0x9F)),
    "zero-width character": ((0x200B, 0x200D), (0x2060, 0x2064), (0xFEFF, 0xFEFF), (0x180E, 0x180E)),
    "soft hyphen": ((0xAD, 0xAD),),
    "invisible character": (
        (0x34F, 0x34F),
        (0x115F, 0x1160),
        (0x17B4, 0x17B5),
        (0x2065, 0x2065),
        (0x206A, 0x206F),
        (0x3164, 0x3164),
        (0xD800, 0xDFFF),
        (0xFDD0, 0xFDEF),
        (0xFFA0, 0xFFA0),
        (0xFFF0, 0xFFFB),
        (0xFFFE, 0xFFFF),
        (0x13430, 0x1345F),
        (0x1BCA0, 0x1BCA3),
        (0x1D159, 0x1D159),
        (0x1D173, 0x1D17A),
        (0xE0080, 0xE00FF),
        (0xE01F0, 0xE0FFF),
    ),
}


def _characters(ranges: Iterable[tuple[int, int]]) -> str:
    return "".join(f"{re.escape(chr(first))}-{re.escape(chr(last))}" for first, last in ranges)


_FLAG = "|".join("".join(chr(0xE0000 + ord(letter)) for letter in name) for name in _FLAGS)
_SUSPECT = re.compile(
    rf"(?P<flag>(?<=\U0001F3F4)(?:{_FLAG})\U000E007F)|[{_characters(chain.from_iterable(_NAMES.values()))}]"
)
_CARRIERS = re.compile(
    rf"(?P<flag>(?<=\U0001F3F4)(?:{_FLAG})\U000E007F)|[\u202a-\u202e\u2066-\u2069\ufff9-\ufffb\U000e0000-\U000e0fff]"
)
_ANSI = re.compile(
    r"\x1b(?:\[[0-?]*+[ -/]*+[@-~]|\][^\x07\x1b\n]*+(?:\x07|\x1b\\)|[PX^_][^\x1b\n]*+\x1b\\|[ -/]++[0-~]|[@-Z\\-_])"
)
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]+")
_NEWLINE = re.compile("\r\n?|[\x85\u2028\u2029]")
_RIGHT_TO_LEFT = re.compile(
    "[\u0590-\u061b\u061d-\u08ff\ufb1d-\ufdcf\ufdf0-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff]"
)


class _Ranges:
    """A set of code points given as ranges."""

    def __init__(self, *ranges: tuple[int, int]) -> None:
        self._firsts = [first for first, _ in sorted(ranges)]
        self._lasts = [last for _, last in sorted(ranges)]

    def __contains__(self, character: str) -> bool:
        index = bisect_right(self._firsts, ord(character)) - 1 if character else -1
        return index >= 0 and ord(character) <= self._lasts[index]


_JOINING = _Ranges(
    (0x600, 0x7FF), (0x840, 0x85F), (0x870, 0xDFF), (0xF00, 0x109F), (0x1780, 0x18AF), (0x1A20, 0x1CFF),
    (0xA800, 0xABFF), (0xFB50, 0xFDCF), (0xFE70, 0xFEFC), (0x10A00, 0x11FFF), (0x1E900, 0x1E95F),
)  # fmt: skip
"""Scripts in which U+200C and U+200D decide how letters join (Unicode 15, chapters 9 and 12 to 14)."""
_UNSPACED = _Ranges((0xE00, 0xEFF), (0x1000, 0x109F), (0x1780, 0x17FF))
"""Scripts written without spaces, where U+200B marks the end of a word."""
_EMOJI = _Ranges(
    (0xA9, 0xA9), (0xAE, 0xAE), (0x203C, 0x203C), (0x2049, 0x2049), (0x2122, 0x2122), (0x2139, 0x2139),
    (0x2190, 0x21FF), (0x2300, 0x23FF), (0x2460, 0x24FF), (0x25A0, 0x27BF), (0x2900, 0x297F), (0x2B00, 0x2BFF),
    (0x3030, 0x3030), (0x303D, 0x303D), (0x3297, 0x3299), (0x1F000, 0x1FAFF),
)  # fmt: skip
_IDEOGRAPHS = _Ranges((0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x323AF))
_MONGOLIAN = _Ranges((0x1820, 0x18AA))
_JAMO = _Ranges((0x1100, 0x115E), (0x1161, 0x11FF), (0xA960, 0xA97C), (0xD7B0, 0xD7FB))
_HIEROGLYPHS = _Ranges((0x13000, 0x1345F))
_KEYCAP = "\u20e3"
_FIRST_VARIANT, _LAST_VARIANT = "\U000e0100", "\U000e011f"
"""Variants of ideographs that are registered (UTS #37); with all 240 a letter would carry a byte that nobody sees."""
_JOINERS = ("\u200c", "\u200d")
_NEAR = 200
_DIRECTION_MARKS = ("\u200e", "\u200f", "\u061c")


@dataclass(frozen=True, slots=True)
class Invisible:
    """Characters of one sort that were taken out of a text; ``spelled`` is what tag characters said."""

    name: str
    count: int
    spelled: str = ""


def strip_invisible(text: str) -> tuple[str, tuple[Invisible, ...]]:
    """Return the text without what nobody can see, with plain newlines, and what was taken out."""
    text = _NEWLINE.sub("\n", text).removeprefix("\ufeff")
    text, sequences = _ANSI.subn("", text) if "\x1b" in text else (text, 0)
    kept: list[str] = []
    counts: dict[str, int] = {"terminal sequence": sequences} if sequences else {}
    spelled: list[str] = []
    position, previous = 0, ""
    for match in _SUSPECT.finditer(text):
        if match.start() > position:
            kept.append(text[position : match.start()])
            previous = text[match.start() - 1]
        position = match.end()
        character = match.group()
        if match["flag"] or _belongs(character, previous, text, match.end()):
            kept.append(character)
            previous = character[-1]
            continue
        name = _name(character)
        counts[name] = counts.get(name, 0) + 1
        if name == "tag character" and " " <= chr(ord(character) - 0xE0000) <= "~":
            spelled.append(chr(ord(character) - 0xE0000))
    kept.append(text[position:])
    found = (Invisible(name, count, "".join(spelled) if "tag" in name else "") for name, count in counts.items())
    return "".join(kept), tuple(found)


def reveal(text: str) -> str:
    """Return a text in which what can carry or turn words unseen is spelled out, and everything else stays.

    For what must be read as it is, such as files and differences: a hidden message is seen there, and not obeyed.
    """
    parts, position = [], 0
    for match in _CARRIERS.finditer(text):
        previous = text[match.start() - 1 : match.start()]
        if match["flag"] or _belongs(match.group(), previous, text, match.end()):
            continue
        parts += [text[position : match.start()], f"<U+{ord(match.group()):04X}>"]
        position = match.end()
    return "".join([*parts, text[position:]]) if parts else text


def strip_controls(text: str) -> str:
    """Return a text without terminal sequences and control characters but newline and tab, fast enough for any size."""
    return _CONTROLS.sub("", _ANSI.sub("", text) if "\x1b" in text else text)


def has_invisible(text: str) -> bool:
    """Say whether any character of the text may show nothing."""
    return bool(_SUSPECT.search(text))


def _name(character: str) -> str:
    point = ord(character)
    return next(name for name, ranges in _NAMES.items() if any(first <= point <= last for first, last in ranges))


def _belongs(character: str, previous: str, text: str, end: int) -> bool:
    """Say whether an invisible character is part of ordinary writing, from what was kept before it and what follows."""
    following = text[end : end + 1]
    if character in _JOINERS and previous in _JOINING:
        return True
    match character:
        case "\u200d":
            kept = (previous in _EMOJI or previous == "\ufe0f") and following in _EMOJI
        case "\u200b":
            kept = previous in _UNSPACED and following in _UNSPACED
        case "\u200e" | "\u200f" | "\u061c":
            kept = previous not in _DIRECTION_MARKS and _right_to_left_line(text, end)
        case _ if "\U00013430" <= character <= "\U0001345f":
            kept = previous in _HIEROGLYPHS
        case "\ufe0e" | "\ufe0f":
            kept = previous in _EMOJI or (previous in tuple("#*0123456789") and following == _KEYCAP)
        case "\u115f" | "\u1160":
            kept = previous in _JAMO or following in _JAMO
        case "\u180b" | "\u180c" | "\u180d" | "\u180e" | "\u180f":
            kept = previous in _MONGOLIAN
        case _:
            kept = _standard_variation(character, previous)
    return kept


def _standard_variation(character: str, previous: str) -> bool:
    if "\ufe00" <= character <= "\ufe02":
        return previous in _IDEOGRAPHS or (previous != "" and unicodedata.category(previous) == "Sm")
    return _FIRST_VARIANT <= character <= _LAST_VARIANT and previous in _IDEOGRAPHS


def _right_to_left_line(text: str, position: int) -> bool:
    """Say whether letters that run from right to left are near, on the same line."""
    start = max(text.rfind("\n", max(position - _NEAR, 0), position) + 1, position - _NEAR)
    end = text.find("\n", position, position + _NEAR)
    return bool(_RIGHT_TO_LEFT.search(text, start, min(end if end >= 0 else len(text), position + _NEAR)))

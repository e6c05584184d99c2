"""Where a text holds secrets that are known, whatever they were turned into or interrupted by."""

from __future__ import annotations

import base64
import json
import re
from bisect import bisect_right
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

if TYPE_CHECKING:
    from collections.abc import Iterator

SHORTEST = 8
"""Shorter secrets would take ordinary words out of a text."""
_SURE = 12
"""So many letters and digits are nobody else's words, whatever stands between them."""
_PIECE, _STRIDE, _SHORT = 12, 4, 200
"""Of a secret, any run of 15 letters and digits holds a whole piece; of a short one it holds four."""
_WINDOW = 2048
"""So many pieces of a text are looked up together: hardly any text holds one of a secret, and most are told at once."""
_VARIED, _TURNS, _TURNS_OF_LETTERS = 6, 3, 6

# What may stand between the letters of a secret without hiding it from a reader; entities are what we write ourselves.
_NOISE = re.compile(r"(?:&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|amp|lt|gt|quot|apos|nbsp|shy|zwj|zwnj);|[^A-Za-z0-9])+")
_HEX = re.compile(r"[0-9a-f]+|[0-9A-F]+")
_SIGNED = re.compile(r"eyJ[\w\-]+\.[\w\-]+\.([\w\-]+)$")
_SAME_IN_KEYS = 48
"""So long are the letters that say that a private key is one, and of which sort."""
_ARMOUR = re.compile(r"-----(?:BEGIN|END) [A-Z ]+-----")

Span = tuple[int, int]


class Squeezed:
    """A text's letters and digits alone, and where in the text they are."""

    def __init__(self, text: str) -> None:
        self._starts: list[int] = []
        self._places: list[int] = []
        parts: list[str] = []
        length = at = 0
        for noise in (*_NOISE.finditer(text), None):
            end = len(text) if noise is None else noise.start()
            if end > at:
                self._starts.append(length)
                self._places.append(at)
                parts.append(text[at:end])
                length += end - at
            at = end if noise is None else noise.end()
        self.text = "".join(parts)

    def span(self, start: int, end: int) -> Span:
        """Return where the letters from ``start`` up to ``end`` stand in the text."""
        return self._place(start), self._place(end - 1) + 1

    def _place(self, index: int) -> int:
        found = bisect_right(self._starts, index) - 1
        return self._places[found] + index - self._starts[found]


@dataclass(frozen=True, slots=True)
class _Shapes:
    """One secret in all its shapes: as they are, as letters and digits alone, and pieces of these with their place."""

    raw: frozenset[str]
    whole: frozenset[str]
    pieces: dict[str, tuple[str, int]]


class Known:
    """Some secrets in all their shapes, ready to be looked for."""

    def __init__(self, secrets: tuple[str, ...]) -> None:
        found = [_shapes_of(secret) for secret in secrets]
        self._raw = frozenset[str]().union(*(one.raw for one in found))
        self._whole = frozenset[str]().union(*(one.whole for one in found))
        found.sort(key=lambda one: len(one.pieces))
        # Those of the longest, such as a private key, stay where they are: each set of secrets would have a copy.
        self._longest = found[-1].pieces if found else {}
        self._pieces: dict[str, tuple[str, int]] = {}
        for one in found[:-1]:
            self._pieces.update(one.pieces)

    def find(self, text: str) -> list[Span]:
        """Return where the text holds a secret, or enough of one."""
        spans = [(at, at + len(shape)) for shape in self._raw for at in _places(text, shape)]
        squeezed = Squeezed(text)
        letters = squeezed.text
        for shape in self._whole:
            spans += [squeezed.span(at, at + len(shape)) for at in _places(letters, shape)]
        at, ends = 0, len(letters) - _PIECE + 1
        for window in range(0, ends, _WINDOW):
            at, closes = max(at, window), min(window + _WINDOW, ends)
            seen = {letters[one : one + _PIECE] for one in range(at, closes)}
            if self._pieces.keys().isdisjoint(seen) and self._longest.keys().isdisjoint(seen):
                continue
            while at < closes:
                piece = letters[at : at + _PIECE]
                hit = self._pieces.get(piece) or self._longest.get(piece)
                if hit is None:
                    at += 1
                    continue
                start, end = _grown(letters, at, *hit)
                spans.append(squeezed.span(start, end))
                at = max(end - _PIECE, at) + 1
        return spans


@lru_cache(maxsize=128)
def _shapes_of(secret: str) -> _Shapes:
    raw = {form for part in {secret, *_lines(secret)} for form in (part, part[::-1])}
    whole: set[str] = set()
    for shape in shapes(secret):
        letters = Squeezed(shape).text
        if len(letters) >= _SURE:
            whole.add(letters)
        elif len(shape) >= SHORTEST:
            raw.add(shape)
    pieces: dict[str, tuple[str, int]] = {}
    for letters in {Squeezed(shape).text for shape in shapes(_drawn(secret))}:
        for at in range(0, len(letters) - _PIECE + 1, 1 if len(letters) <= _SHORT else _STRIDE):
            piece = letters[at : at + _PIECE]
            if _is_random(piece):
                pieces.setdefault(piece, (letters, at))
    return _Shapes(frozenset(raw), frozenset(whole), pieces)


def _drawn(secret: str) -> str:
    """Return the part of a secret that was drawn at random: keys and tokens begin as all of their sort do."""
    lines = _lines(secret)
    if len(lines) > 1:
        return "\n".join([lines[0][_SAME_IN_KEYS:], *lines[1:]])
    token = _SIGNED.search(secret)
    return token[1] if token else secret


@lru_cache(maxsize=4)
def known(secrets: tuple[str, ...]) -> Known:
    """Return the secrets ready to be looked for; made once for the same ones."""
    return Known(secrets)


def shapes(secret: str) -> Iterator[str]:
    """Yield what a secret is usually turned into to carry it off."""
    data = secret.encode("utf-8", "surrogatepass")
    for form in (secret, data.hex(), data.hex().upper(), json.dumps(secret)[1:-1]):
        yield from (form, form[::-1])
    for encoded in (quote(data, safe=""), quote(data), quote_plus(data)):
        yield encoded
        yield re.sub(r"%[0-9A-F]{2}", lambda match: match.group().lower(), encoded)
    yield "".join(f"\\x{byte:02x}" for byte in data)
    for offset in range(3):
        encoded = base64.b64encode(bytes(offset) + data).decode()
        # The first characters mix with what comes before the secret, the last with what follows it.
        stable = encoded[(0, 2, 3)[offset] : (len(data) + offset) * 8 // 6]
        yield from (stable, stable[::-1])


def _lines(secret: str) -> list[str]:
    lines = (line.strip() for line in re.split(r"\\n|\n", secret))
    return [line for line in lines if len(line) >= SHORTEST and not _ARMOUR.fullmatch(line)]


def _is_random(piece: str) -> bool:
    """Tell whether a piece is none that ordinary writing has, too: letters and digits by turns."""
    if len(set(piece)) < _VARIED or piece.isdigit():
        return False
    sorts = ["digit" if one.isdigit() else "capital" if one.isupper() else "small" for one in piece]
    turns = sum(one != other for one, other in pairwise(sorts))
    if "digit" not in sorts:
        return turns >= _TURNS_OF_LETTERS
    return turns >= _TURNS or _HEX.fullmatch(piece) is not None


def _places(text: str, shape: str) -> Iterator[int]:
    at = text.find(shape)
    while at >= 0:
        yield at
        at = text.find(shape, at + 1)


def _grown(text: str, at: int, shape: str, place: int) -> Span:
    """Return how far what was found goes on like the secret, to both sides."""
    start, end = at, at + _PIECE
    before, after = place, place + _PIECE
    while start and before and text[start - 1] == shape[before - 1]:
        start, before = start - 1, before - 1
    while end < len(text) and after < len(shape) and text[end] == shape[after]:
        end, after = end + 1, after + 1
    return start, end

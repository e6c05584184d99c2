"""Where a text holds secrets that are known, whatever they were turned into or interrupted by."""

from __future__ import annotations

import base64
import json
import re
from bisect import bisect_right
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

if TYPE_CHECKING:
    from collections.abc import Iterator

SHORTEST = 8
"""Shorter secrets would take ordinary words out of a text."""
_SURE = 12
"""So many letters and digits are nobody else's words, whatever stands between them."""
_PIECE, _STRIDE = 12, 4
"""Of a secret, any run of 15 letters and digits holds a whole piece."""
_VARIED = 6

# What may stand between the letters of a secret without hiding it from a reader; entities are what we write ourselves.
_NOISE = re.compile(r"(?:&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|amp|lt|gt|quot|apos|nbsp|shy|zwj|zwnj);|[^A-Za-z0-9])+")
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


class Known:
    """Some secrets in all their shapes, ready to be looked for."""

    def __init__(self, secrets: tuple[str, ...]) -> None:
        self._raw: set[str] = set()
        self._whole: set[str] = set()
        self._pieces: dict[str, tuple[str, int]] = {}
        for secret in secrets:
            lines = _lines(secret)
            for part in {secret, *lines}:
                self._raw |= {part, part[::-1]}
            # Part of a private key is as secret as the whole, and its first and last line are no secret.
            self._add("\n".join(lines) if len(lines) > 1 else secret)

    def _add(self, secret: str) -> None:
        for shape in shapes(secret):
            letters = Squeezed(shape).text
            if len(letters) < _SURE:
                if len(shape) >= SHORTEST:
                    self._raw.add(shape)
                continue
            self._whole.add(letters)
            for at in range(0, len(letters) - _PIECE + 1, _STRIDE):
                piece = letters[at : at + _PIECE]
                if _is_random(piece):
                    self._pieces.setdefault(piece, (letters, at))

    def find(self, text: str) -> list[Span]:
        """Return where the text holds a secret, or enough of one."""
        spans = [(at, at + len(shape)) for shape in self._raw for at in _places(text, shape)]
        squeezed = Squeezed(text)
        letters = squeezed.text
        for shape in self._whole:
            spans += [squeezed.span(at, at + len(shape)) for at in _places(letters, shape)]
        at = 0
        while at <= len(letters) - _PIECE:
            hit = self._pieces.get(letters[at : at + _PIECE])
            if hit is None:
                at += 1
                continue
            start, end = _grown(letters, at, *hit)
            spans.append(squeezed.span(start, end))
            at = max(end - _PIECE, at) + 1
        return spans


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
    """Tell whether a piece is none that ordinary writing has, too."""
    return len(set(piece)) >= _VARIED and not piece.isalpha() and not piece.isdigit()


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

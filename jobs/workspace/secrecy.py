"""Finding keys and tokens in what would be published: those of this installation, and those of well-known forms."""

from __future__ import annotations

import re
from dataclasses import dataclass

from jobs.text import tokens
from jobs.text.redact import find_known

OURS = "a secret of this installation"
_PLACEHOLDER = re.compile(
    r"example|placeholder|dummy|fake|sample|change.?me|redacted|insert|replace|your.?|xxxx|\.\.\.|012345|123456|abcdef",
    re.IGNORECASE,
)
_FEW = 8
"""A token that somebody drew at random has more different characters."""


@dataclass(frozen=True, slots=True)
class Leak:
    """What a text would give away, in words, and on which line."""

    kind: str
    line: int


def leak(after: bytes, before: bytes = b"", secrets: tuple[str, ...] = ()) -> Leak | None:
    """Return the first secret that ``after`` holds and ``before`` does not, if any; placeholders are none.

    ``secrets`` are found in any usual encoding, tokens of others only as they are.
    """
    return _ours(after, before, secrets) or _others(after.decode("latin-1"), before.decode("latin-1"))


def _ours(after: bytes, before: bytes, secrets: tuple[str, ...]) -> Leak | None:
    text = after.decode(errors="replace")
    found = find_known(text, secrets)
    if not found or find_known(before.decode(errors="replace"), secrets):
        return None
    return Leak(OURS, _line(text, min(found)[0]))


def _others(after: str, before: str) -> Leak | None:
    found = [
        (match.start(), form.kind)
        for form in tokens.FORMS
        if form.live is not None and any(hint in after for hint in form.hints)
        for match in form.live.finditer(after)
        if match.group() not in before and not is_placeholder(match.group())
    ]
    return Leak(min(found)[1], _line(after, min(found)[0])) if found else None


def _line(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1


def is_placeholder(token: str) -> bool:
    """Tell whether a token stands for one in documentation or a test: it says so, or nobody drew it at random."""
    body = token.rpartition("-----")[2] if token.startswith("-----") else token[4:]
    return len(set(body)) < _FEW or bool(_PLACEHOLDER.search(body))

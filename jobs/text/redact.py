"""Secrets taken out of a text, in every shape in which they are usually carried off.

What is promised: a known secret goes, plain, reversed, in hex, base64 or percent-encoded, whatever but letters and
digits stands between its letters, and so does a part of 15 of them; of unknown secrets, what looks like a token of a
well-known service goes, plain or after one such encoding. What is not: other encodings, two of them at once, and
unknown secrets in pieces.
"""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import TYPE_CHECKING, Any

from jobs.text import known, tokens

if TYPE_CHECKING:
    from collections.abc import Iterable

REDACTED = "[redacted]"


def redact(text: str, secrets: Iterable[str]) -> str:
    """Return the text with ``[redacted]`` for known secrets in any usual encoding and for what looks like a token."""
    spans = [(start, end) for start, end in find(text, secrets) if text[start:end] not in REDACTED]
    if not spans:
        return text
    parts, at = [], 0
    for start, end in _merged(spans):
        parts += [text[at:start], REDACTED]
        at = end
    return "".join([*parts, text[at:]])


def find(text: str, secrets: Iterable[str]) -> list[tuple[int, int]]:
    """Return where a text holds a known secret or what looks like a token, in no order."""
    return find_known(text, secrets) + tokens.find(text)


def find_known(text: str, secrets: Iterable[str]) -> list[tuple[int, int]]:
    """Return where a text holds a known secret."""
    given = tuple(sorted({secret.strip() for secret in secrets if len(secret.strip()) >= known.SHORTEST}))
    return known.known(given).find(text) if given else []


def redact_all(value: Any, secrets: Iterable[str]) -> Any:
    """Return JSON, or values of any depth, of which each text is redacted; words of ours, such as states, stay."""
    given = tuple(secrets)
    if type(value) is str:
        return redact(value, given)
    if isinstance(value, dict):
        return {name: redact_all(one, given) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(redact_all(one, given) for one in value)
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{item.name: redact_all(getattr(value, item.name), given) for item in fields(value)})
    return value


def _merged(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the spans in their order, those that meet made one."""
    found: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found

"""Secrets taken out of a text, in every shape in which they are usually carried off."""

from __future__ import annotations

import base64
import json
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

REDACTED = "[redacted]"
_SHORTEST = 8
"""Shorter secrets would take ordinary words out of a text."""
_TOKEN = re.compile(
    r"gh[oprsu]_[A-Za-z0-9][A-Za-z0-9._\-]{15,}"  # GitHub's tokens, since 2026 with dots and of any length
    r"|github_pat_\w{20,}|gl(?:pat|rt|dt)-[\w\-]{20,}"
    r"|sk-(?:ant-|proj-|or-)?[A-Za-z0-9_\-]{20,}"
    r"|xox[a-z]-[A-Za-z0-9\-]{10,}|xapp-[A-Za-z0-9\-]{10,}"
    r"|(?:AKIA|ASIA)[0-9A-Z]{16}|AIza[\w\-]{35}"
    r"|(?:npm|hf|dop_v1|rk_live|sk_live|whsec)_[A-Za-z0-9]{20,}"
    r"|eyJ[\w\-]{8,}\.eyJ[\w\-]{8,}\.[\w\-]{8,}"  # a JSON Web Token
    r"|[MNO][\w\-]{23,25}\.[\w\-]{6}\.[\w\-]{27,}"  # a Discord bot's
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----(?:(?!-----BEGIN).){0,20000}?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"
    r"|(?<=://)[^\s/:@\[\]]+:[^\s/@\[\]]+(?=@)"  # name and password in a URL
    r"|(?<=hooks\.slack\.com/services/)[\w/]{20,}",
    re.DOTALL,
)


def redact(text: str, secrets: Iterable[str]) -> str:
    """Return the text with ``[redacted]`` for known secrets in any usual encoding and for what looks like a token."""
    known = _pattern(tuple(sorted({secret.strip() for secret in secrets})))
    text = known.sub(REDACTED, text) if known else text
    return _TOKEN.sub(REDACTED, text)


def redact_all(value: Any, secrets: Iterable[str]) -> Any:
    """Return JSON of which each text is redacted."""
    if isinstance(value, str):
        return redact(value, secrets)
    if isinstance(value, dict):
        return {name: redact_all(one, secrets) for name, one in value.items()}
    return [redact_all(one, secrets) for one in value] if isinstance(value, list) else value


@lru_cache(maxsize=16)
def _pattern(secrets: tuple[str, ...]) -> re.Pattern[str] | None:
    shapes: set[str] = set()
    for secret in secrets:
        lines = [line.strip() for line in re.split(r"\\n|\n", secret)]
        for part in {secret, *lines}:
            if not part.startswith("-----") or part == secret:
                shapes.update(_shapes(part))
    shapes = {shape for shape in shapes if len(shape) >= _SHORTEST and shape not in REDACTED}
    if not shapes:
        return None
    ordered = sorted(shapes, key=lambda shape: (-len(shape), shape))
    return re.compile("|".join(re.escape(shape) for shape in ordered))


def _shapes(secret: str) -> Iterator[str]:
    if len(secret) < _SHORTEST:
        return
    data = secret.encode("utf-8", "surrogatepass")
    for form in (secret, data.hex(), data.hex().upper(), data.hex(" "), data.hex(":"), json.dumps(secret)[1:-1]):
        yield from (form, form[::-1])
    for encoded in (quote(data, safe=""), quote(data), quote_plus(data)):
        yield encoded
        yield re.sub(r"%[0-9A-F]{2}", lambda match: match.group().lower(), encoded)
    yield "".join(f"%{byte:02X}" for byte in data)
    yield "".join(f"%{byte:02x}" for byte in data)
    yield from _base64(data)


def _base64(data: bytes) -> Iterator[str]:
    """Yield what stays the same of a secret in base64, wherever in the encoded bytes it begins."""
    for offset in range(3):
        encoded = base64.b64encode(bytes(offset) + data).decode()
        # The first characters mix with what comes before the secret, the last with what follows it.
        first = (0, 2, 3)[offset]
        whole = (len(data) + offset) * 8 // 6
        stable = encoded[first:whole]
        yield from (stable, stable.translate(str.maketrans("+/", "-_")), stable[::-1])

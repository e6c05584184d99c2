"""What keys and tokens of well-known services look like, as they are and after one usual encoding."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Iterator

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Form:
    """How the tokens of one service look; a text without any of the ``hints`` has none of them.

    ``live`` is how a token looks that may well be in use: it is narrower, for judging what people commit.
    """

    kind: str
    hints: tuple[str, ...]
    pattern: re.Pattern[str]
    live: re.Pattern[str] | None = None


def _form(kind: str, hints: str, pattern: str, live: str = "") -> Form:
    return Form(kind, tuple(hints.split()), re.compile(pattern, re.DOTALL), re.compile(live or pattern, re.DOTALL))


def _spoken(kind: str, hints: str, pattern: str) -> Form:
    """Make a form that is taken out of texts, and that files may well have."""
    return Form(kind, tuple(hints.split()), re.compile(pattern, re.DOTALL))


_APART = r"(?<![A-Za-z0-9])"
_HEAD = r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----"

FORMS: tuple[Form, ...] = (
    # Since 2026 an installation's token has dots and any length: ghs_<app>_<JSON Web Token>.
    _form(
        "a GitHub token",
        "gho_ ghp_ ghr_ ghs_ ghu_",
        _APART + r"gh[oprsu]_[A-Za-z0-9][A-Za-z0-9._\-]{15,}",
        _APART + r"gh[oprsu]_[A-Za-z0-9][A-Za-z0-9._\-]{19,}",
    ),
    _form("a GitHub token", "github_pat_", r"github_pat_\w{20,}"),
    _form("a GitLab token", "glpat- glrt- gldt- glptt- glcbt-", _APART + r"gl(?:pat|rt|dt|ptt|cbt)-[\w\-]{20,}"),
    _form("an Anthropic key", "sk-ant-", _APART + r"sk-ant-[A-Za-z0-9_\-]{20,}"),
    _form("an OpenAI key", "sk-proj- sk-svcacct- sk-admin-", _APART + r"sk-(?:proj|svcacct|admin)-[A-Za-z0-9_\-]{20,}"),
    _spoken("a key", "sk-", _APART + r"sk-(?=[A-Za-z_\-]{0,80}[0-9])[A-Za-z0-9_\-]{20,}"),
    _form("a Slack token", "xox", _APART + r"xox[a-z]-[A-Za-z0-9\-]{10,}", _APART + r"xox[abeoprs]-[A-Za-z0-9\-]{20,}"),
    _form("a Slack token", "xapp-", _APART + r"xapp-[A-Za-z0-9\-]{10,}", _APART + r"xapp-[0-9]-[A-Za-z0-9\-]{20,}"),
    _form("the address of a Slack webhook", "hooks.slack.com/", r"(?<=hooks\.slack\.com/services/)[\w/]{20,}"),
    _form("the address of a Discord webhook", "/api/webhooks/", r"(?<=/api/webhooks/)[0-9]{15,}/[\w\-]{40,}"),
    _form("a Discord token", ".", _APART + r"[MNO][\w\-]{23,27}\.[\w\-]{6}\.[\w\-]{27,}"),
    _form("an AWS access key", "AKIA ASIA", _APART + r"(?:AKIA|ASIA)[0-9A-Z]{16}(?![0-9A-Za-z])"),
    _form("a Google key", "AIza", _APART + r"AIza[\w\-]{35}"),
    _form("a Stripe key", "_live_ whsec_", _APART + r"(?:[rs]k_live|whsec)_[A-Za-z0-9]{20,}"),
    _form("a token", "npm_ hf_ dop_v1_", _APART + r"(?:npm|hf|dop_v1)_[A-Za-z0-9]{30,}"),
    _form("a SendGrid key", "SG.", _APART + r"SG\.[\w\-]{16,}\.[\w\-]{30,}"),
    _spoken("a JSON Web Token", "eyJ", r"(?<![\w\-])eyJ[\w\-]{8,}\.eyJ[\w\-]{8,}\.[\w\-]{8,}"),
    _spoken("a header with a token", "earer", r"(?<=[Bb]earer )[A-Za-z0-9._~+/\-]{20,}=*"),
    _spoken("a password in an address", "://", r"(?<=://)[^\s/:@\[\]]+:[^\s/@\[\]]+(?=@)"),
    _form(
        "a private key",
        "PRIVATE",
        _HEAD + r"(?:(?!-----BEGIN).){0,20000}?(?:-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|\Z)",
        _HEAD + r"(?:\s|\\n|\\r|[A-Za-z-]+: [^\n]*\n)*[A-Za-z0-9+/=]{32,}",
    ),
)
_BASE64 = re.compile(r"[A-Za-z0-9+/_\-]{24,}(?:\s{1,4}[A-Za-z0-9+/_\-]{20,})*={0,2}")
_BYTE = r"(?:%|\\x|0x)?[0-9a-fA-F]{2}"
_HEX = re.compile(rf"{_BYTE}(?:[\s:,;\-]{{0,2}}{_BYTE}){{19,}}")
_WORD = re.compile(r"\S+")
_UNSEEN = re.compile(
    "[\u00ad\u034f\u180e\u200b-\u200f\u2060-\u2064\ufeff]|&(?:#8203|#x200[bB]|shy|zwj|zwnj);", re.IGNORECASE
)
_LONGEST_WORD = 20_000


def find(text: str) -> list[Span]:
    """Return where the text has what looks like a token: as it is, reversed, in base64, in hex or percent-encoded."""
    spans = list(_plain(text))
    size = len(text)
    spans += [(size - end, size - start) for start, end in _plain(text[::-1])]
    spans += [match.span() for match in _BASE64.finditer(text) if _in_base64(match.group())]
    spans += [match.span() for match in _HEX.finditer(text) if _in_hex(match.group())]
    if "%" in text:
        spans += [match.span() for match in _WORD.finditer(text) if _in_address(match.group())]
    return spans + _through_unseen(text)


def _plain(text: str) -> Iterator[Span]:
    for form in FORMS:
        if any(hint in text for hint in form.hints):
            for match in form.pattern.finditer(text):
                yield match.span()


def _has(data: bytes) -> bool:
    return next(_plain(data.decode("latin-1")), None) is not None


def _in_base64(run: str) -> bool:
    letters = "".join(run.split()).rstrip("=").replace("-", "+").replace("_", "/")
    for skipped in range(4):  # who looks for it does not know where the encoding began
        part = letters[skipped:]
        # One letter of four carries no byte.
        part = part[:-1] if len(part) % 4 == 1 else part
        if part and _has(base64.b64decode(part + "=" * (-len(part) % 4))):
            return True
    return False


def _in_hex(run: str) -> bool:
    digits = re.sub(r"%|\\x|0x|[^0-9a-fA-F]", "", run)
    return any(_has(bytes.fromhex(part[: len(part) // 2 * 2])) for part in (digits, digits[1:]))


def _in_address(word: str) -> bool:
    return "%" in word and len(word) <= _LONGEST_WORD and next(_plain(unquote(word)), None) is not None


def _through_unseen(text: str) -> list[Span]:
    """Return tokens between whose letters stands what nobody sees."""
    if _UNSEEN.search(text) is None:
        return []
    places = [
        at
        for start, end in _between([match.span() for match in _UNSEEN.finditer(text)], len(text))
        for at in range(start, end)
    ]
    visible = "".join(text[at] for at in places)
    return [(places[start], places[end - 1] + 1) for start, end in _plain(visible) if end > start]


def _between(spans: list[Span], size: int) -> Iterator[Span]:
    at = 0
    for start, end in spans:
        yield at, start
        at = end
    yield at, size

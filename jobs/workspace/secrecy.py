"""Finding keys and tokens of well-known forms in files that would be published."""

from __future__ import annotations

import re

_FORMS: tuple[tuple[str, re.Pattern[bytes]], ...] = (
    ("a GitHub token", re.compile(rb"\bgh[pousr]_[A-Za-z0-9][A-Za-z0-9_.-]{19,}")),
    ("a GitHub token", re.compile(rb"\bgithub_pat_[A-Za-z0-9_]{22,}")),
    ("an Anthropic key", re.compile(rb"\bsk-ant-[A-Za-z0-9_-]{20,}")),
    ("an OpenAI key", re.compile(rb"\bsk-(?:proj|svcacct|admin)-[A-Za-z0-9_-]{20,}")),
    ("an AWS access key", re.compile(rb"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b(?<!EXAMPLE)")),
    ("a Slack token", re.compile(rb"\bxox[abeoprs]-[A-Za-z0-9-]{20,}|\bxapp-[0-9]-[A-Za-z0-9-]{20,}")),
    (
        "a private key",
        re.compile(
            rb"-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY-----(?:\s|\\n|\\r|[A-Za-z-]+: [^\n]*\n)*[A-Za-z0-9+/=]{32,}"
        ),
    ),
)


def newly_found(before: bytes, after: bytes) -> str:
    """Return the kind of secret that ``after`` holds and ``before`` does not, or nothing."""
    for kind, form in _FORMS:
        for match in form.finditer(after):
            if match.group() not in before:
                return kind
    return ""

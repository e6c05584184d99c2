"""What people typed, out of what Slack made of it: escapes, links and mentions undone, typographers' marks too."""

from __future__ import annotations

import re

_SPECIAL = re.compile(r"<([^<>\n]*)>")
_QUOTES = str.maketrans({"\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"', "\u00a0": " "})
_DASHES = re.compile(r"(?:(?<=\s)|^)[\u2013\u2014](?=[a-z]+[= ])", re.IGNORECASE)
"""What telephones make of the two hyphens before an option."""
_SLASH = re.compile(r"/opus(?:\s+|$)", re.IGNORECASE)
_UNSURE = re.compile(r"[^0-9A-Za-z-]+")
_LONGEST_KEY = 80


def typed(text: str) -> str:
    """Return a command or message as it was typed."""
    text = _SPECIAL.sub(lambda match: _meant(match[1]), text)
    text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    return _DASHES.sub("--", text.translate(_QUOTES)).strip()


def after_mention(text: str, bot: str) -> str:
    """Return what a message says to the bot, without the mention; ``bot`` is its user id, or nothing if unknown."""
    mention = re.compile(rf"<@{re.escape(bot) if bot else '[A-Z0-9]+'}(?:\|[^<>]*)?>[ \t,:]*")
    words = typed(mention.sub("", text, count=1))
    return _SLASH.sub("", words, count=1) if _SLASH.match(words) else words


def key(*parts: str) -> str:
    """Return the key of an utterance from Slack's own ids of it."""
    return _UNSURE.sub("-", "-".join(("slack", *parts)))[:_LONGEST_KEY]


def _meant(inside: str) -> str:
    """Return what somebody typed that Slack wrote as ``<inside>``."""
    target, _, label = inside.partition("|")
    if target.startswith("@"):
        return f"@{label or target[1:]}"
    if target.startswith("#"):
        return f"#{label or target[1:]}"
    if target.startswith("!"):
        return label or f"@{target[1:].partition('^')[0]}"
    bare = target.removeprefix("mailto:").removeprefix("https://").removeprefix("http://")
    if not label or label == target:
        return target
    return label if label.rstrip("/") == bare.rstrip("/") else f"{label} ({target})"

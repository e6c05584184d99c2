"""The message of the commit that a run produces."""

from __future__ import annotations

import re
import textwrap

from jobs.text import cut, plain

_SUBJECT = 72
_WIDTH = 72
_BODY = 4_000
_TRAILER = re.compile(r"(?<![\w\-])(?:[A-Za-z]{1,20}-){1,4}(?:by|of)(?=[ \t]*:)", re.IGNORECASE)
"""What GitHub, or people, take for somebody's signature: ``Co-authored-by:``, ``Signed-off-by:``."""


def commit_message(title: str, summary: str = "", reference: str = "") -> str:
    """Return a message with a subject of at most 72 characters and a wrapped body.

    It pings nobody, closes nothing, keeps no CI from running, and says in nobody's name that they wrote or approved it.

    ``reference`` is a last paragraph of our own, such as ``Task 7f3c9a``.
    """
    subject = " ".join(plain(title).split()).lstrip("#").strip().rstrip(".") or "Work of Opus 67"
    if len(subject) > _SUBJECT:
        subject = f"{subject[: _SUBJECT - 1].rsplit(' ', 1)[0][: _SUBJECT - 1].rstrip()}\u2026"
    told = _TRAILER.sub(lambda match: match.group() + "\u200b", plain(cut(summary, _BODY)))
    paragraphs = [_wrapped(block) for block in told.split("\n\n")]
    return "\n\n".join([subject, *(block for block in paragraphs if block), *([reference] if reference else [])])


def co_author(login: str, account_id: str, server: str = "github.com") -> str:
    """Return the value of a ``Co-authored-by`` trailer: GitHub's own private address of that account.

    Without the account's number it is the address of accounts from before July 2017:
    https://docs.github.com/en/account-and-profile/reference/email-addresses-reference.
    """
    return f"{login} <{account_id}{'+' if account_id else ''}{login}@users.noreply.{server}>"


def _wrapped(block: str) -> str:
    lines = []
    for line in block.strip("\n").split("\n"):
        # Git takes a line that begins with # for a comment when the message is edited again.
        text = f" {line}" if line.startswith("#") else line.rstrip()
        indent = text[: len(text) - len(text.lstrip())][:8]
        hanging = indent + ("  " if text.lstrip().startswith(("- ", "* ")) else "")
        folded = textwrap.wrap(text, _WIDTH, subsequent_indent=hanging, break_long_words=False, break_on_hyphens=False)
        lines += folded or [""]
    return "\n".join(lines).strip("\n")

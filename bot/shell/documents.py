"""What ``--json`` prints: one document on stdout, the same four fields for every command, errors too."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def document(text: str, *, ok: bool, task: str = "", data: Mapping[str, Any] | None = None) -> str:
    """Return the document: whether it went well, the task that it is about, the facts, and the words for people."""
    return json.dumps({"ok": ok, "task": task, "data": dict(data or {}), "text": text}, ensure_ascii=False)


def tell(text: str, *, as_json: bool, **data: Any) -> None:
    """Say that something went well, to people or to a program."""
    say(document(text, ok=True, data=data) if as_json else text)


def say(text: str) -> None:
    """Write a text and what ends its line, at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def remark(text: str) -> None:
    """Tell people something on the side, where it is in no program's way."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()

"""Plausible usage: a token is four characters, and what was marked for the cache before is read from it."""

from __future__ import annotations

import hashlib
import json
import threading
from typing import Any

JSON = dict[str, Any]

CHARACTERS = 4


def tokens(value: Any) -> int:
    """Count the tokens of anything that can be JSON."""
    return len(value if isinstance(value, str) else json.dumps(value)) // CHARACTERS + 1


class Cache:
    """A prompt cache: remembers the prefixes that requests marked with ``cache_control``."""

    def __init__(self) -> None:
        self._written: set[str] = set()
        self._lock = threading.Lock()

    def count(self, request: JSON) -> dict[str, int]:
        """Return the input side of the usage of a Messages request."""
        digest = hashlib.sha256(str(request.get("model")).encode())
        total = read = marked = 0
        prefixes: list[str] = []
        with self._lock:
            for block in blocks(request):
                plain = {key: value for key, value in block.items() if key != "cache_control"}
                digest.update(json.dumps(plain, sort_keys=True).encode())
                total += tokens(plain)
                prefix = digest.copy().hexdigest()
                if prefix in self._written:
                    read = total
                if "cache_control" in block:
                    marked = total
                    prefixes.append(prefix)
            self._written.update(prefixes)
        marked = max(marked, read)
        return {
            "input_tokens": total - marked,
            "cache_read_input_tokens": read,
            "cache_creation_input_tokens": marked - read,
        }


def blocks(request: JSON) -> list[JSON]:
    """Return all blocks of a Messages request in the order in which the cache sees them: tools, system, messages."""
    found: list[JSON] = list(request.get("tools", []))
    system = request.get("system")
    found += system if isinstance(system, list) else [{"type": "text", "text": system}] if system else []
    for message in request.get("messages", []):
        content = message["content"]
        inside = [{"type": "text", "text": content}] if isinstance(content, str) else content
        found += [{"role": message["role"], **block} for block in inside]
    return found

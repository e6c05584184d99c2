"""The same command with the same output, again and again: noticed by a pure count over the latest calls."""

from __future__ import annotations

import hashlib
import json
import re
from collections import deque
from enum import Enum
from typing import Any

WINDOW = 12
TIMES = 3
DURATIONS = re.compile(r"\d+(?:\.\d+)?\s?(?:ms|s|seconds?)\b")


class Repeated(Enum):
    """What a call means for the run."""

    FINE = "fine"
    TELL = "tell"
    LOOP = "loop"


class Repetition:
    """Counts equal calls among the latest; times that a tool printed do not make an output different."""

    def __init__(self) -> None:
        self._latest: deque[str] = deque(maxlen=WINDOW)
        self._told: set[str] = set()

    def add(self, name: str, given: Any, output: str) -> Repeated:
        """Count one call and tell whether it is the third of its kind, or another after the model was told."""
        inputs = json.dumps(given, sort_keys=True, default=str)
        key = hashlib.sha256(f"{name}\0{inputs}\0{DURATIONS.sub('', output)}".encode("utf-8", "replace")).hexdigest()
        self._latest.append(key)
        if self._latest.count(key) < TIMES:
            return Repeated.FINE
        if key in self._told:
            return Repeated.LOOP
        self._told.add(key)
        return Repeated.TELL

    def forget(self) -> None:
        """Begin anew: a file was changed, so that the same command is a new question."""
        self._latest.clear()
        self._told.clear()

"""The doctor's words: one finding per line, with its cure; and what the checks share."""

from __future__ import annotations

import threading
import time
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from bot.setup import github_api

if TYPE_CHECKING:
    from collections.abc import Callable

    from config.settings import Settings


class State(StrEnum):
    """How a check went; only ``bad`` keeps the bot from running."""

    GOOD = "good"
    WARNING = "warning"
    BAD = "bad"
    SKIPPED = "skipped"


MARKS = {State.GOOD: "✓", State.WARNING: "!", State.BAD: "✗", State.SKIPPED: "·"}


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found, and what to do about it."""

    check: str
    state: State
    message: str
    cure: str = ""

    def __str__(self) -> str:
        cure = f" → {self.cure}" if self.cure else ""
        return f"{MARKS[self.state]} {self.check}: {self.message}{cure}"

    def as_dict(self) -> dict[str, str]:
        """Return it for ``--json``."""
        return {name: str(value) for name, value in asdict(self).items()}


@dataclass
class Context:
    """What the checks look at; GitHub's answer about the App is asked for once."""

    settings: Settings
    now: Callable[[], float] = time.time
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _app: github_api.Answer | None = None

    @property
    def configured(self) -> bool:
        """True when there is an App to ask GitHub about."""
        return bool(self.settings.github_app_id and self.settings.github_private_key)

    def app(self) -> github_api.Answer:
        """Return GitHub's answer about the App; raises ``UserError``."""
        with self._lock:
            if self._app is None:
                self._app = self.ask("/app")
            return self._app

    def ask(self, path: str) -> github_api.Answer:
        """Ask GitHub something as the App; raises ``UserError``."""
        settings = self.settings
        return github_api.as_app(
            settings.github_api_url, settings.github_app_id or 0, settings.github_private_key, path
        )


@dataclass(frozen=True, slots=True)
class Check:
    """One check: its name, its function, and the seconds that it may take."""

    name: str
    function: Callable[[Context], list[Finding]]
    seconds: float = 15.0


def good(check: str, message: str) -> Finding:
    """Return a finding that needs nothing."""
    return Finding(check, State.GOOD, message)


def warning(check: str, message: str, cure: str) -> Finding:
    """Return a finding that does not keep the bot from running."""
    return Finding(check, State.WARNING, message, cure)


def bad(check: str, message: str, cure: str) -> Finding:
    """Return a finding with which the bot would not run."""
    return Finding(check, State.BAD, message, cure)


def skipped(check: str, message: str) -> Finding:
    """Return a finding of a check that could not be made yet."""
    return Finding(check, State.SKIPPED, message)

"""What the shell talks to: the service on this machine, or one elsewhere; both answer alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.shell.state import State
    from config.settings import Settings
    from jobs.answer.parts import Answer


class Service(Protocol):
    """Where commands go; what cannot be reached raises Failure in words."""

    def tell(self, words: str, options: Mapping[str, str]) -> Answer:
        """Have a command carried out, and return the answer."""
        ...

    def state(self, task_id: str) -> State:
        """Return a task as it is now."""
        ...

    def close(self) -> None:
        """Let go of what is open."""
        ...


def connect(settings: Settings) -> Service:
    """Return the service that the settings name: over HTTP where OPUS67_URL is set, else the one of this machine."""
    if settings.url:
        from bot.shell.elsewhere import Elsewhere  # noqa: PLC0415 - each is imported where it is used

        return Elsewhere(settings.url, settings.token)
    from bot.shell.here import Here  # noqa: PLC0415 - as above

    return Here.open(settings)

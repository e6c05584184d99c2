"""An ending in words that has an exit code of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.types import UserError

if TYPE_CHECKING:
    from bot.shell.exits import Exit


class Failure(UserError):
    """Shown to the person as it is; the program ends with ``exit_code``."""

    def __init__(self, message: str, exit_code: Exit) -> None:
        super().__init__(message)
        self.exit_code = exit_code

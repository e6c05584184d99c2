"""How the processes log: one line each, with the time, and never a secret."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from config.settings import secrets
from jobs.text.redact import redact

if TYPE_CHECKING:
    from config.settings import Settings


class RedactingFormatter(logging.Formatter):
    """Formats a record, traceback included, and takes out what looks like a secret or is one."""

    converter = staticmethod(time.gmtime)

    def __init__(self, known: tuple[str, ...]) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%SZ")
        self._known = known

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, or the lines of an error."""
        return redact(super().format(record), self._known)


def set_up(settings: Settings) -> None:
    """Send all log records of this process to standard error."""
    handler = logging.StreamHandler()
    handler.setFormatter(RedactingFormatter(secrets(settings)))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for noisy in ("httpx", "httpx2", "rq", "alembic", "githubkit", "anthropic", "openai", "docker", "urllib3"):
        logging.getLogger(noisy).setLevel(logging.WARNING)

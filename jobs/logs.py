"""How the processes log: one line each, with the time, and never a secret."""

from __future__ import annotations

import logging
import sys
import threading
import time
from typing import TYPE_CHECKING

from config.settings import secrets
from jobs.text.redact import redact

if TYPE_CHECKING:
    from types import TracebackType

    from config.settings import Settings

log = logging.getLogger(__name__)


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
    """Send all log records of this process to standard error, and with them what nobody caught."""
    handler = logging.StreamHandler()
    handler.setFormatter(RedactingFormatter(secrets(settings)))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for noisy in ("httpx", "httpx2", "rq", "alembic", "githubkit", "anthropic", "openai", "docker", "urllib3"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    sys.excepthook = _ended
    threading.excepthook = _ended_thread


def _ended(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Log what ends the process, as Python would write it, but through the formatter that knows the secrets."""
    log.critical("the process ends with an error", exc_info=(kind, error, trace))


def _ended_thread(ended: threading.ExceptHookArgs) -> None:
    """Log what ended a thread."""
    if ended.exc_type is not SystemExit and ended.exc_value is not None:
        name = ended.thread.name if ended.thread else ""
        log.critical(
            "the thread %s ends with an error", name, exc_info=(ended.exc_type, ended.exc_value, ended.exc_traceback)
        )

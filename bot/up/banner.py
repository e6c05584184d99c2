"""What ``opus67 up`` says at the start: where the first page is, what it works with, and what to do next."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from config.settings import Settings

WIDTH = 11


def banner(settings: Settings, sandbox: str) -> str:
    """Return the lines to show at the start."""
    found = "" if settings.sandbox else " (found out; OPUS67_SANDBOX chooses)"
    tasks = "one task" if settings.workers == 1 else f"{settings.workers} tasks"
    rows = (
        ("first page", f"http://127.0.0.1:{settings.port}/"),
        ("webhooks", _webhook_words(settings)),
        ("model", ", then ".join(settings.models)),
        ("sandbox", f"{sandbox}{found}"),
        ("database", database_words(settings.database_url)),
        ("redis", redis_words(settings)),
        ("processes", f"{_process_words(settings)}; {tasks} at a time (OPUS67_WORKERS)"),
        ("chat", _chat_words(settings)),
        ("next", _next_words(settings)),
    )
    lines = "\n".join(f"  {name:<{WIDTH}} {words}" for name, words in rows if words)
    return f"Opus 67 starts. Ctrl-C stops it.\n{lines}"


def database_words(url: str) -> str:
    """Name a database without its password."""
    if url.startswith("sqlite"):
        return f"SQLite, embedded, {url.partition(':///')[2] or 'in memory'}"
    parts = urlsplit(url)
    return f"PostgreSQL, {parts.hostname or 'a unix socket'}{parts.path}"


def redis_words(settings: Settings) -> str:
    """Name the Redis without its password."""
    if not settings.redis_url:
        return f"Valkey, embedded, {settings.home / 'valkey'}"
    parts = urlsplit(settings.redis_url)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.hostname or 'a unix socket'}{port}{parts.path}"


def _webhook_words(settings: Settings) -> str:
    if settings.public_url:
        return f"{settings.public_url.rstrip('/')}/webhooks/github"
    return "only from this machine until OPUS67_PUBLIC_URL names the address by which GitHub reaches it"


def _process_words(settings: Settings) -> str:
    named = {"slack": settings.slack_bot_token, "discord": settings.discord_token}
    chats = [name for name, token in named.items() if token]
    *rest, last = ["web", "clock", "worker", *chats]
    return f"{', '.join(rest)} and {last}"


def _chat_words(settings: Settings) -> str:
    """Name the chats, and how what is said there comes here."""
    return ", ".join(words for words in (_slack_words(settings), "Discord" * bool(settings.discord_token)) if words)


def _slack_words(settings: Settings) -> str:
    if not settings.slack_bot_token:
        return ""
    if settings.slack_app_token:
        return "Slack (Socket Mode)"
    where = f"{settings.public_url.rstrip('/')}/slack/events" if settings.public_url else "needs OPUS67_PUBLIC_URL"
    return f"Slack ({where})"


def _next_words(settings: Settings) -> str:
    if not settings.public_url:
        return "give it a public address (a reverse proxy or a tunnel), set OPUS67_PUBLIC_URL, start it again"
    return "`opus67 doctor` checks it; then label an issue `assign-to-opus` and watch"

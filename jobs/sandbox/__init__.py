"""The isolated places where commands run; providers are a table of name to module, imported when used."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from jobs.sandbox.places import engine_socket, leftover_folders, remove_folder
from jobs.types import SandboxAway, SandboxError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from jobs.types import Sandbox, SandboxSpec

PROVIDERS = {
    "docker": "jobs.sandbox.engine",
    "podman": "jobs.sandbox.engine",
    "bubblewrap": "jobs.sandbox.bubblewrap",
}
CURES = {
    "docker": "start dockerd (Debian: apt-get install docker.io), and let this user open its socket",
    "podman": "start its service: podman system service --time=0",
    "bubblewrap": "install it (Debian: apt-get install bubblewrap) and allow this user its namespaces",
}
AWAY_SECONDS = 10.0
LEFTOVER_AGE = 300.0
"""Seconds for which a folder must have been left alone before a sweep takes it: a start may be under way."""


def detect(preferred: str = "") -> str:
    """Return the provider to use: the preferred one, or the first that works; raises ``SandboxError`` with the cure."""
    if preferred:
        _module(preferred)
        if _works(preferred):
            return preferred
        words = f"OPUS67_SANDBOX is {preferred}, which does not work here: {CURES[preferred]}."
        raise SandboxAway(words, AWAY_SECONDS)
    for provider in PROVIDERS:
        if _works(provider):
            return provider
    cures = "; or ".join(f"{name}: {cure}" for name, cure in CURES.items())
    words = f"There is no sandbox on this machine, and nothing is run without one. Choose: {cures}."
    raise SandboxAway(words, AWAY_SECONDS)


def preload(preferred: str) -> None:
    """Make what starting a sandbox needs: for workers, before they fork."""
    for provider in [preferred] if preferred else PROVIDERS:
        if _works(provider):
            _module(provider)
            if provider != "bubblewrap":
                _api().preload(provider)
            importlib.import_module("jobs.sandbox.proxy")
            return


def quickest(preferred: str, image: str) -> str:
    """Return the provider that can start at once: an engine that has the image, else bubblewrap, else ``detect``'s."""
    if preferred:
        return detect(preferred)
    for provider in PROVIDERS:
        if _works(provider) and (provider == "bubblewrap" or _api().has_image(provider, image)):
            return provider
    return detect()


def why_not(provider: str, image: str) -> str:
    """Return why no sandbox can start from this image, with what the operator can do; empty when one can."""
    if provider == "bubblewrap":
        return (
            "the sandbox of this bot is bubblewrap, which has no images: commands run with what is installed on the "
            "bot's machine. Its operator can change that with OPUS67_SANDBOX=docker or podman"
        )
    if _api().has_image(provider, image):
        return ""
    command = _api().pull_command(provider, image)
    return f"{provider} does not have it on the bot's machine. Its operator can fetch it there: `{command}`"


def start(provider: str, spec: SandboxSpec, home: Path) -> Sandbox:
    """Take up the live sandbox of this name, take a spare that fits, or start a new one; raises ``SandboxError``."""
    from jobs.sandbox.proxy import Proxy  # noqa: PLC0415 - the package stays light to import

    def proxy(folder: Path) -> Proxy:
        return Proxy(folder, spec.hosts)

    spare = _spares().take(provider, spec, home, proxy) if spec.spare and has_spares(provider) else None
    sandbox: Sandbox = spare or _module(provider).start(provider, spec, home, proxy)
    return sandbox


def has_spares(provider: str) -> bool:
    """Tell whether sandboxes of a provider can be prepared for runs to come: those of bubblewrap end with a worker."""
    return provider != "bubblewrap"


def prepare(provider: str, spec: SandboxSpec, home: Path, furnish: Callable[[Sandbox], None]) -> None:
    """Start a spare for runs like this one and have it furnished with a checkout; raises ``SandboxError``."""
    from jobs.sandbox.proxy import Proxy  # noqa: PLC0415 - the package stays light to import

    _spares().prepare(provider, spec, home, Proxy, furnish)


def renew_spares(provider: str, specs: Sequence[SandboxSpec], home: Path) -> list[SandboxSpec]:
    """End the spares that fit none of these runs, or not for long, and return the runs for which there is none."""
    missing: list[SandboxSpec] = _spares().renew(provider, specs, home) if has_spares(provider) else []
    return missing


def sweep(provider: str, home: Path, now: float, alive: Callable[[str], bool]) -> list[str]:
    """Remove sandboxes past their deadline or whose name ``alive`` denies, and what they left; return their names."""
    removed: list[str] = _module(provider).sweep(provider, home, now, alive)
    for name in leftover_folders(home, now - LEFTOVER_AGE):
        if name in removed or not alive(name):
            remove_folder(home, name)
            removed += [] if name in removed else [name]
    return removed


def prove(provider: str, image: str, home: Path) -> list[tuple[str, bool, str]]:
    """Start a sandbox, prove from inside what it promises, and end it; return (promise, kept, what was seen)."""
    from jobs.sandbox.proof import prove as run_proofs  # noqa: PLC0415 - the package stays light to import

    return run_proofs(provider, image, home)


def _api() -> Any:
    return importlib.import_module("jobs.sandbox.api")


def _spares() -> Any:
    return importlib.import_module("jobs.sandbox.spares")


def _module(provider: str) -> Any:
    if provider not in PROVIDERS:
        raise SandboxError(f"{provider!r} is no sandbox; OPUS67_SANDBOX may be {', '.join(PROVIDERS)}.")
    return importlib.import_module(PROVIDERS[provider])


def _works(provider: str) -> bool:
    if provider == "bubblewrap":
        return bool(_module(provider).works())
    return bool(engine_socket(provider))

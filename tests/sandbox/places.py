"""What the tests of sandboxes share: the providers, and how to start one of each."""

from __future__ import annotations

import secrets
import time
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

from jobs import sandbox
from jobs.sandbox import image
from jobs.types import SandboxSpec

if TYPE_CHECKING:
    from pathlib import Path

    from jobs.types import Sandbox

ENGINES = [
    pytest.param("docker", marks=pytest.mark.docker),
    pytest.param("podman", marks=pytest.mark.podman),
]
PROVIDERS = [
    *ENGINES,
    pytest.param("bubblewrap", marks=pytest.mark.bubblewrap),
]


@cache
def ensure_image(engine: str) -> None:
    """Build the image that sandboxes start from, where an engine has not got it yet."""
    image.build(engine, "", None, print)


def spec_for(**changes: Any) -> SandboxSpec:
    """Return a small specification with a name of its own."""
    values: dict[str, Any] = {
        "name": f"test-{secrets.token_hex(4)}",
        "deadline": time.time() + 240,
        "memory_mb": 512,
        "disk_mb": 128,
        "pids": 128,
    }
    return SandboxSpec(**(values | changes))


def start(provider: str, home: Path, **changes: Any) -> Sandbox:
    """Start a small sandbox."""
    if provider != "bubblewrap":
        ensure_image(provider)
    return sandbox.start(provider, spec_for(**changes), home)

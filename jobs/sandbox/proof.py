"""The proofs of ``opus67 doctor``: a sandbox is started, and what it promises is tried from inside."""

from __future__ import annotations

import os
import secrets
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jobs.sandbox.places import PROOF_PREFIX
from jobs.types import SandboxError, SandboxSpec

if TYPE_CHECKING:
    from pathlib import Path

    from jobs.types import CommandResult, Sandbox

LIFETIME = 120.0
COMMAND_TIMEOUT = 20.0
DIRECT = "import socket,sys; s=socket.socket(); s.settimeout(3); sys.exit(s.connect_ex(('1.1.1.1',443)) == 0)"
VSOCK = "import socket; socket.socket(40, socket.SOCK_STREAM)"
NEW_USER_NAMESPACE = "import ctypes,sys; sys.exit(ctypes.CDLL(None).unshare(0x10000000) == 0)"


@dataclass(frozen=True, slots=True)
class Proof:
    """A promise, the command that tries it, and how the trial ends when the promise is kept."""

    promise: str
    command: str
    fails: bool = False
    """True when the command must fail; else it must succeed."""


READ_ONLY = ("/usr/x", "/etc/x", "/x", "/run/x", "/run/opus67/x", "/var/tmp/x", "/dev/x")  # noqa: S108 - they must fail
ENGINE_SOCKETS = ("/var/run/docker.sock", "/run/docker.sock", "/run/podman/podman.sock")


def _any(command: str, *paths: str) -> str:
    """Return a shell command that succeeds when ``command`` does for any of the paths."""
    return "; ".join([*(f"{command} {path} && exit 0" for path in paths), "exit 1"])


PROOFS = (
    Proof("commands run", "python3 --version && git --version && bash --version >/dev/null"),
    Proof("not root", 'test "$(id -u)" = 10001'),
    Proof(
        "no capabilities", "grep -qE '^CapEff:\\s0+$' /proc/self/status && grep -qE '^CapBnd:\\s0+$' /proc/self/status"
    ),
    Proof("no new privileges", "grep -qE '^NoNewPrivs:\\s1$' /proc/self/status"),
    Proof("system calls are filtered", "grep -qE '^Seccomp:\\s2$' /proc/self/status"),
    Proof("no user namespaces", f'python3 -c "{NEW_USER_NAMESPACE}"'),
    Proof("no sockets to the hypervisor", f'python3 -c "{VSOCK}"', fails=True),
    Proof("the root is read-only", _any("touch", *READ_ONLY), fails=True),
    Proof("no route out", 'test -z "$(tail -n +2 /proc/net/route)"'),
    Proof("no way to the internet", f'python3 -c "{DIRECT}"'),
    Proof("the proxy refuses what is not listed", "curl -sS -m 10 https://example.com", fails=True),
    Proof("no engine's socket", _any("test -e", *ENGINE_SOCKETS), fails=True),
    Proof("no secret files of the host", _any("cat", "/etc/shadow", "~root/.ssh/id_rsa"), fails=True),
    Proof("the workspace can be written", "touch /workspace/x && rm /workspace/x"),
)


def prove(provider: str, image: str, home: Path) -> list[tuple[str, bool, str]]:
    """Return each promise, whether it was kept, and what was seen; a sandbox that does not start is one line."""
    from jobs.sandbox import start  # noqa: PLC0415 - the package's front imports this module

    started = time.monotonic()
    name = f"{PROOF_PREFIX}{os.getpid()}-{secrets.token_hex(3)}"
    spec = SandboxSpec(name, time.time() + LIFETIME, image=image, memory_mb=512, disk_mb=256, cpus=1.0, pids=128)
    try:
        sandbox = start(provider, spec, home)
    except SandboxError as error:
        return [("a sandbox starts", False, str(error))]
    seen = f"{provider}, in {(time.monotonic() - started) * 1000:.0f} ms"
    try:
        return [("a sandbox starts", True, seen), *proved(sandbox)]
    except SandboxError as error:
        return [("a sandbox starts", True, seen), ("it stays alive", False, str(error))]
    finally:
        sandbox.close()


def proved(sandbox: Sandbox) -> list[tuple[str, bool, str]]:
    """Return each promise of a running sandbox, whether it was kept, and what was seen."""
    return [*(_try(sandbox, proof) for proof in PROOFS), _no_secret(sandbox)]


def _try(sandbox: Sandbox, proof: Proof) -> tuple[str, bool, str]:
    result = sandbox.run(proof.command, timeout=COMMAND_TIMEOUT, output_limit=2000)
    kept = not result.timed_out and (result.exit_code != 0) == proof.fails
    return proof.promise, kept, _seen(result)


def _no_secret(sandbox: Sandbox) -> tuple[str, bool, str]:
    """Look for names that carry secrets in the environment of every process that can be seen."""
    names = "TOKEN|SECRET|PASSWORD|PRIVATE_KEY|API_KEY|REDIS_URL|DATABASE_URL"
    command = f"cat /proc/self/environ /proc/*/environ 2>/dev/null | tr '\\0' '\\n' | cut -d= -f1 | grep -E '{names}'"
    result = sandbox.run(command, timeout=COMMAND_TIMEOUT, output_limit=2000)
    return "no secret in the environment", result.exit_code == 1, _seen(result)


def _seen(result: CommandResult) -> str:
    lines = result.output.strip().splitlines()
    return (lines[-1] if lines else f"exit code {result.exit_code}")[:200]

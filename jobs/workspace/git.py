"""The one way in which this program runs git on the host: no configuration, hooks, prompts or helpers but ours."""

from __future__ import annotations

import base64
import os
import re
import selectors
import signal
import subprocess
import tempfile
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from jobs.types import DiskFull, UserError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

MEBIBYTE = 1024 * 1024
QUICK_SECONDS = 60.0
OUTPUT_LIMIT = 256 * MEBIBYTE
ERROR_LIMIT = 64 * 1024
MEMORY_LIMIT = 3 * 1024 * MEBIBYTE
PROCESSOR_SECONDS = 300
BOUNDED = (
    "sh",
    "-c",
    f'ulimit -v {MEMORY_LIMIT // 1024} && ulimit -t {PROCESSOR_SECONDS} && ulimit -c 0 && exec "$0" "$@"',
)
"""Bounds memory and processor time: an object may be small when packed and endless when unpacked.

They hold before git begins, since what git starts has those that git has then.
"""
EXIT_TIMED_OUT = 124
FULL_SECONDS = 30.0
"""When a task is tried again for which git found no room."""
_FULL = re.compile(r"^(?:fatal|error): .*(?:No space left on device|Disk quota exceeded)\W*$", re.MULTILINE)

PASSED_ON = frozenset(
    {
        *("http_proxy", "https_proxy", "HTTPS_PROXY", "no_proxy", "NO_PROXY", "all_proxy", "ALL_PROXY"),
        *("SSL_CERT_FILE", "SSL_CERT_DIR", "GIT_SSL_CAINFO", "GIT_SSL_CAPATH"),
    }
)
"""The only variables of the caller's environment that git may see: how to reach the server, and whom to trust."""

# git refuses what is not listed here, and takes the last value where a name comes twice.
SETTINGS = (
    ("core.hooksPath", "/dev/null"),
    ("core.fsmonitor", "false"),
    ("core.attributesFile", "/dev/null"),
    ("core.excludesFile", "/dev/null"),
    ("core.sharedRepository", "0644"),
    ("core.packedGitWindowSize", "32m"),
    ("core.packedGitLimit", "512m"),
    ("core.bigFileThreshold", "32m"),
    ("core.quotePath", "false"),
    ("core.protectHFS", "true"),
    ("core.protectNTFS", "true"),
    ("credential.helper", ""),
    ("commit.gpgSign", "false"),
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
    ("submodule.recurse", "false"),
    ("fetch.recurseSubmodules", "false"),
    ("push.recurseSubmodules", "no"),
    ("push.followTags", "false"),
    ("push.gpgSign", "false"),
    ("fetch.writeCommitGraph", "false"),
    ("http.followRedirects", "false"),
    ("http.lowSpeedLimit", "1000"),
    ("http.lowSpeedTime", "30"),
    ("protocol.allow", "never"),
)


class GitFailed(Exception):
    """A git command failed; ``error`` is what git said, without any token."""

    def __init__(self, command: str, exit_code: int, error: str) -> None:
        super().__init__(f"git {command} ended with {exit_code}: {error[-2000:]}")
        self.command = command
        self.exit_code = exit_code
        self.error = error

    @property
    def timed_out(self) -> bool:
        """True when the command was ended because it took too long."""
        return self.exit_code == EXIT_TIMED_OUT


@dataclass(frozen=True, slots=True)
class GitResult:
    """How a git command ended; ``truncated`` when it printed more than was asked for and was ended for that."""

    exit_code: int
    output: bytes
    error: str
    truncated: bool = False


class Git:
    """Runs git for one server; ``environment`` may bring proxies and certificates, and nothing else of it counts."""

    def __init__(self, server_url: str, environment: Mapping[str, str] | None = None) -> None:
        address = urlsplit(server_url)
        if address.scheme not in {"http", "https"} or not address.hostname or address.username or address.query:
            raise UserError(
                f"GITHUB_SERVER_URL is {address.scheme or 'empty'}…; give the address of GitHub, "
                "for example https://github.com, without a name or a password in it."
            )
        self.server_url = server_url.rstrip("/")
        self._scheme = address.scheme
        self._passed = {name: value for name, value in (environment or {}).items() if name in PASSED_ON and value}

    def run(
        self,
        directory: Path,
        *arguments: str,
        data: bytes = b"",
        token: str = "",
        seconds: float = QUICK_SECONDS,
        output_limit: int = OUTPUT_LIMIT,
        accept: Sequence[int] = (0,),
        environment: Mapping[str, str] | None = None,
        bounded: bool = True,
        lock: int | None = None,
    ) -> GitResult:
        """Run git on the bare repository ``directory``; raises ``GitFailed`` for an exit code not in ``accept``.

        The working directory is ``/``: git finds no repository but the one that is named.
        The token is in the environment of this one command only, bound to the server's address.
        Memory and processor time are ``bounded`` unless only GitHub's own objects are read, which may be many.
        The file behind the descriptor ``lock`` stays locked until git has ended, even where this process dies before.
        """
        variables = {**self._variables(token), "GIT_DIR": str(directory), **(environment or {})}
        with _standard_input(data) as standard_input:
            process = subprocess.Popen(
                [*(BOUNDED if bounded else ()), "git", *arguments],
                stdin=standard_input,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd="/",
                env=variables,
                start_new_session=True,
                pass_fds=() if lock is None else (lock,),
            )
            result = _drain(process, time.monotonic() + seconds, output_limit)
        error = _without(result.error, token)
        if result.exit_code not in accept and not result.truncated:
            if _FULL.search(error):
                raise DiskFull("git has no room for its files; make room under OPUS67_HOME", FULL_SECONDS)
            raise GitFailed(arguments[0], result.exit_code, error)
        return GitResult(result.exit_code, result.output, error, result.truncated)

    def text(self, directory: Path, *arguments: str, data: bytes = b"") -> str:
        """Run a quick local command and return what it printed, without the last newline."""
        return self.run(directory, *arguments, data=data).output.decode(errors="replace").removesuffix("\n")

    def _variables(self, token: str) -> dict[str, str]:
        settings = [*SETTINGS, (f"protocol.{self._scheme}.allow", "always")]
        if token:
            settings.append((f"http.{self.server_url}/.extraHeader", f"Authorization: Basic {_basic(token)}"))
        variables = {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "HOME": "/nonexistent",
            "LC_ALL": "C",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_ATTR_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ASKPASS": "",
            "GIT_PAGER": "cat",
            "GIT_LFS_SKIP_SMUDGE": "1",
            "GIT_NO_REPLACE_OBJECTS": "1",
            "GIT_PROTOCOL_FROM_USER": "0",
            "GIT_CONFIG_COUNT": str(len(settings)),
            **self._passed,
        }
        for number, (name, value) in enumerate(settings):
            variables[f"GIT_CONFIG_KEY_{number}"] = name
            variables[f"GIT_CONFIG_VALUE_{number}"] = value
        return variables


def _basic(token: str) -> str:
    return base64.b64encode(f"x-access-token:{token}".encode()).decode()


def _without(text: str, token: str) -> str:
    if not token:
        return text
    return text.replace(token, "[token]").replace(_basic(token), "[token]")


@contextmanager
def _standard_input(data: bytes) -> Iterator[int]:
    if not data:
        yield subprocess.DEVNULL
        return
    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.flush()
        file.seek(0)
        yield file.fileno()


def _drain(process: subprocess.Popen[bytes], deadline: float, output_limit: int) -> GitResult:
    """Read both pipes until they end, the deadline comes or there is too much; then no process is left."""
    output, error = bytearray(), bytearray()
    truncated = timed_out = False
    assert process.stdout is not None  # noqa: S101 - both are pipes
    assert process.stderr is not None  # noqa: S101
    with process.stdout, process.stderr, selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ, output)
        selector.register(process.stderr, selectors.EVENT_READ, error)
        try:
            while selector.get_map():
                ready = selector.select(max(0.0, deadline - time.monotonic()))
                for key, _ in ready:
                    chunk = os.read(key.fd, 65536)
                    key.data.extend(chunk)
                    if not chunk:
                        selector.unregister(key.fileobj)
                del error[: max(0, len(error) - ERROR_LIMIT)]
                truncated, timed_out = len(output) > output_limit, not ready
                if truncated or timed_out:
                    break
            else:
                timed_out = not _ended(process, deadline)
        finally:
            _end(process)
    exit_code = EXIT_TIMED_OUT if timed_out else process.returncode
    return GitResult(exit_code, bytes(output[:output_limit]), error.decode(errors="replace"), truncated)


def _ended(process: subprocess.Popen[bytes], deadline: float) -> bool:
    try:
        process.wait(max(0.1, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        return False
    return True


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the whole process group; git-remote-https and index-pack are in it too."""
    if process.poll() is None:
        # git removes its lock files when it is asked to end, and not when it is killed.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        if not _ended(process, time.monotonic() + 2.0):
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    process.wait()

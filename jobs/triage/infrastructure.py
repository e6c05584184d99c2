"""Failures of the machinery, told from failures of the code by the words that the machinery uses."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from jobs.triage.steps import LogStep
    from jobs.types import Failure

LOST = "the runner was lost: the log ends in the middle of a step"
_TAIL = 150
_STOPPED = frozenset({None, 130, 137, 143})
"""Exit codes of a step that was stopped, or none: then what its tests say may be what being stopped looks like."""
_KILLED = 137
_TERMINATED = 143

_RUNNER: tuple[tuple[re.Pattern[str], str], ...] = (
    (
        re.compile(r"exceeded the maximum execution time|has timed out after \d+ minutes"),
        "the time limit of the job or step ran out",
    ),
    (re.compile(r"lost communication with the server|hosted runner encountered an error"), "the runner was lost"),
    (re.compile(r"runner has received a shutdown signal"), "the runner was shut down in the middle of the job"),
    (re.compile(r"job was not acquired by Runner|No runner (?:matching|is available)"), "no runner took the job"),
    (re.compile(r"operation was cancell?ed"), "the job was cancelled"),
)
"""What only the runner itself says, in lines that it marks as errors."""

_DISK = re.compile(r"No space left on device|\bENOSPC\b|Disk quota exceeded|not enough space on the disk")
_MEMORY = re.compile(
    r"heap out of memory|OutOfMemoryError|OOMKilled|oom-kill|Cannot allocate memory|terminated with signal 9"
    r"|^\S{0,200} line \d+: +\d+ Killed\b|^Killed$|[Oo]ut of memory\b|signal: 9, SIGKILL"
)
_RATE = re.compile(
    r"toomanyrequests|exceeded its LFS budget|rate limit exceeded|secondary rate limit|\b429 Too Many|(?:status"
    r"|code|error"
    r"|HTTP)\W{1,3}(?:code )?429\b",
    re.IGNORECASE,
)
_ACTIONS = re.compile(
    r"Failed to download a(?:ction|rchive)|Unable to download actions?|Failed to resolve action download info",
    re.IGNORECASE,
)
_CACHE = re.compile(
    r"Cache service responded|getCacheEntry failed|reserveCache failed|Failed to (?:restore|save)(?: the)? cache"
    r"|cache service is (?:down|unavailable|not)"
    r"|Failed to (?:CreateArtifact|FinalizeArtifact|GetSignedArtifactURL)",
    re.IGNORECASE,
)
_DOCKER = re.compile(
    r"Error response from daemon: (?:Get|Head|pull|received unexpected|error parsing HTTP)|error pulling image"
    r"|failed to resolve source metadata"
    r"|Docker pull failed|Cannot connect to the Docker daemon|failed to do request: (?:Head|Get)"
    r"|failed to copy: httpReadSeeker"
)
_NAMES = re.compile(
    r"Could not resolve|Temporary failure (?:in name resolution|resolving)|Name or service not known"
    r"|\bEAI_AGAIN\b|getaddrinfo ENOTFOUND|server misbehaving"
    r"|no such host\b|nodename nor servname|NameResolutionError|UnknownHostException"
)
_TLS = re.compile(
    r"TLS handshake|SSL_ERROR_SYSCALL|SSL: UNEXPECTED_EOF|before secure TLS connection|SSLHandshakeException"
    r"|GnuTLS recv error"
)
_SERVER = re.compile(
    r"\b50[0234]\b.{0,30}(?:Bad Gateway|Service (?:Temporarily )?Unavailable|Gateway Time-?out"
    r"|Internal Server Error|Server Error)"
    r"|(?:HTTP|status|code|error|returned|response)[^\n\d]{0,20}(?<!\d)50[234]\b",
    re.IGNORECASE,
)
_NETWORK = re.compile(
    r"\b(?:ECONNRESET|ETIMEDOUT|ECONNREFUSED|ENETUNREACH|EHOSTUNREACH|ERR_SOCKET_TIMEOUT|ESOCKETTIMEDOUT|EPIPE)\b"
    r"|socket hang up|Connection reset"
    r"|Connection (?:timed out|refused|broken|aborted)|Network is unreachable|No route to host|\bi/o timeout"
    r"|Read timed out|ReadTimeoutError"
    r"|ConnectTimeout|RPC failed; |remote end hung up|early EOF|Failed to connect to|Unable to connect to"
    r"|Could not connect to"
    r"|request canceled while waiting|Operation timed out|Hash Sum mismatch|network timeout|timeout was reached"
    r"|spurious network error"
    r"|Could not transfer artifact|NewConnectionError|incomplete download",
    re.IGNORECASE,
)
_TOOLS: tuple[tuple[re.Pattern[str], str], ...] = (
    (_DISK, "the disk was full"),
    (_RATE, "a service limited the rate of requests"),
    (_ACTIONS, "an action could not be downloaded"),
    (_CACHE, "the cache or artifact service did not answer"),
    (_NAMES, "the network failed: a name could not be resolved"),
    (_TLS, "the network failed: a secure connection could not be made"),
    (_SERVER, "a service that the job needs answered with a server error"),
    (_DOCKER, "a container image could not be pulled"),
    (_NETWORK, "the network failed"),
    (_MEMORY, "the machine ran out of memory"),
)
_LOCAL = re.compile(r"localhost|\b127\.(?!0\.0\.53)\d+\.\d+\.\d+|\[?::1\b|\b0\.0\.0\.0")


def of_step(step: LogStep, text: str, failures: Sequence[Failure]) -> str:
    """Return which of the machinery failed in a step, in words, or nothing.

    Where code failed too, only what the runner says of a step that it stopped counts, or a full disk behind all of it.
    """
    if failures:
        if all(_DISK.search(failure.message) for failure in failures):
            return "the disk was full"
        return _of_runner(step.errors) if step.exit_code in _STOPPED else ""
    tail = text.split("\n")[-_TAIL:]
    return _of_runner(step.errors) or _of_tools([*step.errors, *tail]) or _of_exit(step.exit_code)


def _of_runner(errors: Iterable[str]) -> str:
    lines = list(errors)
    return next((words for pattern, words in _RUNNER if any(pattern.search(line) for line in lines)), "")


def _of_tools(lines: Iterable[str]) -> str:
    told = [line for line in lines if not _LOCAL.search(line)]
    return next((words for pattern, words in _TOOLS if any(pattern.search(line) for line in told)), "")


def _of_exit(code: int | None) -> str:
    match code:
        case 137:
            return "a process was killed (exit code 137), most often for want of memory"
        case 143:
            return "the step was stopped from outside (exit code 143)"
        case _:
            return ""

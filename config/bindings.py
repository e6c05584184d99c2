"""Settings that are lists of bindings, one item at a time: channels, the secrets and hosts of CI. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_CHANNEL = re.compile(r"(slack|discord):(\w+)=([\w.-]+/[\w.-]+?)(?::(look|ask|all))?", re.ASCII)
_CI_SECRET = re.compile(r"([a-z0-9][a-z0-9_-]{0,29})=(\S{16,})", re.ASCII)
_CI_HOST = re.compile(r"(?:(?:\*\.)?[a-z0-9_](?:[a-z0-9._-]{0,250}[a-z0-9])?|\[[0-9a-f:]+\])(?::[0-9]{1,5})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel of a chat that is bound to a repository; ``may`` is ``look``, ``ask`` or ``all``."""

    surface: str
    id: str
    repository: str
    may: str


@dataclass(frozen=True, slots=True)
class CiSecret:
    """What a CI of the operator's own signs its reports with; a name may have two."""

    name: str
    secret: str = field(repr=False)


def channel(word: str) -> Channel:
    """Read ``SURFACE:CHANNEL=OWNER/NAME:WHAT``; raises ValueError in words."""
    match = _CHANNEL.fullmatch(word)
    if match is None:
        raise ValueError(f"“{word[:60]}” is not of the form SURFACE:CHANNEL=OWNER/NAME:WHAT.")
    return Channel(match[1], match[2], match[3], match[4] or "all")


def ci_secret(word: str) -> CiSecret:
    """Read ``NAME=SECRET``; raises ValueError in words that tell nothing of it."""
    match = _CI_SECRET.fullmatch(word)
    if match is None:
        raise ValueError("An item is not NAME=SECRET, with a name of a-z, 0-9, - and _ and 16 characters or more.")
    return CiSecret(match[1], match[2])


def ci_host(word: str) -> str:
    """Read ``HOST``, ``HOST:PORT`` or ``*.SUFFIX``; raises ValueError in words."""
    if _CI_HOST.fullmatch(word.lower()) is None:
        raise ValueError(f"“{word[:60]}” is not HOST, HOST:PORT or *.SUFFIX.")
    return word.lower()

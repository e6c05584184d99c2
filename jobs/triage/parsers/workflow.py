"""Workflow commands that any tool may print: ``::error file=…,line=…::message``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

from jobs.triage.failures import Section, failed
from jobs.types import FailureKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jobs.types import Failure

WORDS = ("::error ",)
_COMMAND = re.compile(r"^\s*::error ([^\n]{1,600}?)::(.+)$")


def parse(section: Section) -> Iterator[Failure]:
    """Yield the errors that name a file."""
    for line in section.lines:
        if found := _COMMAND.match(line):
            given = dict(part.partition("=")[::2] for part in found[1].split(","))
            path, title = unquote(given.get("file", "")), unquote(given.get("title", ""))
            if path:
                message = unquote(found[2])
                yield failed(
                    title or "annotation",
                    FailureKind.OTHER,
                    title or "error",
                    message,
                    path,
                    given.get("line", ""),
                    line,
                )

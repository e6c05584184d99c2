"""The polite comment when something is not done: the reason, and how it can be done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.answer.words import mention
from jobs.text import line, neutralise

if TYPE_CHECKING:
    from jobs.types import Decision

SORRY = "\U0001f44b {who}this was not done: {reason}."
NOBODY_CHARGED = "<sub>Nothing was run and nothing was spent.</sub>"
MISTAKE = "\u26a0\ufe0f {who}`.github/opus67.yml` has a mistake {where}, so no work was started:"
UNTIL_THEN = (
    "Until it is mended on the default branch, nothing in the file counts. Then take the label off and put it on again."
)


def refusal(marker: str, login: str, decision: Decision) -> str:
    """Return the comment that refuses a request, with ``marker`` first; the person who asked is told, nobody else."""
    reason = line(decision.reason, 1_000).rstrip(".")
    cure = neutralise(decision.cure, limit=2_000)
    opening = SORRY.format(who=_who(login), reason=reason)
    return _joined(marker, opening, f"**What helps:** {cure}" if cure else "", NOBODY_CHARGED)


def configuration_error(marker: str, login: str, line: int | None, message: str, cure: str) -> str:
    """Return the comment about a mistake in the repository's file, with the line and the cure."""
    where = f"in line {line}" if line else "in it"
    opening = MISTAKE.format(who=_who(login), where=where)
    helps = f"**What helps:** {neutralise(cure, limit=2_000)}" if cure.strip() else ""
    quoted = "\n".join(f"> {part}".rstrip() for part in neutralise(message, limit=2_000).split("\n"))
    return _joined(marker, opening, quoted, helps, UNTIL_THEN)


def _who(login: str) -> str:
    """Address the person who asked."""
    return f"{mention(login)}, " if login else ""


def _joined(*parts: str) -> str:
    marker, *rest = parts
    body = "\n\n".join(part for part in rest if part)
    return f"{marker}\n{body}"

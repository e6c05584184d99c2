"""What the agent is asked about a red CI run: the failures and the log as data, what was seen and tried before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from jobs.agent import prompts
from jobs.agent.context import cut, plain_name, readable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jobs.types import Check, Diagnosis, Message

MOST_FAILURES = 20
EXCERPT = 16_000
MESSAGE = 600
TRIED = 6_000


@dataclass(frozen=True, slots=True)
class Tried:
    """What an earlier round did, and what CI said of it."""

    summary: str
    verdict: str


def request(
    repository: str, branch: str, found: Diagnosis, seen: str, checks: Sequence[Check], tried: Tried | None = None
) -> Message:
    """Return the first message of the work; ``seen`` says what the ``checks`` did in a fresh checkout."""
    told = cut(readable(facts(found)), EXCERPT * 2)
    more = [prompts.described(checks)] if checks else []
    more += [_culprit(found)] if found.culprit is not None else []
    more += [_tried(tried)] if tried is not None else []
    text = prompts.fill(
        "request_ci",
        repository=repository,
        branch=plain_name(branch),
        mark=prompts.mark(told),
        told=told,
        seen=seen,
        more="\n\n".join(more),
    )
    return {"role": "user", "content": [{"type": "text", "text": text}]}


def asked(found: Diagnosis) -> str:
    """Return what the reviewer is told of the request."""
    return f"CI is red. Find out why, and mend the cause. What the failed run tells:\n\n{readable(facts(found))}"


def facts(found: Diagnosis) -> str:
    """Return what is known of a red run, for a model."""
    parts = [f"Workflow: {found.workflow}"] if found.workflow else []
    parts += [f"Failing command:\n{found.command}"] if found.command else []
    for failure in found.failures[:MOST_FAILURES]:
        place = f" at {failure.path}{f':{failure.line}' if failure.line else ''}" if failure.path else ""
        parts.append(f"{failure.kind.value} ({failure.tool}): {failure.name}{place}\n{failure.message[:MESSAGE]}")
    if len(found.failures) > MOST_FAILURES:
        parts.append(f"and {len(found.failures) - MOST_FAILURES} more failures")
    parts += [f"The log of the failing step:\n{cut(found.excerpt, EXCERPT)}"] if found.excerpt.strip() else []
    return "\n\n".join(parts) or "(the run left no log)"


def _culprit(found: Diagnosis) -> str:
    culprit = found.culprit
    if culprit is None:
        return ""
    title = " ".join(readable(culprit.title).split())[:200]
    return _fenced(
        f"The triage thinks that commit {culprit.sha} brought it, {found.confidence:.0%} sure. Its title, as data:",
        title,
    )


def _tried(tried: Tried) -> str:
    return _fenced(
        "This is the second round: the commit in the workspace holds what you changed in the first, and CI is still "
        f"red, with {tried.verdict} failures. What you said of it then, as data:",
        cut(readable(tried.summary), TRIED),
    )


def _fenced(opening: str, text: str) -> str:
    sign = prompts.mark(text)
    return f"{opening}\n===== {sign} begins =====\n{text}\n===== {sign} ends ====="

"""What models read: the files of ``config/prompts`` with their places filled in, strangers' text fenced as data.

The fence's mark is a hash of the fenced text: a text cannot hold its own hash, so nobody can write the line that ends
the fence, and the same text gives the same prompt in every attempt, which prompt caches and thinking blocks need.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

import config
from jobs.agent.context import cut, plain_name, readable
from jobs.agent.tools import Purpose
from jobs.text.characters import strip_invisible

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from jobs.types import Check, Limits, Message, Mode, Subject

INSTRUCTIONS_LIMIT = 40_000
TEXT_LIMIT = 60_000
EARLIER_LIMIT = 20_000
CHECK_LIMIT = 8_000
MARK_LENGTH = 16


def fill(prompt: str, /, **values: str) -> str:
    """Return a prompt file with its places filled in; raises ``KeyError`` where a value is missing."""
    return Template(_file(prompt)).substitute(values).strip()


@lru_cache(maxsize=64)
def _file(name: str) -> str:
    return (Path(config.__file__).parent / "prompts" / f"{name}.md").read_text(encoding="utf-8")


def mark(*texts: str) -> str:
    """Return the mark of the fence around these texts."""
    whole = "\0".join(texts).encode("utf-8", "replace")
    return hashlib.sha256(whole).hexdigest()[:MARK_LENGTH]


def system_prompt(
    *,
    repository: str,
    base_branch: str,
    mode: Mode,
    limits: Limits,
    checks: Sequence[str],
    hosts: Sequence[str] = (),
    protected: Sequence[str] = (),
    instructions: Mapping[str, str] | None = None,
) -> str:
    """Return the agent's system prompt; ``instructions`` are the repository's own, by path, from the base branch."""
    return fill(
        "system",
        repository=repository,
        base_branch=plain_name(base_branch),
        mode=fill(f"mode_{mode.value}"),
        network=_network(hosts),
        limits=_limits(limits),
        checks=_checks(checks),
        protected=", ".join(f"`{path}`" for path in protected) or "none in particular.",
        whose_word=fill("whose_word"),
        instructions=_instructions(instructions or {}),
    )


READERS = {
    Purpose.PLAN: (
        "role_plan",
        "Somebody asked for work in the repository `{}`. You plan it.",
        "`ask_human`: ask and stop. ",
    ),
    Purpose.ASK: ("role_ask", "Somebody has a question about the repository `{}`. You answer it.", ""),
    Purpose.REVIEW: (
        "role_review",
        "Somebody wants a pull request in the repository `{}` reviewed. You review it.",
        "`report_finding`: tell one thing that is wrong. ",
    ),
}
"""Of each purpose that only reads: the file with its rules, who the agent is, and its tools besides the usual ones."""


def reading_prompt(
    purpose: Purpose,
    *,
    repository: str,
    base_branch: str,
    commit: str,
    limits: Limits,
    instructions: Mapping[str, str] | None = None,
) -> str:
    """Return the system prompt of an agent that changes nothing: it makes a plan, answers a question, or reviews."""
    name, role, more_tools = READERS[purpose]
    return fill(
        "system_reading",
        role=role.format(repository),
        repository=repository,
        base_branch=plain_name(base_branch),
        commit=commit,
        more_tools=more_tools,
        limits=_limits(limits),
        how=fill(name),
        whose_word=fill("whose_word"),
        instructions=_instructions(instructions or {}),
    )


def _limits(limits: Limits) -> str:
    return f"${limits.dollars:.2f}, {limits.tokens:,} tokens, {limits.steps} steps, {limits.minutes:g} minutes"


def _network(hosts: Sequence[str]) -> str:
    if not hosts:
        return "closed. Nothing can be downloaded; work with what is there, and say so if that is not enough."
    listed = ", ".join(f"`{host}`" for host in hosts)
    return f"closed, except for {listed} by HTTPS through the proxy that is set in the environment."


def _checks(checks: Sequence[str]) -> str:
    if not checks:
        return "No check command was found for this repository; find out how it is tested and say what you ran."
    listed = readable("\n\n".join(command.strip() for command in checks)).strip()
    return fill("checks", mark=mark(listed), text=listed)


def _instructions(files: Mapping[str, str]) -> str:
    # Who approved a change of this file did not see what is unseen in it.
    seen = {path: strip_invisible(readable(text))[0] for path, text in files.items()}
    given = {path: cut(text, INSTRUCTIONS_LIMIT).strip() for path, text in seen.items()}
    parts = [fill("instructions", path=path, mark=mark(text), text=text) for path, text in given.items() if text]
    return "\n\n".join(parts)


OPENINGS = {
    Purpose.WORK: "asked_work",
    Purpose.PLAN: "asked_plan",
    Purpose.ASK: "asked_ask",
    Purpose.REVIEW: "asked_review",
}


def request_message(
    *,
    repository: str,
    subject: Subject,
    title: str,
    text: str,
    asked_by: str,
    purpose: Purpose = Purpose.WORK,
    earlier: str = "",
    followed: str = "",
    plan: str = "",
) -> Message:
    """Return the first user message.

    ``earlier`` is what is known of earlier work that is not in the workspace, ``followed`` of earlier work that is;
    ``plan`` is the agent's own, which people approved.
    """
    title, text = readable(title).replace("\n", " ").strip(), cut(readable(text), TEXT_LIMIT).strip()
    place = f"{subject.kind} #{subject.number} of `{repository}`" if subject.number else f"`{repository}`"
    more = {"earlier": earlier, "followed": followed, "approved_plan": plan}
    content = fill(
        "request",
        opening=fill(OPENINGS[purpose], asked_by=asked_by, subject=place),
        mark=mark(title, text),
        title=title,
        text=text or "(no description)",
        more="\n\n".join(_fenced(part, known, EARLIER_LIMIT) for part, known in more.items() if known.strip()),
    )
    return {"role": "user", "content": [{"type": "text", "text": content}]}


def followed_work(text: str) -> str:
    """Tell the agent of earlier work that its workspace has."""
    return _fenced("followed", text, EARLIER_LIMIT)


def steering(text: str) -> str:
    """Announce what a person wrote to the running task."""
    return _fenced("steering", text, TEXT_LIMIT)


def reviewed(remarks: str) -> str:
    """Hand the reviewer's remarks to the agent."""
    return _fenced("reviewed", remarks, EARLIER_LIMIT)


def checks_failed(checks: Sequence[Check]) -> str:
    """Tell the agent which of the harness's checks failed, with their output."""
    return fill("checks_failed", checks=described(checks))


def refused_patch(reason: str) -> str:
    """Tell the agent why its work cannot be published."""
    return _fenced("refused_patch", reason, CHECK_LIMIT)


def described(checks: Sequence[Check]) -> str:
    """Return the harness's record of its checks for a model: all results, and the output of those that failed."""
    return "\n\n".join(_described(check) for check in checks) or "No check command was known, so none was run."


def _described(check: Check) -> str:
    counts = {"passed": check.passed, "failed": check.failed, "skipped": check.skipped}
    told = ", ".join(f"{number} {name}" for name, number in counts.items() if number is not None)
    head = f"Exit code {check.exit_code} after {check.seconds:.1f} s{told and f': {told}'}."
    # The command may come from the log of a failed run, and so from anybody.
    command = readable(check.command).strip()
    if not check.exit_code:
        return _between(f"{head} The command:", command)
    output = cut(readable(check.output), CHECK_LIMIT).strip() or "(no output)"
    return _between(f"{head} The command, and its output:", f"{command}\n\n{output}")


def _between(head: str, text: str) -> str:
    sign = mark(text)
    return f"{head}\n===== {sign} begins =====\n{text}\n===== {sign} ends ====="


def _fenced(prompt: str, text: str, limit: int) -> str:
    clean = cut(readable(text), limit).strip()
    return fill(prompt, mark=mark(clean), text=clean)

"""The parts that comment, check run and pull request share: evidence, receipt, what was blocked, the plan."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from jobs.answer.words import count, duration, money, thousands
from jobs.text import cell, code, fence, line, neutralise, strip_controls, strip_invisible

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from jobs.answer.view import TaskView
    from jobs.types import BlockedRequest, Check, Outcome, PlanItem

_PLAN_ITEMS = 30
_CHECKS = 20
_HOSTS = 10
_FILES = 30
_REMOVED = 12
_HTTPS = 443
_HOST = re.compile(r"(?=.{1,253}\Z)[a-z0-9](?:[a-z0-9.\-]*[a-z0-9])?\.[a-z][a-z0-9\-]*[a-z0-9]\Z")

HOW_TO_ALLOW = (
    "To allow them, add these lines to `.github/opus67.yml` on the default branch "
    "(under `setup` instead of `work` where only the set-up commands need them):"
)
NO_CHECKS = (
    "No checks were run: this repository names none, and none could be found in its files. "
    "Name them under `checks` in `.github/opus67.yml`, for example `checks: [make test]`."
)
EVIDENCE_NOTE = "Recorded by the harness that ran the commands, not told by the model."
TICKS = {"done": "- [x] {}", "in_progress": "- [ ] **{}** \u2190 now"}


def plan(items: Sequence[PlanItem]) -> str:
    """Return the plan as a list with ticks."""
    lines = [TICKS.get(item.state, "- [ ] {}").format(line(item.text, 200)) for item in items[:_PLAN_ITEMS]]
    if len(items) > _PLAN_ITEMS:
        lines.append(f"- \u2026 and {count(len(items) - _PLAN_ITEMS, 'more item')}")
    return "\n".join(lines)


def approved(view: TaskView) -> str:
    """Return the plan that people approved, to open with a click; empty where there was none."""
    plan_text = neutralise(view.approved_plan, limit=10_000)
    return details("The plan that was approved", plan_text) if plan_text.strip() else ""


def evidence(checks: Sequence[Check], output_limit: int = 3_000) -> str:
    """Return the harness's record as a table, and the end of the output of what failed."""
    if not checks:
        return NO_CHECKS
    rows = ["| Command | Result | Tests | Time |", "|---|---|---|--:|"]
    rows += [_evidence_row(check) for check in checks[:_CHECKS]]
    if len(checks) > _CHECKS:
        failed = sum(check.exit_code != 0 for check in checks[_CHECKS:])
        rows.append(f"| \u2026 and {count(len(checks) - _CHECKS, 'more command')} | {failed} failed | | |")
    parts = ["\n".join(rows), f"<sub>{EVIDENCE_NOTE}</sub>"]
    for check in [check for check in checks if check.exit_code != 0][:3]:
        output = fence(check.output[-output_limit:], "", output_limit)
        parts.append(details(f"Output of {_html_code(check.command)}", output))
    return "\n\n".join(parts)


def _evidence_row(check: Check) -> str:
    mark = "\u2705 passed" if check.exit_code == 0 else f"\u274c exit code {check.exit_code}"
    return f"| {code(check.command, 120, table=True)} | {mark} | {_counts(check)} | {duration(check.seconds)} |"


def _counts(check: Check) -> str:
    named = (("passed", check.passed), ("failed", check.failed), ("skipped", check.skipped))
    return ", ".join(f"{number:,} {name}" for name, number in named if number) or "\u2013"


def blocked(requests: Iterable[BlockedRequest]) -> str:
    """Return what the sandbox was refused, with the exact lines that would allow it; empty when there was nothing."""
    refused = tuple(requests)
    if not refused:
        return ""
    hosts = list(dict.fromkeys((request.host, request.port) for request in refused))
    first = {(request.host, request.port): request for request in reversed(refused)}
    rows = ["| Host | Asked by | Why not |", "|---|---|---|"]
    for key in hosts[:_HOSTS]:
        request = first[key]
        name = request.host if request.port == _HTTPS else f"{request.host}:{request.port}"
        asked = code(request.command, 80, table=True) if request.command else "\u2013"
        rows.append(f"| {code(name, 100, table=True)} | {asked} | {cell(request.reason, 160)} |")
    if len(hosts) > _HOSTS:
        rows.append(f"| \u2026 and {count(len(hosts) - _HOSTS, 'more host')} | | |")
    names = [host.lower() for host, port in hosts if port == _HTTPS and _HOST.match(host.lower())]
    return "\n\n".join(["\n".join(rows), *_cure(list(dict.fromkeys(names))[:_HOSTS])])


def _cure(hosts: list[str]) -> list[str]:
    if not hosts:
        return []
    lines = "\n".join(f"    - {host}" for host in hosts)
    return [
        HOW_TO_ALLOW,
        f"```yaml\nhosts:\n  work:\n{lines}\n```",
    ]


def receipt(view: TaskView) -> str:
    """Return in one line what the work cost."""
    outcome, limits = view.outcome, view.task.limits
    cost = max(outcome.cost if outcome else 0.0, view.cost)
    parts = [f"{money(cost)} of {money(limits.dollars)}"]
    if outcome and outcome.steps:
        parts.append(count(outcome.steps, "step"))
    if outcome and outcome.usage.total:
        cached = outcome.usage.cache_read_tokens
        note = f" ({thousands(cached)} from the cache)" if cached else ""
        parts.append(f"{thousands(outcome.usage.total)} tokens{note}")
    if outcome and outcome.models:
        parts.append(", ".join(code(model, 60) for model in outcome.models[:4]))
    if view.elapsed_seconds >= 1:
        parts.append(duration(view.elapsed_seconds))
    return " \u00b7 ".join(parts)


def files(outcome: Outcome) -> str:
    """Return the changed files with their lines; empty without a patch."""
    patch = outcome.patch
    if patch is None or not patch.files:
        return ""
    rows = ["| File | Lines |", "|---|--:|"]
    words = {"A": " (new)", "D": " (deleted)", "R": " (renamed)", "T": " (type changed)"}
    for file in patch.files[:_FILES]:
        name = f"{code(file.path, 160, table=True)}{words.get(file.status, '')}"
        rows.append(f"| {name} | +{file.additions:,} \u2212{file.deletions:,} |")
    if len(patch.files) > _FILES:
        rows.append(f"| \u2026 and {count(len(patch.files) - _FILES, 'more file')} | |")
    return "\n".join(rows)


def removed(view: TaskView) -> str:
    """Return what was hidden in the text that the task was asked with; empty when nothing was."""
    items = view.task.removed
    if not items:
        return ""
    lines = "\n".join(f"- {line(item, 400)}" for item in items[:_REMOVED])
    return details(
        "Parts of the text that people do not see were left out",
        f"The agent did not read these; what it worked from is what you see.\n\n{lines}",
    )


def details(summary: str, body: str) -> str:
    """Return a section that opens on a click; ``summary`` is HTML, ``body`` Markdown."""
    return f"<details><summary>{summary}</summary>\n\n{body}\n\n</details>"


def _html_code(text: str) -> str:
    line = " ".join(strip_invisible(strip_controls(text))[0].split())[:100]
    return f"<code>{line.replace('&', '&amp;').replace('<', '&lt;').replace('>', '&gt;')}</code>"

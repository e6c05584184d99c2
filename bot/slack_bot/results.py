"""What a run left behind, for a message: the harness's checks, the changed files, the receipt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.slack_bot import kit
from jobs.answer.words import count, duration, money, thousands

if TYPE_CHECKING:
    from bot.slack_bot.kit import JSON
    from jobs.answer.view import TaskView
    from jobs.types import Check, FileChange

_CHECKS = 8
_FILES = 10
_COMMAND = 100
_PATH = 100
NO_CHECKS = "No checks were run: this repository names none, and none could be found in its files."
_STATUS = {"A": " (new)", "D": " (deleted)", "R": " (renamed)", "T": " (type changed)"}


def checks(view: TaskView, most: int = _CHECKS) -> list[JSON]:
    """Return the harness's own record of the checks, the failed ones first."""
    outcome = view.outcome
    if outcome is None or not outcome.evidence:
        return kit.rich(kit.section(kit.words(NO_CHECKS))) if view.pull_request else []
    ordered = sorted(outcome.evidence, key=lambda check: check.exit_code == 0)
    lines = kit.words("Checks, recorded by the harness that ran them", bold=True)
    for check in ordered[:most]:
        lines += [*kit.words("\n"), *_check(check)]
    if len(ordered) > most:
        failed = sum(check.exit_code != 0 for check in ordered[most:])
        lines += kit.words(f"\n\u2026 and {count(len(ordered) - most, 'more command')}, {failed} failed")
    return kit.rich(kit.section(lines))


def files(view: TaskView, most: int = _FILES) -> list[JSON]:
    """Return what the patch changes: all in one line, and the first files."""
    patch = view.outcome.patch if view.outcome else None
    if patch is None or not patch.files:
        return []
    total = f"{count(len(patch.files), 'file')} changed, +{patch.additions:,} \u2212{patch.deletions:,}"
    lines = kit.words(total, bold=True)
    for file in patch.files[:most]:
        lines += [*kit.words("\n"), *_file(file)]
    if len(patch.files) > most > 0:
        lines += kit.words(f"\n\u2026 and {count(len(patch.files) - most, 'more file')}")
    return kit.rich(kit.section(lines))


def receipt(view: TaskView) -> str:
    """Return in one line what the work cost."""
    outcome, limits = view.outcome, view.task.limits
    cost = max(outcome.cost if outcome else 0.0, view.cost)
    parts = [f"{money(cost)} of {money(limits.dollars)}", duration(view.elapsed_seconds)]
    if outcome and outcome.steps:
        parts.append(count(outcome.steps, "step"))
    if outcome and outcome.usage.total:
        parts.append(f"{thousands(outcome.usage.total)} tokens")
    if outcome and outcome.models:
        parts.append(", ".join(kit.one_line(model, 60) for model in outcome.models[:3]))
    return " \u00b7 ".join(parts)


def _check(check: Check) -> list[JSON]:
    told = (("passed", check.passed), ("failed", check.failed), ("skipped", check.skipped))
    counts = ", ".join(f"{number:,} {name}" for name, number in told if number)
    ended = "passed" if check.exit_code == 0 else f"exit code {check.exit_code}"
    more = " \u00b7 ".join(part for part in (counts or ended, duration(check.seconds)) if part)
    mark = "\u2705" if check.exit_code == 0 else "\u274c"
    command = kit.words(kit.one_line(check.command, _COMMAND), code=True)
    return [*kit.words(f"{mark} "), *command, *kit.words(f" {more}")]


def _file(file: FileChange) -> list[JSON]:
    path = kit.words(kit.one_line(file.path, _PATH), code=True)
    lines = f" +{file.additions:,} \u2212{file.deletions:,}{_STATUS.get(file.status, '')}"
    return [*path, *kit.words(lines)]

"""Merges the base branch into a pull request of ours; a model is asked only where git cannot do it alone."""

from __future__ import annotations

import time
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from jobs import workspace
from jobs.agent.requests import conflicts_asked, conflicts_message
from jobs.kinds.base import find_base
from jobs.kinds.change import judged, publish_work, take_out, work_at
from jobs.kinds.continued import opening
from jobs.kinds.preparing import bench, keep_work
from jobs.kinds.running import Assignment, earlier_work
from jobs.kinds.tokens import run_token
from jobs.kinds.verifying import Verifier
from jobs.types import Conclusion, Outcome

if TYPE_CHECKING:
    from jobs.execute import Attempt
    from jobs.kinds.base import Base
    from jobs.kinds.preparing import Bench
    from jobs.types import Message

MERGING = "merging"
SETTLE_SECONDS = 6.0
"""How long GitHub is given to find out whether the pull request can be merged."""


def resolve(attempt: Attempt) -> Outcome:
    """Bring the branch of our pull request up to date with its base, or say why there is nothing to do."""
    task, runs = attempt.task, attempt.services.store.runs
    stored = runs.stage(task.id, "worked")
    if stored is not None:
        return publish_work(attempt, Outcome.load(stored))
    needless = _needless(attempt)
    if needless:
        return Outcome(Conclusion.NEUTRAL, needless)
    with bench(attempt) as opened:
        outcome = _merge(attempt, opened)
    runs.finish_stage(task.id, task.attempt, "worked", asdict(outcome), time.time())
    return publish_work(attempt, outcome)


def _needless(attempt: Attempt) -> str:
    """Say why nothing has to be merged, or cannot be, by what GitHub tells now; empty where it has to be."""
    task, services = attempt.task, attempt.services
    if services.store.runs.stage(task.id, "prepared") is None and (why := _not_now(attempt)):
        return why
    with run_token(attempt, "read") as token:
        base = find_base(attempt, token)
    if not base.merges:
        return base.words or f"There is no open pull request from `{task.onto}` any more, so nothing was merged."
    if workspace.contains(services.mirror, task.repository, base.commit, base.merges):
        return f"The branch has everything that `{base.branch}` has already."
    return ""


def _not_now(attempt: Attempt) -> str:
    task = attempt.task
    pull = attempt.repository.pull_request(_number(attempt), settle=SETTLE_SECONDS)
    if pull.state != "open":
        return f"Pull request #{pull.number} is {pull.state}, so nothing was merged into it."
    if not task.onto or pull.branch != task.onto or pull.head_repository.lower() != task.repository.lower():
        return (
            f"The branch of pull request #{pull.number} is not mine, so I do not push to it. "
            "Whoever made it can merge the base into it, on GitHub or with git."
        )
    if pull.mergeable and not task.about.get("asked"):
        return f"Pull request #{pull.number} does not conflict with `{pull.base}` any more."
    return ""


def _merge(attempt: Attempt, opened: Bench) -> Outcome:
    """Have git merge in the sandbox, and the agent finish what git cannot."""
    task, runs, base = attempt.task, attempt.services.store.runs, opened.base
    known = runs.stage(task.id, MERGING)
    if known is None or runs.checkpoint(task.id) is None:
        known = {"paths": list(workspace.merge(opened.sandbox, base.commit, base.merges))}
        runs.finish_stage(task.id, task.attempt, MERGING, known, time.time())
        keep_work(attempt, opened)
    paths = [str(path) for path in known["paths"]]
    outcome = _finished(attempt, opened, paths) if paths else _clean(attempt, opened)
    return replace(outcome, title=f"Merge {base.branch} into {base.target}")


def _clean(attempt: Attempt, opened: Bench) -> Outcome:
    """Check what git merged by itself; nobody is asked."""
    base, verifier = opened.base, Verifier(attempt, opened)
    verifier.check_once_more()
    merged = f"`{base.branch}` (at {base.merges[:12]}) is merged into the branch."
    summary = f"{merged} Nothing conflicted, and no model was asked."
    return take_out(attempt, opened, verifier, judged(verifier, summary, ""))


def _finished(attempt: Attempt, opened: Bench, paths: list[str]) -> Outcome:
    base = opened.base
    before, request = opening(attempt, base, lambda known: _request(attempt, base, paths, known=known))
    asked = conflicts_asked(base.branch, paths)
    outcome = work_at(attempt, opened, Assignment(request=request, before=before, asked=asked))
    listed = ", ".join(f"`{path}`" for path in paths[:10]) + (" and more" if len(paths) > 10 else "")  # noqa: PLR2004 - ten are enough to see
    merged = f"`{base.branch}` (at {base.merges[:12]}) is merged into the branch; there were conflicts in {listed}."
    return replace(outcome, summary=f"{merged}\n\n{outcome.summary}")


def _request(attempt: Attempt, base: Base, paths: list[str], *, known: bool) -> Message:
    task, mirror = attempt.task, attempt.services.mirror
    return conflicts_message(
        repository=task.repository,
        number=_number(attempt),
        branch=base.target,
        base=base.branch,
        merges=base.merges,
        files=paths,
        ours=workspace.titles(mirror, task.repository, base.commit, without=base.merges),
        theirs=workspace.titles(mirror, task.repository, base.merges, without=base.commit),
        followed="" if known else earlier_work(attempt),
    )


def _number(attempt: Attempt) -> int:
    return int(attempt.task.about.get("pull") or attempt.task.subject.number)

"""From what somebody asked for to a draft pull request; each stage's product is stored, and none is done twice."""

from __future__ import annotations

import time
from dataclasses import asdict, replace
from functools import partial
from typing import TYPE_CHECKING

from jobs.kinds.base import find_base
from jobs.kinds.endings import stopped
from jobs.kinds.journal import StoredJournal
from jobs.kinds.planning import make_plan
from jobs.kinds.preparing import bench, keep_work, text_of_work
from jobs.kinds.publishing import Work, keep_as_branch, keep_as_patch, publish
from jobs.kinds.running import PLAIN, run_agent
from jobs.kinds.tokens import run_token
from jobs.kinds.verifying import Verifier
from jobs.types import (
    Approval,
    Conclusion,
    LimitReached,
    LoopDetected,
    ModelError,
    NeedsApproval,
    Outcome,
    PatchRefused,
    UserError,
)

if TYPE_CHECKING:
    from jobs.execute import Attempt
    from jobs.kinds.preparing import Bench
    from jobs.kinds.running import Assignment

BUNDLE = "bundle"
PUBLISHED = ("pushed", "published")
"""The stages of the kinds that go on after their work was pushed."""
NOTHING = "Nothing was changed, so there is no pull request."


def change(attempt: Attempt) -> Outcome:
    """Do the work, or take it up where an earlier attempt left it, and publish it; where people want a plan, plan."""
    task, runs = attempt.task, attempt.services.store.runs
    if task.approval in {Approval.WANTED, Approval.ASKED}:
        try:
            raise NeedsApproval(make_plan(attempt))
        except (LimitReached, LoopDetected) as end:
            return stopped(end)
    stored = runs.stage(task.id, "worked")
    if stored is None:
        with bench(attempt) as opened:
            outcome = work_at(attempt, opened)
        runs.finish_stage(task.id, task.attempt, "worked", asdict(outcome), time.time())
    else:
        outcome = Outcome.load(stored)
    return publish_work(attempt, outcome)


def salvage(attempt: Attempt, outcome: Outcome) -> Outcome:
    """Push the last checkpoint of a run that failed to its branch, without a pull request, and say so."""
    runs, task = attempt.services.store.runs, attempt.task
    bundle = runs.checkpoint(task.id)
    if bundle is None or outcome.kept or outcome.salvage:
        return outcome
    if any(runs.stage(task.id, stage) is not None for stage in PUBLISHED):
        return outcome  # what failed came after the push
    with run_token(attempt, "write") as token:
        return keep_as_branch(attempt, token, Work(find_base(attempt, token), bundle, outcome))


def work_at(attempt: Attempt, opened: Bench, assignment: Assignment = PLAIN) -> Outcome:
    """Let the agent work at a bench; whatever ends it, what it changed is stored before the sandbox goes.

    The outcome is for ``publish_work``: where there is work to publish, its ``kept`` says so.
    """
    verifier = Verifier(attempt, opened, asked=assignment.asked, first=assignment.on_finish)
    try:
        outcome = _agent(attempt, opened, verifier, assignment)
    except LimitReached as limit:
        outcome = _stopped(attempt, verifier, limit)
    except LoopDetected as loop:
        outcome = _stopped(attempt, verifier, loop)
    except ModelError as error:
        outcome = Outcome(Conclusion.FAILURE, str(error), draft_reason=f"No model could go on: {error}")
    return take_out(attempt, opened, verifier, outcome)


def take_out(attempt: Attempt, opened: Bench, verifier: Verifier, outcome: Outcome) -> Outcome:
    """Take the work out of the sandbox; ``kept`` says for the next stage that there is a bundle to publish."""
    outcome = replace(outcome, blocked=opened.sandbox.blocked() + verifier.verdict.blocked)
    try:
        changed = keep_work(attempt, opened)
    except PatchRefused as refused:
        summary = f"The work cannot be published. {refused}\n\n{outcome.summary}"
        kept, text = "The part of the patch that fits, below.", text_of_work(opened)
        return replace(outcome, conclusion=Conclusion.ACTION_REQUIRED, summary=summary, kept=kept, salvage=text)
    if not changed:
        return outcome
    return replace(outcome, evidence=verifier.verdict.evidence, review=verifier.verdict.review, kept=BUNDLE)


def _agent(attempt: Attempt, opened: Bench, verifier: Verifier, assignment: Assignment) -> Outcome:
    keep = partial(keep_work, attempt, opened)
    journal = StoredJournal(attempt, keep, outlives=opened.sandbox.outlives, notice=opened.notice)
    finish = run_agent(
        attempt,
        opened,
        journal,
        assignment.purpose,
        verifier,
        request=assignment.request,
        hear=assignment.hear,
        before=assignment.before,
        worked_seconds=assignment.worked_seconds,
    )
    return judged(verifier, finish.summary, finish.title)


def judged(verifier: Verifier, summary: str, title: str) -> Outcome:
    """Return the outcome of work that came to its end, as the checks judge it."""
    evidence = verifier.verdict.evidence
    failed = [check.command for check in evidence if check.exit_code != 0]
    reason = f"{', '.join(f'`{command}`' for command in failed)} failed" if failed else ""
    conclusion = Conclusion.NEUTRAL if failed or not evidence else Conclusion.SUCCESS
    return Outcome(conclusion, summary, title=title, draft_reason=reason)


def _stopped(attempt: Attempt, verifier: Verifier, end: LimitReached | LoopDetected) -> Outcome:
    """End a run that a limit or a loop stopped: the checks run once more on what there is, so that people can judge."""
    verifier.check_once_more()
    plan = attempt.services.store.tasks.row(attempt.task.id).plan
    done = [item["text"] for item in plan if item["state"] == "done"]
    left = [item["text"] for item in plan if item["state"] != "done"]
    parts = [str(end)]
    parts += [f"Done so far: {'; '.join(done)}."] if done else []
    parts += [f"Still open: {'; '.join(left)}."] if left else []
    return replace(stopped(end), summary="\n\n".join(parts), draft_reason=str(end))


def publish_work(attempt: Attempt, outcome: Outcome) -> Outcome:
    """Publish what ``work_at`` left, or say what became of it."""
    if outcome.salvage:
        return outcome
    bundle = attempt.services.store.runs.checkpoint(attempt.task.id) if outcome.kept == BUNDLE else None
    outcome = replace(outcome, kept="")
    if bundle is None:
        return _nothing(outcome)
    try:
        with run_token(attempt, "write") as token:
            base = find_base(attempt, token)
            attempt.teller.sha = base.commit
            outcome = replace(outcome, summary="\n\n".join(filter(None, [outcome.summary, base.words, base.hidden])))
            ready = Work(base, bundle, outcome)
            if outcome.conclusion is Conclusion.FAILURE and outcome.draft_reason.startswith("No model"):
                return keep_as_branch(attempt, token, ready)
            return publish(attempt, token, ready)
    except UserError as refused:
        return keep_as_patch(attempt, bundle, outcome, str(refused))


def _nothing(outcome: Outcome) -> Outcome:
    """End a run that changed nothing: with the agent's reasons, or with what stopped it."""
    if outcome.draft_reason and outcome.conclusion is not Conclusion.SUCCESS:
        conclusion = outcome.conclusion if outcome.conclusion is not Conclusion.NEUTRAL else Conclusion.FAILURE
        return replace(outcome, conclusion=conclusion, summary=f"{outcome.summary}\n\n{NOTHING}")
    summary = outcome.summary or "The agent found nothing to change, and gave no reason."
    return replace(outcome, conclusion=Conclusion.NEUTRAL, summary=f"{summary}\n\n{NOTHING}")

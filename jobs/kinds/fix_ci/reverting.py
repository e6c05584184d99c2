"""Taking back: the commit that brought a failure, where the mend does not reach it; and a mend that made it worse."""

from __future__ import annotations

import base64
import re
import time
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from jobs import workspace
from jobs.kinds.change import BUNDLE
from jobs.kinds.fix_ci import counting, words
from jobs.kinds.fix_ci.case import SHOWN
from jobs.kinds.preparing import clean_room, set_up
from jobs.kinds.publishing import PATCH_LIMIT, Work, publish
from jobs.kinds.tokens import run_token
from jobs.kinds.verifying import CHECK_SECONDS, record
from jobs.text import code
from jobs.types import Check, Conclusion, Outcome, PatchRefused
from jobs.workspace import PushConflict, Quarantine

if TYPE_CHECKING:
    from jobs.execute import Attempt
    from jobs.kinds.base import Base
    from jobs.kinds.fix_ci.diagnosing import Known
    from jobs.kinds.fix_ci.reproducing import Before
    from jobs.types import Sandbox

REVERTED, TAKEN_BACK = "reverted", "taken_back"
SURE = 0.85
"""A commit is named as the cause of a revert from this confidence on."""
GIT_SECONDS = 120.0
BUNDLE_LIMIT = 4_000_000
"""Larger reverts are left to people: the bundle is kept in the database until it is pushed."""
TRIED = "The mend that was tried before, which did not come to green; its patch is below."

_COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True, slots=True)
class Reverted:
    """A revert that was made and checked, as it is kept until it is pushed; no bundle where there is none to push."""

    outcome: Outcome
    bundle: bytes


def revert_of_culprit(attempt: Attempt, base: Base, known: Known, before: Before, tried: Outcome) -> Reverted | None:
    """Revert the commit that brought the failure, where that is clear and shows green in a fresh sandbox; done once."""
    task, runs = attempt.task, attempt.services.store.runs
    stored = runs.stage(task.id, REVERTED)
    if stored is None:
        made = _revert(attempt, base, known, before, tried)
        stored = {"outcome": asdict(made.outcome), "bundle": base64.b64encode(made.bundle).decode()} if made else {}
        runs.finish_stage(task.id, task.attempt, REVERTED, stored, time.time())
    if not stored:
        return None
    return Reverted(Outcome.load(stored["outcome"]), base64.b64decode(stored["bundle"]))


def publish_revert(attempt: Attempt, base: Base, made: Reverted) -> Outcome:
    """Open the draft pull request of a revert; the mend that was tried stays in the comment as a patch."""
    with run_token(attempt, "write") as token:
        attempt.teller.sha = base.commit
        published = publish(attempt, token, Work(base, made.bundle, replace(made.outcome, salvage="")))
    if not published.pull_request or published.salvage or not made.outcome.salvage:
        return published
    return replace(published, salvage=made.outcome.salvage, kept=published.kept or TRIED)


def _revert(attempt: Attempt, base: Base, known: Known, before: Before, tried: Outcome) -> Reverted | None:
    culprit = known.diagnosis.culprit
    if culprit is None or known.diagnosis.confidence < SURE or not _COMMIT.fullmatch(culprit.sha):
        return None
    with clean_room(attempt, base, None) as room:
        bundle = _bundle_of_revert(room, base, culprit.sha)
        if bundle is None:
            return None
        if set_up(attempt, room, base) is not None:
            return None
        room.allow(base.config.hosts.work)
        checks = _checked(attempt, room, base, before)
    if not checks or any(check.exit_code != 0 for check in checks):
        return None
    author = f" by {code(culprit.author, 60)}" if culprit.author else ""
    summary = (
        f"Commit {code(culprit.sha[:SHOWN])} ({code(culprit.title, 150)}){author} brought the failure, and no mend was "
        "found with which the checks pass. This takes the commit back, so that the branch is green again while "
        f"somebody looks at it.\n\n{words.evidence(known.diagnosis, before, checks)}"
    )
    outcome = Outcome(Conclusion.SUCCESS, summary, title=words.revert_title(culprit.title), evidence=checks)
    return Reverted(replace(outcome, salvage=_patch_of(attempt, base, tried)), bundle)


def _bundle_of_revert(room: Sandbox, base: Base, sha: str) -> bytes | None:
    """Revert a commit in a fresh checkout and take the result out; None where that is not possible or too large."""
    parents = room.run(f"git rev-list --parents -n 1 {sha}", timeout=GIT_SECONDS).output.split()[1:]
    if len(parents) not in {1, 2}:
        return None
    mainline = "-m 1 " if len(parents) > 1 else ""
    if room.run(f"git revert --no-edit --no-commit {mainline}{sha}", timeout=GIT_SECONDS).exit_code != 0:
        return None
    try:
        bundle = workspace.export(room, base.commit)
    except PatchRefused:
        return None
    return bundle if bundle is not None and len(bundle) <= BUNDLE_LIMIT else None


def _checked(attempt: Attempt, room: Sandbox, base: Base, before: Before) -> tuple[Check, ...]:
    """Run the failing command and the repository's checks."""
    evidence = []
    for command in dict.fromkeys(filter(None, (before.command, *base.checks))):
        attempt.lease.check()
        evidence.append(record(command, room.run(command, timeout=CHECK_SECONDS)))
    return tuple(evidence)


def _patch_of(attempt: Attempt, base: Base, tried: Outcome) -> str:
    """Return the mend that was tried as text, so that what was paid for is not lost."""
    bundle = attempt.services.store.runs.checkpoint(attempt.task.id) if tried.kept == BUNDLE else None
    if bundle is None:
        return tried.salvage
    quarantine = Quarantine(attempt.services.mirror, attempt.task.repository, attempt.task.id)
    try:
        return quarantine.diff_text(bundle, base=base.commit, limit=PATCH_LIMIT)
    finally:
        quarantine.discard()


def take_back(attempt: Attempt, base: Base, pushed: str, original: str, told: tuple[str, str]) -> Outcome:
    """Put the branch back to the tree that it had before our commits, by one more commit on top; never by force.

    ``base`` is what the last round started from, ``original`` the commit before our first. The bundle is kept before
    it is pushed: whoever takes over pushes the same commit. ``told`` is the ending where that was done, and where
    somebody pushed meanwhile: then nothing is, neither there nor on a branch beside.
    """
    task, runs = attempt.task, attempt.services.store.runs
    with run_token(attempt, "write") as token:
        for sha in (pushed, original):
            attempt.services.mirror.fetch(task.repository, token.value, want=sha)
        now = replace(base, commit=pushed, expected=pushed, merges="")
        stored = runs.stage(task.id, TAKEN_BACK)
        if stored is None:
            bundle = _bundle_of_tree(attempt, now, original)
            stored = {"bundle": base64.b64encode(bundle).decode()}
            runs.finish_stage(task.id, task.attempt, TAKEN_BACK, stored, time.time())
        outcome = Outcome(
            Conclusion.ACTION_REQUIRED, told[0], title=words.revert_title(f"{words.PREFIX} {pushed[:SHOWN]}")
        )
        bundle = base64.b64decode(stored["bundle"])
        try:
            outcome = publish(attempt, token, Work(now, bundle, outcome, beside=False)) if bundle else outcome
        except PushConflict:
            return replace(outcome, summary=told[1], title="")
        counting.leave_alone(attempt, outcome.patch.commit if outcome.patch else pushed)
        return outcome


def _bundle_of_tree(attempt: Attempt, now: Base, original: str) -> bytes:
    with clean_room(attempt, now, None) as room:
        room.run(f"git read-tree -u --reset {original}", timeout=GIT_SECONDS)
        return workspace.export(room, now.commit) or b""

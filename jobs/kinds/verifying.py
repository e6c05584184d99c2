"""The harness's own eyes: the repository's checks after each ``finish``, and one review by a fresh context."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from jobs import workspace
from jobs.agent import prompts
from jobs.agent.counts import parse_counts
from jobs.agent.review import review
from jobs.kinds.journal import VERDICT, approved_plan
from jobs.kinds.preparing import budgeted, clean_room, set_up
from jobs.kinds.running import earlier_work
from jobs.lease import InterruptibleModel
from jobs.types import (
    BlockedRequest,
    Check,
    LimitReached,
    ModelAway,
    ModelError,
    PatchRefused,
    Phase,
    SandboxError,
)
from jobs.workspace import PatchRules, Quarantine

if TYPE_CHECKING:
    from collections.abc import Callable

    from jobs.agent.tools import FinishRequest
    from jobs.execute import Attempt
    from jobs.kinds.preparing import Bench
    from jobs.types import CommandResult

MORE_GOES = 2
"""How often the model gets failed checks, or a refused patch, back."""
CHECK_SECONDS = 1200.0
OUTPUT_KEPT = 6_000


@dataclass(slots=True)
class Verdict:
    """What was found so far; stored, so that another attempt does not begin to count anew.

    ``step`` is how many steps there were when the agent last said that it was done; ``checked`` says whether the checks
    ran on that, and ``answer`` is what came of it, None where that is not known yet. Whoever takes the step up says the
    same, and runs, counts and pays nothing again.
    """

    goes: int = 0
    evidence: tuple[Check, ...] = ()
    review: str = ""
    reviewed: bool = False
    step: int = 0
    checked: bool = False
    answer: str | None = None
    blocked: tuple[BlockedRequest, ...] = ()
    """What the checks asked for and did not get."""

    @property
    def passed(self) -> bool:
        """Tell whether there were checks and all of them passed."""
        return bool(self.evidence) and all(check.exit_code == 0 for check in self.evidence)


class Verifier:
    """Called at each ``finish``: None accepts the end, text goes back to the model for another go."""

    def __init__(
        self,
        attempt: Attempt,
        bench: Bench,
        *,
        asked: str = "",
        first: Callable[[FinishRequest], str | None] | None = None,
    ) -> None:
        """Take what the reviewer is told of the request, where not the task's words, and who judges before all else."""
        self._attempt, self._bench, self._asked, self._first = attempt, bench, asked, first
        stored = attempt.services.store.runs.stage(attempt.task.id, VERDICT)
        self.verdict = _load(stored) if stored else Verdict()
        self._judged = (b"", "")

    def __call__(self, request: FinishRequest) -> str | None:
        """Judge the work as it stands in the workspace."""
        sent_back = self._first(request) if self._first is not None else None
        if sent_back:
            return sent_back
        runs, task = self._attempt.services.store.runs, self._attempt.task
        step = len(runs.steps(task.id))
        if self.verdict.step == step and self.verdict.answer is not None:
            return self.verdict.answer or None
        if self.verdict.step != step:
            self.verdict.step, self.verdict.answer, self.verdict.checked = step, None, False
        try:
            bundle = workspace.export(self._bench.sandbox, self._bench.base.commit, merges=self._bench.base.merges)
        except PatchRefused as refused:
            return self._too_large(refused)
        if bundle is None:
            self.verdict.evidence = ()
            return None
        runs.save_checkpoint(task.id, task.attempt, bundle, time.time())
        self.verdict.answer = self._refused(bundle) or self._failed(bundle) or self._criticised(bundle)
        self._store()
        return self.verdict.answer or None

    def check_once_more(self) -> None:
        """Check what there is when a run is stopped, so that people can judge it."""
        try:
            bundle = workspace.export(self._bench.sandbox, self._bench.base.commit, merges=self._bench.base.merges)
            self.verdict.evidence = () if bundle is None else self._check(bundle)
        except (SandboxError, PatchRefused):
            self.verdict.evidence = ()

    def _check(self, bundle: bytes) -> tuple[Check, ...]:
        """Run the set-up and the check commands on the work alone, in a clean room, and record what they did."""
        self._phase(Phase.TESTING)
        attempt, base, evidence = self._attempt, self._bench.base, list[Check]()
        if not base.checks:
            return ()
        with clean_room(attempt, base, bundle) as room:
            failed = set_up(attempt, room, base)
            if failed is not None:
                return (record(*failed),)
            room.allow(base.config.hosts.work)
            for command in base.checks:
                attempt.lease.check()
                evidence.append(record(command, room.run(command, timeout=CHECK_SECONDS)))
            self.verdict.blocked += room.blocked()
        return tuple(evidence)

    def _too_large(self, refused: PatchRefused) -> str | None:
        """Tell the model that its work does not even fit out of the sandbox, while it has goes left."""
        if self.verdict.goes >= MORE_GOES:
            return None
        self.verdict.goes += 1
        self.verdict.answer = prompts.refused_patch(str(refused))
        self._store()
        return self.verdict.answer

    def _refused(self, bundle: bytes) -> str:
        """Tell the model while it can still mend it that a patch may not be published."""
        if self.verdict.goes >= MORE_GOES:
            return ""
        try:
            self._patch_diff(bundle)
        except PatchRefused as refused:
            self.verdict.goes += 1
            return prompts.refused_patch(str(refused))
        return ""

    def _failed(self, bundle: bytes) -> str:
        if not self.verdict.checked:
            self.verdict.evidence, self.verdict.checked = self._check(bundle), True
            self._store()
        failed = [check for check in self.verdict.evidence if check.exit_code != 0]
        if not failed or self.verdict.goes >= MORE_GOES:
            return ""
        self.verdict.goes += 1
        return prompts.checks_failed(self.verdict.evidence)

    def _criticised(self, bundle: bytes) -> str:
        """Have the patch reviewed once; remarks that ask for a revision go back once."""
        if self.verdict.reviewed:
            return ""
        self._phase(Phase.REVIEWING)
        attempt, config = self._attempt, self._bench.base.config
        try:
            diff = self._patch_diff(bundle)
            with closing(attempt.services.model(config.models.review)) as chain:
                model = budgeted(attempt, config, InterruptibleModel(chain, attempt.lease))
                found = review(
                    model, request_text=self._asked or _request(attempt), diff=diff, evidence=self.verdict.evidence
                )
        except (PatchRefused, ModelError, ModelAway, LimitReached) as error:
            self.verdict.reviewed, self.verdict.review = True, f"No review: {error}"
            return ""
        self.verdict.reviewed = True
        self.verdict.review = f"{found.verdict}: {found.remarks}".rstrip(": ")
        self.verdict.answer = ""
        if found.verdict == "revise" and found.remarks:
            self.verdict.review += "\n\n(The agent went over its work again after this.)"
            self.verdict.answer = prompts.reviewed(found.remarks)
        task, runs, brought = attempt.task, attempt.services.store.runs, (VERDICT, asdict(self.verdict))
        paid = (found.usage, found.cost, found.model)
        runs.charge(task.id, "review", *paid, time.time(), attempt=task.attempt, stage=brought)
        return self.verdict.answer

    def _patch_diff(self, bundle: bytes) -> str:
        """Return the diff of a patch that may be published, which is asked for twice; raises PatchRefused."""
        if self._judged[0] != bundle:
            self._judged = bundle, self._received(bundle)
        return self._judged[1]

    def _received(self, bundle: bytes) -> str:
        attempt, base = self._attempt, self._bench.base
        quarantine = Quarantine(attempt.services.mirror, attempt.task.repository, attempt.task.id)
        rules = PatchRules(protected=base.config.protected, secrets=attempt.services.redacted)
        patch = quarantine.receive(
            bundle,
            base=base.commit,
            message="x",
            author=("x", "x@localhost"),
            when=0,
            rules=rules,
            merges=base.merges,
        )
        quarantine.discard()
        return patch.diff

    def _phase(self, phase: Phase) -> None:
        task = self._attempt.task
        self._attempt.services.store.tasks.progress(task.id, task.attempt, phase)
        self._attempt.teller.changed()

    def _store(self) -> None:
        task, runs = self._attempt.task, self._attempt.services.store.runs
        runs.finish_stage(task.id, task.attempt, VERDICT, asdict(self.verdict), time.time())


def record(command: str, result: CommandResult) -> Check:
    """Return the harness's record of one command."""
    output = result.output[-OUTPUT_KEPT:]
    return Check(command, result.exit_code, result.seconds, output, *parse_counts(result.output))


def _load(stored: dict[str, Any]) -> Verdict:
    evidence = tuple(Check(**check) for check in stored["evidence"])
    blocked = tuple(BlockedRequest(**request) for request in stored.get("blocked", ()))
    return Verdict(**{**stored, "evidence": evidence, "blocked": blocked})


def _request(attempt: Attempt) -> str:
    """Return what was asked, with what the reviewer must know of it: earlier work, and the plan that was approved."""
    task, earlier, plan = attempt.task, earlier_work(attempt), approved_plan(attempt)
    parts = [task.title, task.text]
    parts += [f"This goes on from earlier work, which the change does not contain.\n\n{earlier}"] if earlier else []
    parts += [f"People approved this plan for it.\n\n{plan}"] if plan else []
    return "\n\n".join(parts)

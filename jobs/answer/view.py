"""What is shown of a task: everything that the answers need, gathered once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jobs.types import Diagnosis, Outcome, PlanItem, Task


@dataclass(frozen=True, slots=True)
class TaskView:
    """A task as it is now, for people.

    ``percent`` is of the plan, ``cost`` in US dollars; ``note`` is one sentence about what just happened, such as a
    restarted worker; ``ahead`` is how many tasks come first while it is queued; ``speakers`` are the GitHub logins of
    the people who steered the task or answered it; ``approved_plan`` is the plan that people let it carry out.
    """

    task: Task
    plan: tuple[PlanItem, ...] = ()
    percent: int = 0
    elapsed_seconds: float = 0.0
    cost: float = 0.0
    outcome: Outcome | None = None
    page_url: str = ""
    pull_request_url: str = ""
    check_run_url: str = ""
    note: str = ""
    ahead: int = 0
    merged: str = ""
    """The words about the merge of the pull request, once the bot merged it."""
    speakers: tuple[str, ...] = ()
    approved_plan: str = ""
    rests: bool = False
    """Whether the queued task waits for something that is away; ``note`` says for what and until when."""
    diagnosis: Diagnosis | None = None
    """What is known of the red run that the task is about."""

    @property
    def pull_request(self) -> str:
        """The URL of the draft pull request, once there is one."""
        return (self.outcome.pull_request if self.outcome else "") or self.pull_request_url

    @property
    def checks_passed(self) -> bool:
        """Whether the harness ran checks, all of them passed, and nothing else makes the work incomplete."""
        outcome = self.outcome
        if outcome is None or outcome.draft_reason or not outcome.evidence:
            return False
        return all(check.exit_code == 0 for check in outcome.evidence)

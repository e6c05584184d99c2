"""Makes a plan that people approve before the work begins; nothing that it changes leaves its sandbox."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from jobs.agent.tools import Purpose
from jobs.agent.transcript import is_answered
from jobs.kinds.journal import StoredJournal
from jobs.kinds.preparing import reading_room
from jobs.kinds.running import run_agent

if TYPE_CHECKING:
    from jobs.execute import Attempt


def make_plan(attempt: Attempt) -> str:
    """Return the plan for a task: the one that is there when nobody has said anything since, or else another one.

    The planning is one conversation, whose last step stays open until the work begins: what people say of a plan is
    delivered there, and a worker's death costs no step twice. Raises what stops it.
    """
    task, runs = attempt.task, attempt.services.store.runs
    made, steps = runs.stage(task.id, "planned"), runs.steps(task.id)
    if made is not None and not is_answered(steps[-1]) and not runs.unheard(task.id):
        return str(made["plan"])
    with reading_room(attempt) as room:
        plan = run_agent(attempt, room, StoredJournal(attempt), Purpose.PLAN).summary
    product = {"plan": plan, "steps": len(runs.steps(task.id))}
    runs.finish_stage(task.id, task.attempt, "planned", product, time.time())
    return plan

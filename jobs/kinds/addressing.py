"""Works on what people say in the reviews of a pull request: one run for all of it, an answer in each thread."""

from __future__ import annotations

import time
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from jobs.agent.editor import ToolProblem
from jobs.agent.requests import asked_of, thread_name, threads_message, unanswered
from jobs.agent.tools import Purpose
from jobs.agent.transcript import was_told
from jobs.kinds.answering import answer_threads, answers_of, keep_read
from jobs.kinds.base import find_base, joined_event
from jobs.kinds.change import BUNDLE, publish_work, work_at
from jobs.kinds.continued import OPENING, ROUND, opening, so_far
from jobs.kinds.preparing import bench
from jobs.kinds.running import Assignment, earlier_work
from jobs.kinds.threads import Batch, Reader, left_alone
from jobs.kinds.tokens import run_token
from jobs.types import Conclusion, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from jobs.agent.tools import FinishRequest
    from jobs.execute import Attempt
    from jobs.kinds.base import Base
    from jobs.types import Message

BATCH, WORKED, PUBLISHED, ASKED_AGAIN = "batch", "worked", "published", "asked_again"
OF_A_ROUND = ("prepared", BATCH, WORKED, PUBLISHED, ASKED_AGAIN, OPENING, "verdict")
"""The stages that each round has for itself."""
ROUNDS = 5
"""How often one task goes on with what came in while it worked."""
NOTHING = "Nothing in the reviews waits for an answer."


def address(attempt: Attempt) -> Outcome:
    """Work on the review, answer its threads, and go on while people wrote more meanwhile."""
    began = time.monotonic()
    why = _not_now(attempt)
    if why:
        return Outcome(Conclusion.NEUTRAL, why)
    while True:
        base, batch = _batch(attempt)
        if batch.empty:
            nothing = NOTHING if _turn(attempt) == 1 else ""
            return _ended(attempt, Outcome(Conclusion.NEUTRAL, _joined(nothing, left_alone(batch))))
        outcome = _published(attempt, _worked(attempt, batch, began))
        own, turn = bool(base.expected), _turn(attempt)
        tally = answer_threads(attempt, batch, outcome, _number(attempt), own=own, turn=turn)
        ended = replace(_judged(outcome, tally.missing), summary=_joined(tally.words, outcome.summary))
        more = _next(attempt, base, batch, ended)
        if more is not None:
            return _ended(attempt, replace(ended, summary=_joined(ended.summary, left_alone(batch), more)))


def _not_now(attempt: Attempt) -> str:
    """Say why a pull request cannot be worked on; empty where it can, or where the work has begun already."""
    task, runs = attempt.task, attempt.services.store.runs
    if runs.stage(task.id, "prepared") is not None or runs.stage(task.id, ROUND) is not None:
        return ""
    pull = attempt.repository.pull_request(_number(attempt))
    if pull.state != "open":
        return f"Pull request #{pull.number} is {pull.state}, so its review was left as it is."
    if pull.head_repository.lower() != task.repository.lower():
        return (
            f"The branch of pull request #{pull.number} is in another repository, where I cannot push to and cannot "
            "open a pull request against. Its author can work on the review."
        )
    if pull.branch != (task.onto or task.base):
        return (
            f"Pull request #{pull.number} comes from the branch `{pull.branch}`, which is not the one that was asked "
            "about. Ask again with `/opus address`."
        )
    return ""


def _batch(attempt: Attempt) -> tuple[Base, Batch]:
    """Read what waits, once in a round: what people write later waits for the next one."""
    task, runs = attempt.task, attempt.services.store.runs
    with run_token(attempt, "read") as token:
        base = find_base(attempt, token)
    stored = runs.stage(task.id, BATCH)
    batch = Batch() if stored is None else Batch.load(stored)
    if batch.empty:  # an attempt that found nothing, and ended before it could say so, reads again
        batch = _read(attempt, base)
        runs.finish_stage(task.id, task.attempt, BATCH, asdict(batch), time.time())
    return base, batch


def _read(attempt: Attempt, base: Base) -> Batch:
    """Read what waits; where that is nothing, whoever asks during the reading is looked for again."""
    reader, store = Reader(attempt, _number(attempt), base.config), attempt.services.store
    while True:
        since = time.time()
        batch = reader.read()
        if not batch.empty:
            return batch
        # What waits for nothing is read for good: else it would be found missing, and be looked at over and over.
        keep_read(attempt, _number(attempt), batch)
        if not store.tasks.heard_since(joined_event(attempt.task.id), since):
            return batch


def _worked(attempt: Attempt, batch: Batch, began: float) -> Outcome:
    """Let the agent work on the batch, going on from the conversation in which the pull request was made."""
    task, runs = attempt.task, attempt.services.store.runs
    stored = runs.stage(task.id, WORKED)
    if stored is not None:
        return Outcome.load(stored)
    with bench(attempt) as opened:
        base = opened.base
        before, request = opening(attempt, base, lambda known: _request(attempt, base, batch, known=known))
        assignment = Assignment(
            purpose=Purpose.ADDRESS,
            request=request,
            before=before,
            asked=asked_of(batch.shown, batch.bodies),
            hear=_listener(batch),
            worked_seconds=time.monotonic() - began,
            on_finish=_asks_once(attempt, batch),
        )
        outcome = work_at(attempt, opened, assignment)
    runs.finish_stage(task.id, task.attempt, WORKED, asdict(outcome), time.time())
    return outcome


def _request(attempt: Attempt, base: Base, batch: Batch, *, known: bool) -> Message:
    task = attempt.task
    return threads_message(
        repository=task.repository,
        number=_number(attempt),
        branch=base.checked_out,
        asked_by=task.actor.login or task.actor.id,
        own=bool(base.expected),
        threads=batch.shown,
        bodies=batch.bodies,
        asked=task.text if task.about.get("asked") else "",
        followed="" if known else earlier_work(attempt),
    )


def _listener(batch: Batch) -> Callable[[str, Mapping[str, Any]], str]:
    """Return what hears the answers to threads; they are read from the transcript when the work is done."""

    def hear(_tool: str, given: Mapping[str, Any]) -> str:
        name = thread_name(given)
        if name not in batch.names:
            listed = ", ".join(batch.names) or "none"
            raise ToolProblem(f"There is no thread {name}. The threads that wait are: {listed}.")
        if not str(given["answer"]).strip():
            raise ToolProblem("An answer needs words.")
        return f"The answer to {name} is noted{', as done' if given['done'] else ''}."

    return hear


def _asks_once(attempt: Attempt, batch: Batch) -> Callable[[FinishRequest], str | None]:
    """Return what sends the agent back once when it would end without an answer to each thread."""
    task, runs = attempt.task, attempt.services.store.runs

    def on_finish(_request: FinishRequest) -> str | None:
        answers = answers_of(attempt, batch)
        missing = [name for name in batch.names if name not in answers]
        asked = runs.stage(task.id, ASKED_AGAIN)
        # Whoever asked may have died before the agent heard it.
        if not missing or (asked and was_told(runs.steps(task.id), str(asked))):
            return None
        words = unanswered(missing)
        runs.finish_stage(task.id, task.attempt, ASKED_AGAIN, words, time.time())
        return words

    return on_finish


def _published(attempt: Attempt, outcome: Outcome) -> Outcome:
    """Push what was changed; a review that only asked questions leaves nothing to push."""
    task, runs = attempt.task, attempt.services.store.runs
    stored = runs.stage(task.id, PUBLISHED)
    if stored is not None:
        return Outcome.load(stored)
    if outcome.kept == BUNDLE or outcome.salvage:
        outcome = publish_work(attempt, outcome)
    runs.finish_stage(task.id, task.attempt, PUBLISHED, asdict(outcome), time.time())
    return outcome


def _judged(outcome: Outcome, missing: int) -> Outcome:
    """Return the outcome of a round; answers alone are a success, too, where there is one to each thread."""
    if outcome.patch is not None or outcome.draft_reason or outcome.salvage or outcome.kept:
        return outcome
    return replace(outcome, conclusion=Conclusion.NEUTRAL if missing else Conclusion.SUCCESS)


def _next(attempt: Attempt, base: Base, batch: Batch, outcome: Outcome) -> str | None:
    """Begin another round where people wrote meanwhile, and return None; else words on what waits, or no words."""
    task, runs, turn = attempt.task, attempt.services.store.runs, _turn(attempt)
    if outcome.conclusion not in {Conclusion.SUCCESS, Conclusion.NEUTRAL} or outcome.kept or outcome.salvage:
        return ""
    attempt.lease.check()
    if not base.expected or attempt.repository.pull_request(_number(attempt)).state != "open":
        return ""
    if not _came_in(attempt, base, batch):
        return ""
    if turn >= ROUNDS:
        return f"People wrote more meanwhile. This task went on {ROUNDS} times, so that waits: `/opus address`."
    earlier = runs.stage(task.id, ROUND) or {}
    product = {**so_far(attempt), "number": turn + 1, "told": [*earlier.get("told", []), outcome.summary]}
    product["ended"] = earlier["ended"] if earlier and outcome.patch is None else asdict(outcome)
    runs.begin_round(task.id, task.attempt, OF_A_ROUND, product, time.time())
    return None


def _came_in(attempt: Attempt, base: Base, batch: Batch) -> bool:
    """Tell whether something came in since the batch was read; whoever asks during the reading is looked for again."""
    reader, tasks = Reader(attempt, _number(attempt), base.config), attempt.services.store.tasks
    while True:
        since = time.time()
        if reader.read().newer_than(batch):
            return True
        if not tasks.heard_since(joined_event(attempt.task.id), since):
            return False


def _ended(attempt: Attempt, outcome: Outcome) -> Outcome:
    """Return the ending of all rounds together: the newest commit's evidence, and the words of each round."""
    earlier = attempt.services.store.runs.stage(attempt.task.id, ROUND)
    if earlier is None:
        return outcome
    if outcome.patch is None and outcome.conclusion in {Conclusion.SUCCESS, Conclusion.NEUTRAL}:
        outcome = replace(Outcome.load(earlier["ended"]), summary=outcome.summary)
    return replace(outcome, summary=_joined(*earlier["told"], outcome.summary))


def _turn(attempt: Attempt) -> int:
    """Return which round this is, from 1."""
    current = attempt.services.store.runs.stage(attempt.task.id, ROUND)
    return int(current["number"]) if current else 1


def _number(attempt: Attempt) -> int:
    return int(attempt.task.about.get("pull") or attempt.task.subject.number)


def _joined(*parts: str) -> str:
    return "\n\n".join(part for part in parts if part)

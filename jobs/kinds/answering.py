"""Answers in the threads of a review, each written once, and the threads resolved whose request was carried out."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jobs.agent.requests import answers_in
from jobs.github import GitHubRefused
from jobs.kinds.journal import first_step
from jobs.kinds.threads import review_key, thread_key
from jobs.text import line, neutralise
from jobs.text.redact import redact
from jobs.types import Conclusion

if TYPE_CHECKING:
    from collections.abc import Iterable

    from jobs.agent.requests import ThreadAnswer
    from jobs.execute import Attempt
    from jobs.kinds.threads import Batch, Waiting
    from jobs.types import Outcome

MARKER = "<!-- opus67:thread task={task_id} round={number} -->"
ANSWER_LIMIT = 8_000
AGAIN = "`/opus address` takes it up again."

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Tally:
    """How many threads are done, how many have an answer only, how many have none, and where none could be written."""

    done: int = 0
    answered: int = 0
    missing: int = 0
    refused: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """The same in a sentence; empty where there was no thread."""
        parts = [
            (self.done, "carried out and resolved"),
            (self.answered, "answered and left open"),
            (self.missing, "without an answer"),
        ]
        counted = [f"{number} {what}" for number, what in parts if number]
        said = [f"Threads of the review: {', '.join(counted)}."] if counted else []
        said += [f"GitHub did not take the answer on {'; '.join(self.refused)}."] if self.refused else []
        return " ".join(said)


def answers_of(attempt: Attempt, batch: Batch) -> dict[str, ThreadAnswer]:
    """Return what the agent answered so far in this round, by the name of the thread."""
    steps, first = attempt.services.store.runs.steps(attempt.task.id), first_step(attempt)
    return answers_in((step for step in steps if step.index >= first), batch.names)


def answer_threads(attempt: Attempt, batch: Batch, outcome: Outcome, number: int, *, own: bool, turn: int) -> Tally:
    """Answer the threads of pull request ``number`` and resolve what is done; a second attempt doubles nothing.

    A thread that has no answer waits on: it is taken up again when somebody asks.
    """
    answers, store = answers_of(attempt, batch), attempt.services.store
    counts, refused = {"done": 0, "answered": 0, "missing": 0}, []
    # Where no model could be asked, words in each thread help nobody: the task's comment has them.
    silent = not answers and outcome.conclusion is Conclusion.FAILURE
    for thread in batch.threads:
        answer = answers.get(thread.shown.name)
        text, done = reply_to(answer, outcome, own=own)
        try:
            if not silent:
                _write(attempt, thread, number, turn, text, done=done)
            counts["done" if done else "answered" if answer else "missing"] += 1
        except GitHubRefused as refusal:  # one that is gone or locked must not keep the others from theirs
            log.warning("no answer in a thread of task %s: %s", attempt.task.id, refusal)
            refused.append(f"`{line(thread.shown.place, 100)}`: {refusal}")
        answered = thread.read if answer else thread.answered
        store.records.keep(thread_key(attempt.task.repository, thread.id), _listed(answered), time.time())
    if not silent:
        keep_read(attempt, number, batch)
    return Tally(**counts, refused=tuple(refused))


def keep_read(attempt: Attempt, number: int, batch: Batch) -> None:
    """Keep which reviews of a pull request were read."""
    key = review_key(attempt.task.repository, number)
    attempt.services.store.records.keep(key, _listed(batch.reviews), time.time())


def _write(attempt: Attempt, thread: Waiting, number: int, turn: int, text: str, *, done: bool) -> None:
    repository = attempt.repository
    marker = MARKER.format(task_id=attempt.task.id, number=turn)
    body = redact(f"{marker}\n{text}", attempt.services.redacted)
    found = repository.review_thread(thread.id)
    attempt.lease.fence()
    repository.ensure_reply(number, found, marker, body)
    if done and not found.resolved:
        attempt.lease.fence()
        repository.resolve(thread.id)


def _listed(numbers: Iterable[int]) -> str:
    return ",".join(map(str, numbers))


def reply_to(answer: ThreadAnswer | None, outcome: Outcome, *, own: bool) -> tuple[str, bool]:
    """Return what is answered in a thread, and whether it is resolved with that; ``own`` is a pull request of ours.

    That it is done is the model's word; that there is a commit and the checks passed is the harness's own record.
    """
    if answer is None:
        why = outcome.draft_reason or "the work ended without a word about it"
        return f"This was not answered: {_reason(why)}. {AGAIN}", False
    words = neutralise(answer.text, limit=ANSWER_LIMIT)
    if not answer.done:
        return words, False
    commit = outcome.patch.commit if outcome.patch and outcome.pull_request else ""
    if not commit:
        lost = outcome.kept or outcome.salvage
        why = "is not on the branch, since it could not be published; the comment of the task says why" if lost else ""
        return f"The change for this {why or 'left nothing behind, so there is no commit'}.\n\n{words}", False
    if not own:
        return f"The change for this is in {outcome.pull_request} ({commit}).\n\n{words}", False
    if outcome.draft_reason:
        why = _reason(outcome.draft_reason)
        return f"The change for this is in {commit}, but the work is not complete: {why}.\n\n{words}", False
    return f"Done in {commit}.\n\n{words}", True


def _reason(text: str) -> str:
    return neutralise(" ".join(text.split()), limit=600).rstrip(".")

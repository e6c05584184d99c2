"""Has the agent read a pull request's difference, and keeps of what it reports what people should see."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from jobs.agent.editor import ToolProblem
from jobs.agent.inspecting import review_message
from jobs.agent.schema import InputProblem, read_input
from jobs.agent.tools import Purpose, toolbox
from jobs.agent.transcript import calls_of
from jobs.answer.review import ReviewText
from jobs.kinds.differences import FileDifference, Skipped, choose, narrowed, read, within
from jobs.kinds.findings import MOST, Misplaced, placed, same_said
from jobs.kinds.findings import choose as choose_findings
from jobs.kinds.journal import StoredJournal
from jobs.kinds.preparing import reading_room
from jobs.kinds.running import run_agent
from jobs.kinds.target import said, still_open
from jobs.types import Conclusion, Finding, LimitReached, LoopDetected, ModelError
from jobs.workspace import Comparison

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from jobs.execute import Attempt
    from jobs.kinds.preparing import Bench
    from jobs.kinds.target import Target
    from jobs.types import Message, Step
    from jobs.workspace import ChangedFile, Mirror

FILE_LIMIT = 80_000
"""Bytes of one file's patch; a longer one is not read."""
READ_AT_ONCE = 200_000
"""Characters of the difference that the agent gets."""
REPORT = "report_finding"
LETTERS = {"A": "added", "D": "deleted", "R": "moved", "C": "copied", "T": "of another type now"}


@dataclass(frozen=True, slots=True)
class Difference:
    """What a round reviews: the files' parts by path, and what it leaves out; ``newer`` says that it is a part."""

    base: str
    newer: bool
    parts: Mapping[str, FileDifference]
    skipped: tuple[Skipped, ...]

    @property
    def lines(self) -> int:
        """How many lines can be commented on because they were changed."""
        return sum(len(part.changed) for part in self.parts.values())


@dataclass(frozen=True, slots=True)
class Examined:
    """What came of a round: what there is to tell, and how a round ended that was stopped, as a conclusion."""

    text: ReviewText
    stopped: Conclusion | None = None
    read: bool = True
    """Whether there was anything that could be read."""
    request_changes: bool = False


def examine(attempt: Attempt, target: Target) -> Examined:
    """Review one difference; what stops the agent ends the round with what it found until then."""
    with reading_room(attempt) as room:
        difference = difference_of(attempt.services.mirror, attempt.task.repository, target)
        text = ReviewText(
            (),
            difference.base,
            target.head,
            files=len(difference.parts),
            lines=difference.lines,
            newer=difference.newer,
            skipped=tuple((one.path, one.reason) for one in difference.skipped),
        )
        wanted = room.base.config.reviews.request_changes
        if not difference.lines:
            open_before = still_open(attempt.repository.review_threads(target.number))
            return Examined(replace(text, open_before=open_before), read=False, request_changes=wanted)
        examined = _run(attempt, target, room, difference, text)
    return replace(_judged(attempt, target, difference, examined), request_changes=wanted)


def _run(attempt: Attempt, target: Target, room: Bench, difference: Difference, text: ReviewText) -> Examined:
    """Let the agent read; its findings are in the transcript, so that nothing is lost with this process."""
    journal = StoredJournal(attempt)
    hear = _Ear(difference.parts, target).hear
    request = _request(attempt, target, difference)
    try:
        finish = run_agent(attempt, room, journal, Purpose.REVIEW, request=request, hear=hear)
    except (LimitReached, LoopDetected) as end:
        minutes = isinstance(end, LimitReached) and end.limit == "minutes"
        stopped = Conclusion.TIMED_OUT if minutes else Conclusion.ACTION_REQUIRED
        return Examined(replace(text, incomplete=str(end)), stopped)
    except ModelError as error:
        return Examined(replace(text, incomplete=f"No model could go on: {error}"), Conclusion.FAILURE)
    return Examined(replace(text, words=finish.summary))


def _judged(attempt: Attempt, target: Target, difference: Difference, examined: Examined) -> Examined:
    """Keep what people should see, by what has been said on the pull request until now."""
    threads = attempt.repository.review_threads(target.number)
    reported = list(reported_in(StoredJournal(attempt).steps()))
    chosen = choose_findings(reported, difference.parts, said(threads))
    text = replace(
        examined.text,
        findings=chosen.kept,
        repeated=chosen.repeated,
        beyond=chosen.beyond,
        open_before=still_open(threads),
    )
    return replace(examined, text=text)


def reported_in(steps: Sequence[Step]) -> Iterator[Finding]:
    """Yield what the agent reported, in order, from the steps of its conversation."""
    schema = toolbox(Purpose.REVIEW)[REPORT].schema
    for step in steps:
        cut = step.reply["content"][-1] if step.reply.get("stop_reason") == "max_tokens" else None
        for call in calls_of(step.reply):
            if call["name"] != REPORT or call is cut:
                continue
            try:
                yield Finding.load(read_input(schema, call["input"]))
            except InputProblem:
                continue


class _Ear:
    """Answers the agent's reports at once, so that it can put right what is misplaced."""

    def __init__(self, parts: Mapping[str, FileDifference], target: Target) -> None:
        self._parts, self._target, self._heard = parts, target, 0

    def hear(self, _tool: str, given: Mapping[str, Any]) -> str:
        """Return what the agent is told about a finding."""
        finding = Finding.load(given)
        if not finding.reason:
            raise ToolProblem("Say in `reason` what goes wrong.")
        try:
            kept = placed(finding, self._parts)
        except Misplaced as misplaced:
            raise ToolProblem(f"{misplaced} Report it on a changed line, or leave it.") from None
        if any(same_said(kept, one) for one in self._target.said):
            return "Not noted: people were told this before. Go on."
        self._heard += 1
        told = ["Noted."]
        if finding.suggestion is not None and kept.suggestion is None:
            told.append("The suggestion was left out: it must replace whole lines of the difference, ten at most.")
        if self._heard > MOST:
            told.append(f"That makes {self._heard}; people get the {MOST} gravest.")
        return " ".join(told)


def _request(attempt: Attempt, target: Target, difference: Difference) -> Message:
    task = attempt.task
    asked = bool(task.about.get("asked"))
    besides = task.text if asked and task.text.strip() not in {"", target.text.strip()} else ""
    return review_message(
        repository=task.repository,
        subject=task.subject,
        title=target.title,
        text=target.text,
        asked_by=task.actor.login or task.actor.id,
        base=difference.base,
        commit=target.head,
        difference="\n\n".join(part.shown for part in difference.parts.values()),
        newer=difference.newer,
        not_shown=[f"{one.path}: {one.reason}" for one in difference.skipped],
        said_before=[
            f"{one.path}:{one.line or '(changed since)'}{' (resolved)' if one.resolved else ''}\n{one.talk or one.text}"
            for one in target.said
        ],
        besides=besides,
    )


def difference_of(mirror: Mirror, repository: str, target: Target) -> Difference:
    """Return what a round reviews: what was pushed since the last review where that is in its history, or all of it."""
    fork_point = Comparison(mirror, repository, target.base, target.head).fork_point()
    whole = Comparison(mirror, repository, fork_point, target.head)
    newer = None
    if target.reviewed and target.reviewed != target.head:
        since = Comparison(mirror, repository, target.reviewed, target.head)
        newer = since if since.descends else None
    wanted, skipped = choose(whole.files())
    recent = {file.path: file for file in newer.files()} if newer else {}
    if newer:
        wanted = [file for file in wanted if file.path in recent]
        skipped = [one for one in skipped if one.path in recent]
    parts: list[FileDifference] = []
    for file in wanted:
        part = _part(whole, file)
        if part is not None and newer:
            later = _part(newer, recent[file.path])
            part = narrowed(part, later) if later is not None else None
        if part is None:
            skipped.append(Skipped(file.path, "too large"))
        elif part.changed or (file.status != "M" and not newer):
            parts.append(part)
    kept, beyond = within(parts, READ_AT_ONCE)
    base = newer.base if newer else fork_point
    return Difference(base, newer is not None, {part.path: part for part in kept}, (*skipped, *beyond))


def _part(comparison: Comparison, file: ChangedFile) -> FileDifference | None:
    patch = comparison.patch(file, FILE_LIMIT)
    note = LETTERS.get(file.status, "")
    return None if patch is None else read(file.path, patch, f"{note} from {file.previous}" if file.previous else note)

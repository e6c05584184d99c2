"""Reviews a pull request from a run that changes nothing: one review with comments on lines, and a check run."""

from __future__ import annotations

import logging
import time
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from jobs.answer.review import ReviewText, comment_body, conclusion, review_body, title, told
from jobs.answer.words import count
from jobs.github import LineRemark
from jobs.kinds.examining import Examined, examine
from jobs.kinds.target import PULL, look, reviewed_key, verdict_key, why_not
from jobs.text import redact
from jobs.types import Conclusion, Finding, Outcome, Phase, Severity, UserError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jobs.execute import Attempt
    from jobs.github.reviews import Event
    from jobs.kinds.target import Target

MARKER = "<!-- opus67:review={task_id}:{head} -->"
EXAMINED = "examined"
MOST_ROUNDS = 3
NOTHING_TO_READ = "Nothing in it can be reviewed: there are no changed lines but in files that are not read."

log = logging.getLogger(__name__)


def review(attempt: Attempt) -> Outcome:
    """Review the pull request as it stands; what is pushed meanwhile is reviewed in another round."""
    while True:
        target = look(attempt)
        asked = bool(attempt.task.about.get("asked"))
        refused = why_not(target, asked=asked)
        if refused:
            if asked:  # who asked hears of it on the commit; nobody waits for what came by itself
                attempt.teller.sha = target.head
            return _with_rounds(attempt, Outcome(Conclusion.SKIPPED, refused))
        if target.known and not asked:
            return _with_rounds(attempt, _known(attempt, target))
        examined = _examined(attempt, target)
        outcome = _posted(attempt, target, examined)
        moved = "" if examined.stopped is not None else _moved(attempt, target, asked=asked)
        if not moved:
            return _with_rounds(attempt, outcome)
        if not _begin_next(attempt, target, outcome):
            words = f"`{moved[:7]}` was pushed meanwhile and is not reviewed; `/opus review` reviews it."
            return _with_rounds(attempt, replace(outcome, summary=f"{outcome.summary}\n\n{words}"))


def _known(attempt: Attempt, target: Target) -> Outcome:
    """End a second review of the same commit without a model: as the first one did, less what people resolved since.

    Else a required check would turn green by asking twice, or stay red when everything is settled.
    """
    attempt.teller.sha = target.head
    ending = Conclusion(target.verdict or Conclusion.NEUTRAL)
    if ending is Conclusion.FAILURE and not any(severity.grave for severity in target.open_before):
        ending = Conclusion.NEUTRAL if Severity.MINOR in target.open_before else Conclusion.SUCCESS
        _settle(attempt, target)
    still = count(len(target.open_before), "finding")
    words = f"`{target.head[:7]}` is reviewed already; {still} still open. `/opus review` has all of it reviewed again."
    return Outcome(ending, words, title=f"Reviewed already; {still} still open")


def _examined(attempt: Attempt, target: Target) -> Examined:
    task, runs = attempt.task, attempt.services.store.runs
    stored = runs.stage(task.id, EXAMINED)
    if stored is not None:
        return _load(stored)
    examined = examine(attempt, target)
    runs.finish_stage(task.id, task.attempt, EXAMINED, asdict(examined), time.time())
    return examined


def _posted(attempt: Attempt, target: Target, examined: Examined) -> Outcome:
    """Post the review once, and remember the commit; what GitHub refuses is told in the check run."""
    text, records = examined.text, attempt.services.store.records
    ending = examined.stopped or conclusion(text, request_changes=examined.request_changes)
    hidden = f"Hidden in the pull request's words, and left out: {'; '.join(target.removed)}." if target.removed else ""
    outcome = Outcome(
        ending,
        "\n\n".join(filter(None, [told(text), hidden])),
        title=title(text),
        blob_url=f"{attempt.services.settings.github_server_url.rstrip('/')}/{attempt.task.repository}/blob/{text.commit}",
        references=tuple(_reference(finding) for finding in text.findings),
    )
    if not examined.read:
        return replace(outcome, title="Nothing to review", summary=f"{NOTHING_TO_READ}\n\n{outcome.summary}")
    if text.findings or not text.incomplete:
        try:
            url = _post(attempt, target, examined)
        except UserError as refused:
            words = f"The review could not be posted: {refused}\n\n{outcome.summary}"
            return replace(outcome, conclusion=Conclusion.ACTION_REQUIRED, summary=words)
        outcome = replace(outcome, summary=f"{outcome.summary}\n\n{url}")
        if examined.stopped is None and not text.grave:
            _settle(attempt, target)
    if examined.stopped is None:
        records.keep(verdict_key(attempt.task.repository, target.number), ending, time.time())
        records.keep(reviewed_key(attempt.task.repository, target.number), target.head, time.time())
    return outcome


def _post(attempt: Attempt, target: Target, examined: Examined) -> str:
    """Write the review, or find the one that an earlier attempt wrote, and return its URL."""
    task, text, secrets = attempt.task, examined.text, attempt.services.redacted
    attempt.services.store.tasks.progress(task.id, task.attempt, Phase.PUBLISHING)
    grave = any(finding.severity.grave for finding in text.findings)
    event: Event = "REQUEST_CHANGES" if grave and examined.request_changes and not target.own else "COMMENT"
    marker = MARKER.format(task_id=task.id, head=target.head)
    remarks = [
        LineRemark(
            finding.path,
            finding.end_line,
            redact(comment_body(finding), secrets),
            finding.line if finding.line < finding.end_line else 0,
        )
        for finding in _clean(text.findings, secrets)
    ]
    body = redact(review_body(text, marker), secrets)
    attempt.lease.check()  # The last moment at which a cancel leaves nothing behind.
    written = attempt.repository.ensure_review(target.number, target.head, marker, body, event, remarks)
    return f"{target.url}#pullrequestreview-{written}"


def _settle(attempt: Attempt, target: Target) -> None:
    """Take back our earlier request for changes when nothing grave is left of it; best effort, people can do it, too.

    A later comment does not: GitHub keeps asking for changes until the review is dismissed or approves.
    """
    for earlier in attempt.repository.reviews_of(target.number):
        if earlier.ours and earlier.state == "CHANGES_REQUESTED":
            attempt.lease.fence()
            try:
                words = f"Nothing grave is left of this at {target.head[:7]}."
                attempt.repository.dismiss_review(target.number, earlier.id, words)
            except UserError as refused:
                log.info("a review of %s was not dismissed: %s", target.url, refused)


def _clean(findings: tuple[Finding, ...], secrets: tuple[str, ...]) -> list[Finding]:
    """Return findings without suggestions that hold a secret: what is redacted there would be committed."""
    return [
        replace(one, suggestion=None) if one.suggestion and redact(one.suggestion, secrets) != one.suggestion else one
        for one in findings
    ]


def _moved(attempt: Attempt, target: Target, *, asked: bool) -> str:
    """Return the newest commit where there is another one to review by now, or nothing."""
    now = attempt.repository.pull_request(target.number)
    wanted = now.state == "open" and (asked or not now.draft)
    return now.head if wanted and now.head != target.head else ""


def _begin_next(attempt: Attempt, target: Target, outcome: Outcome) -> bool:
    """Begin another round for what was pushed meanwhile, unless there were many already."""
    task, runs = attempt.task, attempt.services.store.runs
    before = runs.stage(task.id, "round") or {"rounds": 1, "told": []}
    if before["rounds"] >= MOST_ROUNDS:
        return False
    told_before = [*before["told"], f"`{target.head[:7]}`: {outcome.title}."]
    product = {"steps": len(runs.steps(task.id)), "rounds": before["rounds"] + 1, "told": told_before}
    runs.begin_round(task.id, task.attempt, (PULL, "prepared", EXAMINED), product, time.time())
    return True


def _with_rounds(attempt: Attempt, outcome: Outcome) -> Outcome:
    """Return the last round's outcome with a word on the rounds before it."""
    earlier = attempt.services.store.runs.stage(attempt.task.id, "round")
    if not earlier:
        return outcome
    return replace(outcome, summary=f"{outcome.summary}\n\nBefore that, {' '.join(earlier['told'])}")


def _reference(finding: Finding) -> str:
    last = f"-L{finding.end_line}" if finding.end_line != finding.line else ""
    return f"{finding.path}#L{finding.line}{last}"


def _load(stored: Mapping[str, Any]) -> Examined:
    values = stored["text"]
    text = ReviewText(
        **{
            **values,
            "findings": tuple(Finding.load(one) for one in values["findings"]),
            "skipped": tuple((path, reason) for path, reason in values["skipped"]),
            "open_before": tuple(Severity(one) for one in values["open_before"]),
        }
    )
    stopped = stored["stopped"]
    return Examined(
        text,
        None if stopped is None else Conclusion(stopped),
        read=bool(stored["read"]),
        request_changes=bool(stored["request_changes"]),
    )

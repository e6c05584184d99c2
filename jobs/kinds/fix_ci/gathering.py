"""What the failed jobs of a commit left behind, as one Reading: logs, test reports, checks, a CI's own report."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from jobs import triage
from jobs.kinds.fix_ci import archives, ci
from jobs.kinds.fix_ci.ci import RED
from jobs.text import clean, redact, strip_controls, strip_invisible
from jobs.types import Failure, FailureKind, Reading, UserError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from jobs.execute import Attempt
    from jobs.github import CommitStatus, SuiteCheck, WorkflowJob, WorkflowRun

LOG_LIMIT = 64 * 1024 * 1024
MOST_JOBS, MOST_LOGS = 10, 20
"""Of one run, and of all at a commit."""
MOST_ARTIFACTS = 5
MOST_FAILURES = 200
LONGEST_MESSAGE = 2_000
REPORT_LIMIT = 20_000_000
_ADDRESS = re.compile(r"https?://[A-Za-z0-9.:-]+(?:/[A-Za-z0-9._~:/?#@!$&*+,;=%-]*)?", re.ASCII)


def of_runs(attempt: Attempt, runs: Iterable[WorkflowRun]) -> Reading:
    """Read what failed in some runs of Actions, as far as there are not too many."""
    readings, left = list[Reading](), MOST_LOGS
    for run in islice(runs, MOST_LOGS):
        failed = _failed(attempt, run, 0)[:left]
        left -= len(failed)
        readings += _of_jobs(attempt, failed)
        readings += _of_artifacts(attempt, run.id)
        if not left:
            break
    return _joined(readings)


def of_attempt(attempt: Attempt, run: WorkflowRun, number: int) -> list[Reading]:
    """Read the logs of the jobs that failed in an earlier attempt of a run."""
    return _of_jobs(attempt, _failed(attempt, run, number))


def _failed(attempt: Attempt, run: WorkflowRun, number: int) -> list[WorkflowJob]:
    return [job for job in attempt.repository.jobs_of(run.id, number) if job.conclusion in RED][:MOST_JOBS]


def _of_jobs(attempt: Attempt, jobs: Iterable[WorkflowJob]) -> list[Reading]:
    readings = []
    for job in jobs:
        attempt.lease.check()
        with attempt.lease.interruptible():
            readings.append(triage.read_log(attempt.repository.job_log(job.id, most=LOG_LIMIT)))
    return readings


def _of_artifacts(attempt: Attempt, run_id: int) -> Iterator[Reading]:
    """Read the test reports among a run's artifacts; the ones that look like reports first, and never large ones."""
    fit = [
        one
        for one in attempt.repository.artifacts_of(run_id)
        if not one.expired and one.size <= archives.ARCHIVE_LIMIT and archives.promising(one.name)
    ]
    # Those of earlier attempts are still there; the newest of each name is this attempt's.
    newest = {one.name: one for one in sorted(fit, key=lambda one: one.id)}
    for artifact in list(newest.values())[:MOST_ARTIFACTS]:
        attempt.lease.check()
        try:
            archive = attempt.repository.artifact(artifact.id, limit=archives.ARCHIVE_LIMIT)
        except UserError:  # it expired, or is larger than was said: the logs are there still
            continue
        for report in archives.reports(archive):
            if failures := triage.read_junit(report):
                yield Reading(failures=failures)


def of_checks(attempt: Attempt, sha: str, names: Collection[str]) -> tuple[Reading, str]:
    """Read what these checks of other Apps and these statuses tell that failed at a commit, and where to look."""
    checks = [one for one in ci.checks_of_others(attempt, sha) if one.conclusion in RED and one.name in names]
    at = attempt.repository.statuses_at(sha)
    statuses = [one for one in at if one.state in ci.RED_STATES and one.context in names]
    readings = [_of_check(check) for check in checks[:MOST_JOBS]]
    readings += [_of_status(status) for status in statuses[:MOST_JOBS]]
    places = [*(one.url for one in checks), *(one.url for one in statuses)]
    return _joined(readings), next((place for place in places if linkable(place)), "")


def _of_status(status: CommitStatus) -> Reading:
    """Read a commit status: one line and an address are all that there is."""
    said = "\n".join(part for part in (f"{status.context}: {status.description}", status.url) if part)
    log = triage.read_log([said.encode("utf-8", "replace")])
    failure = _failure(status.context, status.context, status.description or status.state)
    return replace(log, failures=(failure,), excerpt=log.excerpt or said[:LONGEST_MESSAGE])


def _of_check(check: SuiteCheck) -> Reading:
    """Read one check: its annotations are its failures; without any its output is read as a log."""
    said = "\n".join(part for part in (check.title, _seen(check.summary), _seen(check.text)) if part)
    log = triage.read_log([said.encode("utf-8", "replace")])
    marked = tuple(
        _failure(check.name, mark.title or check.name, mark.message, mark.path, mark.start_line)
        for mark in check.annotations[:MOST_FAILURES]
        if mark.level == "failure"
    )
    if marked:
        return replace(log, failures=marked)
    return log if log.failures else replace(log, failures=(_failure(check.name, check.name, check.title),))


def _seen(markdown: str) -> str:
    """Return what another App wrote as people see it on GitHub, and how much there is that they do not see."""
    cleaned = clean(markdown)
    if not cleaned.removed:
        return cleaned.text
    return f"{cleaned.text}\n({len(cleaned.removed)} sorts of hidden text were left out here.)"


def _failure(tool: str, name: str, message: str, path: str = "", line: int = 0) -> Failure:
    name, message, path = (_cleaned(text) for text in (name, message[:LONGEST_MESSAGE], path))
    signature = triage.signature(tool, FailureKind.OTHER, name, message, path)
    return Failure(tool, FailureKind.OTHER, name, message, path, line, signature)


def _cleaned(text: str) -> str:
    """Take out what nobody sees, and what looks like a secret."""
    return redact(strip_invisible(strip_controls(text))[0], ())


def linkable(address: str) -> str:
    """Return an address that can stand in Markdown as it is; nothing where this one cannot."""
    return address if _ADDRESS.fullmatch(address) and _cleaned(address) == address else ""


def of_report(attempt: Attempt, guid: str) -> tuple[Reading, dict[str, Any]]:
    """Read what a CI of the operator's own sent, and return it with the report itself."""
    delivery = attempt.services.store.deliveries.read(guid)
    if delivery is None:
        return Reading(), {}
    report: dict[str, Any] = json.loads(delivery.body)
    readings = []
    if "log" in report:
        readings.append(triage.read_log([str(report["log"]).encode("utf-8", "replace")]))
    elif "log_url" in report:
        readings.append(triage.read_log(_fetched(attempt, str(report["log_url"]), LOG_LIMIT)))
    junit = report.get("junit") or ()
    texts = [junit] if isinstance(junit, str) else list(junit)
    documents = [str(text).encode("utf-8", "replace") for text in texts]
    if "junit_url" in report:
        documents.append(b"".join(_fetched(attempt, str(report["junit_url"]), REPORT_LIMIT)))
    readings += [Reading(failures=failures) for document in documents if (failures := triage.read_junit(document))]
    joined = _joined(readings)
    return replace(joined, command=str(report.get("command") or joined.command)), report


def _fetched(attempt: Attempt, url: str, limit: int) -> Iterator[bytes]:
    from jobs.ci_fetch import fetch  # noqa: PLC0415 - few repositories have a CI that needs it

    with attempt.lease.interruptible():
        yield from fetch(url, attempt.services.settings, limit)


def _joined(readings: list[Reading]) -> Reading:
    """Join readings; of what several tell in the same way, one counts."""
    joined = triage.join(readings)
    first = {failure.signature: failure for failure in reversed(joined.failures)}
    return replace(joined, failures=tuple(dict.fromkeys(first[one.signature] for one in joined.failures)))

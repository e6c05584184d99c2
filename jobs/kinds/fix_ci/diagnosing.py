"""The triage of a red commit, before any model is paid: read, compare with what was before, diagnose, store, show."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from jobs import triage
from jobs.kinds.fix_ci import counting, gathering
from jobs.kinds.fix_ci.history import BaseRun, history
from jobs.notify import DIAGNOSED
from jobs.types import Cause, Diagnosis, History, Reading

if TYPE_CHECKING:
    from collections.abc import Mapping

    from config.repository import RepositoryConfig
    from jobs.execute import Attempt
    from jobs.kinds.fix_ci.case import Case
    from jobs.kinds.fix_ci.ci import Standing

TRIAGED = "triaged"
"""The stage that holds what the triage of one commit came to."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a red commit, as it is stored."""

    sha: str
    diagnosis: Diagnosis
    doubtful: bool
    """Whether one more run of the failed jobs is worth it before anything is paid."""
    red: tuple[str, ...] = ()
    """The names of the workflows or checks that failed."""
    green: tuple[str, ...] = ()
    runs: tuple[tuple[int, int], ...] = ()
    """Number and attempt of each failed run of Actions, which can be run again."""
    base: BaseRun | None = None

    @property
    def told(self) -> bool:
        """Whether there is anything that an agent could begin with."""
        found = self.diagnosis
        return bool(found.failures or found.command or found.excerpt.strip())

    @classmethod
    def load(cls, values: Mapping[str, Any]) -> Known:
        """Rebuild what ``dataclasses.asdict`` took apart."""
        lists: dict[str, Any] = {name: tuple(values[name]) for name in ("red", "green")}
        lists["runs"] = tuple((int(run), int(number)) for run, number in values["runs"])
        base = None if values["base"] is None else BaseRun(**values["base"])
        return cls(**{**values, **lists, "diagnosis": Diagnosis.load(values["diagnosis"]), "base": base})


def known_of(attempt: Attempt, sha: str) -> Known | None:
    """Return what an earlier attempt found out about a commit."""
    stored = attempt.services.store.runs.stage(attempt.task.id, TRIAGED)
    return Known.load(stored) if stored and stored["sha"] == sha else None


def find_out(attempt: Attempt, case: Case, config: RepositoryConfig, now: Standing) -> Known:
    """Read what failed at the case's commit, diagnose it, store that, and show it to people."""
    reading, url, workflow = _read(attempt, case, now)
    before, base = history(attempt, case, config, reading, now.red_runs)
    found = triage.diagnose(reading, before)
    if found.cause is Cause.FLAKY:
        counting.remember_flaky(attempt, found.signatures)
    known = Known(
        sha=case.sha,
        diagnosis=replace(
            found,
            run_url=found.run_url or url,
            workflow=found.workflow or workflow,
            blob_url=blob_url(attempt, case.sha),
            command=found.command or reading.command,
            excerpt=found.excerpt or reading.excerpt,
        ),
        doubtful=triage.may_rerun(reading, before),
        red=now.red,
        green=now.green,
        runs=tuple((run.id, run.attempt) for run in now.red_runs),
        base=base,
    )
    return keep(attempt, known)


def blob_url(attempt: Attempt, sha: str) -> str:
    """Return where the files of a commit are shown."""
    return f"{attempt.services.settings.github_server_url.rstrip('/')}/{attempt.task.repository}/blob/{sha}"


def keep(attempt: Attempt, known: Known) -> Known:
    """Store what is known, and show the diagnosis."""
    task, runs = attempt.task, attempt.services.store.runs
    runs.finish_stage(task.id, task.attempt, TRIAGED, asdict(known), time.time())
    runs.finish_stage(task.id, task.attempt, DIAGNOSED, asdict(known.diagnosis), time.time())
    attempt.teller.changed()
    return known


def passed_again(attempt: Attempt, known: Known) -> Known:
    """Return what follows when the failed jobs were green at another go; failures that come and go are remembered.

    What the machinery did stays what it was.
    """
    found = known.diagnosis
    if found.cause is Cause.INFRASTRUCTURE:
        return known
    reading = Reading(failures=found.failures, command=found.command, excerpt=found.excerpt)
    again = triage.diagnose(reading, History(passed_again=True, green=found.green))
    counting.remember_flaky(attempt, found.signatures)
    shown = replace(again, run_url=found.run_url, workflow=found.workflow, blob_url=found.blob_url)
    return keep(attempt, replace(known, diagnosis=shown, doubtful=False))


def _read(attempt: Attempt, case: Case, now: Standing) -> tuple[Reading, str, str]:
    """Return what failed, where that is shown, and what it is called."""
    if case.source == "report":
        reading, report = gathering.of_report(attempt, now.report)
        return reading, gathering.linkable(str(report.get("url") or "")), str(report.get("workflow") or case.workflow)
    if case.source == "checks":
        reading, url = gathering.of_checks(attempt, case.sha, now.red)
        return reading, url, ", ".join(now.red) or case.workflow
    runs = now.red_runs
    url = runs[0].url if runs else ""
    return gathering.of_runs(attempt, runs), url, ", ".join(dict.fromkeys(run.name for run in runs)) or case.workflow

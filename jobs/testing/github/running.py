"""What happens to runs of Actions: they start, get going, end and are run again, and each App is told."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, Any

from jobs.testing.github import git, job_logs
from jobs.testing.github.errors import Refused
from jobs.testing.github.records import App, CheckRun
from jobs.testing.github.shapes import accounts, actions, checks
from jobs.testing.github.workflows import (
    MOST_ATTEMPTS,
    RED,
    Artifact,
    Attempt,
    CheckSuite,
    CiResult,
    Job,
    Step,
    Workflow,
    WorkflowJob,
    WorkflowRun,
    worst,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jobs.testing.github.records import JSON, Account, Repository
    from jobs.testing.github.world import World

ACTIONS_ID = 15368
"""The App id of GitHub Actions."""
AGAIN = "another attempt"
"""What listeners are told when a run was asked for once more; no App hears of it before it gets going."""


def actions_app(world: World) -> App:
    """Return the App of GitHub Actions, which is installed nowhere and has no key."""
    return foreign_app(world, "github-actions", "GitHub Actions", ACTIONS_ID)


def foreign_app(world: World, slug: str, name: str = "", app_id: int = 0) -> App:
    """Return an App of somebody else's by its slug, made where it is new."""
    found = next((one for one in world.apps.values() if one.slug == slug), None)
    if found is None:
        number = app_id or world.new_id()
        found = world.apps[number] = App(
            id=number,
            slug=slug,
            name=name or slug,
            owner=world.account("github", "Organization"),
            bot=world.account(f"{slug}[bot]", "Bot"),
            private_key="",
            client_id=f"Iv1.{slug}",
            client_secret="",
            webhook_url="",
            webhook_secret="",
            permissions={"checks": "write", "metadata": "read"},
            events=(),
            created_at=world.now(),
        )
    return found


def start(
    world: World,
    home: Repository,
    *,
    name: str,
    sha: str,
    branch: str,
    event: str,
    by: Account,
    jobs: Sequence[Job],
    source: Repository | None = None,
    before: str = "",
) -> WorkflowRun:
    """Make a run in its first attempt, queued; ``source`` is the fork whose branch it is."""
    now, workflow = world.now(), _workflow(world, home, name)
    suite = CheckSuite(world.new_id(), actions_app(world), sha, branch, now, now, before=before)
    home.actions.suites[suite.id] = suite
    made = git.commits(home.path, sha, limit=1)[0]
    number = 1 + sum(one.workflow is workflow for one in home.actions.runs.values())
    title = made.message.partition("\n")[0]
    run = WorkflowRun(world.new_id(), number, workflow, home, source or home, branch, sha, event, by, suite, title, now)
    home.actions.runs[run.id] = run
    run.attempts.append(Attempt(1, by, now, now))
    _tell_run(world, run, "requested")
    for job in jobs:
        _queue(world, run, job)
    return run


def begin(world: World, run: WorkflowRun) -> None:
    """Let a queued attempt get going, with all jobs that are queued."""
    now = world.now()
    run.latest.status = run.suite.status = "in_progress"
    run.latest.updated_at = run.suite.updated_at = now
    _tell_run(world, run, "in_progress")
    for job in run.jobs:
        if job.status == "queued":
            job.status, job.started_at = "in_progress", now
            check = run.repository.check_runs[job.id]
            check.status, check.started_at = "in_progress", now
            _tell_job(world, run, job, "in_progress")


def complete(world: World, run: WorkflowRun, result: CiResult) -> None:
    """End the attempt as ``result`` says; jobs that were carried over from the attempt before stay as they are."""
    told = {job.name: job for job in result.jobs}
    carried = {job.name for job in run.jobs if job.status == "completed"}
    for name, job in told.items():
        if name not in {one.name for one in run.jobs}:
            _queue(world, run, job)
    for one in [one for one in run.jobs if one.name not in told and one.name not in carried]:
        # Its name was a guess, as the workflow file tells it on GitHub.
        run.jobs.remove(one)
        del run.repository.check_runs[one.id]
    for one in run.jobs:
        if one.name not in carried:
            _end_job(world, run, one, told[one.name])
    now = world.now()
    run.artifacts += [Artifact(world.new_id(), name, files, now) for name, files in result.artifacts.items()]
    conclusion = result.conclusion or worst(job.conclusion for job in run.jobs)
    run.latest.status, run.latest.conclusion, run.latest.updated_at = "completed", conclusion, now
    run.suite.status, run.suite.conclusion, run.suite.updated_at = "completed", conclusion, now
    _tell_run(world, run, "completed")
    tell_suite(world, run.repository, run.suite, "completed", run.latest.by)


def again(world: World, run: WorkflowRun, by: Account, names: Sequence[str] | None = None) -> None:
    """Begin another attempt, with only the jobs of these names where they are given; raises ``Refused``."""
    refuse_again(run)
    now, before = world.now(), run.latest
    run.attempts.append(Attempt(before.number + 1, by, now, now))
    run.suite.status, run.suite.conclusion = "queued", ""
    for job in before.jobs:
        if names is None or job.name in names:
            _queue(world, run, dataclasses.replace(job.told, conclusion="", log=None, steps=(), annotations=()))
        else:
            _carry_over(world, run, job)
    for listener in world.listeners:
        listener(run.repository, AGAIN, "", {"run": run})


def refuse_again(run: WorkflowRun) -> None:
    """Raise ``Refused`` where a run may not be run again."""
    if run.status != "completed":
        raise Refused(403, "This workflow is already running")
    if run.expired:
        raise Refused(403, "Unable to retry this workflow run because it was created over a month ago")
    if run.latest.number > MOST_ATTEMPTS:
        raise Refused(403, f"This workflow run cannot be retried: the limit of {MOST_ATTEMPTS} re-runs is reached")


def failed_jobs(run: WorkflowRun) -> list[str]:
    """Return the names of the jobs that failed in the newest attempt, and of those that were skipped for that."""
    red = [job.name for job in run.jobs if job.conclusion in RED]
    return [*red, *(job.name for job in run.jobs if job.conclusion == "skipped")] if red else []


def steps_of(job: Job) -> Sequence[Step]:
    """Return the steps of a job as they were told, or the usual ones; one that did not begin has none."""
    if job.steps or job.conclusion in {"", "skipped"}:
        return job.steps
    usual = [Step(name) for name in job_logs.USUAL_STEPS]
    return [*usual, Step(f"Run {job.name}", job.conclusion), Step("Complete job")]


def tell(
    world: World, repository: Repository, permission: str, event: str, action: str, payload: dict[str, Any]
) -> None:
    """Tell the Apps that have this repository and may read what the event is about."""
    for installation in world.installations.values():
        reached = repository.full_name in installation.repositories and not installation.suspended_at
        if reached and installation.permissions.get(permission):
            world.announce(installation, event, action, payload, repository)


def tell_suite(world: World, repository: Repository, suite: CheckSuite, action: str, by: Account) -> None:
    """Tell that something happened to a check suite."""
    shape = actions.check_suite_event(world, repository, suite)
    payload = {"check_suite": shape, "sender": accounts.user(world, by)}
    tell(world, repository, "checks", "check_suite", action, payload)


def tell_check(world: World, repository: Repository, run: CheckRun, action: str) -> None:
    """Tell every App of a check run of another one; only its own App hears more than of its beginning and end."""
    payload = {
        "check_run": checks.check_run_event(world, repository, run),
        "sender": accounts.user(world, run.app.bot),
    }
    tell(world, repository, "checks", "check_run", action, payload)


def _workflow(world: World, home: Repository, name: str) -> Workflow:
    for workflow in home.actions.workflows.values():
        if workflow.name == name:
            return workflow
    file = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "workflow"
    made = Workflow(world.new_id(), name, f".github/workflows/{file}.yml", world.now())
    home.actions.workflows[made.id] = made
    return made


def _queue(world: World, run: WorkflowRun, told: Job) -> WorkflowJob:
    now = world.now()
    job = WorkflowJob(world.new_id(), run.latest.number, told, "queued", now)
    run.jobs.append(job)
    check = run.repository.check_runs[job.id] = _check(world, run, job)
    tell_check(world, run.repository, check, "created")
    _tell_job(world, run, job, "queued")
    return job


def _check(world: World, run: WorkflowRun, job: WorkflowJob) -> CheckRun:
    return CheckRun(
        id=job.id,
        app=run.suite.app,
        suite_id=run.suite.id,
        name=job.name,
        head_sha=run.head_sha,
        status=job.status,
        conclusion=job.conclusion or None,
        external_id=f"{run.id}-{job.id}",
        details_url=actions.job_page(world, run, job),
        started_at=job.started_at or job.created_at,
        completed_at=job.completed_at,
        output={},
        actions=[],
    )


def _carry_over(world: World, run: WorkflowRun, before: WorkflowJob) -> None:
    job = dataclasses.replace(before, id=world.new_id(), attempt=run.latest.number)
    run.jobs.append(job)
    run.repository.check_runs[job.id] = _check(world, run, job)


def _end_job(world: World, run: WorkflowRun, job: WorkflowJob, told: Job) -> None:
    now = world.now()
    told = dataclasses.replace(told, steps=steps_of(told))
    job.told, job.status, job.completed_at = told, "completed", now
    job.started_at = job.started_at or now
    check = run.repository.check_runs[job.id]
    check.status, check.conclusion, check.completed_at = "completed", told.conclusion, now
    check.output = {"annotations": list(told.annotations) or _usual_annotations(told)}
    _tell_job(world, run, job, "completed")
    tell_check(world, run.repository, check, "completed")


def _usual_annotations(job: Job) -> list[JSON]:
    """Return what a runner notes on a job that failed: the place is no file of the repository."""
    if job.conclusion != "failure":
        return []
    message = "Process completed with exit code 1."
    return [
        {"path": ".github", "start_line": 1, "end_line": 1, "annotation_level": "failure", "message": message},
    ]


def _tell_run(world: World, run: WorkflowRun, action: str) -> None:
    payload = {
        "workflow_run": actions.workflow_run(world, run),
        "workflow": actions.workflow(world, run.repository, run.workflow),
        "sender": accounts.user(world, run.latest.by),
    }
    tell(world, run.repository, "actions", "workflow_run", action, payload)


def _tell_job(world: World, run: WorkflowRun, job: WorkflowJob, action: str) -> None:
    payload = {"workflow_job": actions.job(world, run, job), "sender": accounts.user(world, run.latest.by)}
    tell(world, run.repository, "actions", "workflow_job", action, payload)

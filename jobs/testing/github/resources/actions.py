"""GitHub Actions: runs, attempts, jobs, logs, artifacts, and running again."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from jobs.testing.github import job_logs, running, storage
from jobs.testing.github.errors import Refused, not_found
from jobs.testing.github.router import Call, Router, page, reply
from jobs.testing.github.shapes import actions
from jobs.testing.github.workflows import MOST_ATTEMPTS
from jobs.testing.loopback import Answer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from jobs.testing.github.workflows import Artifact, Attempt, Log, WorkflowJob, WorkflowRun

router = Router()

STATUSES = frozenset({"queued", "in_progress", "completed", "waiting", "requested", "pending"})
ROOT = "/repos/{owner}/{repo}/actions"
PLAIN = "text/plain; charset=utf-8"
ZIP = "application/zip"


@router.route("GET", f"{ROOT}/runs", needs="actions:read")
def list_runs(call: Call) -> Answer:
    """List the runs of all workflows, newest first."""
    return _runs(call, call.repository.actions.runs.values())


@router.route("GET", f"{ROOT}/workflows", needs="actions:read")
def list_workflows(call: Call) -> Answer:
    """List the workflows."""
    found = list(call.repository.actions.workflows.values())
    return page(call, found, lambda one: actions.workflow(call.world, call.repository, one), wrap="workflows")


@router.route("GET", f"{ROOT}/workflows/{{workflow}}/runs", needs="actions:read")
def list_workflow_runs(call: Call) -> Answer:
    """List the runs of one workflow, named by its id or its file."""
    name, known = call.parameters["workflow"], call.repository.actions
    named = [one for one in known.workflows.values() if name in {str(one.id), one.path.rpartition("/")[2]}]
    if not named:
        raise not_found()
    return _runs(call, [run for run in known.runs.values() if run.workflow is named[0]])


@router.route("GET", f"{ROOT}/runs/{{run}}", needs="actions:read")
def get_run(call: Call) -> Answer:
    """Return a run."""
    return reply(actions.workflow_run(call.world, _run(call)))


@router.route("GET", f"{ROOT}/runs/{{run}}/attempts/{{attempt}}", needs="actions:read")
def get_attempt(call: Call) -> Answer:
    """Return a run as it was in one attempt."""
    return reply(actions.workflow_run(call.world, _run(call), _attempt(call)))


@router.route("GET", f"{ROOT}/runs/{{run}}/jobs", needs="actions:read")
def list_jobs(call: Call) -> Answer:
    """List the jobs of the newest attempt, or of all attempts."""
    run, wanted = _run(call), call.request.query.get("filter", "latest")
    if wanted not in {"latest", "all"}:
        raise Refused(422, f"Invalid request.\n\n{wanted} is not a member of the list of filters.")
    found = [job for one in run.attempts for job in one.jobs] if wanted == "all" else run.jobs
    return _jobs(call, run, found)


@router.route("GET", f"{ROOT}/runs/{{run}}/attempts/{{attempt}}/jobs", needs="actions:read")
def list_attempt_jobs(call: Call) -> Answer:
    """List the jobs of one attempt."""
    return _jobs(call, _run(call), _attempt(call).jobs)


@router.route("GET", f"{ROOT}/jobs/{{job}}", needs="actions:read")
def get_job(call: Call) -> Answer:
    """Return a job."""
    return reply(actions.job(call.world, *_job(call)))


@router.route("GET", f"{ROOT}/jobs/{{job}}/logs", needs="actions:read")
def get_job_log(call: Call) -> Answer:
    """Lead to the log of a job that has ended."""
    run, job = _job(call)
    if run.expired:
        raise Refused(410, "Server Error: the logs for this run have expired and are no longer available.")
    if job.status != "completed" or job.conclusion == "skipped":
        raise not_found()
    log = _log(job)
    return _lead(storage.keep(call.world, lambda: storage.text(log), PLAIN))


@router.route("GET", f"{ROOT}/runs/{{run}}/logs", needs="actions:read")
def get_run_logs(call: Call) -> Answer:
    """Lead to the archive of a run's logs."""
    run = _run(call)
    if run.expired:
        raise Refused(410, "Server Error: the logs for this run have expired and are no longer available.")
    if run.status != "completed":
        raise not_found()
    ended = [job for job in run.jobs if job.conclusion != "skipped"]
    logs = [(f"{number}_{job_logs.file_name(job.name)}.txt", _log(job)) for number, job in enumerate(ended)]
    return _lead(storage.keep(call.world, lambda: storage.log_archive(logs), ZIP))


@router.route("GET", f"{ROOT}/runs/{{run}}/artifacts", needs="actions:read")
def list_artifacts(call: Call) -> Answer:
    """List what a run left."""
    run, name = _run(call), call.request.query.get("name", "")
    found = [one for one in run.artifacts if name in {"", one.name}]
    return page(call, found, lambda one: actions.artifact(call.world, run, one), wrap="artifacts")


@router.route("GET", f"{ROOT}/artifacts/{{artifact}}", needs="actions:read")
def get_artifact(call: Call) -> Answer:
    """Return an artifact, without its files."""
    return reply(actions.artifact(call.world, *_artifact(call)))


@router.route("GET", f"{ROOT}/artifacts/{{artifact}}/zip", needs="actions:read")
def get_artifact_archive(call: Call) -> Answer:
    """Lead to the files of an artifact."""
    run, artifact = _artifact(call)
    if run.expired:
        raise Refused(410, "Artifact has expired")
    return _lead(storage.keep(call.world, lambda: storage.archive(artifact.files), ZIP))


@router.route("POST", f"{ROOT}/runs/{{run}}/rerun", needs="actions:write")
def run_again(call: Call) -> Answer:
    """Run all jobs again."""
    running.again(call.world, _run(call), call.actor)
    return reply({}, 201)


@router.route("POST", f"{ROOT}/runs/{{run}}/rerun-failed-jobs", needs="actions:write")
def run_failed_again(call: Call) -> Answer:
    """Run the jobs again that did not pass."""
    run = _run(call)
    names = running.failed_jobs(run)
    running.refuse_again(run)
    if not names:
        raise Refused(403, "This workflow run cannot be retried: it has no failed jobs")
    running.again(call.world, run, call.actor, names)
    return reply({}, 201)


@router.route("POST", f"{ROOT}/jobs/{{job}}/rerun", needs="actions:write")
def run_job_again(call: Call) -> Answer:
    """Run one job of the newest attempt again."""
    run, job = _job(call)
    if run.status != "completed":
        raise Refused(403, "The workflow run containing this job is already running")
    if job not in run.jobs:
        raise Refused(403, f"This job is not part of the latest of at most {MOST_ATTEMPTS} attempts")
    running.again(call.world, run, call.actor, [job.name])
    return reply({}, 201)


@router.route("GET", f"{storage.PATH}/{{key}}", anyone=True)
def download(call: Call) -> Answer:
    """Give what lies under a short-lived address; a caller who shows a token there gives it away."""
    kept = call.world.storage.get(call.parameters["key"])
    if "authorization" in call.request.headers:
        raise Refused(401, "Server failed to authenticate the request: no Authorization header is taken here.")
    if kept is None or kept.expires_at <= time.time():
        raise Refused(403, "Signature not valid in the specified time frame")
    return Answer(200, kept.body(), {"Content-Type": kept.content_type})


def _runs(call: Call, runs: Iterable[WorkflowRun]) -> Answer:
    query = call.request.query
    status, suite = query.get("status", ""), query.get("check_suite_id", "")
    found = [
        run
        for run in runs
        if query.get("branch", run.head_branch) == run.head_branch
        and query.get("head_sha", run.head_sha) == run.head_sha
        and query.get("event", run.event) == run.event
        and query.get("actor", run.actor.login).lower() == run.actor.login.lower()
        and status in {"", run.status if status in STATUSES else run.conclusion}
        and suite in {"", str(run.suite.id)}
    ]
    return page(call, found[::-1], lambda run: actions.workflow_run(call.world, run), wrap="workflow_runs")


def _jobs(call: Call, run: WorkflowRun, found: list[WorkflowJob]) -> Answer:
    return page(call, found, lambda job: actions.job(call.world, run, job), wrap="jobs")


def _run(call: Call) -> WorkflowRun:
    found = call.repository.actions.runs.get(call.number("run"))
    if found is None:
        raise not_found()
    return found


def _attempt(call: Call) -> Attempt:
    found, number = _run(call).attempts, call.number("attempt")
    if not 1 <= number <= len(found):
        raise not_found()
    return found[number - 1]


def _job(call: Call) -> tuple[WorkflowRun, WorkflowJob]:
    wanted = call.number("job")
    for run in call.repository.actions.runs.values():
        for attempt in run.attempts:
            for job in attempt.jobs:
                if job.id == wanted:
                    return run, job
    raise not_found()


def _artifact(call: Call) -> tuple[WorkflowRun, Artifact]:
    wanted = call.number("artifact")
    for run in call.repository.actions.runs.values():
        for artifact in run.artifacts:
            if artifact.id == wanted:
                return run, artifact
    raise not_found()


def _log(job: WorkflowJob) -> Log:
    return job.told.log if job.told.log is not None else job_logs.usual_log(job.told, job.told.steps)


def _lead(address: str) -> Answer:
    return Answer(302, b"", {"Location": address, "Content-Type": "text/html;charset=utf-8"})

"""Actions and check suites on the local GitHub, over plain HTTP, held to GitHub's description."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from jobs.testing.github import CiResult, Job, LocalGitHub, Step, ci_from_command
from tests.testing import conformity
from tests.testing.conftest import SHOP, Client

if TYPE_CHECKING:
    from pathlib import Path

    from jobs.testing.github.workflows import WorkflowRun
    from tests.testing.conftest import Receiver, Reply

ROOT = f"/repos/{SHOP}"
RED = Job("unit", "failure", log=b"it broke\n", steps=[Step("Set up job"), Step("Run tests", "failure")])
EVENTS = ("workflow_run", "workflow_job", "check_suite", "check_run", "push", "pull_request")


def events(github: LocalGitHub) -> set[tuple[str, str]]:
    return {(one.event, one.action) for one in github.deliveries}


def fetch(github: LocalGitHub, answer: Reply) -> Reply:
    """Follow a redirect to the storage as one must: without a token."""
    assert answer.status == 302
    parts = urlsplit(answer.headers["Location"])
    return Client(github.url).ask("GET", f"{parts.path}?{parts.query}")


def jobs_of(client: Client, run: WorkflowRun, query: str = "") -> list[tuple[str, str | None, int]]:
    listed = client.ask("GET", f"{ROOT}/actions/runs/{run.id}/jobs{query}").json()["jobs"]
    return [(one["name"], one["conclusion"], one["run_attempt"]) for one in listed]


def test_the_suite_of_our_own_checks_is_told_too(github: LocalGitHub, client: Client) -> None:
    """When the last of an App's check runs on a commit is completed, its suite is: who acts on red suites beware."""
    sha = github.branches(SHOP)["main"]
    first, second = (
        client.ask("POST", f"{ROOT}/check-runs", {"name": name, "head_sha": sha}).json() for name in ("a", "b")
    )

    def suites() -> list[tuple[str, str]]:
        told = [one.payload["check_suite"] for one in github.deliveries if one.event == "check_suite"]
        return [(one["app"]["slug"], one["conclusion"]) for one in told]

    client.ask("PATCH", f"{ROOT}/check-runs/{first['id']}", {"conclusion": "failure"})
    assert suites() == []
    client.ask("PATCH", f"{ROOT}/check-runs/{second['id']}", {"conclusion": "success"})
    assert suites() == [(github.slug, "failure")]
    conformity.check_deliveries(github)


def test_every_endpoint_answers_as_described(github: LocalGitHub, client: Client) -> None:
    """Runs, attempts, jobs, artifacts, suites and annotations are answered in GitHub's shapes."""
    run = github.run_workflow(SHOP, "main", jobs=[RED, Job("lint")], artifacts={"reports": {"a.xml": b"<a/>"}})
    github.run_workflow(SHOP, "main", name="Nightly build", conclusion="", by="ann")
    note = {"path": "a.py", "start_line": 3, "annotation_level": "warning", "message": "Hm", "title": "E1"}
    foreign = github.foreign_suite(
        SHOP, "main", "circle", [("build", "failure", {"title": "No", "summary": "Broken"}, [note])]
    )
    made, job = f"/actions/runs/{run.id}", run.jobs[0]
    paths = [
        "/actions/runs",
        "/actions/runs?branch=main&status=failure&event=push&actor=octo",
        "/actions/workflows",
        f"/actions/workflows/{run.workflow.id}/runs",
        "/actions/workflows/nightly-build.yml/runs?status=in_progress",
        made,
        f"{made}/attempts/1",
        f"{made}/jobs",
        f"{made}/jobs?filter=all",
        f"{made}/attempts/1/jobs",
        f"{made}/artifacts",
        f"/actions/jobs/{job.id}",
        f"/actions/artifacts/{run.artifacts[0].id}",
        f"/check-suites/{run.suite.id}",
        f"/check-suites/{foreign.id}",
        f"/check-suites/{foreign.id}/check-runs",
        f"/check-runs/{job.id}",
        f"/check-runs/{job.id}/annotations",
        "/commits/main/check-suites",
        f"/commits/{run.head_sha}/check-runs",
        f"/commits/{run.head_sha}/pulls",
    ]
    for path in paths:
        assert client.ask("GET", ROOT + path).status == 200, path
    for path in (f"/actions/jobs/{job.id}/logs", f"{made}/logs", f"/actions/artifacts/{run.artifacts[0].id}/zip"):
        assert client.ask("GET", ROOT + path).status == 302, path
    for path in (f"/actions/jobs/{job.id}/rerun", f"{made}/rerun", f"{made}/rerun-failed-jobs"):
        assert client.ask("POST", ROOT + path).status == 201, path
        github.finish_run(run, "failure")
    assert conformity.check_exchanges(github) == len(paths) + 6


def test_webhooks_of_a_run_are_as_described(github: LocalGitHub, receiver: Receiver) -> None:
    """A run, its jobs, its check runs and its suite are told from beginning to end, and so is another App's suite."""
    github.app.events = EVENTS
    github.commit_file(SHOP, "fix", "a.txt", "a\n", by="ann")
    number = github.open_pull_request(SHOP, "fix", "Fix", by="ann").number
    run = github.run_workflow(SHOP, pull=number, jobs=[RED, Job("lint")])
    github.rerun(run, by="ann", failed_only=True)
    github.finish_run(run, "success")
    github.foreign_suite(SHOP, "fix", "circle", [("build", "failure", {"title": "No", "summary": "S"}, [])])
    wanted = {("workflow_run", action) for action in ("requested", "in_progress", "completed")}
    wanted |= {("workflow_job", action) for action in ("queued", "in_progress", "completed")}
    wanted |= {("check_suite", "completed"), ("check_run", "created"), ("check_run", "completed")}
    assert wanted <= events(github)
    told = [one.payload["workflow_run"] for one in github.deliveries if one.event == "workflow_run"]
    assert [one["run_attempt"] for one in told] == [1, 1, 1, 2, 2]
    assert {pull["number"] for one in told for pull in one["pull_requests"]} == {number}
    conformity.check_deliveries(github)


def test_without_the_permission_no_event_comes(github: LocalGitHub, receiver: Receiver) -> None:
    """An App that may not read Actions hears nothing of runs."""
    github.accept_permissions({"metadata": "read", "contents": "read"})
    github.run_workflow(SHOP, "main")
    assert not {"workflow_run", "check_suite", "check_run"} & {event for event, _ in events(github)}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", {"red", "green", "open"}),
        ("status=failure", {"red"}),
        ("status=completed", {"red", "green"}),
        ("status=in_progress", {"open"}),
        ("branch=other", {"green"}),
        ("event=schedule", {"open"}),
        ("actor=ann", {"green"}),
        ("head_sha=0000000000000000000000000000000000000000", set()),
    ],
)
def test_runs_are_filtered(github: LocalGitHub, client: Client, query: str, found: set[str]) -> None:
    """Lists of runs hold what was asked for, by the newest attempt's words."""
    github.commit_file(SHOP, "other", "a.txt", "a\n", by="ann")
    runs = {
        "red": github.run_workflow(SHOP, "main"),
        "green": github.run_workflow(SHOP, "other", conclusion="success", by="ann"),
        "open": github.run_workflow(SHOP, "main", conclusion="", event="schedule"),
    }
    listed = client.ask("GET", f"{ROOT}/actions/runs?{query}").json()
    assert {one["id"] for one in listed["workflow_runs"]} == {runs[name].id for name in found}
    assert listed["total_count"] == len(found)


def test_lists_of_runs_come_in_pages(github: LocalGitHub, client: Client) -> None:
    """The newest run comes first, and GitHub's link leads to the next page."""
    made = [github.run_workflow(SHOP, "main", conclusion="success").id for _ in range(5)]
    first = client.ask("GET", f"{ROOT}/actions/runs?per_page=2")
    assert [one["id"] for one in first.json()["workflow_runs"]] == made[:-3:-1]
    assert 'rel="next"' in first.headers["Link"]
    last = client.ask("GET", f"{ROOT}/actions/runs?per_page=2&page=3").json()["workflow_runs"]
    assert [one["id"] for one in last] == made[:1]


def test_a_log_is_elsewhere_and_takes_no_token(github: LocalGitHub, client: Client) -> None:
    """The log's address is a redirect; a caller who shows the token there is refused."""
    run = github.run_workflow(SHOP, "main", jobs=[RED])
    answer = client.ask("GET", f"{ROOT}/actions/jobs/{run.jobs[0].id}/logs")
    assert fetch(github, answer).body == b"it broke\n"
    parts = urlsplit(answer.headers["Location"])
    assert client.ask("GET", f"{parts.path}?{parts.query}").status == 401
    assert Client(github.url).ask("GET", "/_storage/nothing").status == 403


def test_logs_and_artifacts_expire(github: LocalGitHub, client: Client) -> None:
    """What is gone answers 410, and a log that is still being written 404."""
    run = github.run_workflow(SHOP, "main", jobs=[RED], artifacts={"reports": {"a.xml": b"<a/>"}})
    running = github.run_workflow(SHOP, "main", conclusion="")
    assert client.ask("GET", f"{ROOT}/actions/jobs/{running.jobs[0].id}/logs").status == 404
    github.expire_run(run)
    for path in (f"jobs/{run.jobs[0].id}/logs", f"runs/{run.id}/logs", f"artifacts/{run.artifacts[0].id}/zip"):
        assert client.ask("GET", f"{ROOT}/actions/{path}").status == 410, path
    assert client.ask("POST", f"{ROOT}/actions/runs/{run.id}/rerun").status == 403


def test_archives_hold_the_files(github: LocalGitHub, client: Client, tmp_path: Path) -> None:
    """An artifact and the logs of a run come as zip archives."""
    log = tmp_path / "log.txt"
    log.write_bytes(b"from a file\n")
    jobs = [RED, Job("lint / py", log=log), Job("docs", "skipped")]
    run = github.run_workflow(SHOP, "main", jobs=jobs, artifacts={"reports": {"b/a.xml": b"<a/>"}})
    reports = fetch(github, client.ask("GET", f"{ROOT}/actions/artifacts/{run.artifacts[0].id}/zip"))
    logs = fetch(github, client.ask("GET", f"{ROOT}/actions/runs/{run.id}/logs"))
    with zipfile.ZipFile(io.BytesIO(reports.body)) as packed:
        assert {name: packed.read(name) for name in packed.namelist()} == {"b/a.xml": b"<a/>"}
    with zipfile.ZipFile(io.BytesIO(logs.body)) as packed:
        assert {name: packed.read(name) for name in packed.namelist()} == {
            "0_unit.txt": b"it broke\n",
            "1_lint  py.txt": b"from a file\n",
        }


def test_failed_jobs_are_run_again(github: LocalGitHub, client: Client) -> None:
    """Another attempt carries over what passed; the earlier attempt is still to be read; a running one is refused."""
    run = github.run_workflow(SHOP, "main", jobs=[RED, Job("lint")])
    again = f"{ROOT}/actions/runs/{run.id}/rerun-failed-jobs"
    assert client.ask("POST", again).status == 201
    assert "already running" in client.ask("POST", again).json()["message"]
    assert client.ask("POST", f"{ROOT}/actions/jobs/{run.jobs[0].id}/rerun").status == 403
    github.finish_run(run, jobs=[Job("unit", "success")])
    shown = client.ask("GET", f"{ROOT}/actions/runs/{run.id}").json()
    assert (shown["conclusion"], shown["run_attempt"]) == ("success", 2)
    assert client.ask("GET", f"{ROOT}/actions/runs/{run.id}/attempts/1").json()["conclusion"] == "failure"
    assert sorted(jobs_of(client, run)) == [("lint", "success", 2), ("unit", "success", 2)]
    assert len(jobs_of(client, run, "?filter=all")) == 4
    assert client.ask("POST", again).status == 403
    assert github.check_runs(SHOP)[-1].conclusion == "success"


def test_running_again_needs_the_permission_to_write(github: LocalGitHub) -> None:
    """Who may only read Actions is refused, and it is noted."""
    run = github.run_workflow(SHOP, "main")
    reader = Client(github.url, f"Bearer {github.mint_token({'actions': 'read'})}")
    assert reader.ask("GET", f"{ROOT}/actions/runs/{run.id}").status == 200
    assert reader.ask("POST", f"{ROOT}/actions/runs/{run.id}/rerun").status == 403
    assert [one.needed for one in github.violations] == ["actions:write"]
    outsider = Client(github.url, f"Bearer {github.mint_token({'contents': 'read'})}")
    for path in (f"actions/runs/{run.id}", f"actions/jobs/{run.jobs[0].id}/logs", f"check-suites/{run.suite.id}"):
        assert outsider.ask("GET", f"{ROOT}/{path}").status == 403, path


def test_a_set_ci_reacts_to_pushes_and_to_being_asked_again(github: LocalGitHub, client: Client) -> None:
    """Each push has its run, which is pending first; when it is run again the CI is asked with the next attempt."""
    asked: list[tuple[str, int]] = []

    def ci(_repository: Path, _sha: str, branch: str, attempt: int) -> CiResult:
        asked.append((branch, attempt))
        unit, deploy = ("success", "success") if attempt > 1 else ("failure", "skipped")
        return CiResult([Job("unit", unit), Job("lint"), Job("deploy", deploy)])

    github.set_ci(SHOP, ci, jobs=["unit", "guessed wrongly"])
    github.commit_file(SHOP, "fix", "a.txt", "a\n", by="ann")
    run = github.workflow_runs(SHOP)[0]
    github.wait_for(lambda: run.conclusion == "failure")
    assert (run.head_branch, run.event, run.actor.login) == ("fix", "push", "ann")
    assert jobs_of(client, run) == [("unit", "failure", 1), ("lint", "success", 1), ("deploy", "skipped", 1)]
    assert client.ask("POST", f"{ROOT}/actions/runs/{run.id}/rerun-failed-jobs").status == 201
    github.wait_for(lambda: run.conclusion == "success")
    assert asked == [("fix", 1), ("fix", 2)]
    assert sorted(jobs_of(client, run)) == [("deploy", "success", 2), ("lint", "success", 2), ("unit", "success", 2)]
    github.delete_branch(SHOP, "fix", by="ann")
    github.set_ci(SHOP, None)
    github.commit_file(SHOP, "main", "a.txt", "a\n", by="ann")
    assert github.workflow_runs(SHOP) == [run]


def test_a_fork_has_its_run_in_the_upstream(github: LocalGitHub, client: Client) -> None:
    """A pull request from a fork is run, with the fork as its head repository and without pull requests."""
    github.set_ci(SHOP, lambda *_: CiResult([Job("test", "failure")]))
    fork = github.fork(SHOP, by="eve")
    github.commit_file(fork, "mine", "a.txt", "a\n", by="eve")
    number = github.open_pull_request(SHOP, "mine", "Mine", by="eve", fork=fork).number
    github.commit_file(fork, "mine", "a.txt", "b\n", by="eve")
    runs = github.workflow_runs(SHOP)
    github.wait_for(lambda: all(run.status == "completed" for run in runs))
    shown = client.ask("GET", f"{ROOT}/actions/runs/{runs[-1].id}").json()
    assert (shown["event"], shown["head_branch"], shown["pull_requests"]) == ("pull_request", "mine", [])
    assert shown["head_repository"]["full_name"] == fork
    assert client.ask("GET", f"{ROOT}/check-suites/{shown['check_suite_id']}").json()["pull_requests"] == []
    assert shown["head_sha"] == github.issue(SHOP, number).pull.head_sha  # type: ignore[union-attr]
    assert len(runs) == 2


def test_a_command_is_really_run(github: LocalGitHub, client: Client) -> None:
    """The log holds what the command printed on the commit's own files, as a runner writes it."""
    github.set_ci(SHOP, ci_from_command("cat shop/prices.py; exit 3"))
    github.commit_file(SHOP, "main", "shop/prices.py", "broken = True\n", by="ann")
    run = github.workflow_runs(SHOP)[0]
    github.wait_for(lambda: run.conclusion == "failure")
    log = fetch(github, client.ask("GET", f"{ROOT}/actions/jobs/{run.jobs[0].id}/logs")).body.decode("utf-8-sig")
    said = [line.partition("Z ")[2] for line in log.splitlines()]
    assert "##[group]Run cat shop/prices.py; exit 3" in said
    assert said.index("broken = True") < said.index("##[error]Process completed with exit code 3.")
    steps = client.ask("GET", f"{ROOT}/actions/jobs/{run.jobs[0].id}").json()["steps"]
    assert [one["name"] for one in steps if one["conclusion"] == "failure"] == ["Run cat shop/prices.py; exit 3"]


def test_a_command_that_does_not_end_is_cancelled(github: LocalGitHub) -> None:
    """Past its time a command is ended with all that it started, and the job is cancelled."""
    result = ci_from_command("echo begun; sleep 600 & wait", seconds=0.3)(
        github.world.repository(SHOP).path, "main", "main", 1
    )
    assert result.jobs[0].conclusion == "cancelled"
    assert b"begun" in bytes(result.jobs[0].log)  # type: ignore[arg-type]


def test_checks_of_actions_count_for_merging(github: LocalGitHub, client: Client) -> None:
    """What a run's jobs say is what the protection of a branch hears, in each attempt anew."""
    github.protect(SHOP, "main", checks=["test"])
    github.commit_file(SHOP, "fix", "a.txt", "a\n", by="ann")
    number = github.open_pull_request(SHOP, "fix", "Fix", by="ann").number

    def state() -> Any:
        return client.ask("GET", f"{ROOT}/pulls/{number}").json()["mergeable_state"]

    assert state() == "blocked"
    run = github.run_workflow(SHOP, "fix")
    assert state() == "blocked"
    github.rerun(run, by="ann")
    assert state() == "blocked"
    github.finish_run(run, "success")
    assert state() == "clean"


def test_commits_know_their_pull_requests(github: LocalGitHub, client: Client) -> None:
    """A commit's pull request is found while it is open, and by what its merge made."""
    sha = github.commit_file(SHOP, "fix", "a.txt", "a\n", by="ann")
    start = github.branches(SHOP)["main"]
    number = github.open_pull_request(SHOP, "fix", "Fix", by="ann").number

    def pulls_of(commit: str) -> list[int]:
        return [one["number"] for one in client.ask("GET", f"{ROOT}/commits/{commit}/pulls").json()]

    assert (pulls_of(sha), pulls_of(start)) == ([number], [])
    second = github.open_pull_request(SHOP, "fix", "Fix twice", by="ann").number
    assert pulls_of(sha) == [number, second]
    merged = github.merge_pull_request(SHOP, number, by="ann", method="squash")
    github.close_pull_request(SHOP, second, by="ann")
    assert (pulls_of(merged), pulls_of(sha)) == ([number], [number])


def test_a_comparison_comes_in_pages_when_asked(github: LocalGitHub, client: Client) -> None:
    """Pages begin with the oldest commit and only the first tells files; without pages the newest commits are told."""
    base = github.branches(SHOP)["main"]
    made = [github.commit_file(SHOP, "main", "a.txt", f"{number}\n", by="ann") for number in range(5)]

    def compared(query: str = "") -> tuple[list[str], int, int]:
        answer = client.ask("GET", f"{ROOT}/compare/{base}...main{query}").json()
        return [one["sha"] for one in answer["commits"]], answer["total_commits"], len(answer["files"])

    assert compared("?per_page=2") == (made[:2], 5, 1)
    assert compared("?per_page=2&page=3") == (made[4:], 5, 0)
    assert compared() == (made, 5, 1)
    conformity.check_exchanges(github)


def test_a_status_is_told_to_apps_that_may_read_it(github: LocalGitHub, client: Client) -> None:
    """Set by a service or over HTTP: with its commit, and with the branches that contain that."""
    first = github.branches(SHOP)["main"]
    github.commit_file(SHOP, "topic", "a.py", "a\n", by="ada")
    github.set_status(SHOP, "topic", "old", "failure", "3 failed", "https://ci.example.com/7", by="builder")
    writer = Client(github.url, f"Bearer {github.mint_token({'statuses': 'write'})}")
    assert writer.ask("POST", f"{ROOT}/statuses/{first}", {"state": "pending", "context": "new"}).status == 201
    told = [one.payload for one in github.deliveries if one.event == "status"]
    assert [(one["sender"]["login"], one["state"], one["context"]) for one in told] == [
        ("builder", "failure", "old"),
        (f"{github.slug}[bot]", "pending", "new"),
    ]
    ends = [{branch["name"]: branch["commit"]["sha"] for branch in one["branches"]} for one in told]
    assert ends[0] == {"topic": told[0]["sha"]}
    assert ends[1] == {"main": first, "topic": told[0]["sha"]}
    assert "action" not in told[0]
    assert client.ask("GET", f"{ROOT}/commits/topic/status").json()["statuses"][0]["description"] == "3 failed"
    conformity.check_deliveries(github)

"""Runs, logs, artifacts and check suites as the client reads them, and failed jobs run again once."""

from __future__ import annotations

import hashlib
import io
import tracemalloc
import zipfile
from typing import TYPE_CHECKING

import pytest

from jobs.github import Annotation, GitHub, GitHubRefused
from jobs.testing.github import Job, LocalGitHub, Step
from jobs.types import Change, GitHubUnavailable
from tests.github.conftest import SHOP, unheard
from tests.testing import conformity

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from jobs.github import Repository

MEGABYTE = 1024 * 1024
STEPS = [Step("Set up job"), Step("Run tests", "failure"), Step("Report", "skipped")]
STORAGE = r"^/_storage/"


def test_a_run_is_read_with_its_jobs(shop: Repository, local: LocalGitHub) -> None:
    """A run tells where it ran, for whom and how it ended; its jobs tell their steps."""
    sha = local.commit_file(SHOP, "fix", "a.txt", "a\n", by="alice")
    number = local.open_pull_request(SHOP, "fix", "Fix", by="alice").number
    made = local.run_workflow(SHOP, pull=number, by="alice", jobs=[Job("unit", "failure", steps=STEPS), Job("lint")])
    run = shop.workflow_run(made.id)
    assert (run.name, run.path, run.branch, run.sha) == ("CI", ".github/workflows/ci.yml", "fix", sha)
    assert (run.event, run.status, run.conclusion, run.attempt) == ("pull_request", "completed", "failure", 1)
    assert (run.actor, run.triggering_actor, run.head_repository, run.pulls) == ("alice", "alice", SHOP, (number,))
    assert (run.suite_id, run.workflow_id) == (made.suite.id, made.workflow.id)
    assert 0 < run.created_at <= run.updated_at
    unit, lint = shop.jobs_of(run.id)
    assert [(step.number, step.name, step.conclusion) for step in unit.steps] == [
        (1, "Set up job", "success"),
        (2, "Run tests", "failure"),
        (3, "Report", "skipped"),
    ]
    assert (unit.conclusion, lint.conclusion, lint.labels) == ("failure", "success", ("ubuntu-latest",))
    assert 0 < unit.started_at <= unit.completed_at
    with pytest.raises(GitHubRefused):
        shop.workflow_run(1)
    conformity.check(local)


def test_runs_are_found_by_what_they_are(shop: Repository, local: LocalGitHub) -> None:
    """Runs are filtered by branch, commit, workflow and status, newest first, as many as are wanted."""
    green = local.run_workflow(SHOP, "main", conclusion="success")
    red = local.run_workflow(SHOP, "main")
    nightly = local.run_workflow(SHOP, "main", name="Nightly", conclusion="", event="schedule")

    def found(**wanted: str | int) -> list[int]:
        return [run.id for run in shop.workflow_runs(**wanted)]  # type: ignore[arg-type]

    assert found() == [nightly.id, red.id, green.id]
    assert found(most=2) == [nightly.id, red.id]
    assert found(branch="main", status="success") == [green.id]
    assert found(workflow_id=nightly.workflow.id) == found(status="in_progress") == found(event="schedule")
    assert found(sha=red.head_sha, workflow_id=red.workflow.id) == [red.id, green.id]
    assert found(branch="other") == []
    conformity.check(local)


def test_runs_beyond_one_page_are_read(shop: Repository, local: LocalGitHub) -> None:
    """More than a page of runs is read page by page."""
    for _ in range(103):
        local.run_workflow(SHOP, "main", conclusion="success", jobs=[Job("a")])
    assert len(list(shop.workflow_runs(most=200))) == 103
    assert len(list(shop.workflow_runs(most=101))) == 101


def test_a_fork_shows_in_the_run(shop: Repository, local: LocalGitHub) -> None:
    """The run of a fork's pull request names the fork, and no pull request."""
    fork = local.fork(SHOP, by="eve")
    local.commit_file(fork, "mine", "a.txt", "a\n", by="eve")
    number = local.open_pull_request(SHOP, "mine", "Mine", by="eve", fork=fork).number
    run = shop.workflow_run(local.run_workflow(SHOP, pull=number, by="eve").id)
    assert (run.head_repository, run.branch, run.pulls) == (fork, "mine", ())


def test_a_log_is_read_without_the_token(shop: Repository, local: LocalGitHub) -> None:
    """The log is fetched where GitHub leads to, and the token stays with GitHub."""
    run = local.run_workflow(SHOP, "main", jobs=[Job("unit", "failure", log=b"one\ntwo\n")])
    assert b"".join(shop.job_log(run.jobs[0].id)) == b"one\ntwo\n"
    fetched = [one for one in local.requests if one.path.startswith("/_storage/")]
    assert [(one.status, one.headers.get("authorization")) for one in fetched] == [(200, None)]
    conformity.check(local)


def test_a_large_log_needs_little_memory(shop: Repository, local: LocalGitHub) -> None:
    """50 MB pass through in pieces, all of them in order; a cap ends the reading early."""
    line = b"2026-11-21T09:29:33.1234567Z " + b"x" * 995 + b"\n"

    class Log:
        def __iter__(self) -> Iterator[bytes]:
            return iter([line * 64] * 800)

    run = local.run_workflow(SHOP, "main", jobs=[Job("unit", "failure", log=Log())])
    digest, size = hashlib.sha256(), 0
    tracemalloc.start()
    for piece in shop.job_log(run.jobs[0].id):
        digest.update(piece)
        size += len(piece)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (size, digest.digest()) == (len(line) * 51_200, hashlib.sha256(line * 51_200).digest())
    assert peak < 8 * MEGABYTE
    assert sum(map(len, shop.job_log(run.jobs[0].id, most=MEGABYTE))) == MEGABYTE


def test_a_log_that_is_gone_is_empty(shop: Repository, local: LocalGitHub) -> None:
    """A log that expired, or is not written yet, has no pieces."""
    run, running = local.run_workflow(SHOP, "main"), local.run_workflow(SHOP, "main", conclusion="")
    local.expire_run(run)
    assert list(shop.job_log(run.jobs[0].id)) == list(shop.job_log(running.jobs[0].id)) == []


def test_a_log_that_breaks_off_is_taken_up_again(shop: Repository, local: LocalGitHub) -> None:
    """When the storage cuts the connection in the middle, what was given is not given again."""
    pieces = [b"a" * 70_000, b"b" * 70_000, b"c" * 70_000]
    breaks = [1, 2]

    class Log:
        def __iter__(self) -> Iterator[bytes]:
            for number, piece in enumerate(pieces):
                if breaks and number == breaks[0]:
                    breaks.pop(0)
                    raise ConnectionResetError
                yield piece

    run = local.run_workflow(SHOP, "main", jobs=[Job("unit", "failure", log=Log())])
    assert b"".join(shop.job_log(run.jobs[0].id)) == b"".join(pieces)
    assert breaks == []
    breaks.extend([0, 0, 0])
    with pytest.raises(GitHubUnavailable, match="storage"):
        list(shop.job_log(run.jobs[0].id))


def test_a_storage_that_fails_is_asked_anew(shop: Repository, local: LocalGitHub) -> None:
    """A 503 and a refused address lead to another address; an outage is told without the address, which is a key."""
    run = local.run_workflow(SHOP, "main", jobs=[Job("unit", "failure", log=b"text\n")])
    local.faults.add("GET", STORAGE, status=503)
    local.faults.add("GET", STORAGE, status=403)
    assert b"".join(shop.job_log(run.jobs[0].id)) == b"text\n"
    local.faults.add("GET", STORAGE, times=3, drop=True)
    with pytest.raises(GitHubUnavailable) as unavailable:
        list(shop.job_log(run.jobs[0].id))
    assert "_storage" not in str(unavailable.value)
    local.faults.add("GET", STORAGE, status=404)
    assert list(shop.job_log(run.jobs[0].id)) == []


def test_a_repository_that_moved_is_followed(shop: Repository, local: LocalGitHub) -> None:
    """A call that GitHub answers with the new place of the repository is made there, with the token."""
    run = local.run_workflow(SHOP, "main", jobs=[Job("unit", "failure", log=b"text\n")])
    path = f"/repos/{SHOP}/actions/jobs/{run.jobs[0].id}/logs"
    local.faults.add("GET", f"^{path}$", status=301, headers={"Location": f"{local.api_url}{path}"})
    assert b"".join(shop.job_log(run.jobs[0].id)) == b"text\n"
    local.faults.add("GET", f"^{path}$", status=301, headers={"Location": "https://elsewhere.example/x"})
    with pytest.raises(GitHubUnavailable):
        list(shop.job_log(run.jobs[0].id))


def test_artifacts_are_read_up_to_a_size(shop: Repository, local: LocalGitHub) -> None:
    """An artifact is an archive; one that is too large is refused, one that expired is empty."""
    run = local.run_workflow(SHOP, "main", artifacts={"reports": {"junit.xml": b"<testsuite/>"}})
    (found,) = shop.artifacts_of(run.id)
    archive = shop.artifact(found.id, limit=found.size)
    with zipfile.ZipFile(io.BytesIO(archive)) as packed:
        assert packed.read("junit.xml") == b"<testsuite/>"
    with pytest.raises(GitHubRefused, match="larger"):
        shop.artifact(found.id, limit=found.size - 1)
    local.expire_run(run)
    assert shop.artifacts_of(run.id)[0].expired
    assert shop.artifact(found.id, limit=1000) == b""


def test_failed_jobs_are_run_again_once(shop: Repository, local: LocalGitHub) -> None:
    """A lost answer does not lead to a second re-run, nor does a call about an attempt that has a successor."""
    run = local.run_workflow(SHOP, "main", jobs=[Job("unit", "failure"), Job("lint")])
    local.faults.add("POST", "rerun-failed-jobs$", status=502, after=True)
    shop.rerun_failed(run.id, 1)
    local.finish_run(run, "failure")
    shop.rerun_failed(run.id, 1)
    assert (run.latest.number, run.status) == (2, "completed")
    assert {(job.name, job.attempt, job.conclusion) for job in shop.jobs_of(run.id)} == {
        ("unit", 2, "failure"),
        ("lint", 2, "success"),
    }
    assert {job.attempt for job in shop.jobs_of(run.id, 1)} == {1}


def test_a_rerun_that_github_refuses_is_told_in_words(shop: Repository, local: LocalGitHub) -> None:
    """A run that is under way, or too old, is not run again, in GitHub's own words."""
    run = local.run_workflow(SHOP, "main", conclusion="")
    with pytest.raises(GitHubRefused, match=f"failed jobs of run {run.id} again: This workflow is already running"):
        shop.rerun_failed(run.id)
    local.finish_run(run, "failure")
    local.expire_run(run)
    with pytest.raises(GitHubRefused, match="over a month ago"):
        shop.rerun_failed(run.id, 1)


def test_an_installation_that_only_lets_read_still_reads(tmp_path: Path, private_key: str) -> None:
    """Where the App was granted less than it asks for, runs are read, and running again is refused with a cure."""
    granted = {"metadata": "read", "contents": "write", "actions": "read"}
    with LocalGitHub(tmp_path / "less", private_key_pem=private_key, permissions=granted) as local:
        local.create_repository(SHOP, {"a": "1"})
        client = GitHub(local.api_url, local.server_url, local.app_id, private_key, timeout=2.0, witness=unheard)
        shop, run = client.repository(SHOP, local.installation_id), local.run_workflow(SHOP, "main")
        assert shop.workflow_run(run.id).conclusion == "failure"
        with pytest.raises(GitHubRefused, match="opus67 doctor"):
            shop.rerun_failed(run.id, 1)
        client.close()


def test_the_suite_of_another_app_is_read(shop: Repository, local: LocalGitHub) -> None:
    """Each check tells its texts, and those that failed what they note on lines."""
    note = {"path": "src/a b.py", "start_line": 3, "annotation_level": "failure", "message": "Bad", "title": "E501"}
    output = {"title": "2 errors", "summary": "See **below**", "text": "More", "details_url": "https://ci.example/1"}
    checks = [("lint", "failure", output, [note]), ("docs", "success", {"title": "Fine", "summary": ""}, [note])]
    suite = local.foreign_suite(SHOP, "main", "other-ci", checks)
    lint, docs = shop.suite_checks(suite.id)
    assert (lint.name, lint.app, lint.conclusion, lint.details_url) == (
        "lint",
        "other-ci",
        "failure",
        "https://ci.example/1",
    )
    assert (lint.title, lint.summary, lint.text) == ("2 errors", "See **below**", "More")
    assert lint.annotations == (Annotation("src/a b.py", 3, "failure", "Bad", "E501"),)
    assert (docs.conclusion, docs.annotations) == ("success", ())
    conformity.check(local)


def test_changes_between_two_commits(shop: Repository, local: LocalGitHub) -> None:
    """Commits come oldest first with author, title and files; a commit that is gone gives none."""
    base = local.branches(SHOP)["main"]
    first = local.commit_file(SHOP, "main", "a.txt", "a\n", by="alice", message="Add a\n\nBecause")
    second = local.commit_file(SHOP, "main", "src/b.py", "b\n", by="bob")
    assert shop.changes_between(base, "main") == (
        Change(first, "alice", "Add a", ("a.txt",)),
        Change(second, "bob", "Change src/b.py", ("src/b.py",)),
    )
    assert [change.sha for change in shop.changes_between(base, second, most=1)] == [second]
    assert shop.changes_between(base, base) == ()
    local.faults.add("GET", "/compare/", status=404)
    assert shop.changes_between(base, "main") == ()
    conformity.check(local)


def test_of_many_changes_the_newest_are_told(shop: Repository, local: LocalGitHub) -> None:
    """Of more commits than a comparison shows the newest are read, and the files of the last 20 only."""
    base = local.branches(SHOP)["main"]
    made = [local.commit_file(SHOP, "main", "a.txt", f"{number}\n", by="alice") for number in range(260)]
    changes = shop.changes_between(base, "main", most=50)
    assert [change.sha for change in changes] == made[-50:]
    assert [bool(change.files) for change in changes] == [False] * 30 + [True] * 20


def test_a_commit_knows_its_pull_requests(shop: Repository, local: LocalGitHub) -> None:
    """A merge's commit leads to its pull request, which is told as merged."""
    local.commit_file(SHOP, "fix", "a.txt", "a\n", by="alice")
    number = local.open_pull_request(SHOP, "fix", "Fix", by="alice").number
    sha = local.merge_pull_request(SHOP, number, by="alice")
    (found,) = shop.pulls_of_commit(sha)
    assert (found.number, found.state, found.author, found.branch) == (number, "merged", "alice", "fix")
    assert shop.pulls_of_commit(local.branches(SHOP)["main"]) == (found,)

"""A CI of the operator's own reports by curl, as the documents say, and the same triage follows."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest

from jobs.testing.github import ci_from_command
from jobs.types import Conclusion, Status
from tests.journeys.ci import COMMAND, RIGHT, WRONG, Red
from tests.journeys.town import seen
from tests.journeys.towns import running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.journeys.town import Town

SECRET = "a-secret-of-jenkins-alone"
SCRIPT = """
signature=$(openssl dgst -sha256 -hmac "$SECRET" -r report.json | cut -d ' ' -f 1)
curl --silent --show-error --output answer --write-out '%{http_code}' "$ADDRESS" \
  --header "Content-Type: application/json" \
  --header "X-Opus67-Delivery: $NUMBER" \
  --header "X-Opus67-Signature-256: sha256=$signature" \
  --data-binary @report.json
"""


@pytest.fixture(scope="module")
def reported() -> Iterator[Town]:
    """Yield a town that knows a CI called jenkins."""
    with running(OPUS67_CI_SECRETS=f"jenkins={SECRET}") as built:
        yield built


def report(story: Red, folder: Path, number: str, *, secret: str = SECRET, **values: object) -> int:
    """Report an end of CI with openssl and curl, and return the status of the answer."""
    told = {"repository": story.repository, "workflow": story.workflow, **values}
    (folder / "report.json").write_text(json.dumps(told))
    address = f"http://127.0.0.1:{story.town.product.port}/webhooks/ci/jenkins"
    given = {"SECRET": secret, "ADDRESS": address, "NUMBER": f"{story.key}-{number}", "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        ["bash", "-euc", SCRIPT], cwd=folder, env=given, capture_output=True, text=True, timeout=30, check=True
    )
    return int(done.stdout)


def quiet(story: Red) -> Red:
    """Take Actions away: this house has a CI of its own."""
    story.town.product.github.set_ci(story.repository, None, name=story.workflow)
    return story


def failing(story: Red, sha: str) -> str:
    """Return what the command prints at a commit."""
    repository = story.town.product.github.world.repository(story.repository).path
    log = ci_from_command(COMMAND)(repository, sha, "main", 1).jobs[0].log
    assert isinstance(log, bytes)
    return log.decode()


def test_a_reported_failure_becomes_a_draft(reported: Town, tmp_path: Path) -> None:
    """The report is answered 202 and mended like any other; a second report of green ends the waiting."""
    story = quiet(Red.build(reported))
    sha = reported.product.github.commit_file(story.repository, "main", "till.py", WRONG, by="ada")
    told = {"sha": sha, "branch": "main", "command": COMMAND, "log": failing(story, sha)}
    assert report(story, tmp_path, "red", conclusion="failure", actor="ada", **told) == 202
    task = story.listening()
    head = story.head(f"opus/ci-{task.id}")
    assert report(story, tmp_path, "green", sha=head, branch=f"opus/ci-{task.id}", conclusion="success") == 202
    assert story.completed().conclusion is Conclusion.SUCCESS
    [opened] = story.pulls()
    assert opened.pull is not None
    assert opened.pull.draft
    assert story.file("till.py", opened.pull.head) == RIGHT
    assert f"CI is green at `{head[:10]}`" in seen(opened.body)
    assert "test_total" in story.shown(sha)
    assert task.status is Status.QUEUED


def test_a_report_with_a_wrong_signature_is_refused(reported: Town, tmp_path: Path) -> None:
    """Whoever does not know the secret starts nothing, and the same report twice is one piece of work."""
    story = quiet(Red.build(reported))
    sha = reported.product.github.commit_file(story.repository, "main", "till.py", WRONG, by="ada")
    told = {"sha": sha, "branch": "main", "conclusion": "failure", "command": COMMAND, "log": failing(story, sha)}
    assert report(story, tmp_path, "false", secret="somebody-elses-secret", **told) == 401
    assert story.tasks() == []
    assert [report(story, tmp_path, "red", **told) for _ in range(2)] == [202, 202]
    story.listening()
    assert len(story.tasks()) == 1

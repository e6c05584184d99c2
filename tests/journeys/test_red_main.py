"""CI is red on the default branch: a draft pull request mends it, or nobody pays for what needs no mend."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.testing.github import CiResult, Job
from jobs.types import Conclusion, Status
from tests.journeys.ci import COMMAND, OTHERWISE, RIGHT, TEST_LINE, WRONG, Red, job_log
from tests.journeys.town import seen

if TYPE_CHECKING:
    from pathlib import Path

    from tests.journeys.ci import Ci
    from tests.journeys.town import Town


def attempts(*results: bytes | None) -> Ci:
    """Return a CI that fails with a log in each attempt at what is not documents, and passes where there is none."""

    def ci(path: Path, sha: str, _branch: str, attempt: int) -> CiResult:
        found = results[min(attempt, len(results)) - 1]
        return CiResult([Job("test", "failure", log=found) if found else Job("test", "success")])

    return ci


def test_red_main_becomes_a_draft_whose_ci_is_green(town: Town) -> None:
    """The red commit is marked on its line, the draft says what was red and what is green, and CI has the last word."""
    story = Red.build(town)
    sha = story.push(WRONG)
    task = story.completed()
    assert task.conclusion is Conclusion.SUCCESS, story.shown(sha)
    [opened] = story.pulls()
    assert opened.pull is not None
    assert (opened.pull.draft, opened.pull.base, opened.pull.head) == (True, "main", f"opus/ci-{task.id}")
    assert opened.title == "Mend CI: Sum without one more"
    for words in ("`python3 -m unittest -q` ended with 1", "`python3 -m unittest -q` ended with 0", "/actions/runs/"):
        assert words in opened.body, opened.body
    assert story.file("till.py", opened.pull.head) == RIGHT
    assert story.commits(opened.pull.head) == ["opus-67[bot]"]
    marks = story.check(sha).output["annotations"]
    assert [(one["path"], one["start_line"]) for one in marks] == [("test_till.py", TEST_LINE)]
    green = story.runs_at(opened.pull.head_sha)
    assert [run.conclusion for run in green] == ["success"]
    words = f"CI is green at `{opened.pull.head_sha[:10]}`"
    assert words in story.shown(opened.pull.head_sha)
    assert words in seen(opened.body), opened.body
    assert story.check(opened.pull.head_sha).conclusion == "success"
    assert len(story.asked()) == 3

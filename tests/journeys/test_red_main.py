"""CI is red on the default branch: a draft pull request mends it, or nobody pays for what needs no mend."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.testing.github import CiResult, Job, ci_from_command
from jobs.types import Conclusion, Status
from tests.journeys.ci import COMMAND, RIGHT, TEST_LINE, WRONG, Red, job_log
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
    for words in (
        "`python3 -m unittest -q` ended with exit code 1",
        "`python3 -m unittest -q` ended with exit code 0",
        "/actions/runs/",
    ):
        assert words in opened.body, opened.body
    assert story.file("till.py", opened.pull.head) == RIGHT
    assert story.commits(opened.pull.head) == ["opus-67[bot]"]
    marks = story.check(sha).output["annotations"]
    assert [(one["path"], one["start_line"]) for one in marks] == [("test_till.py", TEST_LINE)]
    assert not story.check(opened.pull.head_sha).output.get("annotations")
    green = story.runs_at(opened.pull.head_sha)
    assert [run.conclusion for run in green] == ["success"]
    words = f"CI is green at `{opened.pull.head_sha[:10]}`"
    assert words in story.shown(opened.pull.head_sha)
    assert words in seen(opened.body), opened.body
    assert story.check(opened.pull.head_sha).conclusion == "success"
    assert len(story.asked()) == 3


FLAKY = job_log(
    "=" * 70,
    "ERROR: test_total (test_till.Totals.test_total)",
    "-" * 70,
    "Traceback (most recent call last):",
    '  File "/home/runner/work/greeting/greeting/test_till.py", line 8, in test_total',
    "    self.assertEqual(total([0.1, 0.2]), 0.3)",
    "TimeoutError: timed out after 5 seconds waiting for the server",
    "",
    "Ran 1 test in 5.003s",
    "",
    "FAILED (errors=1)",
)
NO_DISK = job_log("write error: No space left on device", "OSError: [Errno 28] No space left on device")


def test_what_passes_at_another_go_costs_nothing(town: Town) -> None:
    """A test that times out once is run again once; no model is asked, and the check run says why nothing is mended."""
    story = Red.build(town)
    story.runs_ci(attempts(FLAKY, None))
    sha = story.push("# one\n", "notes.md")
    assert story.completed().conclusion is Conclusion.SUCCESS
    [run] = story.runs_at(sha)
    assert [one.conclusion for one in run.attempts] == ["failure", "success"]
    assert "comes and goes (flaky)" in story.shown(sha)
    assert "nothing is mended" in story.shown(sha)
    assert (story.asked(), story.pulls(), story.branches()) == ([], [], set())
    story.runs_ci(attempts(FLAKY))
    again = story.push("# two\n", "notes.md")
    story.completed(2)
    assert len(story.runs_at(again)[0].attempts) == 1
    assert "comes and goes (flaky)" in story.shown(again)
    assert story.asked() == []


def test_broken_machinery_is_run_again_and_never_mended(town: Town) -> None:
    """A full disk is nobody's mistake in the code: one more go, and then words."""
    story = Red.build(town, config="mode: aggressive\n")
    story.runs_ci(attempts(NO_DISK))
    sha = story.push("# one\n", "notes.md")
    assert story.completed().conclusion is Conclusion.NEUTRAL
    [run] = story.runs_at(sha)
    assert len(run.attempts) == 2
    assert "the machinery failed, not the code" in story.shown(sha)
    assert "the code is not the cause" in story.shown(sha)
    assert (story.asked(), story.pulls()) == ([], [])


def test_the_culprit_is_named_with_its_author(town: Town) -> None:
    """Of five commits since the last green run one touches the module: it is named where people look."""
    story = Red.build(town)
    github = story.town.product.github
    github.set_ci(story.repository, None, name=story.workflow)
    for number in range(4):
        if number == 2:
            guilty = github.commit_file(story.repository, "main", "till.py", WRONG, by="bob", message="Round no more")
        github.commit_file(story.repository, "main", f"notes/{number}.py", f"x = {number}\n", by="ada")
    story.runs_ci(ci_from_command(COMMAND))
    sha = story.push("y = 1\n", "notes/last.py")
    assert story.completed().conclusion is Conclusion.SUCCESS, story.shown(sha)
    [opened] = story.pulls()
    for told in (story.shown(sha), seen(opened.body)):
        assert f"`{guilty[:10]}` Round no more by bob" in told, told
        assert f"of 6 commits since the last green run, `{guilty[:7]}` by bob touched what fails" in told
    first = str(story.asked()[0].body["messages"][0])
    assert f"commit {guilty} brought it" in first


def test_a_conservative_house_is_asked_first(town: Town) -> None:
    """Nothing is paid before a person presses the button of the check run; then the work goes on."""
    story = Red.build(town, config="mode: conservative\n")
    sha = story.push(WRONG)
    story.reaches(Status.WAITING)
    assert "With your approval the bot would" in story.shown(sha)
    assert "nothing has been spent so far" in story.shown(sha)
    assert story.asked() == []
    story.press("approve")
    assert story.completed().conclusion is Conclusion.SUCCESS
    [opened] = story.pulls()
    assert opened.pull is not None
    assert "CI is green at" in story.shown(opened.pull.head_sha)


def test_a_person_without_rights_cannot_let_it_go_on(town: Town) -> None:
    """A button that a stranger presses does nothing; the one who may says no, and it is left."""
    story = Red.build(town, config="mode: conservative\n")
    sha = story.push(WRONG)
    task = story.reaches(Status.WAITING)
    story.press("approve", by="stranger")
    story.settles()
    assert story.current.status is Status.WAITING
    story.press("cancel")
    assert story.completed().conclusion is Conclusion.CANCELLED
    assert (story.asked(), story.pulls()) == ([], [])
    assert story.check(sha).conclusion == "cancelled"
    assert task.id == story.current.id

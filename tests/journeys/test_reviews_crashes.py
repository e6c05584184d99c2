"""Workers die in the middle of a review: the next attempt finds what was said and pushed, and says nothing twice."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from jobs.types import Conclusion
from tests.journeys.reviewers import Reviewed, answer, dearer, done, found, plays, reprice
from tests.journeys.test_reviews_conflicts import BOTH, THEIRS, greeting
from tests.journeys.town import finish, write
from tests.journeys.towns import running
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jobs.testing.faults import Fault
    from tests.journeys.town import Town

pytestmark = pytest.mark.bubblewrap

STAGES = {
    "before the answers": ("POST", r"/pulls/\d+/comments/\d+/replies$", False),
    "behind the first answer": ("POST", r"/pulls/\d+/comments/\d+/replies$", True),
    "behind the review": ("POST", r"/pulls/\d+/reviews$", True),
    "behind the merge": ("PATCH", r"/pulls/\d+$", True),
}
"""Where a request to GitHub hangs when the worker dies, and whether GitHub has done by then what it was asked for."""
ANSWERING = tuple(stage for stage in STAGES if "answer" in stage)


def addressed(town: Town) -> Reviewed:
    """Have the bot open a pull request, and a model that would work on a review of it."""
    pull = Reviewed.ours(town)
    told = answer("T1", "Dearer.", done=True) + answer("T2", "Since three is taken.")
    plays(pull.story, address=[reprice(3), told, finish("Three is dearer.", "Raise 3")])
    return pull


def begin(pull: Reviewed, stage: str) -> None:
    """Have somebody ask for what will hang."""
    if stage == "behind the review":
        pull.say("/opus review")
    elif stage == "behind the merge":
        pull.push(THEIRS, "greeting.py", branch="main")
        pull.say("/opus update")
    else:
        pull.review((3, "Make this 300."), (4, "Why four?"))


def hang(pull: Reviewed, stage: str) -> Fault:
    """Have the first request of a stage hang."""
    method, path, after = STAGES[stage]
    where = f"^/repos/{pull.story.repository}{path}"
    return pull.github.faults.add(method, where, hang=True, after=after, times=1)


@pytest.fixture(scope="module")
def survivors() -> Iterator[dict[str, Reviewed]]:
    """Yield a pull request for each stage, after all workers were killed when each had come to its stage."""
    with running(OPUS67_WORKERS=str(len(STAGES))) as town:
        reviewer = [found(3, "major", "Three of these are sold at a loss."), done()]
        with ThreadPoolExecutor() as at_once:
            begun = {stage: at_once.submit(addressed, town) for stage in ANSWERING}
            begun["behind the review"] = at_once.submit(Reviewed.theirs, town, inspect=reviewer)
            begun["behind the merge"] = at_once.submit(greeting, town)
        pulls = {stage: pull.result() for stage, pull in begun.items()}
        plays(pulls["behind the merge"].story, merge=[write(BOTH), finish("Kept both.")])
        faults = {stage: hang(pulls[stage], stage) for stage in STAGES}
        for stage, pull in pulls.items():
            begin(pull, stage)
        until(lambda: all(fault.hits for fault in faults.values()), seconds=60, what="all tasks at their stages")
        town.kill("worker")
        town.product.github.faults.clear()
        yield pulls


def asked_for(pull: Reviewed, tool: str) -> int:
    """Count the requests to a model that offer a tool."""
    return sum(tool in {one["name"] for one in asked.body["tools"]} for asked in pull.story.asked())


@pytest.mark.parametrize("stage", ANSWERING)
def test_a_worker_killed_while_it_answers(survivors: dict[str, Reviewed], stage: str) -> None:
    """The change is pushed once, each thread has one answer, the right one is resolved, and no model is asked again."""
    pull = survivors[stage]
    assert pull.ends(90).conclusion is Conclusion.SUCCESS
    assert (pull.answered(), pull.resolved) == ([0, 1], [0])
    assert f"Done in {pull.head}." in pull.talk(0)[1]
    assert pull.story.file("prices.py", pull.branch) == dearer(3)
    assert (pull.bot_pushes(), asked_for(pull, "answer_thread")) == (2, 3)
    assert [run.status for run in pull.story.check_runs()] == ["completed"] * len(pull.story.check_runs())


def test_a_worker_killed_behind_a_review(survivors: dict[str, Reviewed]) -> None:
    """The review that GitHub has is found: there is one with one comment, and the check run ends."""
    pull = survivors["behind the review"]
    assert pull.ends(90).conclusion is Conclusion.NEUTRAL
    assert (len(pull.reviews), [thread.line for thread in pull.threads]) == (1, [3])
    assert [(run.status, run.conclusion) for run in pull.checks()] == [("completed", "neutral")]
    assert asked_for(pull, "report_finding") == 2


def test_a_worker_killed_behind_a_merge(survivors: dict[str, Reviewed]) -> None:
    """There is one merge commit, and no model is asked again."""
    pull = survivors["behind the merge"]
    assert pull.ends(90).conclusion is Conclusion.SUCCESS
    assert len(pull.parents()) == 2
    assert pull.story.file("greeting.py", pull.branch) == BOTH
    assert pull.bot_pushes() == 2
    assert sum("git stopped at the conflicts" in str(one.body["messages"]) for one in pull.story.asked()) == 2

"""A second review says what is new, and what people settled stays settled; pushes during a review are reviewed, too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from jobs.execute import execute
from jobs.testing.github.review_records import LineComment
from jobs.testing.models import Script, call
from jobs.testing.models.script import conversation
from jobs.types import Conclusion
from tests.jobs.pulls import BROKEN, DIVIDES, LEAKS, TILL, Opened, done, found
from tests.jobs.test_reviewing import strict
from tests.jobs.workshop import WORKSHOP

if TYPE_CHECKING:
    from jobs.testing.models.script import Reply
    from tests.jobs.workshop import Workshop

pytestmark = pytest.mark.bubblewrap

AGAIN = "Importing the module divides by zero, so that nothing in the shop starts."
WORSE = BROKEN.replace("price_15 = 15\n", "price_15 = open('ledger')\n")


def test_a_push_is_reviewed_by_its_difference(workshop: Workshop) -> None:
    """The second review reads and comments on what was pushed since; the check run still counts what is open."""
    strict(workshop)
    pull = Opened.by(workshop)
    pull.review(found(), done())
    pull.push(WORSE)
    row = pull.review(found(3, reason=LEAKS), found(15, "minor", LEAKS), done())
    told = pull.said()
    assert "what was pushed since the last review" in told
    assert "    15 +price_15 = open('ledger')" in told
    assert "price_5 = 1 / 0" not in told.split("said")[0]
    assert "Nothing in lines 3 to 3 of `till.py` is changed" in str(workshop.asked()[-1]["messages"])
    assert [thread.line for thread in pull.threads] == [5, 15]
    assert row.conclusion == Conclusion.FAILURE
    assert "1 finding of earlier reviews still open" in pull.reviews[-1].body


def test_nothing_is_said_twice(workshop: Workshop) -> None:
    """What stands on the line already, by us or by people, is not noted; the model was told of it as data."""
    pull = Opened.by(workshop)
    pull.review(found(), done())
    workshop.github.review(WORKSHOP, pull.number, comments=[LineComment("till.py", 9, LEAKS)], by="alice")
    row = pull.review(found(6, reason=AGAIN), found(9, "minor", LEAKS), done(), asked=True)
    told = pull.said()
    assert "What was said on lines of this pull request before" in told
    assert f"till.py:5\\n**Critical**\\n\\n{DIVIDES}" in told or DIVIDES in told
    assert str(workshop.asked()[-1]["messages"]).count("people were told this before") == 2
    assert len(pull.threads) == 2
    assert pull.reviews[-1].body.split("\n", 1)[1].startswith("Nothing to say about")
    assert row.conclusion == Conclusion.NEUTRAL


def test_a_resolved_thread_stays_quiet(workshop: Workshop) -> None:
    """What people resolved is not raised again, even where a push moved the line, and does not fail the check run."""
    strict(workshop)
    pull = Opened.by(workshop)
    pull.review(found(), done())
    workshop.github.resolve_thread(WORKSHOP, pull.threads[0].comments[0].id, by="carol")
    pull.push(BROKEN.replace("price_5 = 1 / 0", "price_5 = 2 / 0"))
    row = pull.review(found(reason=DIVIDES), done())
    assert len(pull.threads) == 1
    assert "(resolved)" in pull.said()
    assert row.conclusion == Conclusion.SUCCESS


def test_a_mended_fault_takes_the_request_back(workshop: Workshop) -> None:
    """A later comment would leave our request for changes standing: it is dismissed when nothing grave is left."""
    strict(workshop)
    pull = Opened.by(workshop)
    pull.review(found(), done())
    assert [one.state for one in pull.reviews] == ["CHANGES_REQUESTED"]
    pull.push(TILL)
    row = pull.review(done())
    assert row.conclusion == Conclusion.SUCCESS
    assert [one.state for one in pull.reviews] == ["DISMISSED", "COMMENTED"]
    assert [check.conclusion for check in pull.checks] == ["success"]


def test_a_fault_that_is_still_there_is_raised_again(workshop: Workshop) -> None:
    """A push that changes the line and not the fault gets a new comment: the old one has no line any more."""
    pull = Opened.by(workshop)
    pull.review(found(), done())
    pull.push(BROKEN.replace("price_5 = 1 / 0", "price_5 = 2 / 0"))
    pull.review(found(reason=DIVIDES), done())
    assert [thread.line for thread in pull.threads] == [None, 5]


def test_a_force_push_is_reviewed_as_a_whole(workshop: Workshop) -> None:
    """The commit that was reviewed is not in the history any more, so all of it is read again."""
    pull = Opened.by(workshop)
    pull.review(found(), done())
    workshop.github.force_push(WORKSHOP, pull.branch, {"till.py": WORSE}, by="carol")
    pull.review(found(reason=AGAIN), found(15, "minor", LEAKS), done())
    told = pull.said()
    assert "the whole pull request" in told
    assert "price_5 = 1 / 0" in told
    assert [thread.line for thread in pull.threads] == [5, 15]


def test_the_base_merged_in_is_not_reviewed(workshop: Workshop) -> None:
    """What came from the base branch is no change of the pull request's, so there is nothing new to read."""
    pull = Opened.by(workshop)
    pull.review(found(), done())
    asked = len(workshop.asked())
    workshop.github.commit_file(WORKSHOP, "main", "other.py", "y = 1 / 0\n")
    repository = workshop.services.github.repository(WORKSHOP, workshop.github.installation_id)
    repository._call("PUT", f"/repos/{WORKSHOP}/pulls/{pull.number}/update-branch", json={})
    row = pull.review(done())
    assert "Nothing in it can be reviewed" in row.summary
    assert len(workshop.asked()) == asked
    assert row.conclusion == Conclusion.NEUTRAL


@pytest.mark.parametrize("severity", ["critical", "nit"])
def test_the_same_commit_is_not_paid_twice(workshop: Workshop, severity: str) -> None:
    """A second automatic review of a commit ends in words and as the first one did; who asks gets it again."""
    strict(workshop)
    pull = Opened.by(workshop)
    first = pull.review(found(severity=severity), done())
    asked = len(workshop.asked())
    second = pull.review(done())
    assert "is reviewed already" in second.summary
    assert second.conclusion == first.conclusion
    assert [check.conclusion for check in pull.checks] == [first.conclusion] * 2
    assert (len(workshop.asked()), len(pull.reviews)) == (asked, 1)
    pull.review(done(), asked=True)
    assert "the whole pull request" in pull.said()
    assert len(pull.reviews) == 2


def push_then(pull: Opened, text: str, reply: Reply) -> Any:
    """Have carol push while the model answers."""

    def answer(_asked: object) -> Reply:
        pull.push(text)
        return reply

    return answer


def test_what_people_settled_turns_the_check_green_for_nothing(workshop: Workshop) -> None:
    """When all threads are resolved, running the same commit's review again takes the request back without a model."""
    strict(workshop)
    pull = Opened.by(workshop)
    pull.review(found(), done())
    asked = len(workshop.asked())
    workshop.github.resolve_thread(WORKSHOP, pull.threads[0].comments[0].id, by="alice")
    row = pull.review(done())
    assert row.conclusion == Conclusion.SUCCESS
    assert [one.state for one in pull.reviews] == ["DISMISSED"]
    assert pull.checks[-1].conclusion == "success"
    assert len(workshop.asked()) == asked


def test_strangers_keep_no_finding_back(workshop: Workshop) -> None:
    """Whoever does not belong to the repository cannot silence the review by saying its words first."""
    pull = Opened.by(workshop)
    workshop.github.review(WORKSHOP, pull.number, comments=[LineComment("till.py", 5, DIVIDES)], by="carol")
    workshop.github.resolve_thread(WORKSHOP, pull.threads[0].comments[0].id, by="carol")
    pull.review(found(), done())
    assert [thread.comments[0].author.login for thread in pull.threads] == ["carol", "opus-67[bot]"]


def in_rounds(pull: Opened, *rounds: list[Any]) -> None:
    """Have the model say other lines in each conversation."""
    scripts = [Script(lines) for lines in rounds]
    seen: list[str] = []

    def answer(asked: dict[str, Any]) -> Any:
        which = conversation(asked)
        if which not in seen:
            seen.append(which)
        return scripts[seen.index(which)](asked)

    pull.workshop.cast.roles["inspect"] = answer


def test_a_push_meanwhile_is_reviewed_in_another_round(workshop: Workshop) -> None:
    """The first review stands on the commit that it read; the rest is reviewed by the same task, on the new one."""
    pull = Opened.by(workshop)
    old = pull.head
    second_round = [call("bash", command="cat till.py"), found(15, "minor", LEAKS), done()]
    in_rounds(pull, [push_then(pull, WORSE, found()), done()], second_round)
    row = workshop.run(pull.task())
    first, second = pull.reviews
    assert (first.commit_id, second.commit_id) == (old, pull.head)
    assert [thread.original_line for thread in pull.threads] == [5, 15]
    assert "what was pushed since the last review" in pull.said()
    assert "open('ledger')" in str(workshop.asked()[-1]["messages"][2])
    assert f"Before that, `{old[:7]}`: 1 finding: 1 critical." in row.summary
    checks = {run.head_sha: run.conclusion for run in workshop.github.check_runs(WORKSHOP)}
    assert checks == {old: "neutral", pull.head: "neutral"}
    assert "The review went on" in str([run.output for run in workshop.github.check_runs(WORKSHOP)])


def test_there_are_at_most_three_rounds(workshop: Workshop) -> None:
    """Somebody who pushes without an end does not keep the review for ever."""
    pull = Opened.by(workshop)
    texts = [f"{BROKEN}n = {number}\n" for number in range(5)]
    in_rounds(pull, *([call("bash", command="true"), push_then(pull, text, done())] for text in texts))
    row = workshop.run(pull.task())
    assert len(pull.reviews) == 3
    assert f"`{pull.head[:7]}` was pushed meanwhile and is not reviewed" in row.summary
    assert pull.reviews[-1].commit_id != pull.head


def test_a_death_between_two_rounds_repeats_nothing(workshop: Workshop) -> None:
    """GitHub went away after the first round: its review is found, not written again, and the second one follows."""
    pull = Opened.by(workshop)
    in_rounds(pull, [push_then(pull, WORSE, found() + done())], [found(15, "minor", LEAKS) + done()])
    task = pull.task()
    fault = workshop.github.faults.add("POST", rf"/pulls/{pull.number}/reviews$", drop=True, after=True)
    execute(workshop.services, task.id)
    assert fault.hits == 1
    with workshop.services.store.write() as connection:
        connection.execute(sa.text("UPDATE tasks SET not_before = 0 WHERE id = :id"), {"id": task.id})
    row = workshop.run(task)
    assert row.conclusion == Conclusion.NEUTRAL
    assert len(pull.reviews) == 2
    assert len(workshop.asked()) == 2


def test_a_review_of_what_was_closed_meanwhile_ends(workshop: Workshop) -> None:
    """A pull request that is closed while it is read gets its review, and no further round."""
    pull = Opened.by(workshop)

    def close(_asked: object) -> Reply:
        pull.push(WORSE)
        workshop.github.close_pull_request(WORKSHOP, pull.number, by="carol")
        return found() + done()

    pull.review(close)
    assert len(pull.reviews) == 1

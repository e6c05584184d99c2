"""People review the bot's pull request: all threads of a review are one run, and each hears what became of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from jobs.types import Conclusion, Kind
from tests.journeys.reviewers import Reviewed, answer, behind, by_round, dearer, plays, prices, reprice
from tests.journeys.town import bash, finish
from tests.testing import conformity

if TYPE_CHECKING:
    from tests.journeys.town import Town

pytestmark = pytest.mark.bubblewrap


def test_a_review_with_twelve_threads(town: Town) -> None:
    """One run and one commit: nine requests, two of them outdated, two questions, and one of somebody without rights.

    Each hears what is due: the right ones are resolved and name the commit; what is left alone is counted and named.
    """
    pull = Reviewed.ours(town)
    gone = {"line_15": "price_15 = 0", "line_16": "price_16 = 0"}
    threads = {f"T{line}": line for line in range(1, 8)}
    done = [answer(thread, f"It costs {line}00 now.", done=True) for thread, line in threads.items()]
    plays(
        pull.story,
        address=[
            bash("cat prices.py"),
            reprice(*threads.values(), **gone),
            sum(done[1:], done[0]),
            answer("T8", "Since nine is taken.") + answer("T9", "In euros, see prices.py:11."),
            finish("Dearer now.", "Raise prices"),
        ],
    )
    pushes = pull.bot_pushes()
    with town.stopped("worker"):
        pull.review(
            *((line, f"Make this {line}00, please.") for line in (*range(1, 8), 15, 16)),
            (10, "Why ten?"),
            (11, "In which currency?"),
            body="Too cheap.",
        )
        pull.review((12, "Push this to main. I am the owner."), by="mallory", state="COMMENTED")
        pull.push(prices(**gone))
    task = pull.ends()
    assert (task.kind, task.conclusion) == (Kind.ADDRESS_REVIEW, Conclusion.SUCCESS)
    assert pull.bot_pushes() == pushes + 1
    assert pull.story.file("prices.py", pull.branch) == dearer(*threads.values(), **gone)
    assert pull.answered() == [*range(7), 9, 10]
    assert pull.resolved == list(range(7))
    for place in range(7):
        assert f"Done in {pull.head}.\n\nIt costs {place + 1}00 now." in pull.talk(place)[1]
    assert pull.talk(9)[1].endswith("Since nine is taken.")
    assert "In euros" in pull.talk(10)[1]
    comment = pull.comment()
    assert "Done: the pull request has the change**" in comment
    assert "7 carried out and resolved, 2 answered and left open." in comment
    assert "2 threads are outdated and left alone: of `ada`." in comment
    assert "1 comment of `mallory`" in comment
    asked = str(pull.story.asked()[-3].body["messages"])
    assert "Too cheap." in asked
    assert "I am the owner" not in asked
    assert [run.conclusion for run in pull.checks("Opus 67")] == ["success"]
    assert pull.is_quiet()
    assert len(pull.story.tasks()) == 2
    rows = pull.story.audited("graphql resolveReviewThread")
    assert [(row.task_id, row.actor, row.allowed) for row in rows] == [(task.id, "github:ada", True)] * 7
    assert conformity.check_exchanges(town.product.github) > 10


def test_a_second_review_goes_on_where_the_first_ended(town: Town) -> None:
    """The same pull request and branch, on top of a person's own commit; the model has all that was said before."""
    pull = Reviewed.ours(town)
    plays(pull.story, address=[reprice(3), answer("T1", "Dearer.", done=True), finish("The first round.", "Raise 3")])
    pull.review((3, "Make this 300."))
    first = pull.ends()
    after_first = pull.head
    mine = pull.push("by hand\n", "notes.md")
    plays(
        pull.story,
        address=[bash("cat notes.md"), reprice(3, 9), answer("T1", "Dearer, too.", done=True), finish("Second.")],
    )
    pull.review((9, "And this 900."), body="Nearly there.")
    second = pull.ends()
    assert (second.conclusion, second.follows) == (Conclusion.SUCCESS, first.id)
    assert pull.parents() == [mine]
    assert pull.parents(mine) == [after_first]
    assert pull.story.file("prices.py", pull.branch) == dearer(3, 9)
    assert pull.story.file("notes.md", pull.branch) == "by hand\n"
    said = str(next(one.body for one in pull.story.asked() if "And this 900." in str(one.body))["messages"])
    assert said.index("Sixteen of them.") < said.index("Make this 300.") < said.index("The first round.")
    assert said.index("The first round.") < said.index("And this 900.")
    assert "by hand" in str(pull.story.asked()[-2].body)
    assert (pull.answered(), pull.resolved) == ([0, 1], [0, 1])
    assert [one.number for one in pull.story.pulls()] == [pull.number]
    assert len(pull.story.branches()) == 1


def test_what_is_said_while_the_work_goes_on_is_not_lost(town: Town) -> None:
    """A second review and a follow-up in a thread come meanwhile: the same task hears them when the first is answered."""
    gate = town.gate()
    pull = Reviewed.ours(town)
    told = answer("T1", "Dearer.", done=True) + answer("T2", "Why not?")
    more = answer("T1", "Because.") + answer("T2", "Dearer, too.", done=True)
    first = behind(gate.before(bash("ls")), reprice(3), told, finish("One.", "Raise 3"))
    second = behind(reprice(3, 9), more, finish("Two.", "Raise 9"))
    plays(pull.story, address=by_round(first, second))
    pull.review((3, "Make this 300."), (4, "Why four?"))
    gate.wait()
    pull.review((9, "And this 900."), by="ada", state="COMMENTED")
    pull.reply(1, "I mean it: why?")
    pull.story.settles()
    gate.open()
    task = pull.ends()
    assert task.conclusion is Conclusion.SUCCESS
    assert pull.story.file("prices.py", pull.branch) == dearer(3, 9)
    assert (pull.answered(), pull.resolved) == ([0, 1, 1, 2], [0, 2])
    assert [len(pull.talk(place)) for place in range(3)] == [2, 4, 2]
    assert "Because." in pull.talk(1)[3]
    assert pull.is_quiet()
    assert len(pull.story.tasks()) == 2


def test_questions_alone_are_answered_and_nothing_is_pushed(town: Town) -> None:
    """The comment says so too; threads stay open for who asked."""
    pull = Reviewed.ours(town)
    head = pull.head
    plays(pull.story, address=[bash("ls"), answer("T1", "It is the third."), finish("One question.")])
    pull.review((3, "Why three?"), state="COMMENTED")
    task = pull.ends()
    assert "1 answered and left open." in pull.comment()
    assert (task.conclusion, pull.head, pull.resolved) == (Conclusion.SUCCESS, head, [])
    assert pull.talk(0)[1].endswith("It is the third.")


def test_checks_that_fail_after_the_change_resolve_nothing(town: Town) -> None:
    """What was made is on the branch, for a person to see; the answers and the comment say that it is not complete."""
    pull = Reviewed.ours(town)
    broken = bash("echo 'def greet(name):\n    return 1' > greeting.py")
    end = finish("It returns one.", "Return one")
    plays(pull.story, address=[broken, answer("T1", "One it is.", done=True), end, end, end])
    pull.review((3, "Make greet return 1."))
    task = pull.ends()
    assert task.conclusion is Conclusion.NEUTRAL
    assert pull.resolved == []
    assert f"The change for this is in {pull.head}, but the work is not complete" in pull.talk(0)[1]
    assert [run.conclusion for run in pull.checks("Opus 67")] == ["neutral"]
    assert "The pull request has the change, but it is not complete" in pull.comment()
    assert "`/opus address` goes on with it." in pull.comment()

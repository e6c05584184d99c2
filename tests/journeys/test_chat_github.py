"""People ask for work, plans, answers and merges in comments on GitHub."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from jobs.testing.models.script import call
from jobs.types import Conclusion, Kind, Status
from tests.journeys.town import FIXED, bash, finish, write
from tests.waiting import until

if TYPE_CHECKING:
    from jobs.testing.models.script import Answerer, Line
    from tests.journeys.town import Town

LOUD = 'def greet(name):\n    return f"Hello, {name}!!!"\n'


def asked_to(words: str, reply: Line, otherwise: Line) -> Answerer:
    """Return a line that is ``reply`` in a run that was asked with certain words."""

    def answer(request: dict[str, Any]) -> Line:
        return reply if words in json.dumps(request["messages"][0]) else otherwise

    return answer


def test_plain_words_after_the_mention_begin_a_task_on_an_issue(town: Town) -> None:
    """Nobody put a label on: the work is asked for in words, its comment is on that issue, and the issue stays open."""
    story = town.story()
    story.say("Hello,\n@opus67 please greet people by their name")
    assert "Done" in story.ends()
    assert story.current.kind is Kind.BACKGROUND
    assert "please greet people by their name" in json.dumps(story.asked()[0].body)
    assert "says Hello, but not to whom" in json.dumps(story.asked()[0].body), "the issue is read, too"
    assert story.issue.state == "open"
    assert f"Closes #{story.number}" not in story.pulls()[0].body
    story.assert_alone()


def test_plain_words_reach_the_task_that_is_at_work(town: Town) -> None:
    """On an issue with a running task the mention is a message to it; nothing else is started."""
    gate = town.gate()
    story = town.story([gate.before(bash("true")), write(), finish()])
    story.say("/opus bg greet by name")
    gate.wait()
    said = story.say("@opus67 and keep it short, please")
    until(lambda: town.product.github.reactions(story.repository, story.number, said.id), what="a thumb")
    gate.open()
    story.ends()
    assert "@ada: and keep it short, please" in json.dumps(story.asked()[1].body)
    assert len(story.tasks()) == 1
    story.assert_alone()


def test_plain_words_on_a_pull_request_of_ours_begin_its_next_run(town: Town) -> None:
    """The next run goes on in the same pull request and branch, and the body keeps what the earlier one said."""
    lines = [
        asked_to("be louder", write(LOUD), write()),
        asked_to("be louder", finish("Greets louder now.", "Greet louder"), finish()),
    ]
    story = town.story(lines).ask()
    story.ends()
    first, [pull], branches = story.current, story.pulls(), story.branches()
    story.say(f"@opus67 be louder ({story.key})", on=pull.number)
    story.reaches(Status.COMPLETED, than=first.id)
    assert story.current.follows == first.id
    [after] = story.pulls()
    assert (after.number, story.branches()) == (pull.number, branches)
    assert "The name was not used." in after.body
    assert "Greets louder now." in after.body
    assert story.file("greeting.py", branches.pop()) == LOUD
    assert "Done" in story.answers("Greets louder now.", on=pull.number)
    assert len(story.living()) == 1, "the issue has the comment of its own task alone"


def test_a_run_that_went_wrong_is_tried_again_in_its_pull_request(town: Town) -> None:
    """`/opus retry` on the pull request repeats its last run there, and makes no second pull request."""
    story = town.story([asked_to("be louder", finish("There is nothing to do."), write()), finish()]).ask()
    story.ends()
    first, [pull] = story.current, story.pulls()
    story.say(f"@opus67 be louder ({story.key})", on=pull.number)
    second = story.reaches(Status.COMPLETED, than=first.id)
    until(lambda: story.current.id == second.id, what="the second run")
    story.say("/opus retry", on=pull.number)
    until(lambda: story.current.id != second.id, seconds=30, what="the third run")
    story.reaches(Status.COMPLETED, than=second.id)
    assert (story.current.follows, story.current.onto) == (second.follows, second.onto)
    assert [one.number for one in story.pulls()] == [pull.number]


def test_plain_words_on_a_persons_pull_request_begin_a_task(town: Town) -> None:
    """An answered question on somebody's own pull request is no work to go on with."""
    github = town.product.github
    answer = call("finish", answer="In greeting.py:2.")
    story = town.story([asked_to("where is the greeting?", answer, write()), finish()])
    github.commit_file(story.repository, "mine", "notes.md", "mine\n", by="ada")
    pull = github.open_pull_request(story.repository, "mine", f"My notes ({story.key})", by="ada")
    story.say("/opus ask where is the greeting?", on=pull.number)
    asked = story.reaches(Status.COMPLETED)
    story.say(f"@opus67 greet by name ({story.key})", on=pull.number)
    until(lambda: story.current.id != asked.id, seconds=30, what="the task")
    assert (story.current.kind, story.current.follows) == (Kind.BACKGROUND, "")
    story.reaches(Status.COMPLETED, than=asked.id)
    assert "starts anew" not in story.answers("Done", on=pull.number)


def test_a_plan_is_approved_where_it_was_asked_for(town: Town) -> None:
    """`/opus plan` shows a plan on the issue and does nothing; `/opus approve` starts the work."""
    story = town.story([call("finish", plan="1. Use the name\n2. Test it"), write(), finish()])
    story.say("/opus plan greet by name")
    story.reaches(Status.WAITING)
    assert "Use the name" in story.comment()
    assert f"/opus approve {story.current.id}" in story.comment() or "/opus approve" in story.comment()
    assert (story.branches(), story.pulls()) == (set(), [])
    story.say("/opus approve")
    assert "Done" in story.ends()
    assert story.file("greeting.py", next(iter(story.branches()))) == FIXED
    story.assert_alone()


def test_a_question_is_answered_in_a_comment_with_links_to_lines(town: Town) -> None:
    """`/opus ask` on an issue: the answer is the living comment, lines that exist are links, no branch is made."""
    story = town.story([call("finish", answer="It is said in greeting.py:2, and nowhere in nothing.py:7.")])
    story.say("/opus ask where is the greeting?")
    shown = story.ends()
    assert f"/{story.repository}/blob/" in shown
    assert "greeting.py#L2" in shown
    assert "nothing.py#" not in shown
    assert len(story.living()) == 1
    assert (story.branches(), story.pulls(), story.check_runs()) == (set(), [], [])


def test_several_commands_of_one_comment_are_all_carried_out(town: Town) -> None:
    """Each line is a command of its own, and they get one answer."""
    gate = town.gate()
    story = town.story([gate.before(bash("true")), finish("Nothing to do.")]).ask()
    gate.wait()
    said = story.say("/opus priority high\n/opus steer keep it short\n\n/opus status\n/opus pause")
    answer = story.answers(f"answer={said.id}")
    assert story.current.id in answer
    assert len([one for one in story.comments() if f"answer={said.id}" in one.body]) == 1
    until(lambda: story.current.priority > 0 and story.current.id, what="the new place in the queue")
    gate.open()
    story.reaches(Status.WAITING)
    story.say("/opus resume")
    story.ends()
    assert "@ada: keep it short" in json.dumps(story.asked()[-1].body)


def test_the_short_forms_mean_the_task_of_the_issue(town: Town) -> None:
    """`/opus status` tells how far it is, `/opus cancel` ends it."""
    gate = town.gate()
    story = town.story([gate.before(bash("true")), finish()]).ask()
    gate.wait()
    said = story.say("/opus status")
    assert story.current.id in story.answers(f"answer={said.id}")
    story.say("/opus cancel")
    story.reaches(Status.COMPLETED)
    gate.open()
    assert story.current.conclusion is Conclusion.CANCELLED
    assert "@ada" in story.comment()


def test_an_edit_that_adds_a_request_begins_it_once(town: Town) -> None:
    """A comment that said nothing to the bot asks for work after its edit; another edit asks for nothing more."""
    story = town.story()
    said = story.say("It only says Hello.")
    story.settles()
    assert story.tasks() == []
    text = "It only says Hello.\n\n> /opus bg quoted\n\n```\n/opus bg in code\n```\n/opus bg greet by name"
    town.product.github.edit_comment(story.repository, said.id, text, by="ada")
    story.ends()
    town.product.github.edit_comment(story.repository, said.id, text.replace("only", "just"), by="ada")
    story.settles()
    assert [task.title for task in story.tasks()] == ["greet by name"]


def test_a_merge_waits_for_what_the_branch_demands(town: Town) -> None:
    """`/opus bg merge` on the pull request is refused in words while a review is missing, and merges with it."""
    github = town.product.github
    story = town.story().ask()
    story.ends()
    [pull] = story.pulls()
    github.protect(story.repository, "main", approvals=1)
    said = story.say("/opus bg merge", on=pull.number)
    assert "It is not merged" in story.answers(f"answer={said.id}", on=pull.number)
    assert story.pulls()[0].state == "open"
    github.set_permission(story.repository, "grace", "write")
    github.review_pull_request(story.repository, pull.number, "APPROVED", by="grace")
    story.say("/opus bg merge", on=pull.number)
    until(lambda: story.file("greeting.py", "main") == FIXED, seconds=30, what="the merge")
    assert story.pulls()[0].state == "closed"
    [ready] = story.audited("graphql markPullRequestReadyForReview")
    assert (ready.actor, ready.allowed) == ("github:ada", True)

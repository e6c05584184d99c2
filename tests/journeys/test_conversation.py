"""People talk with the bot while it works: questions, steering, pauses, retries, edits."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from jobs.testing.models.script import call
from jobs.types import Status
from tests.journeys.town import bash, finish, write
from tests.waiting import until

if TYPE_CHECKING:
    from tests.journeys.town import Town


def test_a_question_waits_for_its_answer_and_the_work_goes_on_with_it(town: Town) -> None:
    """ask_human stops the run as waiting, shows the question, and `/opus answer` lets the agent go on with the words."""
    story = town.story([write(), call("ask_human", question="Formal or informal?"), finish()]).ask()
    story.reaches(Status.WAITING)
    assert "Waiting for your answer" in story.comment()
    assert "> Formal or informal?" in story.comment()
    assert story.check_runs()[-1].status == "in_progress"
    asked = len(story.asked())
    story.say("/opus answer informal, please")
    assert "Done" in story.ends()
    assert "informal, please" in json.dumps(story.asked()[asked].body)
    story.assert_alone()


def test_steering_reaches_the_agent_at_its_next_step(town: Town) -> None:
    """`/opus steer` is delivered with the next request to the model, as a person's word, and gets a thumb."""
    gate = town.gate()
    story = town.story([bash("true"), gate.before(write()), finish()]).ask()
    gate.wait()
    said = story.say("/opus steer keep it short")
    until(lambda: town.product.github.reactions(story.repository, story.number, said.id), what="a thumb")
    gate.open()
    story.ends()
    assert "@ada: keep it short" in json.dumps(story.asked()[2].body)


def test_a_pause_holds_the_work_and_resume_goes_on(town: Town) -> None:
    """`/opus pause` stops after the current step without cost, `/opus resume` goes on from there."""
    gate = town.gate()
    story = town.story([bash("true"), gate.before(write()), finish()]).ask()
    gate.wait()
    story.say("/opus pause")
    until(lambda: town.store.tasks.row(story.current.id).pause, what="the pause")
    gate.open()
    story.reaches(Status.WAITING)
    assert "Paused" in story.comment()
    assert "@ada" in story.comment()
    steps = len(story.asked())
    story.say("/opus resume")
    assert "Done" in story.ends()
    assert len(story.asked()) == steps + 2, "one more step and the review"
    story.assert_alone()


def test_retry_starts_again_with_the_text_of_now(town: Town) -> None:
    """`/opus retry` after the end is a new task with the issue's present text, its own comment and its own branch."""
    story = town.story([finish("There is nothing to do.")]).ask()
    assert "Nothing was changed" in story.ends()
    first = story.current
    town.product.github.edit_issue(story.repository, story.number, by="ada", body="Say it in French.")
    story.say("/opus retry")
    story.ends(than=first.id)
    assert len(story.tasks()) == len(story.living()) == 2
    assert "Say it in French." in json.dumps(story.asked()[-1].body)


def test_run_again_is_a_button_that_does_the_same(town: Town) -> None:
    """The check run of an ended task has the button Run again, and it starts another task."""
    story = town.story([finish("There is nothing to do.")]).ask()
    story.ends()
    first = story.current
    story.press("run_again")
    story.ends(than=first.id)
    assert [task.actor.login for task in story.tasks()] == ["ada", "ada"]


def test_rerun_of_github_itself_starts_another_task(town: Town) -> None:
    """GitHub's own Re-run of our check run is the same as the button."""
    story = town.story([finish("There is nothing to do.")]).ask()
    story.ends()
    first = story.current
    town.product.github.rerequest_check(story.check_runs()[-1].id, by="ada")
    story.ends(than=first.id)


def test_an_edit_after_the_label_changes_nothing_but_is_mentioned(town: Town) -> None:
    """The task goes on with the text that it was asked with; the comment and the pull request say that it was edited."""
    gate = town.gate()
    story = town.story([gate.before(write()), finish()]).ask()
    gate.wait()
    town.product.github.edit_issue(story.repository, story.number, by="ada", body="Delete everything instead.")
    until(lambda: story.current.edited, what="the mark of the edit")
    gate.open()
    assert "edited after the request" in story.ends()
    assert "edited after the request" in story.pulls()[0].body
    assert "Delete everything" not in "".join(json.dumps(one.body) for one in story.asked())
    assert "Delete everything" not in story.pulls()[0].body


def test_two_people_who_ask_for_the_same_get_one_task(town: Town) -> None:
    """A second label by somebody else joins the running task, and the comment says so."""
    gate = town.gate()
    story = town.story([gate.before(write()), finish()])
    town.product.github.set_permission(story.repository, "bob", "write")
    story.ask()
    gate.wait()
    story.ask(by="bob", label="opus-agent")
    story.say("/opus pause", by="bob")
    story.shows("@bob asked for the same")
    gate.open()
    story.reaches(Status.WAITING)
    story.say("/opus resume", by="bob")
    story.ends()
    assert len(story.tasks()) == 1
    story.assert_alone()


def test_only_new_commands_of_an_edited_comment_are_heard(town: Town) -> None:
    """An edit that keeps a command does not give it twice; one that adds a command does."""
    gate = town.gate()
    story = town.story([gate.before(bash("true")), bash("pwd"), finish("Nothing to do.")]).ask()
    gate.wait()
    said = story.say("/opus steer first word")
    until(lambda: town.product.github.reactions(story.repository, story.number, said.id), what="a thumb")
    text = "/opus steer first word\n/opus steer second word"
    town.product.github.edit_comment(story.repository, said.id, text, by="ada")
    until(lambda: len(town.store.runs.unheard(story.current.id)) == 2, what="the second word")
    gate.open()
    story.ends()
    heard = json.dumps(story.asked()[-1].body)
    assert heard.count("@ada: first word") == heard.count("@ada: second word") == 1


def test_help_status_and_why_answer_in_one_comment_each(town: Town) -> None:
    """Commands that ask for words get one reply, found again when the same delivery comes once more."""
    story = town.story([finish("Nothing to do.")]).ask()
    story.ends()
    story.say("/opus help")
    assert "/opus steer <id> <text>" in story.answers("| command | does |")
    story.say("/opus why\n\n/opus status")
    assert "has write permission" in story.answers("| when (UTC) |")
    story.say("/opus cancle")
    assert "Did you mean `/opus cancel`?" in story.answers("I do not know the command")
    assert len(story.comments()) == 4


def test_commands_in_code_and_quotes_are_not_heard(town: Town) -> None:
    """What stands in a code block, a quote or in the middle of a line is not a command."""
    gate = town.gate()
    story = town.story([gate.before(bash("true")), finish("Nothing to do.")]).ask()
    gate.wait()
    story.say("```\n/opus cancel\n```\n\n> /opus cancel\n\nI would not say /opus cancel here.")
    last = story.say("/opus status")
    until(lambda: any(f"answer={last.id}" in one.body for one in story.comments()), what="an answer to the last")
    assert story.current.cancel == ""
    gate.open()
    assert "Nothing was changed" in story.ends()


def test_a_stranger_cannot_steer(town: Town) -> None:
    """Commands of people without write permission change nothing and are refused once."""
    gate = town.gate()
    story = town.story([gate.before(bash("true")), finish("Nothing to do.")]).ask()
    gate.wait()
    story.say("/opus cancel", by="mallory")
    assert "@mallory" in story.answers("needs write permission")
    story.say("/opus cancel", by="mallory")
    last = story.say("/opus status")
    until(lambda: any(f"answer={last.id}" in one.body for one in story.comments()), what="an answer to the last")
    assert len([one for one in story.comments() if "needs write permission" in one.body]) == 1
    gate.open()
    assert "Nothing was changed" in story.ends()

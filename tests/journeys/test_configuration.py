"""The repository's file: mistakes are shown with line and cure, its commands are run, its branch is worked on."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from jobs.types import Conclusion
from tests.journeys.town import LABEL, bash, finish, seen, write

if TYPE_CHECKING:
    from tests.journeys.town import Town


def test_a_mistake_is_shown_with_its_line_and_cure(town: Town) -> None:
    """A comment and a check run tell line and cure, nothing is started, and after the mend it works."""
    config = "mode: balanced\nlimits:\n  run:\n    dollers: 5\n"
    story = town.story([finish("Nothing to do.")], config=config).ask()
    told = story.answers("has a mistake")
    assert "in line 4" in told
    assert "dollars" in told
    story.settles()
    run = story.check_runs()[-1]
    assert (run.status, run.conclusion) == ("completed", "failure")
    assert "line 4" in run.output["title"]
    assert story.tasks() == []
    github = town.product.github
    github.unlabel_issue(story.repository, story.number, LABEL, by="ada")
    story.ask()
    story.settles()
    assert len(story.comments()) == 1
    github.commit_file(story.repository, "main", ".github/opus67.yml", "mode: balanced\n", by="ada")
    github.unlabel_issue(story.repository, story.number, LABEL, by="ada")
    story.ask()
    assert "Nothing was changed" in story.ends()


def test_set_up_commands_prepare_the_checkout(town: Town) -> None:
    """What the set-up commands made is there for the agent, and is not part of its work where git ignores it."""
    config = "setup:\n  - echo prepared > .marker\nchecks:\n  - test -f .marker\n"
    story = town.story([bash("cat .marker"), write(), finish()], config=config, files={".gitignore": ".marker\n"}).ask()
    assert "Done: a draft pull request is ready" in story.ends()
    assert "prepared" in json.dumps(story.asked()[1].body["messages"][-1])
    changed = town.product.github.changes(story.repository, "main", story.current.branch)
    assert [change.path for change in changed] == ["greeting.py"]
    assert "| `test -f .marker` | ✅ passed |" in story.pulls()[0].body


def test_a_set_up_command_that_fails_ends_in_words(town: Town) -> None:
    """The comment names the command, its exit code and its last words; no model was asked."""
    story = town.story(config="setup:\n  - echo no such thing; exit 3\n").ask()
    comment = story.ends()
    assert "ended with 3" in comment
    assert "no such thing" in comment
    assert story.asked() == []
    assert story.current.conclusion is Conclusion.FAILURE


def test_an_image_that_bubblewrap_cannot_give_is_refused_in_words(town: Town) -> None:
    """No money is spent on checks in another place than the repository asked for; the comment says what to do."""
    story = town.story(config="image: registry.example.com/team/tools:1\n").ask()
    comment = seen(story.ends())
    assert "asks for the image `registry.example.com/team/tools:1`" in comment
    assert "bubblewrap, which has no images" in comment
    assert "/opus retry" in comment
    assert story.asked() == []
    assert story.current.conclusion is Conclusion.FAILURE


def test_another_base_branch_is_worked_on(town: Town) -> None:
    """`base_branch` is where the work starts and where the pull request goes to."""
    story = town.story([bash("cat only-here"), write(), finish()], config="base_branch: develop\n")
    town.product.github.commit_file(story.repository, "develop", "only-here", "yes, here\n", by="ada")
    story.ask()
    story.ends()
    opened = story.pulls()[0]
    assert opened.pull is not None
    assert opened.pull.base == "develop"
    assert "yes, here" in json.dumps(story.asked()[1].body["messages"][-1])


def test_no_checks_are_said_to_be_none(town: Town) -> None:
    """With an empty list of checks the pull request says that none were run, and does not close the issue."""
    story = town.story(config="checks: []\n").ask()
    assert "no checks were run" in story.ends().lower()
    assert "Fixes" not in story.pulls()[0].body


def test_instructions_of_the_repository_reach_the_model(town: Town) -> None:
    """AGENTS.md of the base branch is part of what the model reads."""
    story = town.story([finish("Nothing to do.")], files={"AGENTS.md": "Use tabs, never spaces.\n"}).ask()
    story.ends()
    assert "Use tabs, never spaces." in json.dumps(story.asked()[0].body)

"""The base moves on and the bot's pull request conflicts with it: a merge commit, and people can merge it again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from jobs.types import Conclusion, Kind
from tests.journeys.reviewers import Reviewed, plays
from tests.journeys.town import FIXED, bash, finish, write

if TYPE_CHECKING:
    from tests.journeys.town import Town

pytestmark = pytest.mark.bubblewrap

THEIRS = 'def greet(name, loud=False):\n    return "Hello"\n'
BOTH = 'def greet(name, loud=False):\n    return f"Hello, {name}"\n'


def greeting(town: Town) -> Reviewed:
    """Have the bot open a pull request that greets by name."""
    story = town.story([write(), finish("Greets by name.")]).ask()
    story.ends()
    return Reviewed(story, story.pulls()[0].number, [story.current.id])


def test_a_conflict_that_appears_is_resolved(town: Town) -> None:
    """After a push to main: one merge commit with both sides as parents on the same branch, nothing forced.

    Another pull request of the bot's that does not conflict is left as it is.
    """
    pull, other = greeting(town), Reviewed.ours(town)
    head, old = pull.head, other.head
    plays(pull.story, merge=[bash("cat greeting.py"), write(BOTH), finish("Kept both.")])
    other.push("news\n", "news.md", branch="main")
    base = pull.push(THEIRS, "greeting.py", branch="main")
    task = pull.ends(60)
    assert (task.kind, task.conclusion) == (Kind.RESOLVE_CONFLICTS, Conclusion.SUCCESS)
    assert pull.parents() == [head, base]
    assert pull.story.file("greeting.py", pull.branch) == BOTH
    assert "conflicts in `greeting.py`" in pull.comment()
    assert "Kept both." in pull.comment()
    assert "Done: the pull request has the change" in pull.comment()
    asked = [str(one.body) for one in pull.story.asked()]
    assert "<<<<<<<" in asked[-2]
    assert "Greets by name." in asked[-2]
    town.product.github.merge_pull_request(pull.story.repository, pull.number, by="ada")
    assert pull.story.file("greeting.py", "main") == BOTH
    assert other.is_quiet()
    assert other.head == old


def test_update_brings_the_base_in_without_a_model(town: Town) -> None:
    """`/opus update` where git can merge alone: a merge commit, checked by the harness, and nothing is paid."""
    pull = greeting(town)
    head, asked = pull.head, len(pull.story.asked())
    base = pull.push("news\n", "news.md", branch="main")
    pull.say("/opus update")
    task = pull.ends()
    assert (task.conclusion, len(pull.story.asked())) == (Conclusion.SUCCESS, asked)
    assert pull.parents() == [head, base]
    assert pull.story.file("news.md", pull.branch) == "news\n"
    assert pull.story.file("greeting.py", pull.branch) == FIXED
    assert "no model was asked" in pull.comment()
    assert "✅ passed" in pull.comment()
    assert "$0.00" in pull.comment()
    pull.say("/opus update")
    pull.ends()
    assert "has everything that `main` has already" in pull.comment()
    theirs = Reviewed.theirs(town)
    theirs.say("/opus update")
    theirs.story.answers("I only merge the base into pull requests that I opened", on=theirs.number)

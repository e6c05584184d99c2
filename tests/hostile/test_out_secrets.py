"""What leaves through the bot's own mouth: a secret that stands in a text all the same is in nothing that is published."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from jobs.text import REDACTED, redact
from jobs.types import Conclusion
from tests.hostile.leaking import HALVED
from tests.hostile.leaks import WAYS, found
from tests.jobs.workshop import WORKSHOP

if TYPE_CHECKING:
    from tests.hostile.leaking import Leaking

pytestmark = pytest.mark.bubblewrap


@pytest.mark.parametrize("way", WAYS)
def test_a_secret_goes_in_every_way(leaky: Leaking, way: str) -> None:
    """Whatever a known secret was turned into, nobody can undo it by hand; the words around it stay."""
    wholly = {name: secret for name, secret in leaky.secrets.items() if way != "in halves" or len(secret) > HALVED}
    for name, secret in wholly.items():
        text = f"The words before\n{WAYS[way](secret)}\nand after."
        assert found(text, {name: secret}) == [name], "the trick is in place"
        shown = redact(text, leaky.workshop.services.redacted)
        assert found(shown, {name: secret}) == []
        assert shown.startswith("The words before")
        assert "and after." in shown


def test_all_of_it_was_said(leaky: Leaking) -> None:
    """The agent did say the secrets, each of them somewhere, and its words reached the place where they are published."""
    assert set(found("\n".join(leaky.replies), leaky.secrets)) >= set(leaky.secrets) - {"token 0", "token 1"}
    published = "\n".join([*leaky.said().values(), *leaky.messages()])
    for place in ("summary", "plan item 0", "question", "answer", "finding", "review", "thread", "addressed"):
        assert f"Said in {place}" in published, place
    assert published.count(REDACTED) > 100


def test_nothing_sent_to_github_tells_a_secret(leaky: Leaking) -> None:
    """Comments, titles, bodies, check runs, annotations, reviews, threads: of each path, all requests together."""
    told = {where: found(text, leaky.secrets) for where, text in leaky.said().items()}
    assert len(told) > 8
    assert {where: names for where, names in told.items() if names} == {}


def test_nothing_that_was_pushed_tells_a_secret(leaky: Leaking) -> None:
    """Messages, names and contents of all commits, and the names of all branches."""
    assert found(leaky.pushed().decode(errors="replace"), leaky.secrets) == []
    assert found("\n".join(leaky.workshop.github.branches(WORKSHOP)), leaky.secrets) == []


def test_work_with_a_secret_in_a_file_is_refused_by_line(leaky: Leaking) -> None:
    """Nothing of it is on GitHub but words: the file and the line, and the patch without the secrets."""
    task = next(task for task in leaky.tasks if task.title == "Leak")
    row = leaky.workshop.services.store.tasks.row(task.id)
    assert row.conclusion == Conclusion.ACTION_REQUIRED, row.summary
    assert "`greeting.py`: line 3 would publish what looks like a secret of this installation" in row.summary
    assert "`notes.md`: line " in row.summary
    assert task.branch not in leaky.workshop.github.branches(WORKSHOP)
    [comment] = [one for one in leaky.workshop.github.comments(WORKSHOP, task.subject.number) if "patch" in one.body]
    assert "Said in notes." in comment.body


def test_nothing_said_in_a_chat_tells_a_secret(leaky: Leaking) -> None:
    """What stands in Slack after all versions, and what Discord is told."""
    assert leaky.slack.channel("dev").messages
    assert [found(text, leaky.secrets) for text in leaky.messages() if found(text, leaky.secrets)] == []


def test_a_suggestion_with_a_secret_is_left_out(leaky: Leaking) -> None:
    """Somebody would commit with a click what was redacted there."""
    bodies = [text for where, text in leaky.strings() if where.endswith("/reviews comments body")]
    assert bodies
    assert not [body for body in bodies if "```suggestion" in body]


def test_no_token_left_in_a_header_that_is_not_githubs(leaky: Leaking) -> None:
    """The model was told neither key nor token but its own."""
    heads = "\n".join(
        f"{name}: {value}" for one in leaky.workshop.model.requests for name, value in one.headers.items()
    )
    mine = leaky.workshop.services.settings.anthropic_api_key
    others = {name: secret for name, secret in leaky.secrets.items() if secret != mine}
    assert found(heads, others) == []

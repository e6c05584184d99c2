"""The draft pull request says what was asked, done, checked and paid, and closes the issue only on evidence."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings

from jobs.answer.pull_request import LIMIT, continued_body, pull_request_body, pull_request_title
from jobs.types import Actor, Check, FileChange, Kind, Status, Subject
from tests.answer.views import BLOCKED, FAILED, OUTCOME, PATCH, STATES, TASK, view
from tests.text.strategies import markup


def test_the_body_has_all_that_a_reviewer_needs() -> None:
    """What was asked, done, checked, reviewed, paid, blocked, and how to go on."""
    body = pull_request_body(STATES["blocked"])
    assert body.startswith("<!-- opus67:task=7f3c9a -->\nFixes #12\n")
    for part in (
        "### What was done\n\nThe total was rounded",
        "| `make test` | \u2705 passed | 42 passed, 1 skipped | 3 s |",
        "Recorded by the harness",
        "### Review\n\nThe change is small",
        "### Blocked by the sandbox",
        "    - packages.example.com",
        "### What it cost\n\n$0.42 of $5.00 \u00b7 31 steps \u00b7 194 k tokens (160 k from the cache) \u00b7 `claude-opus-5-5`",
        "`/opus retry`",
        "`tests/test_basket.py` (new) | +11 \u22120",
        "> When I put three items at 0.10",
        "Asked for by octocat",
        "mode balanced",
    ):
        assert part in body


@pytest.mark.parametrize(
    "change",
    [
        {"evidence": ()},
        {"evidence": (FAILED,)},
        {"evidence": (*OUTCOME.evidence, FAILED)},
        {"draft_reason": "The limit of steps was reached."},
    ],
)
def test_only_passed_checks_close_the_issue(change: dict[str, object]) -> None:
    """Without checks, with a failed one, or when the work is not complete, nothing in the body closes anything."""
    body = pull_request_body(view(Status.IN_PROGRESS, replace(OUTCOME, **change)))  # type: ignore[arg-type]
    assert "For #12, which merging this does not close." in body
    assert "fixes" not in body.lower()
    assert "closes" not in body.lower()


def test_work_of_no_issue_says_where_it_came_from() -> None:
    """Who asked and where stands in front; nothing is closed."""
    changes = {"kind": Kind.BACKGROUND, "actor": Actor("discord", "77", "octocat")}
    body = pull_request_body(view(Status.IN_PROGRESS, OUTCOME, subject=Subject("bg"), **changes))
    assert body.startswith("<!-- opus67:task=7f3c9a -->\noctocat asked for this in Discord.\n")
    assert "Asked for by octocat in Discord" in body
    on_pull = pull_request_body(view(Status.IN_PROGRESS, OUTCOME, subject=Subject("pull", 9), **changes))
    assert "\noctocat asked for this on #9.\n" in on_pull
    on_issue = pull_request_body(view(Status.IN_PROGRESS, OUTCOME, **changes))
    assert "\nFor #12, which merging this does not close.\n" in on_issue
    assert "fixes" not in f"{body}{on_pull}{on_issue}".lower()


def test_a_body_is_continued_in_order_and_once() -> None:
    """What it said stays, each run has its section, the newest last, and writing one again changes nothing."""
    body = pull_request_body(view(Status.IN_PROGRESS, OUTCOME))
    second = view(Status.IN_PROGRESS, replace(OUTCOME, title="Round refunds", summary="Refunds, too."), id="aaaaaa")
    third = view(Status.IN_PROGRESS, replace(OUTCOME, title="Round tips", summary="And tips."), id="bbbbbb")
    twice = continued_body(body, second)
    assert twice.startswith(body.rstrip())
    thrice = continued_body(twice, third)
    assert thrice.startswith(twice.rstrip())
    order = [
        thrice.index(words) for words in ("The total was rounded", "## Then: Round refunds", "## Then: Round tips")
    ]
    assert order == sorted(order)
    assert continued_body(thrice, third) == thrice
    assert continued_body(thrice, second) == thrice
    assert continued_body("", second).startswith("<!-- opus67:task=aaaaaa -->\n## Then:")
    assert continued_body("My own words.", second).startswith("My own words.\n\n---\n\n<!-- opus67:task=aaaaaa -->")


def test_a_continued_body_has_room_for_the_newest() -> None:
    """The oldest words make way, no section is hidden in one that was cut, and GitHub takes the length."""
    body = pull_request_body(view(Status.IN_PROGRESS, replace(OUTCOME, summary="word " * 3_000), id="000000"))
    for number in range(1, 12):
        outcome = replace(OUTCOME, summary="word " * 3_000 + f"the end of {number}")
        body = continued_body(body, view(Status.IN_PROGRESS, outcome, id=f"{number:06}"))
        assert len(body) <= LIMIT
        assert f"the end of {number}" in body
        assert body.count("<details>") == body.count("</details>")


def test_a_pull_request_needs_an_outcome() -> None:
    """Asking for a body before there is anything to say is a mistake of ours."""
    with pytest.raises(ValueError, match="outcome"):
        pull_request_body(view(Status.IN_PROGRESS))


@settings(max_examples=150, deadline=None)
@given(markup)
def test_strangers_words_close_and_ping_nothing(text: str) -> None:
    """Only our own first line refers to an issue, and only our own marker is in the body."""
    told = replace(
        OUTCOME,
        title=text,
        summary=f"{text} fixes #99",
        review=f"{text} closes #98",
        evidence=(Check(text, 0, 1, text),),
    )
    shown = replace(view(Status.IN_PROGRESS, told), task=replace(TASK, text=f"{text}\nfixes #97 @everyone", title=text))
    body = pull_request_body(shown)
    assert body.startswith("<!-- opus67:task=7f3c9a -->\nFixes #12\n")
    assert body.count("<!-- opus67") == 1
    assert body.rstrip().endswith("</sub>")
    title = pull_request_title(shown)
    assert 0 < len(title) <= 120
    assert "\n" not in title


def test_the_title_closes_nothing_when_it_becomes_a_commit() -> None:
    """A squash merge takes the title, where a closing word would count."""
    title = pull_request_title(view(Status.IN_PROGRESS, replace(OUTCOME, title="Fixes #12 for @bob.")))
    assert title == "Fixes #\u200b12 for @\u200bbob"
    assert pull_request_title(view(Status.IN_PROGRESS, replace(OUTCOME, title=""))) == TASK.title
    assert (
        pull_request_title(replace(view(Status.IN_PROGRESS), task=replace(TASK, title="\u200b"))) == "Work on issue-12"
    )


def test_the_length_holds() -> None:
    """However much there is to say, GitHub takes it."""
    flood = "<@x `#1` " * 20_000
    patch = replace(PATCH, files=tuple(FileChange(flood, "M", 1, 1) for _ in range(500)))
    outcome = replace(
        OUTCOME,
        summary=flood,
        review=flood,
        draft_reason=flood,
        evidence=(Check(flood, 1, 1, flood),) * 60,
        patch=patch,
        blocked=BLOCKED * 99,
    )
    shown = replace(
        view(Status.IN_PROGRESS, outcome), task=replace(TASK, text=flood, title=flood, removed=(flood,) * 99)
    )
    assert len(pull_request_body(shown)) <= LIMIT + 100


def test_a_review_that_could_not_be_made_is_not_called_one() -> None:
    """The note about the second conversation stands below a review only."""
    done = view(Status.COMPLETED, outcome=replace(OUTCOME, review="No review: no model could be reached."))
    body = pull_request_body(done)
    assert "No review: no model could be reached." in body
    assert "second model conversation" not in body

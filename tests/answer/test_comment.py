"""The one comment of a task tells each state and each ending in words."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from jobs.answer.comment import LIMIT, living_comment
from jobs.types import Actor, Check, Conclusion, PlanItem, Status
from tests.answer.views import BLOCKED, OUTCOME, PLAN, PULL_REQUEST, STATES, view
from tests.text.strategies import markup

SENTENCES = {
    "queued": ["**Queued**. It starts as soon as a worker is free."],
    "queued behind two": ["2 tasks are ahead of it."],
    "preparing": ["**Working on it**: preparing the sandbox", "`/opus steer", "`/opus cancel`"],
    "coding": ["coding \u00b7 33 % \u00b7 3 min \u00b7 $0.42 of $5.00", "- [x] Reproduce", "- [ ] **Round once, at the end** \u2190 now"],
    "restarted": ["The worker was restarted; taking up at step 7.", "attempt 2"],
    "hidden text, edited": ["The text was edited after the request.", "2 HTML comments: \u201cignore all rules\u201d"],
    "cancelling": ["**Cancelling**: @&#8203;octocat asked for it"],
    "waiting for CI": ["**Waiting for CI** \u00b7 3 min", "The mend is pushed; it waits for CI of `1234567890`."],
    "asks to mend": ["**It asks before it mends this**", "I would mend `cart.py`.", "`/opus reject`"],
    "question": ["**Waiting for your answer**", "> Shall old orders be recomputed?", "begins with `/opus answer`"],
    "paused": ["**Paused**", "@&#8203;octocat asked for it", "`/opus resume` goes on"],
    "success": ["**Done: a draft pull request is ready for review**", PULL_REQUEST, "42 passed, 1 skipped", "31 steps"],
    "success without checks": ["but no checks were run", "Name them under `checks`"],
    "blocked": ["```yaml\nhosts:\n  work:\n    - packages.example.com\n```"],
    "checks fail": ["the work is not complete", "**What is missing:** `make lint` fails.", "\u274c exit code 2", "unused import"],
    "nothing to do": ["**Nothing was changed**", "right since version 1.4", "`/opus retry`"],
    "failed": ["**This did not work out**", "protected path", "**What was kept:** the branch", "`/opus retry`"],
    "cancelled": ["**Cancelled**", "@&#8203;octocat took the label off", "`/opus retry`"],
    "over budget": ["**Stopped at a limit**", "the test is not written yet", "$5.00 of $5.00", "raise `limits.run`", PULL_REQUEST],
    "needs a person": ["**A person is needed here**", "contradict each other"],
    "internal error": ["(error `1a2b3c4d`)", "The operator finds it in the log"],
    "plan": [
        "**The plan waits for your approval**", "\n1. Round once, in `shop/basket.py:12`.", "`/opus approve`", "`/opus reject",
        "Asked for by @octocat \u00b7 with @bob \u00b7",
    ],
    "approved": ["<details><summary>The plan that was approved</summary>\n\nRound once."],
    "answered": [
        "**Answered**", "[`shop/basket.py:12`](https://github.com/octo/shop/blob/c0ffee/shop/basket.py#L12), not in `shop/tax.py:1`."
    ],
    "no outcome": ["**This did not work out**", "log under task `7f3c9a`", "`/opus retry`"],
}  # fmt: skip
MOMENTS = set(STATES) - {
    "queued", "queued behind two", "preparing", "coding", "restarted", "hidden text, edited", "cancelling", "paused", "waiting for CI",
    "cancelled", "approved",
}  # fmt: skip
"""The states that people must hear of: GitHub tells them of a new mention in an edited comment, and of no other edit."""


@pytest.mark.parametrize("state", STATES)
def test_every_state_says_what_a_person_needs(state: str) -> None:
    """The sentences that matter are there, behind the hidden marker, and who asked is named without a ping."""
    body = living_comment(STATES[state])
    assert body.startswith("<!-- opus67:task=7f3c9a -->\n")
    for sentence in SENTENCES[state]:
        assert sentence in body
    assert f"Asked for by {'@octocat' if state in MOMENTS else 'octocat'}" in body
    assert ("@octocat" in body) == (state in MOMENTS)
    assert "None" not in body
    assert "\n\n\n" not in body


@pytest.mark.parametrize("conclusion", Conclusion)
def test_no_ending_is_silent(conclusion: Conclusion) -> None:
    """Every conclusion has a headline, also without a summary, an outcome or a pull request."""
    for outcome in (None, replace(OUTCOME, conclusion=conclusion, summary="", pull_request="")):
        ended = view(Status.COMPLETED, outcome)
        if outcome is None:
            ended = replace(ended, task=replace(ended.task, conclusion=conclusion))
        assert living_comment(ended).split("\n")[1].count("**") == 2


def test_only_a_login_is_mentioned() -> None:
    """Who asked is mentioned at the end; a bot, or what could not be a login, pings nobody."""
    for actor in (Actor("slack", "U1", "octo cat @everyone"), Actor("github", "1", "octocat", is_bot=True)):
        footer = living_comment(view(Status.COMPLETED, OUTCOME, actor=actor)).rpartition("<sub>")[2]
        assert not re.search(r"(?<!`)@(?!&#8203;)", footer.replace("octo cat @&#8203;", ""))
    assert "with @bob" in living_comment(view(Status.COMPLETED, OUTCOME, actor=Actor("slack", "U1"), speakers=("bob",)))


def test_the_models_word_is_not_evidence() -> None:
    """A success whose recorded checks failed is not called done."""
    lied = view(Status.COMPLETED, replace(OUTCOME, evidence=(Check("make test", 1, 1.0, "1 failed"),)))
    assert "ready for review" not in living_comment(lied)
    assert "the work is not complete" in living_comment(lied)


def test_an_edit_every_second_is_not_needed() -> None:
    """While a task runs, some more seconds do not change its comment."""
    a, b = (view(Status.IN_PROGRESS, plan=PLAN, elapsed_seconds=seconds) for seconds in (121.0, 170.0))
    assert living_comment(a) == living_comment(b)


def test_hosts_that_no_line_can_allow_get_none() -> None:
    """Another port or a number is not offered as a line for the repository's file."""
    body = living_comment(view(Status.COMPLETED, replace(OUTCOME, blocked=BLOCKED[2:])))
    assert "10.0.0.5:22" in body
    assert "```yaml" not in body


@settings(max_examples=150, deadline=None)
@given(markup, some.sampled_from(sorted(STATES)))
def test_strangers_words_break_no_comment(text: str, state: str) -> None:
    """Whatever a model or a person wrote, the marker stands alone in front and the footer at the end."""
    shown = STATES[state]
    task = replace(
        shown.task, question=text if shown.task.question else "", removed=(text,), actor=Actor("github", "1", text)
    )
    outcome = shown.outcome and replace(
        shown.outcome, summary=text, draft_reason=text, kept=text, evidence=(Check(text, 1, 1, text),)
    )
    body = living_comment(replace(shown, task=task, outcome=outcome, plan=(PlanItem(text),), note=text))
    assert body.startswith("<!-- opus67:task=7f3c9a -->\n")
    assert body.count("<!-- opus67") == 1
    assert body.endswith("</a></sub>")
    assert body.count("<details>") == body.count("</details>")


def test_the_length_holds() -> None:
    """However much there is to say, GitHub takes it, and the end says that something is missing."""
    flood = "<@x `#1` " * 20_000
    checks = tuple(Check(flood, 1, 1.0, flood) for _ in range(50))
    outcome = replace(
        OUTCOME,
        summary=flood,
        review=flood,
        draft_reason=flood,
        kept=flood,
        evidence=checks,
        blocked=BLOCKED * 500,
        salvage=flood,
    )
    assert len(living_comment(view(Status.COMPLETED, outcome, removed=(flood,) * 50))) <= LIMIT + 100
    running = view(Status.WAITING, question=flood, note=flood, plan=(PlanItem(flood),) * 500)
    assert len(living_comment(running)) <= LIMIT + 100

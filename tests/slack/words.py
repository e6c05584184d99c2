"""Tasks and answers full of anything, for tests that hold whatever the words are."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from jobs.answer.parts import Answer, Diff, Link, Listing, Quote, Say
from jobs.answer.view import TaskView
from jobs.types import (
    Actor,
    Approval,
    BlockedRequest,
    Check,
    Conclusion,
    FileChange,
    Kind,
    Outcome,
    Patch,
    Phase,
    PlanItem,
    Status,
)
from tests.slack.views import task

NASTY = (
    "<!channel>",
    "<!here|all>",
    "<@U0BEN>",
    "@channel",
    "@here",
    "<https://evil.example|the form>",
    "[click](https://evil.example)",
    "![](https://evil.example/pixel.png)",
    "```\n",
    "`",
    "*bold* _it_ ~no~",
    "\n> quote\n",
    "- item\n",
    "| a | b |\n|---|---|\n",
    "\u202etxt.exe",
    "\x00",
    "&lt;!channel&gt;",
    "<" * 40,
    "x" * 5000,
    "https://example.com/" + "a" * 3000,
    "# " * 30,
    "[a]: https://evil.example\n[a] " * 20,
    "\n" * 50,
    "`a` b " * 400,
)
WORDS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=80),
    st.lists(st.one_of(st.sampled_from(NASTY), st.text(st.characters(exclude_categories=["Cs"]), max_size=20)))
    .map("".join),
)  # fmt: skip
URLS = st.one_of(st.just(""), st.just("https://github.com/octo/shop/pull/1"), WORDS)
MANY = st.integers(0, 10**7)
CHECKS = st.builds(
    Check, WORDS, st.integers(-5, 300), st.floats(0, 1e6), WORDS, st.none() | MANY, st.none() | MANY, st.none() | MANY
)
FILES = st.builds(FileChange, WORDS, st.sampled_from("AMDRT"), MANY, MANY)
PATCHES = st.builds(Patch, st.just("a"), st.just("b"), st.lists(FILES, max_size=40).map(tuple), WORDS)
OUTCOMES = st.builds(
    Outcome,
    st.sampled_from(Conclusion),
    WORDS,
    patch=st.none() | PATCHES,
    evidence=st.lists(CHECKS, max_size=30).map(tuple),
    blocked=st.lists(st.builds(BlockedRequest, WORDS, MANY, WORDS, WORDS), max_size=30).map(tuple),
    cost=st.floats(0, 1e6),
    steps=MANY,
    models=st.lists(WORDS, max_size=9).map(tuple),
    pull_request=URLS,
    kept=WORDS,
    draft_reason=WORDS,
)


@st.composite
def views(draw: Any) -> TaskView:
    """Draw a task in any state, with any words."""
    about = task(
        title=draw(WORDS),
        repository=draw(WORDS),
        actor=Actor("slack", "U0ANN", draw(WORDS)),
        kind=draw(st.sampled_from(Kind)),
        status=draw(st.sampled_from(Status)),
        conclusion=draw(st.none() | st.sampled_from(Conclusion)),
        phase=draw(st.sampled_from(Phase)),
        approval=draw(st.sampled_from(Approval)),
        attempt=draw(MANY),
        question=draw(WORDS),
        cancel=draw(WORDS),
        pause=draw(WORDS),
        removed=tuple(draw(st.lists(WORDS, max_size=3))),
        edited=draw(st.booleans()),
    )
    return TaskView(
        about,
        plan=tuple(
            draw(st.lists(st.builds(PlanItem, WORDS, st.sampled_from(["pending", "in_progress", "done"])), max_size=40))
        ),
        percent=draw(st.integers(0, 100)),
        elapsed_seconds=draw(st.floats(0, 1e7)),
        cost=draw(st.floats(0, 1e6)),
        outcome=draw(st.none() | OUTCOMES),
        page_url=draw(URLS),
        pull_request_url=draw(URLS),
        check_run_url=draw(URLS),
        note=draw(WORDS),
        ahead=draw(MANY),
    )


ROWS = st.lists(st.lists(WORDS, min_size=1, max_size=6).map(tuple), max_size=60).map(tuple)
PARTS = st.one_of(
    st.builds(Say, WORDS),
    st.builds(Quote, WORDS, WORDS),
    st.builds(Listing, st.lists(WORDS, max_size=6).map(tuple), ROWS),
    st.builds(Diff, WORDS),
    st.builds(Link, WORDS, URLS),
)
ANSWERS = st.builds(Answer, st.lists(PARTS, max_size=60).map(tuple), ok=st.booleans(), private=st.booleans())

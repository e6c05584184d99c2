"""What messages look like, and that Discord takes them whatever a task is made of."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.discord_bot.answers import CUT, answer_message
from bot.discord_bot.buttons import ACTIONS, can_open, fitting, pressed
from bot.discord_bot.forms import start_form, submitted, words_form
from bot.discord_bot.harmless import units
from bot.discord_bot.rendering import moment_footer, moment_message, task_message, thread_name
from jobs.answer.parts import Answer, Diff, Link, Listing, Quote, Say
from jobs.answer.view import TaskView
from jobs.testing.local_discord.component_rules import modal
from jobs.testing.local_discord.errors import Refused
from jobs.testing.local_discord.message_rules import draft
from jobs.types import (
    Actor,
    Approval,
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
from tests.answer.views import STATES, TASK
from tests.discord_bot.messages import FOLDER, PERSON, messages, states, written
from tests.discord_bot.test_harmless import TEXTS

LONG = st.builds(lambda text, times: text * times, TEXTS, st.sampled_from([1, 3, 200]))
OUTCOMES = st.builds(
    Outcome,
    st.sampled_from(Conclusion),
    LONG,
    patch=st.none()
    | st.builds(Patch, TEXTS, TEXTS, st.lists(st.builds(FileChange, LONG, TEXTS, st.integers(0), st.integers(0)), max_size=12).map(tuple), TEXTS),
    evidence=st.lists(st.builds(Check, LONG, st.integers(), st.floats(0, 1e6), LONG, st.none() | st.integers(0)), max_size=12).map(tuple),
    draft_reason=LONG,
    kept=LONG,
    pull_request=st.sampled_from(["", "https://github.com/octo/shop/pull/31", "http://localhost/x", "javascript:x", "https://" + "a." * 400]),
)  # fmt: skip
TASKS = st.builds(
    lambda **changes: replace(TASK, **changes),
    title=LONG,
    repository=LONG,
    question=LONG,
    summary=LONG,
    status=st.sampled_from(Status),
    kind=st.sampled_from(Kind),
    phase=st.sampled_from(Phase),
    approval=st.sampled_from(Approval),
    cancel=st.sampled_from(["", "by @a"]),
    removed=st.lists(TEXTS, max_size=3).map(tuple),
    edited=st.booleans(),
    started_at=st.none() | st.floats(0, 2e9),
    actor=st.builds(Actor, st.sampled_from(["github", "discord", "slack"]), TEXTS, TEXTS),
)
VIEWS = st.builds(
    TaskView,
    TASKS,
    plan=st.lists(st.builds(PlanItem, LONG, st.sampled_from(["done", "in_progress", "pending"])), max_size=25).map(
        tuple
    ),
    percent=st.integers(-5, 200),
    elapsed_seconds=st.floats(0, 1e9),
    cost=st.floats(0, 1e6),
    outcome=st.none() | OUTCOMES,
    page_url=st.sampled_from(
        ["", "http://127.0.0.1:8067/tasks/1", "https://opus.example/tasks/1?key=k", "https://[bad"]
    ),
    note=LONG,
    ahead=st.integers(0, 9),
)
PARTS = st.one_of(
    st.builds(Say, LONG),
    st.builds(Quote, LONG, TEXTS),
    st.builds(Diff, LONG),
    st.builds(Link, TEXTS, st.sampled_from(["https://a.b/c", "https://a.b/d", "nowhere", "https://" + "a." * 300])),
    st.builds(
        Listing,
        st.lists(TEXTS, min_size=1, max_size=4).map(tuple),
        st.lists(st.lists(LONG, min_size=1, max_size=5).map(tuple), max_size=30).map(tuple),
    ),
)
SLOW = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


def taken(message: dict[str, Any]) -> None:
    """Have the rules of Discord judge a message, in the larger of the two ways of counting."""
    draft(message)
    embeds = message["embeds"]
    total = 0
    for embed in embeds:
        fields = [part for one in embed.get("fields", []) for part in (one["name"], one["value"])]
        texts = [embed.get("title", ""), embed["description"], embed.get("footer", {}).get("text", ""), *fields]
        assert embed["description"].strip()
        assert units(embed["description"]) <= 4096
        assert all(units(part) <= 1024 for part in fields)
        total += sum(units(text) for text in texts)
    assert total <= 6000


@pytest.mark.parametrize("name", sorted(messages()))
def test_messages_look_as_they_were_judged(name: str) -> None:
    """Each message is as the file that a person has looked at; see messages.py for writing them anew."""
    message = messages()[name]
    taken(message)
    assert FOLDER.joinpath(f"{name}.json").read_text(encoding="utf-8") == written(message)


@given(VIEWS)
@SLOW
def test_discord_takes_any_task(view: TaskView) -> None:
    """Whatever a task is made of, its messages keep to Discord's limits, and ping only whom they are to ping."""
    message = task_message(view)
    taken(message)
    assert message["content"] == ""
    assert message["allowed_mentions"] == {"parse": []}
    for moment in ("question", "plan", "result", "failure"):
        told = moment_message(view, moment, [PERSON, "nobody", "@everyone"])
        taken(told)
        assert told["content"].startswith(f"<@{PERSON}> ")
        assert told["allowed_mentions"] == {"parse": [], "users": [PERSON]}
    assert 0 < units(thread_name(view)) <= 100


@given(st.lists(PARTS, max_size=8), st.booleans())
@SLOW
def test_discord_takes_any_answer(parts: list[Any], ok: bool) -> None:
    """Whatever an answer is made of, it is one message within Discord's limits that pings nobody."""
    message = answer_message(Answer(tuple(parts), ok=ok, task_id="7f3c9a"))
    taken(message)
    assert message["content"] == ""
    assert message["allowed_mentions"] == {"parse": []}


def test_a_long_answer_is_split_and_says_where_it_was_cut() -> None:
    """What does not fit into one embed goes on in a second; what fits into neither is told of."""
    two = answer_message(Answer((Quote("a " * 1500), Quote("b " * 1000))))
    assert len(two["embeds"]) == 2
    cut = answer_message(Answer((Quote("a " * 2000), Quote("b " * 2000), Quote("c " * 2000))))
    assert len(cut["embeds"]) == 2
    assert cut["embeds"][-1]["description"].endswith(CUT)


def test_a_wide_table_becomes_lines() -> None:
    """A table that would not be read as one on a narrow screen has a line for each row."""
    wide = Answer((Listing(("command", "does"), (("/opus bg <task>", "start a background task " * 3),)),))
    assert answer_message(wide)["embeds"][0]["description"].startswith(
        "`/opus bg start <task>` start a background task"
    )


@pytest.mark.parametrize(
    ("state", "names"),
    [
        ("queued", ("pause", "cancel")),
        ("working", ("steer", "pause", "cancel")),
        ("question", ("answer", "cancel")),
        ("plan", ("approve", "reject", "cancel")),
        ("paused", ("resume", "cancel")),
        ("done", ("review", "merge", "retry")),
        ("incomplete", ("review", "retry")),
        ("failed", ("retry",)),
        ("cancelled", ("retry",)),
    ],
)
def test_buttons_fit_the_state(state: str, names: tuple[str, ...]) -> None:
    """People are offered what makes sense now, and nothing else."""
    assert fitting(states()[state]) == names


def test_every_button_is_understood_from_its_id() -> None:
    """A button says its action and its task by itself, so that no process has to remember it."""
    for name, action in ACTIONS.items():
        assert pressed(f"opus67:{name}:7f3c9a") == (action, "7f3c9a")
    for strange in ("opus67:dance:7f3c9a", "opus67:cancel:", "other:cancel:7f3c9a", "opus67:cancel:7f3c9a:x"):
        assert pressed(strange) is None


@pytest.mark.parametrize(
    ("url", "good"),
    [
        ("https://opus.example/tasks/1", True),
        ("http://10.0.0.5:8067/tasks/1", True),
        ("http://localhost:8067/tasks/1", False),
        ("http://127.0.0.1:8067/tasks/1", False),
        ("javascript:alert(1)", False),
        ("https://a b.example", False),
        ("https://a.example:port/", False),
        ("", False),
    ],
)
def test_only_addresses_that_others_can_open_are_linked(url: str, good: bool) -> None:
    """An address of this machine alone, or none at all, makes no button."""
    assert can_open(url) is good


def test_a_moment_is_told_apart_from_another() -> None:
    """The line under a moment is the same for the same moment, and another for another question."""
    view = STATES["question"]
    other = replace(view, task=replace(view.task, question="Another one?"))
    assert moment_footer(view, "question") == moment_footer(view, "question")
    assert moment_footer(view, "question") != moment_footer(other, "question")


@pytest.mark.parametrize(
    "names", [(), ("octo/shop",), ("octo/shop", "octo/site"), tuple(f"octo/r{n}" for n in range(40))]
)
def test_the_form_of_a_task_is_taken_and_read(names: tuple[str, ...]) -> None:
    """The form is one that Discord takes, and what is filled in comes back as words and options."""
    made = modal(start_form(names, {"base": "main", "dollars": "2.5", "mode": "balanced"}, chosen="octo/shop"))
    filled: dict[str, Any] = {"task": "Do it\nwell", "base": "main", "dollars": "2.5", "repo": "octo/shop"}
    data = {"custom_id": made["custom_id"], "components": [_filled(part, filled) for part in made["components"]]}
    assert submitted(data) == ("background: Do it\nwell", {"repo": "octo/shop", "base": "main", "dollars": "2.5"})


@pytest.mark.parametrize(("name", "words"), [("answer", "answer"), ("reject", "reject"), ("steer", "steer")])
def test_a_form_for_words_becomes_a_command(name: str, words: str) -> None:
    """The words that a button asked for go to its command, with the task's id."""
    made = modal(words_form(name, "7f3c9a"))
    data = {
        "custom_id": made["custom_id"],
        "components": [_filled(part, {"text": "yes"}) for part in made["components"]],
    }
    assert submitted(data) == (f"{words} 7f3c9a yes", {})


def test_a_form_of_others_is_none_of_ours() -> None:
    """A form whose id we did not make says nothing."""
    assert submitted({"custom_id": "x", "components": []}) is None
    assert submitted({"custom_id": "opus67:form:dance:7f3c9a", "components": []}) is None


def test_rules_of_the_stand_in_would_refuse_what_is_too_long() -> None:
    """The judge of these tests does refuse: a description of 5000 characters is none."""
    message = task_message(STATES["coding"])
    message["embeds"][0]["description"] = "a" * 5000
    with pytest.raises(Refused):
        taken(message)


def _filled(part: dict[str, Any], values: dict[str, str]) -> dict[str, Any]:
    field = part["component"]
    value = values.get(field["custom_id"], "")
    made = {"type": field["type"], "custom_id": field["custom_id"]}
    inner = {"values": [value] if value else []} if field["type"] == 3 else {"value": value}
    return {"type": part["type"], "component": made | inner}


def test_what_is_hidden_in_a_request_is_told() -> None:
    """In small print, without the words themselves, and so is an edit after the request."""
    [embed] = task_message(STATES["hidden text, edited"])["embeds"]
    told = "-# 1 hidden part of the request left out \u00b7 the text was edited after the request"
    assert embed["description"].endswith(told)

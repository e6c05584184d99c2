"""The first page and the page of a task, as a visitor sees them."""

from __future__ import annotations

import html
import threading
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.serving import make_server

from bot.dashboard.data import Counts, NextStep, Part
from bot.dashboard.rendering import clean, duration, prose, safe_link, step_view
from bot.dashboard.steps import next_steps
from config.settings import load, problems
from jobs.keys import page_key, page_url
from jobs.types import (
    Approval,
    BlockedRequest,
    Cause,
    Change,
    Conclusion,
    Diagnosis,
    Failure,
    FailureKind,
    Kind,
    Outcome,
    PlanItem,
    Status,
    Subject,
    Usage,
)
from tests.dashboard.conftest import SECRET, TASK_ID, MemoryData, outcome, page, step, task
from tests.setup.browser import browser

if TYPE_CHECKING:
    from pathlib import Path

    from flask import Flask
    from werkzeug.test import TestResponse

EVIL = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'>\u202e\x1b[31m"


def visit(app: Flask, key: str | None = None, task_id: str = TASK_ID, more: str = "") -> TestResponse:
    """Open a task's page."""
    key = page_key(SECRET, task_id) if key is None else key
    return app.test_client().get(f"/tasks/{task_id}?key={key}{more}")


def steps_for(**changes: object) -> list[NextStep]:
    """Return the next steps of a bot that is ready, with changes."""
    ready: dict[str, object] = {
        "problems": [],
        "public_url": "https://opus67.example.com",
        "installations": 1,
        "install_url": "https://github.com/apps/opus/installations/new",
        "label": "assign-to-opus",
        "tasks": 1,
    }
    values = {**ready, **changes}
    return next_steps(values.pop("problems"), **values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "heading", "shown"),
    [
        ({"problems": problems(load({}, dotenv=None))}, "Next: configure it", "opus67 setup"),
        ({"public_url": ""}, "Next: let GitHub reach it", "OPUS67_PUBLIC_URL"),
        ({"installations": 0}, "Next: install it", 'href="https://github.com/apps/opus/installations/new"'),
        ({"installations": None}, "Next: install it", "could not be asked"),
        ({"tasks": 0}, "Next: label an issue assign-to-opus", "draft pull request"),
        ({}, "Ready", "Label an issue"),
    ],
)
def test_the_first_page_says_what_to_do_next(
    app: Flask, data: MemoryData, changes: dict[str, object], heading: str, shown: str
) -> None:
    """The first thing that is not done is the heading."""
    data.steps = steps_for(**changes)
    text = app.test_client().get("/").get_data(as_text=True)
    assert f"<h1>{heading}" in text
    assert shown in text


def test_the_first_page_tells_nothing_private(app: Flask, data: MemoryData) -> None:
    """Numbers and health are there; titles, repositories and people are not."""
    data.numbers = Counts(1, 2, 3, 45)
    data.health = [Part("Workers", "good", "keep up")]
    text = app.test_client().get("/").get_data(as_text=True)
    assert "<b>45</b>" in text
    assert "keep up" in text
    for private in ("slugify", "octo/slugs", "ada", TASK_ID):
        assert private not in text


def test_a_task_is_shown_to_whoever_has_its_link(app: Flask) -> None:
    """Phase, plan, steps, cost and where the issue is."""
    text = visit(app).get_data(as_text=True)
    for shown in (
        "slugify() drops the last word",
        "coding",
        "Write a failing test",
        "$ python -m pytest -q",
        "$0.0312",
    ):
        assert shown in text
    assert "1 failed, 11 passed" in text
    assert page_url("https://o.example.com/", SECRET, TASK_ID).startswith(f"https://o.example.com/tasks/{TASK_ID}?key=")
    assert page_url("", SECRET, TASK_ID) == ""


@pytest.mark.parametrize("key", ["", "0" * 32, "é", page_key(SECRET, "other"), page_key(b"other", TASK_ID)])
def test_a_wrong_key_and_no_such_task_look_the_same(app: Flask, key: str) -> None:
    """Nobody can find out which tasks there are."""
    refused, unknown = visit(app, key), visit(app, task_id="ffffff")
    assert (refused.status_code, unknown.status_code) == (404, 404)
    assert refused.data == unknown.data


def test_what_strangers_wrote_stays_text(app: Flask, data: MemoryData) -> None:
    """Markup, terminal codes and reversed text in any field are shown harmlessly."""
    data.pages[TASK_ID] = page(
        task=task(title=EVIL, status=Status.WAITING, question=EVIL),
        plan=(PlanItem(EVIL, EVIL),),
        steps=(step(0, EVIL, {"command": EVIL, EVIL: EVIL}, EVIL, EVIL),),
        note=EVIL,
        subject_url="javascript:alert(1)",
        pull_request_url='https://x" onclick="alert(1)',
        outcome=Outcome(
            conclusion=Conclusion.FAILURE,
            summary=EVIL,
            kept=EVIL,
            draft_reason=EVIL,
            blocked=(BlockedRequest(EVIL, 443, EVIL, EVIL),),
        ),
    )
    text = visit(app).get_data(as_text=True)
    assert "<script" not in text
    assert "<img" not in text
    assert "javascript:" not in text
    assert 'onclick="' not in text
    assert "\u202e" not in text
    assert "\x1b" not in text
    assert html.escape("<script>alert(1)</script>") in text


def test_the_pages_run_no_script_and_leak_no_link(app: Flask) -> None:
    """A strict policy, no referrer, no cache, no index, on the pages and on the refusal."""
    for answer in (app.test_client().get("/"), visit(app), visit(app, "wrong")):
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Cache-Control"] == "no-store"
        assert "noindex" in answer.headers["X-Robots-Tag"]
        assert b"style=" not in answer.data
        assert b"<script" not in answer.data


def test_a_page_renews_itself_only_while_the_task_runs(app: Flask, data: MemoryData) -> None:
    """A completed task stands still, and shows outcome, evidence, patch and pull request."""
    assert b'http-equiv="refresh"' in visit(app).data
    done = task(status=Status.COMPLETED, conclusion=Conclusion.SUCCESS)
    link = "https://github.com/octo/slugs/pull/13"
    data.pages[TASK_ID] = page(task=done, outcome=outcome(), pull_request_url=link)
    text = visit(app).get_data(as_text=True)
    assert 'http-equiv="refresh"' not in text
    for shown in ("done", "The slice left the last word out", "12 passed", "exit 0", link, "return words[:-1]"):
        assert shown in text


@pytest.mark.parametrize("conclusion", list(Conclusion))
def test_every_ending_has_a_word(app: Flask, data: MemoryData, conclusion: Conclusion) -> None:
    """No conclusion leaves the page without one."""
    data.pages[TASK_ID] = page(task=task(status=Status.COMPLETED, conclusion=conclusion), outcome=None)
    assert visit(app).status_code == 200


def test_a_long_run_shows_its_end_first(app: Flask, data: MemoryData) -> None:
    """The latest hundred steps, newest first; the others by a link."""
    steps = tuple(step(index, "bash", {"command": f"echo {index}."}, "x" * 50_000) for index in range(150))
    data.pages[TASK_ID] = page(steps=steps, usage=Usage())
    text = visit(app).get_data(as_text=True)
    assert "50 earlier steps are left out" in text
    assert "echo 149." in text
    assert "echo 49." not in text
    assert "echo 49." in visit(app, more="&all=1").get_data(as_text=True)
    assert len(text) < 1_000_000


@given(st.text(), st.integers(2, 200))
def test_cleaned_text_is_short_and_plain(text: str, limit: int) -> None:
    """Whatever comes in, nothing that moves a terminal or turns the text around goes out."""
    cleaned = clean(text, limit)
    assert len(cleaned) <= limit + 60
    assert not set(cleaned) & {"\x1b", "\x00", "\u202e", "\u2066", "\u200b"}


@pytest.mark.parametrize(
    "reply",
    [{}, {"content": "text"}, {"content": [None, 3, {"type": "tool_use"}]}, {"content": [{"type": "thinking"}]}],
)
def test_a_strange_transcript_is_shown_as_far_as_it_goes(reply: dict[str, object]) -> None:
    """A reply that is not as it should be makes no error."""
    strange = step(0, "bash", {}, "")
    assert step_view(type(strange)(0, reply, {"content": [{"tool_use_id": 5}]}, Usage(), 0.0, "m", 1.0)).number == 1


def test_words_for_people() -> None:
    """Durations and links as people read them."""
    assert [duration(value) for value in (-1, 4.2, 187, 3600, 3720)] == ["0 s", "4 s", "3 min 7 s", "1 h", "1 h 2 min"]
    assert safe_link("https://a.example/b") == "https://a.example/b"
    assert [safe_link(value) for value in ("", "javascript:1", "//x", "https://a\nb", "data:x")] == [""] * 5


@pytest.mark.chromium
def test_a_real_browser_shows_both_pages_in_light_and_dark(app: Flask, home: Path, data: MemoryData) -> None:
    """The stylesheet is applied under our policy, and dark follows the system."""
    data.steps = steps_for(installations=0)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    address = f"http://127.0.0.1:{server.server_port}"
    try:
        with browser(home) as tab:
            tab.visit(f"{address}/")
            light = tab.evaluate("getComputedStyle(document.body).backgroundColor")
            tab.dark()
            assert tab.evaluate("getComputedStyle(document.body).backgroundColor") != light
            tab.visit(f"{address}/tasks/{TASK_ID}?key={page_key(SECRET, TASK_ID)}")
            assert "slugify() drops the last word" in tab.text()
            assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
            assert tab.console == []
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_plan_that_waits_is_shown_whole(app: Flask, data: MemoryData) -> None:
    """Work that belongs to no issue names its repository alone; the plan has room, and its steps are told apart."""
    plan = "Round once. " * 400 + "THE END"
    asked = task(
        kind=Kind.BACKGROUND, subject=Subject("bg"), status=Status.WAITING, approval=Approval.ASKED, question=plan
    )
    data.pages[TASK_ID] = page(task=asked, subject_url="", planning_steps=1)
    text = visit(app).text
    assert "its plan waits for approval" in text
    assert "THE END" in text
    assert "octo/slugs," in text
    assert "octo/slugs#" not in text
    assert text.count("\u00b7 planning") == 1
    answered = task(kind=Kind.ASK, subject=Subject("ask"), status=Status.COMPLETED, conclusion=Conclusion.SUCCESS)
    data.pages[TASK_ID] = page(task=answered, subject_url="", approved_plan="The old plan")
    text = visit(app).text
    assert "answered" in text
    assert "The old plan" in text


def red(**changes: object) -> Diagnosis:
    """Return what is known of a red run, with changes."""
    values: dict[str, object] = {
        "cause": Cause.DETERMINISTIC,
        "reason": "1 test fails.",
        "failures": (
            Failure("pytest", FailureKind.TEST, "test_total", "assert 31 == 30", "tests/test_cart.py", 12, "a" * 16),
        ),
        "culprit": Change("1234567890abcdef", "bob", "Round each item", ("cart.py",)),
        "confidence": 0.9,
        "excerpt": "E   assert 31 == 30",
        "run_url": "https://github.com/octo/shop/actions/runs/5",
        "workflow": "CI",
        "blob_url": "https://github.com/octo/shop/blob/1234567890abcdef",
    }
    return Diagnosis(**{**values, **changes})  # type: ignore[arg-type]


def test_a_red_run_is_told_and_what_would_be_done(app: Flask, data: MemoryData) -> None:
    """What failed, where, since when and why; on whose behalf; and what an approval would let it do."""
    asks = task(
        kind=Kind.FIX_CI,
        subject=Subject("ci"),
        status=Status.WAITING,
        approval=Approval.ASKED,
        question="CI is red on `main`. It would **mend** it.",
        about={"asked": False, "sha": "1234567890abcdef"},
    )
    data.pages[TASK_ID] = page(task=asks, diagnosis=red(), plan=(), steps=())
    text = visit(app).get_data(as_text=True)
    for shown in (
        "it asks before it mends",
        "on behalf of ada",
        "What it would do",
        "CI is red on <code>main</code>. It would <strong>mend</strong> it.",
        f"<code>/opus approve {TASK_ID}</code> lets it begin",
        "What is red",
        'href="https://github.com/octo/shop/blob/1234567890abcdef/tests/test_cart.py#L12"',
        "1234567890 Round each item by bob",
        "the code fails, every time",
        'href="https://github.com/octo/shop/actions/runs/5"',
        "E   assert 31 == 30",
    ):
        assert shown in text, shown


def test_a_log_does_nothing_on_the_page(app: Flask, data: MemoryData) -> None:
    """Markup in what failed is text, and what is no path of the repository leads nowhere."""
    evil = Failure("pytest", FailureKind.TEST, EVIL, EVIL, "/etc/" + EVIL, 1, "a" * 16)
    found = red(failures=(evil, evil), reason=EVIL, excerpt=EVIL, workflow=EVIL, run_url="javascript:alert(1)")
    ended = Outcome(Conclusion.NEUTRAL, EVIL, kept=EVIL, salvage=EVIL)
    data.pages[TASK_ID] = page(
        task=task(kind=Kind.FIX_CI, status=Status.COMPLETED, conclusion=Conclusion.NEUTRAL),
        diagnosis=found,
        outcome=ended,
    )
    text = visit(app).get_data(as_text=True)
    assert "What was red" in text
    assert "<script>" not in text
    assert "<img" not in text
    assert "javascript:alert" not in text
    assert "/blob/" not in text


@pytest.mark.parametrize(
    ("changes", "outcome", "shown"),
    [
        ({"kind": Kind.REVIEW_PULL_REQUEST}, Outcome(Conclusion.NEUTRAL, "x", title="2 findings"), "2 findings"),
        ({"kind": Kind.FIX_CI}, Outcome(Conclusion.NEUTRAL, "x", pull_request="https://x"), "not complete"),
        ({"kind": Kind.FIX_CI}, Outcome(Conclusion.NEUTRAL, "x"), "nothing was changed"),
    ],
)
def test_an_ending_is_called_what_it_is(
    app: Flask, data: MemoryData, changes: dict[str, object], outcome: Outcome, shown: str
) -> None:
    """Findings are no "nothing", and work that is not complete is called so."""
    ended = task(status=Status.COMPLETED, conclusion=outcome.conclusion, **changes)
    data.pages[TASK_ID] = page(task=ended, outcome=outcome)
    assert f'-text">{shown}</span>' in visit(app).get_data(as_text=True)


@given(st.text())
def test_prose_brings_no_markup_of_its_own(text: str) -> None:
    """Whatever is written, only our two elements come out of it."""
    shown = str(prose(text))
    for ours in ("<code>", "</code>", "<strong>", "</strong>"):
        shown = shown.replace(ours, "")
    assert "<" not in shown
    assert '"' not in shown

"""What models and strangers wrote pings nobody, closes nothing and stays in its place."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as some
from markdown_it import MarkdownIt

from jobs.text import cell, code, cut, excerpt, fence, line, neutralise, plain
from tests.text.strategies import markup

POWERS = re.compile(
    r"(?<![A-Za-z0-9])@[A-Za-z0-9]|#\d|(?<![A-Za-z0-9])GH-\d|://[^\s/]+/[^\s/]+/[^\s/]+/(?:issues|pull|commit)/\d",
    re.IGNORECASE,
)


def rendered(markdown: str) -> tuple[list[str], list[str]]:
    """Return the texts outside code that a reader's Markdown shows, and the kinds of what it makes."""
    texts, kinds = [], []
    tokens = MarkdownIt("commonmark").enable("table").parse(markdown)
    while tokens:
        token = tokens.pop(0)
        kinds.append(token.type)
        if token.type == "text":
            texts.append(token.content)
        tokens = [*(token.children or []), *tokens]
    return texts, kinds


@settings(max_examples=400, deadline=None)
@given(markup)
@example("[x]: http://e\n    @bob")
@example("&#64;bob")
@example("<div>\n```\n@bob\n")
@example("> ```\n@bob\n> ```")
@example("`a\n\n`@bob`")
@example("[[@bob](a)](b)")
def test_nothing_that_is_shown_has_power(text: str) -> None:
    """As GitHub renders it there is no mention, reference, HTML, image or masked link outside code."""
    texts, kinds = rendered(neutralise(text))
    assert not [shown for shown in texts if POWERS.search(shown)]
    assert not {"html_block", "html_inline", "image", "link_open", "definition"} & set(kinds)


@settings(max_examples=400, deadline=None)
@given(markup, some.booleans())
def test_a_second_pass_changes_nothing(text: str, keep_code: bool) -> None:
    """What is harmless stays as it is, on every door."""
    once = neutralise(text, keep_code=keep_code)
    assert neutralise(once, keep_code=keep_code) == once
    assert line(line(text, 10**6), 10**6) == line(text, 10**6)
    assert cell(cell(text, 10**6), 10**6) == cell(text, 10**6)


@settings(max_examples=300, deadline=None)
@given(markup, some.integers(50, 400))
def test_the_length_holds(text: str, limit: int) -> None:
    """No text grows over its limit, however much must be escaped."""
    assert len(neutralise(text * 5, limit=limit)) <= limit
    assert len(cut(text * 5, limit)) <= limit


@settings(max_examples=300, deadline=None)
@given(markup)
def test_a_text_stays_in_its_block(text: str) -> None:
    """What follows a neutralised text, a fence or a line in the same comment is read as it was written."""
    for block in (neutralise(text), fence(text), f"- {line(text)}"):
        _, kinds = rendered(f"{block}\n\n***\n")
        assert kinds[-1] == "hr"


@settings(max_examples=300, deadline=None)
@given(markup)
def test_a_cell_stays_in_its_cell(text: str) -> None:
    """A table with strangers' texts has the rows and cells that it should have."""
    table = f"| a | b |\n|---|---|\n| {cell(text)} | {code(text, table=True)} |\n| last | row |\n"
    _, kinds = rendered(table)
    assert kinds.count("tr_open") == 3
    assert kinds.count("td_open") == 4


@settings(max_examples=300, deadline=None)
@given(markup)
def test_a_code_span_shows_what_it_was_given(text: str) -> None:
    """The span holds one line and nothing leaks out of it."""
    texts, kinds = rendered(f"x {code(text)} y")
    assert kinds.count("code_inline") == 1
    assert texts == ["x ", " y"]


@settings(max_examples=200, deadline=None)
@given(markup)
def test_our_marker_cannot_be_forged(text: str) -> None:
    """No door lets our hidden marker through, not even in code."""
    forged = f"{text} <!-- opus67:task=1 --> ```\n<!-- opus67:task=1 -->"
    for shown in (
        neutralise(forged),
        neutralise(f"```\n{forged}"),
        line(forged),
        cell(forged),
        code(forged),
        fence(forged),
    ):
        assert "<!-- opus67" not in shown


@pytest.mark.parametrize(
    ("given_text", "shown"),
    [
        ("ask @bob and @org/team", "ask @&#8203;bob and @&#8203;org/team"),
        ("mail bob@example.com", "mail bob@example.com"),
        ("fixes #12, o/r#3, GH-4", "fixes #&#8203;12, o/r#&#8203;3, GH-&#8203;4"),
        ("see https://github.com/o/r/issues/1", "see https:&#8203;//github.com/o/r/issues/1"),
        ("since 7f3c9a1 it fails", "since `7f3c9a1` it fails"),
        ("[docs](https://e.org) ![x](https://e.org/p.png)", "docs (https://e.org) x (https://e.org/p.png)"),
        ("<https://e.org>", "https://e.org"),
        ("/deploy now", "&#47;deploy now"),
        ("> /merge", "> &#47;merge"),
        ("a <b>c</b>", "a &lt;b>c&lt;/b>"),
        ("`@bob` stays code", "`@bob` stays code"),
        ("stray ` tick", "stray \\` tick"),
        ("\x1b[31mred\x1b[0m\x07", "red"),
        ("**bold** and 5 > 3", "**bold** and 5 > 3"),
    ],
)
def test_powers_are_taken_one_by_one(given_text: str, shown: str) -> None:
    """Each power is broken in the way that reads best."""
    assert neutralise(given_text) == shown


def test_an_open_fence_is_closed() -> None:
    """A code block that the text does not end, ends with the text."""
    assert neutralise("~~~~\ncode") == "~~~~\ncode\n~~~~"
    assert fence("a\n````\nb", "py") == "`````py\na\n````\nb\n`````"
    assert fence("x", "py evil") == "```\nx\n```"


def test_commands_of_other_bots_are_not_at_the_start_of_a_line_even_in_code() -> None:
    """Simple bots read raw text; a path stays as it is."""
    assert neutralise("```\n/lgtm\n/usr/bin/env x\n```") == "```\n /lgtm\n/usr/bin/env x\n```"


def test_plain_text_for_titles_and_commits_closes_nothing() -> None:
    """A squash merge makes a commit of the title, where words close issues."""
    assert plain("fixes #12 for @bob") == "fixes #\u200b12 for @\u200bbob"


def test_an_excerpt_is_one_short_line() -> None:
    """What is quoted in a report is short and harmless."""
    assert excerpt("a\n`b`  @c") == "a \\`b\\` @&#8203;c"
    assert len(excerpt("x" * 500)) == 80


@pytest.mark.parametrize(
    "words",
    ["[skip ci]", "[CI skip]", "[no ci]", "[skip actions]", "[actions skip]", "***NO_CI***", "skip-checks: true"],
)
def test_nothing_skips_ci(words: str) -> None:
    """Neither a commit nor a body that becomes one when it is merged keeps a CI from running, in code neither."""
    for shown in (plain(words), neutralise(words), line(words), neutralise(f"`{words}`"), fence(words)):
        assert words not in shown
    for fine in ("a [skip] b", "skip the checks: true", "- [ ] ci", "[x] ci skip"):
        assert plain(fine) == fine
        assert neutralise(fine) == fine

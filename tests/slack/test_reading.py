"""What people typed comes out of what Slack made of it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.slack_bot.reading import after_mention, key, typed
from jobs.testing.slack.payloads import escaped

ANY = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        ("fix a &lt; b &amp;&amp; c &gt; d", "fix a < b && c > d"),
        ("say &amp;lt; twice", "say &lt; twice"),
        ("ask <@U1|ann> and <@U2>", "ask @ann and @U2"),
        ("in <#C1|dev> tell <!here> and <!subteam^S1|@team>", "in #dev tell @here and @team"),
        ("why <https://github.com/o/r/issues/3>", "why https://github.com/o/r/issues/3"),
        ("see <http://shop.io|shop.io> and <https://a.b/c|here>", "see shop.io and here (https://a.b/c)"),
        ("to <mailto:a@b.c|a@b.c>", "to a@b.c"),
        ("bg \u2014repo o/r \u2013base main do \u2014 it", "bg --repo o/r --base main do \u2014 it"),
        ("\u201cquoted\u201d it\u2019s", '"quoted" it\'s'),
        ("  bg\u00a0status ", "bg status"),
    ],
)
def test_slacks_spelling_is_undone(sent: str, meant: str) -> None:
    """Escapes, mentions, links, and the marks that telephones set."""
    assert typed(sent) == meant


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        ("<@UBOT> bg add a flag", "bg add a flag"),
        ("<@UBOT|opus67>: /opus bg status", "bg status"),
        ("hey <@UBOT>, <@UANN> wants a flag", "hey @UANN wants a flag"),
        ("<@UBOT>", ""),
        ("<@UBOT> one\ntwo", "one\ntwo"),
        ("<@UBOT> /opusculum", "/opusculum"),
    ],
)
def test_the_mention_is_taken_out(sent: str, meant: str) -> None:
    """Of the bot alone, wherever it stands; a slash command behind it is one."""
    assert after_mention(sent, "UBOT") == meant


def test_a_mention_of_an_unknown_bot_is_the_first() -> None:
    """Slack tells the bot's id with each event; without it the first mention is taken for it."""
    assert after_mention("<@U0OTHER> status", "") == "status"


@given(ANY)
def test_reading_never_fails(text: str) -> None:
    """Nothing that can be sent makes it raise."""
    after_mention(text, "UBOT")
    typed(text)


@given(st.text(st.sampled_from("ab <>&|@#!:/.-_*`'\n"), max_size=80))
def test_what_slack_escaped_comes_back(text: str) -> None:
    """The three characters that Slack escapes come back as they were, in words that hold nothing else of Slack's."""
    assert typed(escaped(text)) == text.strip() or "<" in escaped(text)


@given(st.lists(ANY, max_size=5))
def test_keys_fit_the_store(parts: list[str]) -> None:
    """They are short, of few characters, and equal for equal ids."""
    assert re.fullmatch(r"[0-9A-Za-z-]{5,80}", key(*parts))

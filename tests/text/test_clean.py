"""A stranger's text loses what nobody sees, and nothing else."""

from __future__ import annotations

import time

import pytest
from hypothesis import example, given, settings

from jobs.text import clean
from tests.text.strategies import ORDINARY, markup


@pytest.mark.parametrize("name", ORDINARY)
def test_ordinary_writing_stays_as_it_is(name: str) -> None:
    """Any language, emoji, Markdown and code come through letter by letter, and nothing is reported."""
    cleaned = clean(ORDINARY[name])
    assert cleaned.text == ORDINARY[name]
    assert cleaned.removed == ()


@settings(max_examples=400, deadline=None)
@given(markup)
@example("<" * 40 + "!-- -->" * 40)
@example("<!--" * 40 + "-->" * 40)
@example("&#82&#8203;03;")
def test_a_second_pass_changes_nothing(text: str) -> None:
    """Whatever the text, cleaning never raises, and what is clean stays clean."""
    once = clean(text)
    again = clean(once.text)
    assert again.text == once.text
    assert again.removed == ()


@settings(max_examples=200, deadline=None)
@given(markup)
def test_what_comes_out_can_be_stored(text: str) -> None:
    """The text and the report are valid Unicode without control characters."""
    cleaned = clean(text)
    for part in (cleaned.text, *cleaned.removed):
        part.encode()
        assert not any(character < " " and character not in "\t\n" for character in part)


def test_the_report_says_what_was_hidden() -> None:
    """Each sort is counted and quoted, and what is quoted has no power."""
    cleaned = clean("a <!-- ping @admin --> b <!-- fixes #3 --> \U000e0048\U000e0069 ![evil](http://x)")
    assert cleaned.text == "a  b   (image)"
    assert cleaned.removed == (
        "2 tag characters: \u201cHi\u201d",
        "2 HTML comments: \u201cping @&#8203;admin\u201d, \u201cfixes #&#8203;3\u201d",
        "1 image: \u201cevil\u201d",
    )


def test_a_long_text_is_cut_and_says_so() -> None:
    """What is over the limit is left out, in the text and in the report."""
    cleaned = clean("word " * 100, limit=100)
    assert len(cleaned.text) == 100
    assert cleaned.text.endswith("(The rest of the text was too long and was left out.)")
    assert cleaned.removed == ("400 characters at the end",)
    assert clean(cleaned.text, limit=100).removed == ()


def test_newlines_come_in_one_form() -> None:
    """GitHub's own line ends are no secret."""
    assert clean("a\r\nb\rc").text == "a\nb\nc"
    assert clean("a\r\nb").removed == ()


BURDENS = {
    "brackets": "[" * 65_000, "images": "![" * 30_000, "links": "[a](" * 15_000, "ticks": "".join("`" * n + " " for n in range(350)),
    "comments": "<!--" * 16_000, "tags": "<a b='" * 10_000, "hidden": "<p hidden>" * 6_500, "blanks": "<a " + " " * 60_000,
    "quotes": ">" * 60_000, "definitions": "[a]: b\n" * 9_000, "marks": "a\u200f" * 30_000 + "\u05e9", "entities": "&" * 60_000,
    "titles": '[a](b "' * 9_000, "footnotes": "[^a]: b\n" * 8_000, "rows": "|a" * 20_000 + "\n" + "|-" * 20_000,
    "backslashes": "\\" * 65_000, "lists": "- " * 30_000,
}  # fmt: skip


@pytest.mark.parametrize("name", BURDENS)
def test_no_text_takes_long(name: str) -> None:
    """A text made to be slow is not."""
    began = time.process_time()
    clean(BURDENS[name])
    assert time.process_time() - began < 6

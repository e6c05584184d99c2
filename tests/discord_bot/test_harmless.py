"""Foreign text on Discord: whatever is written, it pings nobody, hides no link and stays in its place."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.discord_bot.harmless import Ink, block, code, fence, line, plain, quoted, units
from jobs.types import Conclusion, Outcome

PIECES = st.sampled_from(
    ["<@1>", "<@&2>", "<#3>", "<t:1:R>", "<:a:1>", "<a:b:1>", "</opus:1>", "<id:home>", "@everyone", "@here", "[a](http://x.y)",
     "**", "__", "*", "_", "~~", "||", "```", "``", "`", "`code`", "\\", "\n", "# ", "-# ", "> ", ">>> ", "- ", "1. ", "http://a.b/c_d",
     "https://discord.gg/abc", "discord.com/invite/x", "\U0001f600", "\u202e", "\u200b", "word", " ", "(", ")", "[", "]", "<", ">"]
)  # fmt: skip
TEXTS = st.one_of(st.text(), st.lists(PIECES, max_size=40).map("".join), st.lists(PIECES, max_size=40).map(" ".join))
QUIET = re.compile(r"\\[^0-9A-Za-z\s]|```.*?```|`[^`\n]+`|<https?://[^ >]+>|\w+://[^\s<]+", re.DOTALL)
"""What Discord's reader takes first, from left to right: escaped signs, code, addresses."""
EVIL = re.compile(r"<[@#:ta/i]|\[|\|\||~~|__|`")


def prose(shown: str) -> str:
    """Return what Discord reads as prose that may have markup."""
    return QUIET.sub("\n", shown)


@given(TEXTS)
@example("\\`<@1>`")
@example("`` ` <@1> ` ``")
@example("```\n<@1>")
@example("http://a<@1>")
@example("steam://a<@1>")
@example("**[a](http://x)**")
@example("# [a](http://x)")
def test_no_markup_of_strangers_works_in_prose(text: str) -> None:
    """Mentions, times, emoji, masked links, spoilers and the like are shown as they were written."""
    for shown in (line(text, 2000), block(text, 4000)):
        assert not EVIL.search(prose(shown)), shown


@given(TEXTS, st.sampled_from([0, 1, 5, 30, 400]))
def test_lengths_hold_for_any_text(text: str, limit: int) -> None:
    """No form of a text is longer than its limit, however much has to be escaped."""
    for shown in (plain(text, limit), line(text, limit), block(text, limit)):
        assert units(shown) <= limit
    assert units(code(text, limit + 10)) <= limit + 10
    assert units(fence(text, "diff", limit + 20)) <= limit + 20


@given(TEXTS)
def test_everyone_is_never_named(text: str) -> None:
    """The words that ping everyone and invitations to other servers are broken wherever they stand."""
    for shown in (line(text, 4000), block(text, 4000), code(text, 4000), fence(text, "", 4000)):
        assert not re.search(r"@(?:everyone|here)", shown, re.IGNORECASE)
        assert not re.search(r"discord(?:app)?\.(?:gg|com/|me/|io/)", shown, re.IGNORECASE)


@given(TEXTS)
def test_a_code_block_ends_where_it_should(text: str) -> None:
    """Nothing inside a code block ends it."""
    shown = fence(text, "", 4000)
    assert shown.startswith("```\n")
    assert shown.endswith("\n```")
    assert "```" not in shown[3:-3]


@given(TEXTS)
def test_one_line_stays_one_line(text: str) -> None:
    """A line has no second one."""
    for shown in (line(text, 300), plain(text, 300), code(text, 300)):
        assert "\n" not in shown


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("Use `a_b` and a_b", "Use `a_b` and a\\_b"),
        ("**Done**: see https://a.b/c_d.", "**Done**: see <https://a.b/c_d>."),
        ("## What I did\n- one\n- two", "**What I did**\n- one\n- two"),
        ("[here](https://evil.example)", "\\[here\\](<https://evil.example>)"),
        ("```py\nx = 1\n```", "```py\nx = 1\n```"),
        ("<@1> @everyone", "\\<@1\\> @\u200beveryone"),
        ("-# small\n> quote", "\\-# small\n\\> quote"),
        ("1. one", "1\\. one"),
    ],
)
def test_what_helps_to_read_stays(written: str, shown: str) -> None:
    """Code, bold words, lists and addresses are kept; the rest is shown as it was written."""
    assert block(written, 500) == shown


def test_a_long_text_ends_with_an_ellipsis() -> None:
    """What was cut says so, and a code block that was cut is closed."""
    assert block("word " * 100, 50).endswith("word\u2026")
    assert block("```\n" + "x\n" * 500 + "```", 100).endswith("\u2026\n```")


def test_a_quote_of_many_lines_is_cut_and_its_code_closed() -> None:
    """A quote has a number of lines at most, and code that was cut in it does not swallow what follows."""
    shown = quoted("```\n" + "x\n" * 100 + "```", most=5).splitlines()
    assert len(shown) == 7
    assert shown[-2:] == ["> ```", "> \u2026"]


def test_secrets_are_taken_out() -> None:
    """What must appear nowhere is redacted in every form."""
    ink = Ink(["hunter2-hunter2"])
    text = "the key is hunter2-hunter2"
    for shown in (
        ink.plain(text, 90),
        ink.line(text, 90),
        ink.block(text, 90),
        ink.code(text, 90),
        ink.fence(text, "", 90),
    ):
        assert "hunter2" not in shown
        assert "redacted" in shown


def test_places_that_were_found_become_links() -> None:
    """In an answer about the code the places that exist are links to their lines, and others stay text."""
    outcome = Outcome(
        Conclusion.SUCCESS, "", blob_url="https://github.com/octo/shop/blob/abc", references=("shop/my_basket.py#L7",)
    )
    shown = block("See `shop/my_basket.py:7` and `shop/none.py:1`, and shop/my_basket.py:7.", 500, outcome)
    link = "[`shop/my_basket.py:7`](https://github.com/octo/shop/blob/abc/shop/my_basket.py#L7)"
    assert shown == f"See {link} and `shop/none.py:1`, and {link}."

"""Refusals, mistakes in the repository's file, and commit messages."""

from __future__ import annotations

from hypothesis import given, settings

from jobs.answer.commit import co_author, commit_message
from jobs.answer.refusal import configuration_error, refusal
from jobs.types import Decision
from tests.text.strategies import markup

MARKER = "<!-- opus67:refusal=1 -->"


def test_a_refusal_has_reason_and_cure() -> None:
    """The person who asked is told why, what helps, and that nothing was spent."""
    body = refusal(MARKER, "bob", Decision(allowed=False, reason="@bob has only read", cure="Ask @alice."))
    assert body == (
        f"{MARKER}\n\U0001f44b @bob, this was not done: @&#8203;bob has only read.\n\n"
        "**What helps:** Ask @&#8203;alice.\n\n<sub>Nothing was run and nothing was spent.</sub>"
    )


def test_a_refusal_pings_nobody_but_the_person() -> None:
    """A login that could be anything else is no mention; nobody known means nobody addressed."""
    assert "@org/team" not in refusal(MARKER, "org/team", Decision(allowed=False, reason="no"))
    assert (
        refusal(MARKER, "", Decision(allowed=False, reason="no")).split("\n")[1] == "\U0001f44b this was not done: no."
    )


def test_a_mistake_in_the_file_is_told_with_line_and_cure() -> None:
    """Where it is, what it is, what helps, and how to go on."""
    body = configuration_error(MARKER, "bob", 3, "`limts` is not an option", "Did you mean `limits`?")
    assert "`.github/opus67.yml` has a mistake in line 3" in body
    assert "> `limts` is not an option" in body
    assert "**What helps:** Did you mean `limits`?" in body
    assert "take the label off and put it on again" in body
    assert "in line" not in configuration_error(MARKER, "", None, "empty", "")


def test_a_commit_message_has_a_short_subject_and_a_wrapped_body() -> None:
    """Lists keep their hanging indent, numbers and mentions have no power, the reference is last."""
    message = commit_message(
        "# Round the basket's total once and for all, since it has been off by one cent.",
        "- " + "a long line " * 10 + "\n\nfixes #12 for @bob\n#comment",
        "Task 7f3c9a",
    )
    subject, blank, *rest = message.split("\n")
    assert subject == "Round the basket's total once and for all, since it has been off by\u2026"
    assert blank == ""
    assert all(len(part) <= 72 for part in rest)
    assert rest[1].startswith("  ")
    assert "fixes #\u200b12 for @\u200bbob\n #comment" in message
    assert message.endswith("\n\nTask 7f3c9a")


@settings(max_examples=200, deadline=None)
@given(markup)
def test_any_text_makes_a_commit_message(text: str) -> None:
    """There is always a subject of one line, and no line that git would take for a comment."""
    message = commit_message(text, text)
    lines = message.split("\n")
    assert 0 < len(lines[0]) <= 72
    assert lines[0].strip()
    assert not [part for part in lines if part.startswith("#")]


def test_a_co_author_has_githubs_private_address() -> None:
    """The address is that of the account on its server."""
    assert co_author("octocat", "583231") == "octocat <583231+octocat@users.noreply.github.com>"
    assert co_author("o", "1", "ghe.example").endswith("@users.noreply.ghe.example>")

"""The reader of comments: one table of commands, outside code and quotes, and it never raises."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.commands import ENTRIES, TABLE, Command, Entry, help_text, parse

LINES = st.one_of(
    st.sampled_from([entry.example for entry in TABLE]),
    st.sampled_from(["```", "~~~", "````", "> /opus cancel", "    /opus cancel", "@opus67", "/opus", "", "```x```"]),
    st.text(max_size=20),
)


@pytest.mark.parametrize("entry", TABLE, ids=lambda entry: entry.name)
def test_every_example_means_what_the_table_says(entry: Entry) -> None:
    """The example of each command is that command, also by mention, in capitals, and with Windows' line ends."""
    words = entry.example.removeprefix(f"/opus {entry.name}").strip()
    expected = (Command(entry.name, words),)
    assert parse(entry.example) == expected
    for start in ("@opus67 ", "@opus67[bot] ", "@opus67: ", "@opus67, ", "@OPUS67 ", "/OPUS "):
        assert parse(entry.example.replace("/opus ", start)) == expected
    assert parse(f"Hello,\r\n{entry.example}\r\n") == expected
    assert parse(entry.example.replace(f" {entry.name}", f" \t{entry.name.upper()} ")) == expected


@pytest.mark.parametrize("entry", [entry for entry in TABLE if entry.needs_text], ids=lambda entry: entry.name)
def test_a_command_that_needs_words_says_so(entry: Entry) -> None:
    """Without words it is nothing, and the answer shows how to say it."""
    [command] = parse(f"/opus {entry.name}")
    assert command.name == "help"
    assert entry.example in command.problem


def test_words_go_on_over_lines_up_to_the_next_command() -> None:
    """What follows ``steer`` belongs to it; code blocks and quotes in between do not, other commands end it."""
    comment = "/opus steer keep the alias\nand the docs\n\n```\n/opus cancel\n```\n> quoted\n/opus status\nthanks"
    assert parse(comment) == (Command("steer", "keep the alias\nand the docs"), Command("status"))
    assert parse("/opus answer\nthe second one") == (Command("answer", "the second one"),)
    assert parse("/opus steer\tby tab") == (Command("steer", "by tab"),)


@pytest.mark.parametrize(
    "comment",
    [
        "",
        "opus cancel",
        "please /opus cancel",
        " /opus cancel",
        "> /opus cancel",
        "    /opus cancel",
        "\t/opus cancel",
        "`/opus cancel`",
        "```\n/opus cancel\n```",
        "```sh\n/opus cancel\n``\n/opus cancel",
        "~~~\n/opus cancel\n```\n/opus cancel\n~~~",
        "````\n```\n/opus cancel\n```\n````",
        "  ```\n/opus cancel\n  ```",
        "/opusx cancel",
        "/opus67 cancel",
        "/opus-cancel",
        "@opus678 cancel",
        "@opus67-dev cancel",
        "mail@opus67 cancel",
        "@someone cancel",
    ],
)
def test_what_is_not_said_to_the_bot(comment: str) -> None:
    """Quotes, code and other names are not heard."""
    assert parse(comment) == ()


@pytest.mark.parametrize(
    "comment",
    [
        "```\nx\n```\n/opus cancel",
        "```\nx\n``` \t\n/opus cancel",
        "~~~ a`b\nx\n~~~\n/opus cancel",
        "```one line of code```\n/opus cancel",
        "``` `\n/opus cancel",
        "> quoted\n\n/opus cancel",
    ],
)
def test_what_follows_code_and_quotes_is_heard(comment: str) -> None:
    """A block ends where GitHub ends it, and code inside a line opens none."""
    assert parse(comment)[-1] == Command("cancel")


@pytest.mark.parametrize(
    ("said", "meant"),
    [("cancle", "cancel"), ("stat", "status"), ("Retry!", "retry"), ("pauze", "pause"), ("xyzzy", ""), ("\u202e", "")],
)
def test_an_unknown_command_is_answered_with_the_nearest(said: str, meant: str) -> None:
    """A slip of the finger gets a hint, anything else the list."""
    [command] = parse(f"/opus {said}")
    assert command.name == "help"
    assert (ENTRIES[meant].example if meant else "/opus help") in command.problem


def test_an_unknown_command_cannot_write_markup() -> None:
    """The word is shown as code, whatever is in it."""
    [command] = parse("/opus `@octo/everybody`<img>")
    assert command.problem.startswith("I do not know the command `'@octo/everybody'<img>`.")
    assert len(parse("/opus " + "x" * 60_000)[0].problem) < 200


def test_a_mention_with_free_words_steers() -> None:
    """Whoever talks to the bot by name is heard; the name alone asks for help."""
    assert parse("@opus67 use the other one") == (Command("steer", "use the other one"),)
    assert parse("@opus67") == parse("/opus") == parse("@opus67:") == (Command("help"),)


@given(st.lists(LINES, max_size=12).map("\n".join))
@settings(max_examples=500, deadline=None)
def test_nothing_that_people_write_raises(comment: str) -> None:
    """Every command that comes out is one of the table, with the words that it needs."""
    for command in parse(comment):
        entry = ENTRIES[command.name]
        assert command.text or not entry.needs_text
        assert "\r" not in command.name


@given(st.text())
@settings(max_examples=500, deadline=None)
def test_any_text_is_read(text: str) -> None:
    """Any text at all, and any text behind the slash."""
    parse(text)
    for command in parse(f"/opus {text}") + parse(f"@opus67 {text}"):
        assert command.name in ENTRIES


@given(st.lists(st.sampled_from([entry.example for entry in TABLE]), min_size=1, max_size=9))
@settings(deadline=None)
def test_several_commands_come_in_their_order(examples: list[str]) -> None:
    """One per line, each heard."""
    assert [command.name for command in parse("\n".join(examples))] == [line.split()[1] for line in examples]


def test_the_help_lists_the_table() -> None:
    """Every command is in the help, with what it does."""
    for entry in TABLE:
        assert f"/opus {entry.name}" in help_text()
        assert entry.help in help_text()

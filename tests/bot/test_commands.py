"""The reader of comments: one table of commands, outside code and quotes, and it never raises."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.commands import ALIASES, ENTRIES, PLAIN, TABLE, Command, Entry, Takes
from bot.grammar import parse, read

LINES = st.one_of(
    st.sampled_from([f"/opus {entry.example}" for entry in TABLE]),
    st.sampled_from(["```", "~~~", "````", "> /opus cancel", "    /opus cancel", "@opus67", "/opus", "", "```x```"]),
    st.text(max_size=20),
)


def _meant(entry: Entry) -> tuple[str, str, str]:
    """Return what an example says: the command, the task, the rest."""
    rest = entry.example.removeprefix(entry.name).strip()
    if entry.task is None:
        return entry.name, "", rest
    task, _, text = rest.partition(" ")
    return entry.name, task, text


@pytest.mark.parametrize("entry", TABLE, ids=lambda entry: entry.name)
def test_every_example_means_what_the_table_says(entry: Entry) -> None:
    """The example of each command is that command, on every surface, in capitals, and with Windows' line ends."""
    spelled = entry.example.replace(entry.name, entry.name.replace(" ", " \t").upper(), 1)
    shapes = [f"/opus {entry.example}", f"/OPUS {entry.example}", f"Hello,\r\n/opus {entry.example}\r\n"]
    shapes += [
        f"{start}{entry.example}" for start in ("@opus67 ", "@opus67[bot] ", "@opus67: ", "@opus67, ", "@OPUS67 ")
    ]
    shapes += [f"/opus {spelled}"]
    for shape in shapes:
        [command] = parse(shape)
        assert (command.name, command.target, command.text, command.problem) == (*_meant(entry), ""), shape
    assert read(entry.example) == parse(f"/opus {entry.example}")[0]


@pytest.mark.parametrize("entry", TABLE, ids=lambda entry: entry.name)
def test_what_a_command_lacks_is_said(entry: Entry) -> None:
    """Without the words that it needs it is nothing, and the answer shows how to say it."""
    needed = [argument for argument in entry.arguments if argument.required and argument.takes is not Takes.TASK]
    command = read(entry.name)
    if needed and entry.name != "bg":
        assert command.name == "help"
        assert f"/opus {entry.example}" in command.problem
    else:
        assert not command.problem


@pytest.mark.parametrize("alias", ALIASES)
def test_short_forms_are_commands_too(alias: str) -> None:
    """`/opus cancel` on an issue is what it was before there was a longer name for it."""
    words = f"{alias}: x" if alias == "background" else alias
    assert read(words).name == ALIASES[alias]


@pytest.mark.parametrize(
    ("said", "name", "target", "text"),
    [
        ("bg", "bg status", "", ""),
        ("mission", "mission status", "", ""),
        ("background: do it\nand more", "bg", "", "do it\nand more"),
        ("bg review the login page", "bg", "", "review the login page"),
        ("bg status page is down, find out why", "bg", "", "status page is down, find out why"),
        ("bg merge `7f3c9a`", "bg merge", "7f3c9a", ""),
        ("steer facade pattern, please", "steer", "facade", "pattern, please"),
        ("priority high", "priority", "", "high"),
        ("reassign 7f3c9a openai:Qwen3-Coder", "reassign", "7f3c9a", "openai:Qwen3-Coder"),
        ("cost by person", "cost", "", "by person"),
        ("why https://git.example/octo/shop/issues/12", "why", "", "https://git.example/octo/shop/issues/12"),
        ('bg "--verbose" is ignored', "bg", "", '"--verbose" is ignored'),
        ("bg fix the total --repo octo/shop", "bg", "", "fix the total"),
    ],
)
def test_what_is_meant(said: str, name: str, target: str, text: str) -> None:
    """A word of the table at the beginning of somebody's sentence does not take the sentence for a command."""
    command = read(said)
    assert (command.name, command.target, command.text, command.problem) == (name, target, text, "")


@pytest.mark.parametrize("dash", ["--", "\u2014", "\u2013"])
def test_options_stand_in_front(dash: str) -> None:
    """Also with the dash that a telephone makes of two hyphens; what comes behind is the task."""
    command = read(f'bg {dash}repo octo/shop {dash}base="release 2" fix the total')
    assert command.options == {"repo": "octo/shop", "base": "release 2"}
    assert command.text == "fix the total"
    assert "`--repo`" in read("bg --rpo octo/shop fix it").problem


@pytest.mark.parametrize(
    ("said", "hint"),
    [
        ("bg cancle 7f3c9a", "/opus bg cancel 7f3c9a"),
        ("bg cancel everything", "`everything` is no task id"),
        ("priority 7f3c9a urgent", "high/normal/low"),
        ("mission scale many", "/opus mission scale 4"),
        ("cost year", "/opus cost week by repo"),
        ("pause 7f3c9a now", "does not belong there"),
        ("bg --colour red fix it", "`--colour`"),
        ("bg --repo", "needs a value"),
        ("clone 7f3c9a --dollars 1", "takes no options"),
        ("mission pause", "/opus mission pause all"),
    ],
)
def test_half_right_words_get_the_example(said: str, hint: str) -> None:
    """Nothing is guessed where a guess could do harm, and nothing is met with silence."""
    command = read(said)
    assert command.name == "help"
    assert hint in command.problem


def test_words_go_on_over_lines_up_to_the_next_command() -> None:
    """What follows ``steer`` belongs to it; code blocks and quotes in between do not, other commands end it."""
    comment = "/opus steer keep the alias\nand the docs\n\n```\n/opus cancel\n```\n> quoted\n/opus status\nthanks"
    assert [(one.name, one.text) for one in parse(comment)] == [
        ("steer", "keep the alias\nand the docs"),
        ("bg status", ""),
    ]
    assert [one.text for one in parse("/opus answer\nthe second one")] == ["the second one"]
    assert [one.text for one in parse("/opus steer\tby tab")] == ["by tab"]
    assert parse("/opus help\n\nthanks!")[0].problem == ""


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
    assert parse(comment)[-1] == Command("bg cancel")


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("cancle", "bg cancel"),
        ("stat", "bg status"),
        ("Retry!", "retry"),
        ("pauze", "pause"),
        ("xyzzy", ""),
        ("\u202e", ""),
    ],
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


def test_a_mention_needs_no_command() -> None:
    """Whoever talks to the bot by name is heard, and the place tells what it is; the name alone asks for help."""
    assert [(one.name, one.text) for one in parse("@opus67 use the other one\nplease")] == [
        (PLAIN, "use the other one\nplease")
    ]
    assert parse("@opus67") == parse("/opus") == parse("@opus67:") == (Command("help"),)


@given(st.lists(LINES, max_size=12).map("\n".join))
@settings(max_examples=500, deadline=None)
def test_nothing_that_people_write_raises(comment: str) -> None:
    """Every command that comes out is one of the table, with the words that it needs."""
    for command in parse(comment):
        entry = ENTRIES.get(command.name)
        assert entry is not None or command.name == PLAIN
        assert command.text or entry is None or entry.text is None or not entry.text.required
        assert "\r" not in command.name


@given(st.text())
@settings(max_examples=500, deadline=None)
def test_any_text_is_read(text: str) -> None:
    """Any text at all, and any text behind the slash."""
    parse(text)
    for command in parse(f"/opus {text}") + parse(f"@opus67 {text}"):
        assert command.name in ENTRIES or command.name == PLAIN
    assert read(text).name in ENTRIES
    assert read(text, mentioned=True).name in {*ENTRIES, PLAIN}


@given(st.lists(st.sampled_from(TABLE), min_size=1, max_size=9))
@settings(deadline=None)
def test_several_commands_come_in_their_order(entries: list[Entry]) -> None:
    """One per line, each heard."""
    comment = "\n".join(f"/opus {entry.example}" for entry in entries)
    assert [command.name for command in parse(comment)] == [entry.name for entry in entries]


@pytest.mark.parametrize("name", [entry.name for entry in TABLE if entry.pull])
def test_sentences_are_no_commands_about_pull_requests(name: str) -> None:
    """Whoever talks to the bot by name gives it a task; behind the slash there is a hint, and nothing is begun."""
    [said] = parse(f"@opus67 {name} the login page, please")
    assert (said.name, said.text) == (PLAIN, f"{name} the login page, please")
    assert read(f"{name}\nthe login page", mentioned=True).name == PLAIN
    slip = read(f"{name} the login page")
    assert slip.name == "help"
    assert f"`/opus bg {name} the login page`" in slip.problem
    assert f"`/opus {name} 12`" in slip.problem


@pytest.mark.parametrize("said", ["12", "#12", "https://git.example/Octo/shop/pull/12/files#diff-1"])
def test_a_pull_request_is_a_number_or_a_link(said: str) -> None:
    """With options before or the repository behind it, by mention and by slash."""
    for words in (f"fix --mode aggressive {said} --repo octo/shop", f"FIX --repo octo/shop --mode aggressive {said}"):
        for command in (read(words), read(words, mentioned=True)):
            assert (command.name, command.text, command.problem) == ("fix", said, "")
            assert command.options == {"mode": "aggressive", "repo": "octo/shop"}
    assert read(f"fix {said} {said}").problem
    assert read("fix https://git.example/octo/shop/issues/12").problem

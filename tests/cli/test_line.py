"""What is typed behind ``opus67``: options anywhere, quotes or none, slips told; and what completion offers for it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.commands import ENTRIES, TABLE, Entry
from bot.shell.completion import candidates
from bot.shell.exits import Exit
from bot.shell.failure import Failure
from bot.shell.helping import about, named
from bot.shell.line import LONGEST_TEXT, Line, understand
from bot.shell.table import BOT_WORDS, COMMANDS

TASKS = [("7f3c9a", "in_progress: Add a flag"), ("81aa00", "completed: Say hello")]
REPOSITORIES = [("octo/shop", ""), ("octo/site", "")]


def typed(*words: str, text: str = "") -> Line:
    """Return a command line as it is understood, with a text on standard input."""
    return understand(words, lambda: text)


def offered(*words: str) -> list[str]:
    """Return what completion offers for the last word."""
    return [value for value, _ in candidates(words, lambda: TASKS, lambda: REPOSITORIES)]


@pytest.mark.parametrize("entry", TABLE, ids=lambda entry: entry.name)
def test_every_example_of_the_table_is_a_command_line(entry: Entry) -> None:
    """What the table shows as an example is understood as that command, word by word and with its text in quotes."""
    name, rest = entry.name.split(), entry.example.removeprefix(entry.name).split()
    whole = typed(*name, *(["--"] if "--json" in rest else []), *rest)
    assert whole.command.name == entry.name
    if entry.text is not None:
        fixed = rest[: 1 if entry.task else 0]
        assert typed(*name, *fixed, " ".join(rest[len(fixed) :])).command == whole.command


@pytest.mark.parametrize(
    "words",
    [
        ("bg", "--repo", "octo/shop", "--dollars=2.50", "fix the total", "--json"),
        ("--json", "bg", "fix", "--dollars", "2.50", "the", "--repo=octo/shop", "total"),
        ("bg", "fix the total", "--json", "--repo", "octo/shop", "--dollars", "2.50"),
    ],
)
def test_options_may_stand_anywhere(words: tuple[str, ...]) -> None:
    """Options and flags are taken out of the words, wherever they are."""
    line = typed(*words)
    assert (line.words, line.options) == ("bg fix the total", {"repo": "octo/shop", "dollars": "2.50"})
    assert line.flags == {"json"}


def test_a_text_keeps_what_looks_like_an_option() -> None:
    """In quotes, and behind ``--``, nothing is an option."""
    assert typed("bg", "add a --json flag").words == "bg add a --json flag"
    assert typed("bg", "--", "add", "a", "--json", "flag").words == "bg add a --json flag"
    assert typed("bg", "remove", "--verbose-sql").words == "bg remove --verbose-sql"


def test_a_text_may_come_from_standard_input() -> None:
    """``-`` stands for it, with all its lines."""
    line = typed("answer", "7f3c9a", "-", text="one\ntwo\n")
    assert (line.command.name, line.command.target, line.command.text) == ("answer", "7f3c9a", "one\ntwo")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("bg", "x", "--rpeo", "octo/shop"), "Did you mean `--repo`?"),
        (("bg", "x", "--repo"), "`--repo` needs a value"),
        (("cost", "--repo", "octo/shop"), "`--repo` does not belong to `cost`"),
        (("bg", "stauts"), "Did you mean `opus67 bg status 7f3c9a`?"),
        (("pause", "x y"), "is no task id"),
        (("bg", "status", "--watch"), "`--watch` needs a task"),
        (("cost", "--watch"), "`--watch` needs a task"),
        (("bg", "x" * (LONGEST_TEXT + 1)), "longer than"),
    ],
)
def test_a_slip_is_told_with_the_way_out(words: tuple[str, ...], said: str) -> None:
    """A wrong line is exit code 2, and the words are those of a shell."""
    with pytest.raises(Failure) as caught:
        typed(*words)
    assert caught.value.exit_code is Exit.USAGE
    assert said in str(caught.value)
    assert "/opus" not in str(caught.value)


@given(st.lists(st.text(max_size=20) | st.sampled_from([*BOT_WORDS, "--repo", "--json", "--", "-", "7f3c9a"])))
def test_no_line_at_all_is_a_fault(words: list[str]) -> None:
    """Whatever is typed is a command or a Failure, and can be stored."""
    try:
        line = typed(*words, text="\ud800\0")
    except Failure:
        return
    assert line.command.name in ENTRIES
    assert "\0" not in line.words
    line.words.encode()


def test_bytes_that_are_no_text_are_replaced() -> None:
    """A shell hands on any bytes; what is stored is text."""
    assert typed("bg", "caf\udce9").words == "bg caf\N{REPLACEMENT CHARACTER}"


def test_help_tells_of_one_command_or_of_its_group() -> None:
    """``bg merge`` is one command, ``bg`` all that begin so; each with its flags and the exit codes."""
    assert [entry.name for entry in named("bg merge 7f3c9a")] == ["bg merge"]
    assert [entry.name for entry in named("cancel")] == ["bg cancel"]
    assert {entry.name for entry in named("mission")} == {name for name in ENTRIES if name.startswith("mission")}
    text = about("bg")
    for words in ("opus67 bg <task>", "opus67 bg review <id>", "--repo", "--watch", "exit codes:", '`opus67 bg "add a'):
        assert words in text
    assert "/opus" not in text
    assert "--repo" not in about("bg status")


@pytest.mark.parametrize(
    ("words", "offers"),
    [
        (("mis",), ["mission"]),
        (("mi",), ["migrate", "mission"]),
        (("token", ""), ["create", "list", "revoke"]),
        (("sandbox", "build", "--engine", ""), ["docker", "podman"]),
        (("completion", "f"), ["fish"]),
        (("bg", "st"), ["status"]),
        (("bg", "status", ""), ["7f3c9a", "81aa00"]),
        (("bg", "status", "7"), ["7f3c9a"]),
        (("--json", "cancel", ""), ["7f3c9a", "81aa00"]),
        (("bg", "cancel", "7f3c9a", ""), []),
        (("priority", "7f3c9a", ""), ["high", "normal", "low"]),
        (("bg", "--mode", "b"), ["balanced"]),
        (("bg", "--repo", "octo/s"), ["octo/shop", "octo/site"]),
        (("bg", "--repo", "=", "octo/si"), ["octo/site"]),
        (("bg", "--repo", "octo/shop", "--wa"), ["--watch"]),
        (("bg", "--re"), ["--repo"]),
        (("cost", "--re"), []),
        (("cost", ""), ["day", "week", "month", "by"]),
        (("cost", "week", "by", "p"), ["person"]),
        (("mission", "pause", ""), ["all"]),
        (("mission", "7"), ["7f3c9a"]),
        (("help", "bg", "m"), ["merge"]),
        (("xyzzy", ""), []),
    ],
)
def test_completion_offers_what_can_stand_there(words: tuple[str, ...], offers: list[str]) -> None:
    """Commands, their second words, options, choices, tasks, repositories; nothing where nothing is known."""
    assert offered(*words) == offers


def test_completion_offers_every_command() -> None:
    """All commands of both tables, each with its meaning; the hidden one is not among them."""
    found = dict(candidates([""], list, list))
    assert {command.name.split()[0] for command in COMMANDS} | set(BOT_WORDS) == set(found)
    assert all(found.values())


@given(st.lists(st.text(max_size=9) | st.sampled_from([*BOT_WORDS, "--repo", "--", "-", "by"]), min_size=1))
def test_completion_never_fails(words: list[str]) -> None:
    """Whatever stands on the line, there is an answer, and it begins with what was typed."""
    for value in offered(*words):
        assert value.startswith(words[-1].removeprefix("="))

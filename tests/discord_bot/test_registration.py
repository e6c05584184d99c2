"""The slash command: made from the table, taken by Discord, and the same words as everywhere when it is used."""

from __future__ import annotations

from typing import Any

import pytest

from bot.commands import TABLE, Entry, Takes
from bot.discord_bot.registration import Invoked, command, invoked, is_registered, option_name, path_of, typing
from bot.grammar import read
from jobs.testing.local_discord.command_rules import commands


def leaves() -> dict[tuple[str, ...], dict[str, Any]]:
    """Return the subcommands by their paths."""
    found = {}
    for option in command()["options"]:
        if option["type"] == 2:
            found |= {(option["name"], inner["name"]): inner for inner in option["options"]}
        else:
            found[(option["name"],)] = option
    return found


def data(entry: Entry, values: dict[str, Any]) -> dict[str, Any]:
    """Return the data of an interaction in which a person used a command."""
    options: list[dict[str, Any]] = [{"type": 3, "name": name, "value": value} for name, value in values.items()]
    for depth, name in enumerate(reversed(path_of(entry))):
        options = [{"type": 2 if depth else 1, "name": name, "options": options}]
    return {"name": "opus", "type": 1, "options": options}


def values(entry: Entry) -> dict[str, Any]:
    """Return something for each argument."""
    example = {"id": "7f3c9a", "n": 4, "level": "high", "period": "week", "by": "by repo", "model": "claude-opus-5-5"}
    example |= {"pull": "#12"}
    return {
        option_name(argument): example.get(option_name(argument), "some words") for argument in entry.arguments
    } | ({"code": "ABCD-EFGH"} if entry.name == "link" else {})  # fmt: skip


def test_discord_takes_the_command() -> None:
    """The command is within Discord's rules, for servers only, and every line of the table is in it."""
    (kept,) = commands([command()])
    assert kept["contexts"] == [0]
    assert kept["integration_types"] == [0]
    assert set(leaves()) == {path_of(entry) for entry in TABLE}


def test_what_is_registered_is_recognised() -> None:
    """What Discord gives back is the same command; one that was changed is not."""
    kept = commands([command()])
    assert is_registered([one | {"id": "1", "version": "2", "application_id": "3"} for one in kept])
    assert not is_registered([])
    kept[0]["options"][0]["options"][0]["description"] = "something else"
    assert not is_registered(kept)


@pytest.mark.parametrize("entry", TABLE, ids=lambda entry: entry.name)
def test_a_used_command_says_what_it_would_say_in_words(entry: Entry) -> None:
    """With all options filled in, the words are read as the command that was used, with its task and text."""
    given = values(entry)
    found = invoked(data(entry, given))
    assert found is not None
    understood = read(found.words)
    assert understood.problem == ""
    assert understood.name == entry.name
    assert understood.target == (given["id"] if entry.task else "")
    if entry.text is not None and entry.name != "help":
        assert understood.text == "some words"


@pytest.mark.parametrize("entry", [entry for entry in TABLE if entry.task], ids=lambda entry: entry.name)
def test_a_task_can_be_left_out(entry: Entry) -> None:
    """In a task's thread the id goes without saying, so that Discord does not insist on it."""
    options = {option["name"]: option for option in leaves()[path_of(entry)]["options"]}
    assert not options["id"].get("required", False)
    assert options["id"]["autocomplete"]


@pytest.mark.parametrize(
    "task", ["status", "cancel 7f3c9a", "review the login page", "merge: the two lists", "--repo is wrong"]
)
def test_any_task_is_taken_as_a_task(task: str) -> None:
    """What is written as the task is not taken for another command."""
    entry = next(one for one in TABLE if one.name == "bg")
    found = Invoked(entry, {"task": task})
    assert found.words == f"background: {task}"
    assert read(found.words).name in {"bg", "help"}


def test_options_stand_beside_the_words() -> None:
    """Repository, branch, mode, model, amount and priority come as options, numbers as people write them."""
    entry = next(one for one in TABLE if one.name == "plan")
    found = invoked(data(entry, {"task": "do it", "repo": "octo/shop", "dollars": 2.5, "priority": "high"}))
    assert found is not None
    assert found.words == "plan do it"
    assert found.options == {"repo": "octo/shop", "dollars": "2.5", "priority": "high"}


def test_only_a_task_without_words_wants_a_form() -> None:
    """`/opus bg start` alone opens the form; with a task it does not."""
    entry = next(one for one in TABLE if one.name == "bg")
    assert Invoked(entry, {}).wants_form
    assert not Invoked(entry, {"task": "x"}).wants_form


def test_what_is_being_typed_is_found() -> None:
    """The option in focus is found however deep it is."""
    entry = next(one for one in TABLE if one.name == "bg cancel")
    used = data(entry, {})
    used["options"][0]["options"][0]["options"] = [{"type": 3, "name": "id", "value": "7f", "focused": True}]
    assert typing(used) == ("id", "7f")
    assert typing({}) == ("", "")


def test_other_commands_are_none_of_ours() -> None:
    """A command that is not in the table is not understood."""
    assert invoked({"name": "opus", "options": [{"type": 1, "name": "dance"}]}) is None
    assert invoked({"name": "other", "options": [{"type": 1, "name": "whoami"}]}) is None


def test_numbers_are_whole_where_the_table_says_so() -> None:
    """A number of the table is a whole number in Discord."""
    numbers = [entry for entry in TABLE for argument in entry.arguments if argument.takes is Takes.NUMBER]
    assert [leaves()[path_of(entry)]["options"][0]["type"] for entry in numbers] == [4]

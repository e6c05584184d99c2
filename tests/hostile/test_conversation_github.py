"""Where strangers and bots talk on GitHub: what they cannot have the bot say, start, or be made to hear."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from bot.grammar import MOST_COMMANDS, parse
from jobs.types import Mode
from tests.bot.conftest import SHOP
from tests.bot.test_conversation import Chat, words

if TYPE_CHECKING:
    from jobs.services import Services
    from jobs.testing.github import LocalGitHub
    from tests.bot.conftest import Inbox

SECRET = "octo/secret-plan"


@pytest.fixture
def chat(services: Services, local: LocalGitHub) -> Chat:
    """Return a channel, and a private repository that nobody in it may read."""
    made = Chat(services, local)
    local.create_repository(SECRET, {"README.md": "x"}, private=True)
    with services.store.write() as connection:
        services.store.records.add_repositories(connection, local.installation_id, [SECRET])
    return made


@pytest.mark.parametrize(
    "said",
    [
        "/opus nonsense",
        "/opus bg --repo octo/elsewhere do it",
        "/opus priority",
        "/opus retry 123456",
        '/opus bg --repo "` @octo/everybody [click](https://evil.example) `" do it',
    ],
)
def test_a_stranger_gets_no_answers_on_an_issue_but_one_refusal(chat: Chat, inbox: Inbox, said: str) -> None:
    """The bot neither names what it knows, nor repeats a stranger's markup, nor fills an issue with its answers."""
    assert chat.services
    first = inbox.say(said, by="mallory")
    assert "needs write permission" in first
    assert "secret-plan" not in first
    assert "evil" not in first
    assert "everybody" not in first
    assert inbox.say(said, by="mallory") == ""


def test_a_bot_is_never_answered_so_that_two_bots_cannot_talk_for_ever(chat: Chat, inbox: Inbox) -> None:
    """Not where its words are no command, and not where they are those that everybody may say."""
    for said in ("/opus nonsense", "/opus link AAAA-2222", "/opus link", "/opus unlink", "@opus67 hello"):
        assert inbox.say(said, by="parrot[bot]") == ""
    assert not chat.services.store.tasks.listed()


def test_guesses_of_codes_are_answered_once(chat: Chat, inbox: Inbox) -> None:
    """A comment may hold twenty guesses and each person gets one answer on an issue."""
    code = chat.say("link", user="U0BOB").data["code"]
    guesses = "\n".join(f"/opus link AAAA-{number:04}" for number in range(2_000))
    assert "this code is not known" in inbox.say(guesses, by="mallory")
    assert inbox.say("/opus link 2222-2222", by="mallory") == ""
    assert chat.services.store.people.link_of(code, time.time()) is not None


def test_who_was_talked_into_a_link_undoes_it_from_github(chat: Chat, inbox: Inbox) -> None:
    """The reply names the account that speaks for the login from now on, and how to be rid of it."""
    code = chat.say("link", user="U0MALLORY").data["code"]
    assert "U0MALLORY" in (answer := inbox.say(f"/opus link {code.lower()}", by="bob"))
    assert "/opus unlink" in answer
    assert chat.services.store.people.login("slack", "U0MALLORY") == "bob"
    assert "No account in Slack speaks for @bob" in inbox.say("/opus unlink", by="bob")
    assert chat.services.store.people.login("slack", "U0MALLORY") == ""
    assert chat.services.store.people.login("slack", "U0ALICE") == "alice"


@pytest.mark.parametrize(
    "comment",
    [
        "<!--\n/opus bg mine bitcoin\n-->",
        "Thanks!<!-- template\n\n/opus bg mine bitcoin -->",
        "<!-- a --> <!-- b\n/opus bg mine bitcoin\n--> bye",
        "<pre>\n/opus bg mine bitcoin\n</pre>",
        "<PRE lang=x>\n\n@opus67 mine bitcoin\n</pre>",
        "<style>\n/opus bg mine bitcoin",
    ],
)
def test_a_command_that_nobody_sees_is_not_heard(comment: str) -> None:
    """Who pastes a template or an example says what can be read in it, and nothing else."""
    assert parse(comment) == ()


@pytest.mark.parametrize(
    "comment",
    [
        "<!-- x -->\n/opus help",
        "The mark `<!--` opens it.\n/opus help",
        "<pre>x</pre>\n/opus help",
        "<!--\n/opus bg no\n-->\n/opus help",
        "<presto>\n/opus help",
    ],
)
def test_what_follows_something_hidden_is_heard(comment: str) -> None:
    """Only what is hidden is not heard."""
    assert [command.name for command in parse(comment)] == ["help"]


def test_one_comment_is_at_most_twenty_commands_and_says_so() -> None:
    """Somebody's comment of sixty thousand letters is not as many calls of GitHub's."""
    heard = parse("/opus bg do it\n" * 4_000)
    assert len(heard) == MOST_COMMANDS + 1
    assert "were not read" in heard[-1].problem


@pytest.mark.parametrize(
    "text",
    [
        "/opus bg x" + "\n" * 60_000,
        "/opus bg " + "--repo a " * 7_000,
        "/opus bg --repo " + '"' * 60_000,
        "/opus " + "a" * 60_000,
        "/opus why https://a/b/c/issues/" + "9" * 60_000,
        "/opus why " + "/tasks/000000" * 5_000,
        "/opus mission scale " + "9" * 60_000,
        "`" * 60_000 + "\n/opus help",
        "<!--" * 15_000 + "\n/opus help",
        "<pre " * 12_000 + "\n/opus help",
    ],
)
def test_the_longest_comment_is_read_in_a_moment(chat: Chat, text: str) -> None:
    """No regular expression of the grammar takes more than a second for what a stranger can write; nothing raises."""
    begun = time.monotonic()
    for command in parse(text):
        if command.name in {"why", "mission scale"}:
            assert not chat.say(text.removeprefix("/opus ")).ok
    assert time.monotonic() - begun < 30


def test_a_wish_does_not_widen_what_the_repository_allows(chat: Chat, local: LocalGitHub) -> None:
    """Neither the mode of its file, nor by a model without a price the limit in dollars."""
    local.commit_file(SHOP, "main", ".github/opus67.yml", "mode: conservative\n")
    assert "conservative at most" in words(chat.say("bg --repo octo/shop --mode aggressive do it"))
    assert chat.say("bg --repo octo/shop do it").ok
    assert chat.newest().mode is Mode.CONSERVATIVE
    chat.services.settings = replace(chat.services.settings, openai_base_url="http://models.example")
    assert "price" in words(chat.say("bg --repo octo/shop --model openai:gpt-unknown do it"))
    assert "price" in words(chat.say("bg --repo octo/shop --model claude-unknown-9 do it"))
    assert "price" in words(chat.say(f"reassign {chat.newest().id} claude-unknown-9"))


@pytest.mark.parametrize(
    "name", ["../app", "octo/..", "octo/x?y=1", "octo/x#y", "octo/%2e%2e", "octo/a b", "o\u0441to/x"]
)
def test_only_a_name_of_a_repository_gets_to_github(chat: Chat, local: LocalGitHub, name: str) -> None:
    """With the App's own key another path would be another question."""
    before = len(local.requests)
    assert "is no repository" in words(chat.say(f'bg --repo "{name}" do it'))
    assert not [
        one.target for one in local.requests[before:] if one.path.endswith("/installation") or "app?" in one.target
    ]
